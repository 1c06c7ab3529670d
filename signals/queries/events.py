"""Ask what was told about narratives: each story once, with its reports, its verdicts and what it weighs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet

from portfolio.models import Market
from signals.domain.events import event_points
from signals.domain.params import DEFAULTS, Params
from signals.models import Event, EventVerdict
from signals.queries.readings import instants, table_of


@dataclass(frozen=True, slots=True)
class Story:
    """One event as it stood at a moment: `status` and `confidence` after its newest verdict, `points` what it weighs.

    `reports` counts the further domains that told it; `verdicts` are those given by then, oldest first.
    """

    event: Event
    status: str
    confidence: float
    magnitude: int
    points: float
    reports: int
    verdicts: tuple[EventVerdict, ...]

    @property
    def size(self) -> float:
        """Return what it weighs before time passes (DOMAIN 2.3)."""
        return self.event.polarity * self.magnitude / 5.0 * self.confidence

    @property
    def share_left(self) -> float:
        """Return which part of that is left, 0 to 1."""
        return self.points / self.size if self.size else 0.0

    @property
    def is_refuted(self) -> bool:
        """Return whether it counts no more."""
        return self.status == Event.Status.REFUTED

    @property
    def is_open(self) -> bool:
        """Return whether nobody has judged it yet."""
        return self.status == Event.Status.UNVERIFIED


class Told(NamedTuple):
    """Hold a story's first event, its further reports and its verdicts, in the order of time."""

    event: Event
    reports: list[Event]
    verdicts: list[EventVerdict]


def told(
    *,
    market: Market,
    moment: datetime,
    sectors: Sequence[str] = (),
    types: Sequence[str] = (),
    since: datetime | None = None,
) -> QuerySet[Event]:
    """Select the stories known at a moment, with what was known of each then, to be paged; `sectors` are slugs."""
    found = Event.objects.filter(market=market, story=None)
    if sectors:
        found = found.filter(sector__slug__in=sectors)
    if types:
        found = found.filter(type__in=types)
    if since is not None:
        found = found.filter(published_at__gte=since)
    return _known(found, moment)


def stories(
    *,
    market: Market,
    moment: datetime,
    sectors: Sequence[str] = (),
    types: Sequence[str] = (),
    since: datetime | None = None,
    limit: int = 50,
    params: Params = DEFAULTS,
) -> list[Story]:
    """Return the newest stories known at a moment, newest first, as they stood then; `sectors` are slugs."""
    found = told(market=market, moment=moment, sectors=sectors, types=types, since=since)
    return as_stories(found.order_by("-published_at", "-id")[:limit], moment=moment, params=params)


def recent_stories(*, market: Market, moment: datetime, since: datetime, params: Params = DEFAULTS) -> list[Story]:
    """Return every story published in a span and known at its end, newest first, as it stood then. Two queries."""
    known = Event.objects.filter(market=market, published_at__range=(since, moment), first_seen_at__lte=moment)
    rows = list(known.select_related("sector").order_by("-published_at", "-id"))
    reports: dict[int, list[Event]] = defaultdict(list)
    for row in sorted(rows, key=_seen):
        if row.story_id is not None:
            reports[row.story_id].append(row)
    verdicts: dict[int, list[EventVerdict]] = defaultdict(list)
    given = EventVerdict.objects.filter(event__market=market, event__published_at__gte=since, decided_at__lte=moment)
    for verdict in given.order_by("decided_at", "id"):
        verdicts[verdict.event_id].append(verdict)
    heard = [Told(row, reports[row.pk], verdicts[row.pk]) for row in rows if row.story_id is None]
    return _assembled(heard, moment=moment, params=params)


def story(*, event: Event, moment: datetime, params: Params = DEFAULTS) -> Story | None:
    """Return one event's story as it stood at a moment, None where it had not been told yet."""
    found = _known(Event.objects.filter(pk=event.story_id or event.pk), moment)
    return next(iter(as_stories(found, moment=moment, params=params)), None)


