"""Load readings, events and who looked for news as arrays: only what was known by a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from portfolio.models import Market
from signals.domain.arrays import Bools, Instants
from signals.domain.events import covered_days
from signals.domain.panel import FUNDING, EventTable, ReadingSeries, decision_times
from signals.domain.params import Params
from signals.models import Event, Reading, SourcePoll
from signals.queries.raw import raw_rows

EVENT_COVERAGE = "event_coverage"
EVERY_TYPE = ""

_POLL_REACH = timedelta(hours=24)
_MICROSECOND = timedelta(microseconds=1)
_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


def reading_series(*, market: Market, known_until: datetime, params: Params) -> dict[tuple[str, str], ReadingSeries]:
    """Return every reading the signals use, by indicator and subject, with all versions known by a moment."""
    known = Reading.objects.filter(market=market, indicator__in=[*params.limits, FUNDING]).known_at(known_until)
    columns = ("indicator", "subject", "observed_at", "ingested_at", "value", "source")
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for indicator, subject, *rest in raw_rows(known.order_by("ingested_at", "id").values_list(*columns)):
        found[indicator, subject].append(tuple(rest))
    return {key: _series(rows) for key, rows in found.items()}


def _series(rows: list[tuple[Any, ...]]) -> ReadingSeries:
    """Return the versions of one reading as arrays; the source is that of the newest."""
    observed, ingested, values, sources = zip(*rows, strict=True)
    return ReadingSeries(instants(observed), instants(ingested), np.array(values, np.float64), sources[-1])


def instants(moments: Sequence[datetime | None]) -> Instants:
    """Return moments as UTC instants, NaT for None; moments without a zone, as SQLite sends them, are read at once."""
    if moments and all(moment is not None and moment.tzinfo is None for moment in moments):
        return np.array(moments, "datetime64[us]")
    return np.array([_number(moment) for moment in moments], "datetime64[us]")


def _number(moment: datetime | None) -> np.datetime64:
    """Return a moment as one instant."""
    if moment is None:
        return np.datetime64("NaT", "us")
    return np.datetime64((moment - _ORIGIN) // _MICROSECOND, "us")


def event_table(*, market: Market, sectors: Sequence[int], known_until: datetime) -> EventTable:
    """Return the events about some sectors that were known by a moment, as columns (DOMAIN 2.3)."""
    about = Event.objects.filter(market=market, sector__in=sectors)
    known = about.filter(published_at__lte=known_until, first_seen_at__lte=known_until)
    rows = list(known.order_by("first_seen_at", "id"))
    places = np.array([sectors.index(event.sector_id) for event in rows], np.int64)
    return EventTable(
        ids=tuple(str(event.pk) for event in rows),
        types=tuple(event.type for event in rows),
        polarity=np.array([event.polarity for event in rows], np.float64),
        magnitude=np.array([event.magnitude for event in rows], np.float64),
        confidence=np.array([event.confidence for event in rows], np.float64),
        published_at=instants([event.published_at for event in rows]),
        first_seen_at=instants([event.first_seen_at for event in rows]),
        verified_at=instants([_verified_at(event) for event in rows]),
        refuted_at=instants([_refuted_at(event) for event in rows]),
        sectors=places[:, None] == np.arange(len(sectors))[None, :],
    )


def _verified_at(event: Event) -> datetime | None:
    """Return from when an event's confidence counts in full; a rumour's never does (DOMAIN F27)."""
    return None if event.status == Event.Status.UNVERIFIED else event.first_seen_at


def _refuted_at(event: Event) -> datetime | None:
    """Return from when an event no longer counts; refuted without a date, it never did."""
    return (event.refuted_at or event.first_seen_at) if event.status == Event.Status.REFUTED else None


def event_coverage(*, market: Market, dates: Instants, params: Params) -> dict[str, Bools]:
    """Return by type the days on which someone looked for news, or news was declared complete (DECISIONS 21).

    A reading `event_coverage` says so of one type, or with an empty subject of all; a simulated market is complete as
    far as it was asked.
    """
    looked: dict[str, list[datetime | None]] = defaultdict(list)
    rows = Reading.objects.filter(market=market, indicator=EVENT_COVERAGE).values_list("subject", "observed_at")
    for kind, moment in raw_rows(rows):
        looked[kind].append(moment)
    moments = decision_times(dates, params)
    everything = covered_days(moments, instants(looked[EVERY_TYPE])) | _is_simulated_day(market, moments)
    return {kind: everything | covered_days(moments, instants(looked[kind])) for kind in params.event_half_lives}


def _is_simulated_day(market: Market, moments: Instants) -> Bools:
    """Return which days a simulated market's own source covers: all up to a day after it was last asked."""
    polls = SourcePoll.objects.filter(market=market, succeeded_at__isnull=False) if market.is_simulated else []
    asked = [poll.succeeded_at + _POLL_REACH for poll in polls if poll.succeeded_at is not None]
    return np.asarray(moments <= max(instants(asked), default=np.datetime64(0, "us")), np.bool_)
