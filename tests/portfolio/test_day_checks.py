"""Daily values are held against a replay, and what came in with all gains explains each of them (I08)."""

from __future__ import annotations

import re
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portfolio.domain.lending import LoanKind
from portfolio.models import Market, Portfolio, ValuationDay
from portfolio.queries.attribution import attribution
from portfolio.queries.performance import performance_of
from portfolio.services.ledger import record_fills, record_transfers
from portfolio.services.lending import NewLoan, record_loan
from portfolio.services.valuation import value_portfolio
from tests.portfolio.factories import NOW, PRICES, asset, at, day, fill, perp, price, spot, transfer
from tests.portfolio.test_verify_ledger import verify


@pytest.fixture
def valued(book: Portfolio, market: Market) -> Portfolio:
    """A portfolio to which all kinds of things happened, valued at seven closes with moving prices."""
    for number in range(7):
        moved = {symbol: str(D(close) * (100 + number) / 100) for symbol, close in PRICES.items() if symbol != "USDC"}
        price(market, number, {**moved, "USDC": "0.999"})
    fills = [
        fill(spot("UNI"), "sell", 30, "25.7", at(1), fee_amount="0.777"),
        fill(spot("FET"), "buy", "100.1", "2.001", at(2), fee_amount="0.001", fee_asset=asset("BNB")),
        fill(perp("FET"), "buy", 1500, 2, at(3), leverage="3", fee_amount="1.5"),
        fill(perp("FET"), "sell", 500, "2.1", at(4), fee_amount="0.5"),
    ]
    record_fills(portfolio=book, fills=fills, now=NOW)
    record_fills(portfolio=book, fills=[fill(spot("AAVE"), "sell", 1, 90, at(5))], now=NOW, is_imported=True)
    moved_out = [
        transfer("withdrawal", "UNI", 5, at(4)),
        transfer("income", "UNI", 2, at(4)),
        transfer("funding", "USDC", -1, at(4, 1), instrument=perp("FET")),
    ]
    record_transfers(portfolio=book, transfers=moved_out, now=NOW)
    for kind, quantity, when in (("borrow", "2", 2), ("interest", "0.01", 4), ("repay", "1", 5)):
        loan = NewLoan(kind=LoanKind(kind), asset=asset("ETH"), quantity=D(quantity), executed_at=at(when))
        record_loan(portfolio=book, new=loan, now=NOW)
    value_portfolio(portfolio=book, now=NOW)
    return book


class TestDays:
    def test_sound_days_pass(self, valued: Portfolio) -> None:
        assert ValuationDay.objects.count() == 7
        assert verify(valued.pk) == (0, "1 portfolios checked, 0 violations.\n")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("equity_usd", D(1)),
            ("risk_usd", D(1)),
            ("flow_usd", D(1)),
            ("held_usd", D(1)),
            ("fees_usd", D(1)),
            ("flows", []),
            ("units", {}),
            ("sizes", {}),
            ("unpriced_count", 3),
        ],
    )
    def test_a_day_that_was_changed_is_named(self, name: str, value: Any, valued: Portfolio) -> None:
        number = 0 if name == "flows" else 5
        ValuationDay.objects.filter(date=day(number)).update(**{name: value})

        code, said = verify(valued.pk)

        assert code == 1
        assert f"I08 valuation day {day(number)}: {name} is " in said

    def test_an_equity_that_gains_do_not_explain_is_named(self, valued: Portfolio) -> None:
        ValuationDay.objects.filter(date=day(3)).update(equity_usd=D("12.5"))

        said = verify(valued.pk)[1]

        assert re.search(rf"I08 valuation day {day(3)}: equity is 12\.50*, but flows and gains until then make ", said)

    def test_a_missing_day_is_named(self, valued: Portfolio) -> None:
        ValuationDay.objects.filter(date=day(3)).delete()

        assert f"I08 valuation day {day(3)}: it is missing" in verify(valued.pk)[1]

    def test_days_that_wait_to_be_valued_are_left_alone(self, valued: Portfolio) -> None:
        ValuationDay.objects.update(equity_usd=D(1))
        record_transfers(portfolio=valued, transfers=[transfer("deposit", "USDC", 5, at(6))], now=NOW)

        assert verify(valued.pk)[0] == 0


class TestReading:
    def test_performance_reads_days_and_no_entries(self, valued: Portfolio) -> None:
        with CaptureQueriesContext(connection) as captured:
            found = performance_of(portfolio=valued, now=NOW)
            assert found is not None
            attribution(found)

        said = " ".join(query["sql"] for query in captured)
        for table in ("fill", "transfer", "lot", "disposal", "holding"):
            assert f'"portfolio_{table}"' not in said
