"""Build a market with prices, and portfolios in it, through the services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

from accounts.models import User
from portfolio.models import Asset, Instrument, Market, Portfolio, Price, Venue, closes_on
from portfolio.services.catalogue import ensure_market
from portfolio.services.entries import NewFill, NewTransfer
from portfolio.services.portfolios import Opening, open_portfolio

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRICES = {"BTC": "50000", "ETH": "2500", "USDC": "1", "UNI": "25", "AAVE": "100", "FET": "2", "BNB": "600"}


def day(number: int) -> date:
    """Return the nth day after the start."""
    return (START + timedelta(days=number)).date()


def at(number: int, minutes: int = 0) -> datetime:
    """Return a moment on the nth day."""
    return START + timedelta(days=number, hours=12, minutes=minutes)


def market() -> Market:
    """Return the simulated market with its catalogue."""
    return ensure_market("simulated")


def asset(symbol: str) -> Asset:
    return Asset.objects.get(symbol=symbol)


def spot(symbol: str) -> Instrument:
    return Instrument.objects.select_related("asset").get(venue__slug="binance", asset__symbol=symbol, kind="spot")


def perp(symbol: str) -> Instrument:
    return Instrument.objects.select_related("asset").get(
        venue__slug="binance", asset__symbol=symbol, kind="perp", is_inverse=False
    )


def price(where: Market, number: int, prices: Mapping[str, str] = PRICES) -> None:
    """Close assets at a price on the nth day."""
    ids = dict(Asset.objects.values_list("symbol", "pk"))
    Price.objects.bulk_create(
        Price(
            market=where,
            asset_id=ids[symbol],
            date=day(number),
            closes_at=closes_on(day(number)),
            price_usd=D(close),
            source="test",
            ingested_at=NOW,
        )
        for symbol, close in prices.items()
    )


def portfolio(owner: User, holdings: Mapping[str, tuple[str, str | None]], **more: Any) -> Portfolio:
    """Open a portfolio on the first noon with quantities and costs by symbol."""
    openings = [
        Opening(asset=asset(symbol), quantity=D(quantity), cost_usd=None if cost is None else D(cost))
        for symbol, (quantity, cost) in holdings.items()
    ]
    terms: dict[str, Any] = {"market": Market.objects.get(slug="simulated"), "name": "Test", **more}
    return open_portfolio(
        owner=owner,
        venue=Venue.objects.get(slug="binance"),
        reserve_asset=asset("USDC"),
        now=NOW,
        holdings=openings,
        opened_at=at(0),
        **terms,
    )


def fill(instrument: Instrument, side: str, quantity: object, cost: object, when: datetime, **more: Any) -> NewFill:
    """State a fill; amounts may be written as text."""
    amounts = {
        key: D(value) if isinstance(value, str) and key != "external_id" else value for key, value in more.items()
    }
    return NewFill(
        instrument=instrument, side=side, quantity=D(str(quantity)), price=D(str(cost)), executed_at=when, **amounts
    )


def transfer(kind: str, symbol: str, quantity: object, when: datetime, **more: Any) -> NewTransfer:
    """State a transfer."""
    amounts = {
        key: D(value) if isinstance(value, str) and key != "external_id" else value for key, value in more.items()
    }
    return NewTransfer(kind=kind, asset=asset(symbol), quantity=D(str(quantity)), executed_at=when, **amounts)