def as_stories(events: Iterable[Event], *, moment: datetime, params: Params = DEFAULTS) -> list[Story]:
    """Put stories together that were selected by `told`; what each weighs is what the scores count (DOMAIN 2.3)."""
    heard = [Told(event, list(event.reports.all()), list(event.verdicts.all())) for event in events]
    return _assembled(heard, moment=moment, params=params)


def _known(events: QuerySet[Event], moment: datetime) -> QuerySet[Event]:
    """Keep what was known at a moment, with the reports and verdicts of then."""
    reports = Event.objects.filter(first_seen_at__lte=moment, published_at__lte=moment).order_by("first_seen_at", "id")
    given = EventVerdict.objects.filter(decided_at__lte=moment).select_related("author").order_by("decided_at", "id")
    known = events.filter(published_at__lte=moment, first_seen_at__lte=moment).select_related("sector", "author")
    return known.prefetch_related(Prefetch("reports", reports), Prefetch("verdicts", given))


def _assembled(heard: Sequence[Told], *, moment: datetime, params: Params) -> list[Story]:
    """Put stories together from their rows."""
    points = _points(heard, moment, params)
    return [_story(each, moment, points[each.event.pk], cap=params.rumour_confidence) for each in heard]


def _points(heard: Sequence[Told], moment: datetime, params: Params) -> dict[int, float]:
    """Return what each story weighs at a moment."""
    rows = sorted((row for each in heard for row in (each.event, *each.reports)), key=_seen)
    verdicts = sorted((one for each in heard for one in each.verdicts), key=lambda one: (one.decided_at, one.pk))
    table = table_of(rows, verdicts, sectors=sorted({row.sector_id for row in rows}), params=params)
    weights = event_points(table, instants([moment]), params=params)[0] if rows else ()
    found: dict[int, float] = defaultdict(float)
    for row, weight in zip(rows, weights, strict=True):
        found[row.story_id or row.pk] += float(weight)
    return found


def _seen(event: Event) -> tuple[datetime, int]:
    """Return when an event was seen, to sort by."""
    return event.first_seen_at, event.pk


def newest_verdict(*, event: Event) -> EventVerdict | None:
    """Return the verdict on a story that stands."""
    return event.verdicts.order_by("-decided_at", "-id").first()


def story_confidence(*, event: Event) -> float:
    """Return what the reports of a story add up to: 1 - prod(1 - c) over distinct domains (DOMAIN 2.3)."""
    return _together([event, *event.reports.all()])[1]


def _story(heard: Told, moment: datetime, points: float, *, cap: float) -> Story:
    """Put a story together from its rows."""
    magnitude, said = _together([heard.event, *heard.reports])
    status, sure = _standing(heard.event, heard.verdicts, said, moment, cap=cap)
    return Story(heard.event, status, sure, magnitude, points, len(heard.reports), tuple(heard.verdicts))


def _standing(
    event: Event, verdicts: Sequence[EventVerdict], told: float, moment: datetime, *, cap: float
) -> tuple[str, float]:
    """Return how a story stood at a moment, and with what confidence it counted (DOMAIN F27)."""
    if verdicts:
        is_refuted = verdicts[-1].verdict == EventVerdict.Verdict.REFUTED
        return (Event.Status.REFUTED if is_refuted else Event.Status.VERIFIED), verdicts[-1].confidence
    if event.status == Event.Status.REFUTED:
        is_over = (event.refuted_at or event.first_seen_at) <= moment
        return (event.status, 0.0) if is_over else (Event.Status.VERIFIED, told)
    return event.status, min(told, cap) if event.status == Event.Status.UNVERIFIED else told


def _together(events: Sequence[Event]) -> tuple[int, float]:
    """Return the largest magnitude of a story's reports, and the confidence that they have together."""
    magnitude = max(event.magnitude for event in events)
    return magnitude, min(1.0, sum(event.magnitude * event.confidence for event in events) / magnitude)
