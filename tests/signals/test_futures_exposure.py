"""Futures that a leg cannot trade count in a recommendation all the same, and make no price stale."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from accounts.models import User
from portfolio.models import Asset, Instrument, Market, Portfolio
from portfolio.services.contracts import NewContract, list_contract
from portfolio.services.entries import NewFill
from portfolio.services.ledger import record_fills
from signals.models import Recommendation
from signals.services.recommend import recommend
from tests.signals import scene
from tests.signals.scene import OPENED, after, slot

pytestmark = pytest.mark.django_db


@pytest.fixture
def where(db: None) -> Market:
    return scene.market()


@pytest.fixture
def book(where: Market, alice: User) -> Portfolio:
    return scene.portfolio(scene.trader(alice), where)


def contract(book: Portfolio, symbol: str, **terms: Any) -> Instrument:
    asset = Asset.objects.get(symbol=symbol)
    return list_contract(NewContract(venue=book.venue, asset=asset, lot_step=D(1), **terms))


def opened(book: Portfolio, instrument: Instrument, side: str, quantity: str, price: str) -> None:
    terms = {"quantity": D(quantity), "price": D(price), "executed_at": OPENED + timedelta(days=30)}
    fill = NewFill(instrument=instrument, side=side, leverage=D(3), **terms)
    record_fills(portfolio=book, fills=[fill], now=after())


def answered(where: Market, book: Portfolio) -> Recommendation:
    scene.computed(where)
    recommend(market=where, as_of=slot(), now=after())
    return Recommendation.objects.filter(portfolio=book).latest("issued_at", "pk")


class TestOverlay:
    def test_a_dated_long_on_the_leader_is_an_overlay_already(self, where: Market, book: Portfolio) -> None:
        opened(book, contract(book, "FET", expires_at=after() + timedelta(days=60)), "buy", "1500", "2")

        found = answered(where, book)

        assert "OPEN_LONG" not in set(found.legs.values_list("action", flat=True))
        assert found.legs.filter(action="SELL_SPOT").exists()

    def test_without_it_an_overlay_is_opened(self, where: Market, book: Portfolio) -> None:
        assert answered(where, book).legs.filter(action="OPEN_LONG").exists()


class TestInverse:
    def test_a_position_in_coin_makes_no_price_stale(self, where: Market, book: Portfolio) -> None:
        coin = contract(book, "BTC", is_inverse=True)
        opened(book, coin, "buy", "100", "50000")

        found = answered(where, book)

        assert set(found.legs.values_list("action", flat=True)) >= {"SELL_SPOT", "BUY_SPOT"}


class TestMargin:
    def test_counts_once(self, where: Market, book: Portfolio) -> None:
        perp = Instrument.objects.get(venue=book.venue, asset__symbol="FET", kind="perp")
        opened(book, perp, "buy", "1500", "2")

        found = answered(where, book)

        assert found.explanation["numbers"]["equity_usd"] == "33333.33"
