"""Ask how an indicator went: its days in a score or in the regime, and the readings behind it with every version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from portfolio.models import Market, Price, Sector, SectorMembership
from signals.domain.indicators import CATALOGUE
from signals.domain.normalise import freshness
from signals.domain.params import Params, profile_of
from signals.domain.records import READING_OF
from signals.models import Reading, RegimeDay, Score
from signals.queries.market import MarketPast, last_closed
from signals.sources.live.venues import FUNDING_VENUE, INTEREST_VENUE

REGIME = "regime"
"""Stands for a sector where an indicator is a part of the regime."""
DERIVED = ("tilt", "limit")
READINGS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{name: (reading,) for name, reading in READING_OF.items()},
        "tvl": ("tvl", "tvl_tokens"),
        "funding": ("funding", "funding_8h", FUNDING_VENUE),
        "derivatives": ("open_interest", INTEREST_VENUE),
    }
)
"""The readings that an indicator is made of; the others follow from closes, or from events."""
OF_EVENTS = ("regulatory", "partnership", "events")
OF_PRICES = ("turnover", "rs", "xs_mom", "breadth", "trend")


@dataclass(frozen=True, kw_only=True)
class IndicatorDay:
    """Hold one indicator's part of one day: the stored record, and by which version of the parameters."""

    date: date
    record: Mapping[str, Any]
    params_version: str


def measured() -> tuple[str, ...]:
    """Return the names of the indicators that are measured, in the order of the catalogue."""
    return tuple(name for name in CATALOGUE if name not in DERIVED)


def places_of(name: str, *, sectors: Iterable[Sector], params: Params) -> list[str]:
    """Return where an indicator counts: the slugs of the sectors whose score has it, and the regime."""
    found = [sector.slug for sector in sectors if name in params.weights[profile_of(sector.slug)]]
    return [*found, *([REGIME] if name in params.regime_weights else [])]


@dataclass(frozen=True, kw_only=True)
class IndicatorNow:
    """Hold an indicator's part of a day, where it counts (a sector's slug, or the regime), and its freshness by now."""

    place: str
    name: str
    day: IndicatorDay
    freshness_now: float | None


def indicators_of(past: MarketPast, *, moment: datetime, params: Params) -> list[IndicatorNow]:
    """Return every indicator of a day: those of each sector's score, then those of the regime."""
    rows: list[tuple[str, Score | RegimeDay]] = [*past.day.scores.items(), (REGIME, past.day.regime)]
    found = [
        (place, record["indicator"], day_of(row, record["indicator"]))
        for place, row in rows
        for record in (row.contributions if isinstance(row, Score) else row.components)
        if record["indicator"] not in DERIVED
    ]
    return [
        IndicatorNow(place=place, name=name, day=day, freshness_now=fresh_by(name, day, moment=moment, params=params))
        for place, name, day in found
        if day is not None
    ]


def fresh_by(name: str, day: IndicatorDay, *, moment: datetime, params: Params) -> float | None:
    """Return how fresh the reading behind a day's value is at a moment, None for what follows from closes."""
    text = day.record.get("observed_at")
    observed = datetime.fromisoformat(text) if text else None
    return freshness_at(name, observed_at=observed, moment=moment, params=params)


def scores_by(*, market: Market, moment: datetime) -> QuerySet[Score]:
    """Select the scores of the days that had closed by a moment."""
    return Score.objects.filter(market=market, date__lte=last_closed(moment))


def regime_days(*, market: Market, moment: datetime) -> QuerySet[RegimeDay]:
    """Select the regime's days that had closed by a moment."""
    return RegimeDay.objects.filter(market=market, date__lte=last_closed(moment))


def indicator_days(
    *, market: Market, name: str, sector: Sector | None, moment: datetime, before: date | None, limit: int
) -> list[IndicatorDay]:
    """Return an indicator's newest days before a day, newest first; without a sector those of the regime. One query."""
    rows: QuerySet[Any]
    if sector is None:
        rows = regime_days(market=market, moment=moment).only("date", "components")
    else:
        rows = (
            scores_by(market=market, moment=moment)
            .filter(sector=sector)
            .only("date", "contributions", "params_version")
        )
    if before is not None:
        rows = rows.filter(date__lt=before)
    days = [day_of(row, name) for row in rows.order_by("-date")[:limit]]
    return [day for day in days if day is not None]


def day_of(row: Score | RegimeDay, name: str) -> IndicatorDay | None:
    """Return an indicator's part of a stored day, None where that day was computed without it."""
    parts = row.contributions if isinstance(row, Score) else row.components
    record = next((each for each in parts if each["indicator"] == name), None)
    if record is None:
        return None
    version = row.params_version if isinstance(row, Score) else ""
    return IndicatorDay(date=row.date, record=record, params_version=version)


def freshness_at(name: str, *, observed_at: datetime | None, moment: datetime, params: Params) -> float | None:
    """Return how fresh a reading is at a moment, None for what follows from closes (DOMAIN 2.4)."""
    limits = params.limits.get(READING_OF.get(name, ""))
    if limits is None or observed_at is None:
        return None
    age = (moment - observed_at).total_seconds() / 3600.0
    return float(freshness(age, fresh=limits[0], stale=limits[1]))


def known_readings(*, market: Market, moment: datetime, indicator: str, subject: str) -> QuerySet[Reading]:
    """Select one series as it was known at a moment; each reading with whether it restates one, and is restated itself.

    Without a subject the readings of all would have to be sorted, of which there may be a million; what was known by a
    moment describes nothing later, and saying so lets the index of the series be used.
    """
    series = Reading.objects.filter(market=market, indicator=indicator, subject=subject)
    same = series.filter(observed_at=OuterRef("observed_at"))
    return (
        series.filter(observed_at__lte=moment)
        .known_at(moment)
        .annotate(
            is_restatement=Exists(same.filter(ingested_at__lt=OuterRef("ingested_at"))),
            is_restated=Exists(same.filter(ingested_at__gt=OuterRef("ingested_at"), ingested_at__lte=moment)),
        )
    )


SUBJECTS = """
WITH RECURSIVE found(subject) AS (
    SELECT MIN(subject) FROM {table} WHERE market_id = %s AND indicator = %s
    UNION ALL
    SELECT (SELECT MIN(subject) FROM {table} WHERE market_id = %s AND indicator = %s AND subject > found.subject)
    FROM found WHERE found.subject IS NOT NULL
)
SELECT subject FROM found WHERE subject IS NOT NULL
"""


def subjects_of(*, market: Market, indicator: str) -> list[str]:
    """Return what a reading is read of, in order: it jumps over the index from one to the next. One query."""
    with connection.cursor() as cursor:
        cursor.execute(SUBJECTS.format(table=Reading._meta.db_table), [market.pk, indicator] * 2)
        return [subject for (subject,) in cursor.fetchall()]


def price_sources(*, market: Market, sector: Sector | None, day: date) -> list[str]:
    """Return where the closes of a day came from, those of a sector's members alone where one is given. One query."""
    closes = Price.objects.filter(market=market, date=day)
    if sector is not None:
        closes = closes.filter(asset__in=members_of(market=market, day=day).filter(sector=sector).values("asset"))
    return sorted(set(closes.values_list("source", flat=True)))


def members_of(*, market: Market, day: date) -> QuerySet[SectorMembership]:
    """Select who belonged to which sector on a day (DOMAIN F01)."""
    members = SectorMembership.objects.filter(market=market, since_date__lte=day).exclude(until_date__lte=day)
    return members.select_related("asset").order_by("asset__symbol", "since_date")
