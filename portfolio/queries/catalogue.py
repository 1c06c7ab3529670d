"""Say what can be chosen: markets that have prices, assets that a market prices, venues."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from portfolio.domain.catalogue import ASSETS
from portfolio.models import Asset, Instrument, ManualPrice, Market, Portfolio, Price, Venue


def priced_markets() -> QuerySet[Market]:
    """Return the markets in which something has a price, the simulated one first."""
    prices = Price.objects.filter(market=OuterRef("pk"))
    return Market.objects.filter(Exists(prices)).order_by("-is_simulated", "name")


def venues() -> QuerySet[Venue]:
    """Return the venues on which something is traded, by name."""
    return Venue.objects.filter(Exists(Instrument.objects.filter(venue=OuterRef("pk")))).order_by("name")


def known_assets() -> QuerySet[Asset]:
    """Return cash and every asset that some market prices, by symbol."""
    return Asset.objects.filter(Q(kind=Asset.Kind.FIAT) | Exists(Price.objects.filter(asset=OuterRef("pk"))))


def assets_of(portfolio: Portfolio) -> QuerySet[Asset]:
    """Return cash, what the portfolio's market prices, and what the person has held or priced."""
    priced = Exists(Price.objects.filter(market=portfolio.market_id, asset=OuterRef("pk")))
    owned = Exists(portfolio.holdings.filter(asset=OuterRef("pk")))
    assumed = Exists(ManualPrice.objects.filter(portfolio=portfolio, asset=OuterRef("pk")))
    return Asset.objects.filter(Q(kind=Asset.Kind.FIAT) | priced | owned | assumed)


def offered_assets(portfolio: Portfolio) -> QuerySet[Asset]:
    """Return what a portfolio's instruments may be about: the catalogue's assets and its own, never another person's.

    An asset that a person adds gets a row that all share; until a market prices it, only who uses it may see it.
    """
    return Asset.objects.filter(Q(symbol__in=[entry.symbol for entry in ASSETS]) | Q(pk__in=assets_of(portfolio)))


def futures_of(portfolio: Portfolio) -> list[Instrument]:
    """Return the futures contracts of a portfolio's venue, on assets that it may know. One query."""
    offered = Instrument.objects.filter(venue=portfolio.venue_id, asset__in=offered_assets(portfolio))
    return list(offered.exclude(kind=Instrument.Kind.SPOT).select_related("asset", "venue"))


def reserve_assets() -> QuerySet[Asset]:
    """Return what a reserve may be kept in: cash and stablecoins (DECISIONS 13)."""
    return Asset.objects.filter(kind__in=[Asset.Kind.FIAT, Asset.Kind.STABLE]).order_by("kind", "symbol")
