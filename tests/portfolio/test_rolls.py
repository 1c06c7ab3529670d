"""A roll takes what is held, once, under the lock; chains share what a contract brought (DOMAIN 4.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from portfolio.models import Instrument, Portfolio, Position
from portfolio.queries.chains import Chain, chains_of
from portfolio.queries.holdings import snapshot
from portfolio.services.contracts import Close, MoreThanHeld, Next, NotOpen, roll_position
from portfolio.services.entries import KeyReused
from portfolio.services.ledger import reverse_fills
from tests.portfolio import factories
from tests.portfolio.factories import NOW, at
from tests.portfolio.test_contracts import DECEMBER, MARCH, contract, line, trade, verify

JANUARY = datetime(2026, 4, 24, 8, tzinfo=UTC)


def held(instrument: Instrument) -> Position:
    return Position.objects.select_related("instrument", "quote_asset", "account").get(instrument=instrument)


def opened(book: Portfolio) -> Position:
    factories.price(book.market, 70, {"BTC": "63000"})
    near = contract(expires_at=DECEMBER)
    trade(book, near, "buy", "0.2", "60000", at(1), leverage=D(5))
    return held(near)


class TestRolls:
    def test_of_two_rolls_at_once_the_second_finds_nothing(self, book: Portfolio) -> None:
        position, following = opened(book), contract(expires_at=MARCH)
        close, into = (
            Close(position=position, price=D(63_000), executed_at=at(70)),
            Next(instrument=following, price=D(64_260)),
        )
        roll_position(portfolio=book, close=close, into=into, now=NOW)

        with pytest.raises(NotOpen):
            roll_position(portfolio=book, close=close, into=into, now=NOW)

        assert (line(book).instrument, line(book).quantity) == (following, D("0.2"))

    def test_no_more_is_rolled_than_is_held(self, book: Portfolio) -> None:
        position, following = opened(book), contract(expires_at=MARCH)
        trade(book, position.instrument, "buy", "0.3", "60000", at(60), leverage=D(5))
        into = Next(instrument=following, price=D(64_260))
        much = Close(position=position, price=D(63_000), executed_at=at(70), quantity=D("0.51"))
        early = Close(position=position, price=D(63_000), executed_at=at(50), quantity=D("0.4"))

        with pytest.raises(MoreThanHeld, match=r"You hold 0\.5 BTC-260327: roll at most that\."):
            roll_position(portfolio=book, close=much, into=into, now=NOW)
        with pytest.raises(MoreThanHeld, match="open at that time"):
            roll_position(portfolio=book, close=early, into=into, now=NOW)

        assert line(book).quantity == D("0.5")
        verify(book)

    @pytest.mark.parametrize("ids", [{"client_key": "roll-1"}, {}])
    def test_a_key_names_one_roll_for_good(self, book: Portfolio, ids: dict[str, str]) -> None:
        position, following = opened(book), contract(expires_at=MARCH)
        close = Close(position=position, price=D(63_000), executed_at=at(70), external_id="" if ids else "v1")
        into = Next(instrument=following, price=D(64_260))
        first = roll_position(portfolio=book, close=close, into=into, now=NOW, **ids)

        assert roll_position(portfolio=book, close=close, into=into, now=NOW, **ids).opening == first.opening
        with pytest.raises(KeyReused, match="something else"):
            roll_position(portfolio=book, close=close, into=replace(into, price=D(1)), now=NOW, **ids)
        reverse_fills(portfolio=book, fills=[first.closing, first.opening], now=NOW)
        with pytest.raises(KeyReused, match="new id"):
            roll_position(portfolio=book, close=close, into=into, now=NOW, **ids)


class TestSharedContract:
    """Two positions are rolled into one later contract: 0.01 and 0.03 of it."""

    @pytest.fixture
    def chains(self, book: Portfolio) -> tuple[Chain, ...]:
        far = contract(expires_at=MARCH)
        for number, (expires_at, size) in enumerate([(DECEMBER, "0.01"), (JANUARY, "0.03")]):
            near = contract(expires_at=expires_at)
            trade(book, near, "buy", size, "50000", at(1, number), leverage=D(5))
            close = Close(position=held(near), price=D(50_000), executed_at=at(2, number))
            roll_position(portfolio=book, close=close, into=Next(instrument=far, price=D(50_000)), now=NOW)
        trade(book, far, "sell", "0.02", "51000", at(3), fee_amount=D("0.4"))
        return chains_of(portfolio=book, lines=snapshot(portfolio=book, now=NOW).positions)

    def test_each_chain_counts_the_part_that_was_rolled_in(self, chains: tuple[Chain, ...]) -> None:
        brought = [chain.members[-1].brought for chain in chains]

        assert [(one.realized, one.fees) for one in brought] == [(5, D("0.1")), (15, D("0.3"))]

    def test_nothing_counts_twice(self, book: Portfolio, chains: tuple[Chain, ...]) -> None:
        rows = Position.objects.filter(portfolio=book)
        gained = sum(row.realized_pnl_usd - row.fees_usd for row in rows)

        assert sum(chain.pnl_usd for chain in chains) == gained + (line(book).unrealized_usd or 0)
