"""Build a market at rest, with one computed day by hand, and portfolios in it through the services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

from accounts.models import User
from portfolio.models import Asset, Market, Portfolio, Price, Quote, Sector, Venue, closes_on
from portfolio.services.catalogue import ensure_market
from portfolio.services.portfolios import Opening, open_portfolio
from signals.models import Evidence, RegimeDay, Score, StageDay

DAY = date(2026, 3, 1)
OPENED = datetime(2026, 1, 10, 12, tzinfo=UTC)
PRICES = {"BTC": "50000", "ETH": "2500", "USDC": "1", "UNI": "25", "FET": "2"}
SCENARIO_A = {"BTC": "0.3333333", "USDC": "6666.67", "UNI": "200", "FET": "2500"}


def slot(day: date = DAY) -> datetime:
    """Return when a day closes."""
    return closes_on(day)


def after(day: date = DAY, *, minutes: int = 5) -> datetime:
    """Return a moment shortly after a day's close."""
    return closes_on(day) + timedelta(minutes=minutes)


def market(*, days: int = 36, until: date = DAY, prices: Mapping[str, str] = PRICES) -> Market:
    """Return the simulated market with closes that swing by a tenth and end on the prices, in a bottomless market."""
    where = ensure_market("simulated")
    swung = {symbol: str(D(price) * D("1.1")) for symbol, price in prices.items()}
    for back in range(days):
        close(where, until - timedelta(days=back), swung if back % 2 else prices)
    return where


def close(where: Market, day: date, prices: Mapping[str, str] = PRICES) -> None:
    """Close assets on a day."""
    ids = dict(Asset.objects.values_list("symbol", "pk"))
    Price.objects.bulk_create(
        Price(
            market=where,
            asset_id=ids[symbol],
            date=day,
            closes_at=closes_on(day),
            price_usd=D(price),
            volume_usd=D(10**18),
            volume_scope="global",
            source="test",
            ingested_at=closes_on(day),
        )
        for symbol, price in prices.items()
    )


def details(**values: Any) -> dict[str, Any]:
    """Return a sector's details with everything known."""
    return {
        "z_spread": 2.5,
        "sigma_relative": 0.6,
        "index_level": 100.0,
        "index_return": 0.0,
        "funding": {"annual": 0.1095, "percentile": 0.5, "flag": "NORMAL"},
        "interest": {"quadrant": "STABLE", "price_change": 0.0, "interest_change": 0.0},
        "priced_in": {"share": 0.3, "t": 0.5},
        **values,
    }


def contribution(indicator: str, points: float, **values: Any) -> dict[str, Any]:
    """Return a stored contribution."""
    observed_at = (slot() - timedelta(hours=3)).isoformat()
    return {
        "indicator": indicator,
        "points": points,
        "source": "test",
        "observed_at": observed_at,
        "reason": "",
        **values,
    }


def computed(
    where: Market,
    *,
    stage: str = "NI",
    day: date = DAY,
    since: date = DAY,
    regime: str = "RISK_ON",
    leader: str | None = "ai",
    sectors: Mapping[str, Mapping[str, Any]] | None = None,
    scores: Mapping[str, float] | None = None,
    coverage: float = 1.0,
) -> Evidence:
    """Write a day as the computation of signals does, by hand."""
    known = {sector.slug: sector for sector in Sector.objects.all()}
    for slug in ("defi", "ai"):
        for back in range(30 if not Score.objects.filter(market=where).exists() or slug == "ai" else 1):
            _score(where, known[slug], day - timedelta(days=back), sectors or {}, scores or {}, coverage)
    RegimeDay.objects.create(
        market=where,
        date=day,
        regime=regime,
        value=65,
        coverage=1,
        components=[{"indicator": name, "freshness": 1.0} for name in ("derivatives", "funding")],
    )
    StageDay.objects.create(
        market=where,
        date=day,
        stage=stage,
        leader=known[leader] if leader else None,
        base=known["defi"],
        since=since,
    )
    return Evidence.objects.create(
        market=where, as_of=closes_on(day), computed_at=after(day), payload={}, sha256="0" * 64, params_version="test"
    )


def _score(
    where: Market, sector: Sector, day: date, sectors: Mapping[str, Any], scores: Mapping[str, float], coverage: float
) -> None:
    Score.objects.get_or_create(
        market=where,
        sector=sector,
        date=day,
        defaults={
            "value": scores.get(sector.slug, 50.0),
            "coverage": coverage,
            "contributions": [contribution("turnover", 6.7), contribution("rs", -2.0)],
            "details": details(**sectors.get(sector.slug, {})),
            "params_version": "test",
        },
    )


def quote(where: Market, symbol: str, price: str, when: datetime) -> None:
    """Quote an asset between two closes."""
    asset = Asset.objects.get(symbol=symbol)
    Quote.objects.update_or_create(
        market=where, asset=asset, defaults={"quoted_at": when, "price_usd": D(price), "source": "test"}
    )


def portfolio(owner: User, where: Market, holdings: Mapping[str, str] = SCENARIO_A, **more: Any) -> Portfolio:
    """Open a portfolio on the day it all began."""
    assets = {asset.symbol: asset for asset in Asset.objects.filter(symbol__in=holdings)}
    terms: dict[str, Any] = {
        "name": "Test",
        "venue": Venue.objects.get(slug="binance"),
        "reserve_asset": Asset.objects.get(symbol="USDC"),
        "opened_at": OPENED,
        "now": OPENED,
        **more,
    }
    openings = [Opening(asset=assets[s], quantity=D(q), cost_usd=D(1)) for s, q in holdings.items()]
    return open_portfolio(owner=owner, market=where, holdings=openings, **terms)


def trader(user: User, experience: str = "advanced", *, has_overlay: bool = True) -> User:
    """Let a person have futures."""
    user.experience, user.has_overlay = experience, has_overlay
    user.save()
    return user
