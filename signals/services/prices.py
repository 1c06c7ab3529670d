"""Keep what markets show: closes once, readings by version, the newest quote; no bad value replaces a good one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, Q

from jobs.bulk import insert_rows
from portfolio.models import Asset, Market, Price, Quote, Sector
from signals.models import Event, Reading, SourcePoll
from signals.sources.base import EventRow, PriceRow, QuoteRow, ReadingRow, close_of
from signals.sources.simulated import FIRST_DAY, SimulatedSource

PRICE_FIELDS = (
    "market_id", "asset_id", "date", "closes_at", "price_usd", "market_cap_usd", "volume_usd", "volume_scope", "source",
    "ingested_at",
)  # fmt: skip
READING_FIELDS = ("market_id", "indicator", "subject", "observed_at", "ingested_at", "value", "source")
EVENT_FIELDS = (
    "market_id", "sector_id", "type", "title", "url", "polarity", "magnitude", "confidence", "published_at",
    "first_seen_at", "status", "source", "jurisdiction",
)  # fmt: skip
MOST_NAMED, MOST_EARLY = 100, timedelta(minutes=2)
VERSION_STEP = timedelta(microseconds=1)
SLOT_MINUTES = 5
LATE_DAYS = 3
RUMOUR_CONFIDENCE = 0.4


class Refused(NamedTuple):
    """The position of a row that was not stored, why not, and what would help."""

    position: int
    column: str
    reason: str
    remedy: str


@dataclass(slots=True)
class Stored:
    """Count what was stored; `restated` rows are further versions of what was known, `refused` rows left no trace.

    `fresh` are the readings that were added or restated.
    """

    added: int = 0
    unchanged: int = 0
    restated: int = 0
    refused: list[Refused] = field(default_factory=list)
    fresh: list[ReadingRow] = field(default_factory=list, compare=False)

    def __add__(self, other: Stored) -> Stored:
        """Add up two counts."""
        return Stored(
            self.added + other.added,
            self.unchanged + other.unchanged,
            self.restated + other.restated,
            self.refused + other.refused,
            self.fresh + other.fresh,
        )


@transaction.atomic
def refresh_prices(*, market: Market, now: datetime) -> Stored:
    """Fetch what a simulated market shows up to its clock: closes, readings, events, quotes; repeating adds nothing.

    A market of history has no source to ask: nothing is fetched and nothing is stored.
    """
    if not market.is_simulated:
        return Stored()
    Market.objects.select_for_update().get(pk=market.pk)
    until = slot_of(market.clock(now))
    last = Price.objects.filter(market=market).aggregate(last=Max("date"))["last"]
    since = FIRST_DAY if last is None else last - timedelta(days=LATE_DAYS)
    source = SimulatedSource(seed=market.seed, since=since, until=until)
    stored = store_prices(market=market, rows=source.prices(), now=now)
    stored += store_readings(market=market, rows=source.readings(), now=now)
    stored += store_events(market=market, rows=source.events())
    stored += store_quotes(market=market, rows=source.quotes())
    SourcePoll.objects.update_or_create(
        market=market, source=source.name, defaults={"polled_at": now, "succeeded_at": now, "message": ""}
    )
    return stored


def slot_of(moment: datetime) -> datetime:
    """Return the start of the five minutes a moment lies in: quotes within a slot are the same."""
    return moment.replace(minute=moment.minute - moment.minute % SLOT_MINUTES, second=0, microsecond=0)


@transaction.atomic
def store_prices(*, market: Market, rows: Sequence[PriceRow], now: datetime) -> Stored:
    """Add the closes that are new; a close that differs from the stored one is refused: decisions rest on that one."""
    stored = Stored()
    if not rows:
        return stored
    assets = dict(Asset.objects.values_list("symbol", "id"))
    known = _known_prices(market, rows, assets)
    fresh: list[tuple[object, ...]] = []
    for position, row in enumerate(rows):
        asset, figures = assets.get(row.asset), row[2:6]
        if asset is None or not _is_sound(row):
            stored.refused.append(_unusable(position, row, is_known=asset is not None))
            continue
        before = known.setdefault((asset, row.day), figures)
        if before is figures:
            fresh.append((market.pk, asset, row.day, close_of(row.day), *figures, row.source, now))
        elif before == figures:
            stored.unchanged += 1
        else:
            stored.refused.append(_contradiction(position, row, before))
    insert_rows(Price, PRICE_FIELDS, fresh)
    stored.added = len(fresh)
    return stored


@transaction.atomic
def store_readings(*, market: Market, rows: Sequence[ReadingRow], now: datetime) -> Stored:
    """Add readings; a value that differs from the newest version becomes a further version, known from the clock on."""
    stored = Stored()
    if not rows:
        return stored
    known = _known_readings(market, rows)
    clock = market.clock(now)
    fresh: list[tuple[object, ...]] = []
    for position, row in enumerate(rows):
        key = row[:3]
        before = known.get(key)
        if not math.isfinite(row.value):
            stored.refused.append(Refused(position, row.indicator, f"{row.value} is no value", "Leave it out."))
            continue
        if before is not None and before[1] == row.value:
            stored.unchanged += 1
            continue
        ingested_at = row.available_at if before is None else max(clock, before[0] + VERSION_STEP)
        known[key] = (ingested_at, row.value)
        fresh.append((market.pk, *key, ingested_at, row.value, row.source))
        stored.fresh.append(row)
        stored.restated += before is not None
    insert_rows(Reading, READING_FIELDS, fresh)
    stored.added = len(fresh) - stored.restated
    return stored


@transaction.atomic
def store_events(*, market: Market, rows: Sequence[EventRow]) -> Stored:
    """Add the events that are new; a rumour stays unverified."""
    stored = Stored()
    if not rows:
        return stored
    sectors = dict(Sector.objects.values_list("slug", "id"))
    span = (min(row.published_at for row in rows), max(row.published_at for row in rows))
    published = Event.objects.filter(market=market, published_at__range=span)
    known = set(published.values_list("sector_id", "type", "title", "published_at"))
    fresh: list[tuple[object, ...]] = []
    for position, row in enumerate(rows):
        sector = sectors.get(row.sector)
        if sector is None:
            stored.refused.append(Refused(position, "sector", f"{row.sector} is not in the catalogue", "Add it first."))
        elif (sector, row.type, row.title, row.published_at) in known:
            stored.unchanged += 1
        else:
            known.add((sector, row.type, row.title, row.published_at))
            fresh.append(_event(market, sector, row))
    insert_rows(Event, EVENT_FIELDS, fresh)
    stored.added = len(fresh)
    return stored


@transaction.atomic
def store_quotes(*, market: Market, rows: Sequence[QuoteRow]) -> Stored:
    """Replace each asset's quote by a newer one; an older or a worthless one replaces nothing."""
    stored = Stored()
    if not rows:
        return stored
    assets = dict(Asset.objects.values_list("symbol", "id"))
    held = dict(Quote.objects.select_for_update().filter(market=market).values_list("asset_id", "quoted_at"))
    newer: dict[int, Quote] = {}
    for position, row in enumerate(rows):
        asset = assets.get(row.asset)
        if asset is None or not _is_sound(row):
            stored.refused.append(_unusable(position, row, is_known=asset is not None))
        elif asset in held and held[asset] >= row.at:
            stored.unchanged += 1
        else:
            held[asset] = row.at
            newer[asset] = Quote(
                market=market, asset_id=asset, quoted_at=row.at, price_usd=row.price, source=row.source
            )
    Quote.objects.bulk_create(
        newer.values(),
        update_conflicts=True,
        unique_fields=["market", "asset"],
        update_fields=["quoted_at", "price_usd", "source"],
    )
    stored.added = len(newer)
    return stored


