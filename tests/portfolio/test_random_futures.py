"""Random futures through the services, back-dated and reversed too, leave nothing that verify_ledger minds."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.futures import Reason
from portfolio.domain.lots import Method
from portfolio.domain.money import Refusal
from portfolio.models import Fill, Instrument, Portfolio, Position
from portfolio.queries.invariants import violations
from portfolio.services.contracts import Close, NewContract, Next, list_contract, record_forced_close, roll_position
from portfolio.services.entries import NewFill, NewTransfer
from portfolio.services.ledger import record_fills, record_transfer, reverse_fills
from tests.portfolio.factories import NOW, asset, at, perp

ENTRIES = 50
SIDES = ("net", "net", "long", "short")


def contracts() -> list[Instrument]:
    """List an inverse perpetual, two dated futures and a linear perpetual."""
    common: dict[str, Any] = {"venue": perp("BTC").venue, "asset": asset("BTC"), "lot_step": D("0.001")}
    terms: list[dict[str, Any]] = [
        {"is_inverse": True, "contract_size": D(100)},
        {"expires_at": NOW + timedelta(days=30), "contract_size": D("0.01")},
        {"expires_at": NOW + timedelta(days=120)},
    ]
    return [*(list_contract(NewContract(**common, **one)) for one in terms), perp("BTC")]


class Trader:
    """Do random things to a portfolio."""

    def __init__(self, book: Portfolio, seed: int) -> None:
        self.book, self.draw, self.contracts = book, random.Random(seed), contracts()

    def moment(self) -> datetime:
        """Choose a moment, in any order."""
        return at(self.draw.randrange(1, 200), self.draw.randrange(60))

    def price(self) -> D:
        return D(self.draw.randrange(30_000, 70_000))

    def trade(self) -> None:
        instrument = self.draw.choice(self.contracts)
        size = {D(100): 20, D("0.01"): 30}.get(instrument.contract_size, 1)
        new = NewFill(
            instrument=instrument,
            side=self.draw.choice(("buy", "sell")),
            quantity=D(self.draw.randrange(1, 10)) * size / 10,
            price=self.price(),
            executed_at=self.moment(),
            fee_amount=D("0.00001"),
            leverage=D(self.draw.randrange(2, 20)),
            position_side=self.draw.choice(SIDES),
            margin_mode=self.draw.choice(("", "cross", "isolated")),
        )
        record_fills(portfolio=self.book, fills=[new], now=NOW)

    def transfer(self) -> None:
        instrument = self.draw.choice(self.contracts)
        settle = instrument.asset if instrument.is_inverse else self.book.reserve_asset
        amount = D(self.draw.randrange(-50, 50)) / (100_000 if instrument.is_inverse else 1)
        new = NewTransfer(
            kind=self.draw.choice(("funding", "margin")),
            asset=settle,
            quantity=amount,
            instrument=instrument,
            executed_at=self.moment(),
            position_side=self.draw.choice(SIDES),
        )
        record_transfer(portfolio=self.book, transfer=new, now=NOW)

    def close(self) -> None:
        close = Close(position=self.position(), price=self.price(), executed_at=at(201, self.draw.randrange(600)))
        reason = self.draw.choice((Reason.LIQUIDATION, Reason.ADL))
        record_forced_close(portfolio=self.book, close=close, reason=reason, now=NOW)

    def roll(self) -> None:
        close = Close(position=self.position(), price=self.price(), executed_at=at(202, self.draw.randrange(600)))
        into = Next(instrument=self.contracts[2], price=self.price())
        roll_position(portfolio=self.book, close=close, into=into, now=NOW)

    def reverse(self) -> None:
        stand = Fill.objects.filter(portfolio=self.book, reverses__isnull=True, reversed_by__isnull=True)
        fills = list(stand.order_by("pk"))
        if fills:
            reverse_fills(portfolio=self.book, fills=[self.draw.choice(fills)], now=NOW)

    def position(self) -> Position:
        rows = Position.objects.filter(portfolio=self.book).select_related("instrument", "quote_asset", "account")
        return self.draw.choice(list(rows.order_by("pk")))


@pytest.mark.parametrize("seed", range(4))
def test_a_random_history_is_what_a_replay_gives(seed: int, book: Portfolio) -> None:
    trader = Trader(book, seed)
    deeds = [trader.trade] * 6 + [trader.transfer] * 3 + [trader.close, trader.roll, trader.reverse]
    done = 0
    for _ in range(ENTRIES):
        try:
            trader.draw.choice(deeds)()
        except (Refusal, IndexError):
            continue
        done += 1

    assert done >= ENTRIES // 4
    book.refresh_from_db()
    assert violations(portfolio=book, method=Method.FIFO) == []
