"""A trade's gain by moving average is worked out by that method, not copied from the one by lots."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.portfolio.returns_cases.trades import trades


def row(day: str, kind: str, shares: str, amount: str, **charges: str) -> dict[str, Any]:
    """Write a transaction."""
    return {"date": day, "type": kind, "shares": shares, "amount": amount, **charges}


class TestMethods:
    def test_each_gain_is_of_its_own_method(self) -> None:
        """8 of 5 at 100 and 5 at 120: 860 by lots, 880 on average; a fee of 10 is in the first cost, 2 in the sale."""
        first = row("2024-01-01", "BUY", "5", "510", fee="10")
        rest = [row("2024-02-01", "BUY", "5", "600"), row("2024-12-31", "SELL", "8", "1438", fee="2")]
        price = {"date": "2025-01-01", "value": "210"}

        closed, left = trades({"transactions": [first, *rest], "price": price})["trades"]

        assert [closed[name] for name in NAMES] == [Decimal(568), Decimal(550), Decimal(580), Decimal(560)]
        assert [left[name] for name in NAMES] == [Decimal(180), Decimal(198), Decimal(180), Decimal(200)]


NAMES = ("pnl", "pnl_moving_average", "pnl_without_fees_taxes", "pnl_moving_average_without_fees_taxes")