def _known_prices(
    market: Market, rows: Sequence[PriceRow], assets: dict[str, int]
) -> dict[tuple[int, date], tuple[object, ...]]:
    """Return the stored figures of the rows' assets over the rows' days."""
    named = {assets[row.asset] for row in rows if row.asset in assets}
    span = (min(row.day for row in rows), max(row.day for row in rows))
    found = Price.objects.filter(market=market, asset_id__in=named, date__range=span)
    figures = ("price_usd", "market_cap_usd", "volume_usd", "volume_scope")
    return {(row[0], row[1]): row[2:] for row in found.values_list("asset_id", "date", *figures).iterator()}


def _known_readings(
    market: Market, rows: Sequence[ReadingRow]
) -> dict[tuple[str, str, datetime], tuple[datetime, float]]:
    """Return the newest stored version of every reading of the rows' span; none is had before what it describes."""
    first, subjects = min(row.observed_at for row in rows), {row.subject for row in rows}
    named = Q(subject__in=subjects) if len(subjects) <= MOST_NAMED else Q()
    found = Reading.objects.filter(
        named,
        market=market,
        indicator__in={row.indicator for row in rows},
        observed_at__range=(first, max(row.observed_at for row in rows)),
        ingested_at__gte=first - MOST_EARLY,
    ).order_by("ingested_at")
    columns = ("indicator", "subject", "observed_at", "ingested_at", "value")
    return {row[:3]: row[3:] for row in found.values_list(*columns).iterator()}


def _event(market: Market, sector: int, row: EventRow) -> tuple[object, ...]:
    """Return an event's values in the order of its fields."""
    is_rumour = row.confidence <= RUMOUR_CONFIDENCE
    status = Event.Status.UNVERIFIED if is_rumour else Event.Status.VERIFIED
    return (
        market.pk, sector, row.type, row.title, row.url, row.polarity, row.magnitude, row.confidence, row.published_at,
        row.first_seen_at or row.published_at, status, row.source, "",
    )  # fmt: skip


def _is_sound(row: PriceRow | QuoteRow) -> bool:
    """Return whether the price is above zero, and the other amounts, where given, are not below."""
    price = row.price
    if not (price.is_finite() and price > 0):
        return False
    return all(amount is None or (amount.is_finite() and amount >= 0) for amount in (row.market_cap, row.volume))


def _unusable(position: int, row: PriceRow | QuoteRow, *, is_known: bool) -> Refused:
    """Refuse a row without an asset or without a price."""
    if is_known:
        figures = f"price {row.price}, market cap {row.market_cap}, volume {row.volume}"
        return Refused(position, "price_usd", f"{figures}: not all are amounts", "Leave it out until they are.")
    return Refused(position, "asset", f"{row.asset} is not in the catalogue", "Check the symbol, or add the asset.")


def _contradiction(position: int, row: PriceRow, before: tuple[object, ...]) -> Refused:
    """Refuse a row that contradicts the stored one, naming the first figure that differs."""
    names = ("price_usd", "market_cap_usd", "volume_usd", "volume_scope")
    name, old, new = next(each for each in zip(names, before, row[2:6], strict=True) if each[1] != each[2])
    reason = f"{row.asset} of {row.day} is stored with {old}, not {new}"
    return Refused(position, name, reason, "A stored close is never replaced; load the other one into another market.")
