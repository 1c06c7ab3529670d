"""Combine the venues' readings into those the signals use: funding weighted by open interest, open interest summed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from portfolio.models import Market
from signals.models import Reading
from signals.services.prices import Stored, store_readings
from signals.sources.base import Indicator, ReadingRow
from signals.sources.live.venues import FUNDING_VENUE, INTEREST_VENUE

NAME = "venues"
CARRIED = timedelta(hours=12)
SUMMED = frozenset({"binance", "bybit"})

EVER, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

Series = dict[datetime, float]
Span = tuple[datetime, datetime]
ByAsset = dict[str, dict[str, Series]]


def combine_venues(*, market: Market, rows: Sequence[ReadingRow], now: datetime) -> Stored:
    """Store funding and open interest over the venues where rows are new (DOMAIN 2.6, 2.7); repeating adds nothing.

    A row counts for the twelve hours after it, so only those moments of its asset are combined again.
    """
    touched = _touched(rows)
    if not touched:
        return Stored()
    known = _known(market, touched)
    interest, funding = known[INTEREST_VENUE], known[FUNDING_VENUE]
    found = [
        ReadingRow(Indicator.FUNDING, asset, at, at, value, NAME)
        for asset, (since, until) in touched.items()
        for at, value in weighted_funding(funding[asset], interest[asset], since=since, until=until).items()
    ]
    found += [
        ReadingRow(Indicator.OPEN_INTEREST, asset, at, at, value, NAME)
        for asset, (since, until) in touched.items()
        for at, value in summed_interest(interest[asset], since=since, until=until).items()
    ]
    return store_readings(market=market, rows=found, now=now)


def _touched(rows: Sequence[ReadingRow]) -> dict[str, Span]:
    """Return from when until when each asset's figures follow from new rows."""
    found: dict[str, Span] = {}
    for row in rows:
        if row.indicator in {INTEREST_VENUE, FUNDING_VENUE}:
            asset = row.subject.partition(":")[2]
            first, last = found.get(asset, (row.observed_at, row.observed_at))
            found[asset] = min(first, row.observed_at), max(last, row.observed_at + CARRIED)
    return found


def weighted_funding(
    venues: Mapping[str, Series], interest: Mapping[str, Series], *, since: datetime = EVER, until: datetime = NEVER
) -> Series:
    """Return the mean yearly rate at each settlement, weighted by open interest where all have it (DOMAIN 2.6)."""
    found: Series = {}
    for at in _moments(venues.values(), since, until):
        rates = {venue: series[at] for venue, series in venues.items() if at in series}
        weights = {venue: _latest(interest.get(venue, {}), at) for venue in rates}
        known = {venue: weight for venue, weight in weights.items() if weight}
        used = known if len(known) == len(rates) else dict.fromkeys(rates, 1.0)
        found[at] = sum(rates[venue] * used[venue] for venue in rates) / sum(used.values())
    return found


def summed_interest(venues: Mapping[str, Series], *, since: datetime = EVER, until: datetime = NEVER) -> Series:
    """Return the base units held at Binance and Bybit, else at all; a moment at which one is unknown is left out."""
    chosen = {name: series for name, series in venues.items() if name in SUMMED} or dict(venues)
    found: Series = {}
    for at in _moments(chosen.values(), since, until):
        held = [_latest(series, at) for series in chosen.values()]
        if all(value is not None for value in held):
            found[at] = sum(value for value in held if value is not None)
    return found


def _moments(series: Iterable[Series], since: datetime, until: datetime) -> list[datetime]:
    """Return the moments of all venues within a span."""
    return sorted({at for each in series for at in each if since <= at <= until})


def _latest(series: Series, at: datetime) -> float | None:
    """Return the value at a moment or in the twelve hours before."""
    if at in series:
        return series[at]
    known = [moment for moment in series if at - CARRIED <= moment <= at]
    return series[max(known)] if known else None


def _known(market: Market, touched: Mapping[str, Span]) -> dict[str, ByAsset]:
    """Return the venues' readings by indicator, asset and venue, their newest versions, as far as the spans reach.

    What is observed in a span was had in it or later, which is what the index goes by.
    """
    since = min(first for first, _ in touched.values()) - CARRIED
    until = max(last for _, last in touched.values())
    near = Reading.objects.filter(market=market, indicator__in=[INTEREST_VENUE, FUNDING_VENUE], ingested_at__gte=since)
    near = near.filter(observed_at__range=(since, until)).order_by("ingested_at")
    found: dict[str, ByAsset] = {
        name: defaultdict(lambda: defaultdict(dict)) for name in (INTEREST_VENUE, FUNDING_VENUE)
    }
    for indicator, subject, at, value in near.values_list("indicator", "subject", "observed_at", "value"):
        venue, _, asset = subject.partition(":")
        if asset in touched:
            found[indicator][asset][venue][at] = value
    return found
