"""Combine the venues' readings into those the signals use: funding weighted by open interest, open interest summed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from portfolio.models import Market
from signals.models import Reading
from signals.services.prices import Stored, store_readings
from signals.sources.base import Indicator, ReadingRow
from signals.sources.live.venues import FUNDING_VENUE, INTEREST_VENUE

NAME = "venues"
REACH = timedelta(days=35)
CARRIED = timedelta(hours=12)
SUMMED = frozenset({"binance", "bybit"})

Series = dict[datetime, float]
ByAsset = dict[str, dict[str, Series]]


def combine_venues(*, market: Market, now: datetime) -> Stored:
    """Store funding and open interest of each asset over the venues (DOMAIN 2.6, 2.7); repeating adds nothing."""
    interest, funding = _known(market, INTEREST_VENUE, now), _known(market, FUNDING_VENUE, now)
    rows = [
        ReadingRow(Indicator.FUNDING, asset, at, at, value, NAME)
        for asset, venues in funding.items()
        for at, value in weighted_funding(venues, interest.get(asset, {})).items()
    ]
    rows += [
        ReadingRow(Indicator.OPEN_INTEREST, asset, at, at, value, NAME)
        for asset, venues in interest.items()
        for at, value in summed_interest(venues).items()
    ]
    return store_readings(market=market, rows=rows, now=now)


def weighted_funding(venues: Mapping[str, Series], interest: Mapping[str, Series]) -> Series:
    """Return the mean yearly rate at each settlement, weighted by open interest where all have it (DOMAIN 2.6)."""
    found: Series = {}
    for at in sorted({at for series in venues.values() for at in series}):
        rates = {venue: series[at] for venue, series in venues.items() if at in series}
        weights = {venue: _latest(interest.get(venue, {}), at) for venue in rates}
        known = {venue: weight for venue, weight in weights.items() if weight}
        used = known if len(known) == len(rates) else dict.fromkeys(rates, 1.0)
        found[at] = sum(rates[venue] * used[venue] for venue in rates) / sum(used.values())
    return found


def summed_interest(venues: Mapping[str, Series]) -> Series:
    """Return the base units held at Binance and Bybit, else at all; a moment at which one is unknown is left out."""
    chosen = {name: series for name, series in venues.items() if name in SUMMED} or dict(venues)
    found: Series = {}
    for at in sorted({at for series in chosen.values() for at in series}):
        held = [_latest(series, at) for series in chosen.values()]
        if all(value is not None for value in held):
            found[at] = sum(value for value in held if value is not None)
    return found


def _latest(series: Series, at: datetime) -> float | None:
    """Return the value at a moment or in the twelve hours before."""
    known = [moment for moment in series if at - CARRIED <= moment <= at]
    return series[max(known)] if known else None


def _known(market: Market, indicator: str, now: datetime) -> ByAsset:
    """Return a reading of the venues by asset and venue, its newest versions."""
    recent = Reading.objects.filter(market=market, indicator=indicator, observed_at__gte=now - REACH)
    found: ByAsset = defaultdict(lambda: defaultdict(dict))
    for subject, at, value in recent.order_by("ingested_at").values_list("subject", "observed_at", "value"):
        venue, _, asset = subject.partition(":")
        found[asset][venue][at] = value
    return found
