"""Load readings, events and who looked for news as arrays: only what was known by a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from portfolio.models import Market
from portfolio.queries.raw import raw_rows
from signals.domain.arrays import Bools, Instants
from signals.domain.events import covered_days
from signals.domain.panel import FUNDING, NO_RULINGS, EventTable, ReadingSeries, Rulings, decision_times
from signals.domain.params import Params
from signals.models import Event, EventVerdict, Reading, SourcePoll

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


def event_table(*, market: Market, sectors: Sequence[int], known_until: datetime, params: Params) -> EventTable:
    """Return the events about some sectors that were known by a moment, as columns (DOMAIN 2.3)."""
    about = Event.objects.filter(market=market, sector__in=sectors)
    known = about.filter(published_at__lte=known_until, first_seen_at__lte=known_until)
    given = EventVerdict.objects.filter(event__market=market, decided_at__lte=known_until)
    rows, verdicts = list(known.order_by("first_seen_at", "id")), list(given.order_by("decided_at", "id"))
    return table_of(rows, verdicts, sectors=sectors, params=params)


def table_of(
    events: Sequence[Event], verdicts: Sequence[EventVerdict], *, sectors: Sequence[int], params: Params
) -> EventTable:
    """Return events, in the order in which they were seen, and verdicts, in the order of time, as columns."""
    places = np.array([sectors.index(event.sector_id) for event in events], np.int64)
    return EventTable(
        ids=tuple(str(event.pk) for event in events),
        types=tuple(event.type for event in events),
        polarity=np.array([event.polarity for event in events], np.float64),
        magnitude=np.array([event.magnitude for event in events], np.float64),
        confidence=np.array(counted_confidence(events, cap=params.rumour_confidence), np.float64),
        published_at=instants([event.published_at for event in events]),
        first_seen_at=instants([event.first_seen_at for event in events]),
        verified_at=instants([_verified_at(event) for event in events]),
        refuted_at=instants([_refuted_at(event) for event in events]),
        sectors=places[:, None] == np.arange(len(sectors))[None, :],
        rulings=_rulings(events, verdicts),
        is_repeat=np.array([event.story_id is not None for event in events], np.bool_),
    )


def counted_confidence(events: Sequence[Event], *, cap: float) -> list[float]:
    """Return each event's confidence; what the reports of one rumour say together is capped too (DOMAIN F27).

    A report is stored with what it adds to its story, so that magnitude x confidence of all add up to the cluster's.
    """
    rumours = {event.pk for event in events if event.story_id is None and event.status == Event.Status.UNVERIFIED}
    told: dict[int, float] = defaultdict(float)
    counted: dict[int, float] = defaultdict(float)
    found: list[float] = []
    for event in events:
        story = event.story_id or event.pk
        told[story] += event.magnitude * event.confidence
        if story not in rumours:
            found.append(event.confidence)
            continue
        allowed = min(told[story], event.magnitude * cap)
        found.append(max(0.0, allowed - counted[story]) / event.magnitude)
        counted[story] = max(allowed, counted[story])
    return found


def _rulings(events: Sequence[Event], verdicts: Sequence[EventVerdict]) -> Rulings:
    """Return verdicts as columns: a story's largest report has the confidence from then on, the others none."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        places[event.story_id or event.pk].append(place)
    rows: list[tuple[int, datetime, float]] = []
    for each in verdicts:
        told = [place for place in places[each.event_id] if events[place].first_seen_at <= each.decided_at]
        largest = max(told, key=lambda place: events[place].magnitude, default=None)
        rows += [
            (place, each.decided_at, each.confidence if place == largest else 0.0) for place in places[each.event_id]
        ]
    if not rows:
        return NO_RULINGS
    places_of, given_at, confidence = zip(*rows, strict=True)
    return Rulings(np.array(places_of, np.int64), instants(given_at), np.array(confidence, np.float64))


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
