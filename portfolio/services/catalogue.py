"""Bring the catalogue into the database: what is missing is added, what is there is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from django.db import models, transaction

from portfolio.domain.catalogue import ASSETS, ISSUER_TIERS, MEMBERS_SINCE, SECTORS, VENUES, AssetEntry, terms_of
from portfolio.models import Asset, FeeSchedule, Instrument, Market, Sector, SectorMembership, Venue

FEES_SINCE = datetime(2013, 1, 1, tzinfo=UTC)
MIN_NOTIONAL_USD = Decimal(10)
SIMULATED_SLUG, HISTORY_SLUG, LIVE_SLUG = "simulated", "history", "live"
SIMULATED_SEED = 21


class UnknownMarketError(LookupError):
    """No market of this name is known."""


@transaction.atomic
def ensure_market(slug: str) -> Market:
    """Return the market of a slug with its catalogue, creating the three that the platform knows."""
    presets = {
        SIMULATED_SLUG: {"name": "Simulated market", "is_simulated": True, "seed": SIMULATED_SEED},
        HISTORY_SLUG: {"name": "Market history", "is_simulated": False},
        LIVE_SLUG: {"name": "Live market", "is_simulated": False},
    }
    market = Market.objects.filter(slug=slug).first()
    if market is None:
        if slug not in presets:
            raise UnknownMarketError(f"There is no market {slug!r}. Known are: {', '.join(sorted(presets))}.")
        market = Market.objects.create(slug=slug, **presets[slug])
    ensure_catalogue(market)
    return market


@transaction.atomic
def ensure_catalogue(market: Market) -> None:
    """Add the sectors, assets, venues, fees, instruments and this market's memberships that are missing."""
    _add(Sector, (_sector(place) for place in range(len(SECTORS))))
    tiers = ISSUER_TIERS
    _add(
        Asset,
        (
            Asset(symbol=a.symbol, name=a.name, kind=a.kind, places=a.places, issuer_tier=tiers.get(a.symbol, ""))
            for a in ASSETS
        ),
    )
    _add(Venue, (Venue(slug=entry.slug, name=entry.name) for entry in VENUES))
    assets = {asset.symbol: asset for asset in Asset.objects.all()}
    venues = {venue.slug: venue for venue in Venue.objects.all()}
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    _add(FeeSchedule, _fees(venues))
    _add(Instrument, _instruments(venues, assets))
    _add(SectorMembership, _memberships(market, sectors, assets))


@transaction.atomic
def add_assets(symbols: Iterable[str]) -> None:
    """Add assets that the catalogue lacks: known by their symbol only, without a sector and without instruments.

    What a person had added before becomes everybody's, and loses the name that the person gave it.
    """
    named = list(symbols)
    owned = Asset.objects.filter(symbol__in=named, owner__isnull=False)
    owned.update(name=models.F("symbol"), owner=None)
    _add(Asset, (Asset(symbol=symbol, name=symbol) for symbol in named))


def _add(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Insert the rows whose unique key is not taken."""
    model._default_manager.bulk_create(rows, ignore_conflicts=True)


def _sector(place: int) -> Sector:
    """Return one sector; its colour is named like it."""
    entry = SECTORS[place]
    return Sector(
        slug=entry.slug,
        name=entry.name,
        kind=entry.kind,
        defensiveness=entry.defensiveness,
        hue=entry.slug,
        position=place,
    )


def _fees(venues: dict[str, Venue]) -> list[FeeSchedule]:
    """Return each venue's published rates for spot and perps (DOMAIN 3.6)."""
    products = FeeSchedule.Product
    return [
        FeeSchedule(
            venue=venues[entry.slug],
            product=product,
            taker_rate=taker,
            maker_rate=maker,
            starts_at=FEES_SINCE,
            source_url=entry.source,
        )
        for entry in VENUES
        for product, taker, maker in (
            (products.SPOT, entry.spot_taker, entry.spot_maker),
            (products.PERP, entry.perp_taker, entry.perp_maker),
        )
    ]


def _instruments(venues: dict[str, Venue], assets: dict[str, Asset]) -> list[Instrument]:
    """Return spot and perps of every venue; cash has no instrument."""
    traded = [entry for entry in ASSETS if entry.kind != Asset.Kind.FIAT]
    return [
        instrument
        for venue in venues.values()
        for entry in traded
        for instrument in _of_asset(venue, assets[entry.symbol], entry)
    ]


def _of_asset(venue: Venue, asset: Asset, entry: AssetEntry) -> list[Instrument]:
    """Return one asset's instruments on a venue."""
    common = {"venue": venue, "asset": asset, "lot_step": entry.lot_step, "min_notional_usd": MIN_NOTIONAL_USD}
    spot = Instrument(kind=Instrument.Kind.SPOT, **common)
    if not entry.has_perp:
        return [spot]
    terms = terms_of(entry.symbol)
    perp = Instrument(
        kind=Instrument.Kind.PERP,
        maintenance_rate=terms.maintenance_rate,
        max_leverage=terms.max_leverage,
        **common,
    )
    return [spot, perp]


def _memberships(market: Market, sectors: dict[str, Sector], assets: dict[str, Asset]) -> list[SectorMembership]:
    """Return who belongs where in a market, of the assets that it prices."""
    return [
        SectorMembership(
            market=market,
            sector=sectors[entry.sector],
            asset=assets[entry.symbol],
            weight=Decimal(1),
            since_date=MEMBERS_SINCE,
        )
        for entry in ASSETS
        if entry.sector and (entry.is_simulated or not market.is_simulated)
    ]
