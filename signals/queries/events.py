"""Ask what was told about narratives: each story once, with its reports, its verdicts and what it weighs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    def is_open(self) -> bool:
        """Return whether nobody has judged it yet."""
        return self.status == Event.Status.UNVERIFIED


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
    told = Event.objects.filter(market=market, story=None)
    if sectors:
        told = told.filter(sector__slug__in=sectors)
    if types:
        told = told.filter(type__in=types)
    if since is not None:
        told = told.filter(published_at__gte=since)
    return _stories(told.order_by("-published_at", "-id"), moment=moment, limit=limit, params=params)


def story(*, event: Event, moment: datetime, params: Params = DEFAULTS) -> Story | None:
    """Return one event's story as it stood at a moment, None where it had not been told yet."""
    told = Event.objects.filter(pk=event.story_id or event.pk)
    return next(iter(_stories(told, moment=moment, limit=1, params=params)), None)


def _stories(told: QuerySet[Event], *, moment: datetime, limit: int, params: Params) -> list[Story]:
    """Put stories together; what each weighs is what the scores count (DOMAIN 2.3)."""
    known = told.filter(published_at__lte=moment, first_seen_at__lte=moment)
    reports = Event.objects.filter(first_seen_at__lte=moment, published_at__lte=moment).order_by("first_seen_at", "id")
    given = EventVerdict.objects.filter(decided_at__lte=moment).select_related("author").order_by("decided_at", "id")
    found = known.select_related("sector", "author").prefetch_related(
        Prefetch("reports", reports), Prefetch("verdicts", given)
    )[:limit]
    points = _points(found, moment, params)
    return [_story(event, moment, points[event.pk], cap=params.rumour_confidence) for event in found]


def _points(told: Iterable[Event], moment: datetime, params: Params) -> dict[int, float]:
    """Return what each story weighs at a moment."""
    rows = sorted((row for event in told for row in (event, *event.reports.all())), key=_seen)
    verdicts = sorted((each for event in told for each in event.verdicts.all()), key=lambda e: (e.decided_at, e.pk))
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


def _story(event: Event, moment: datetime, points: float, *, cap: float) -> Story:
    """Put a story together from its rows."""
    reports, verdicts = list(event.reports.all()), tuple(event.verdicts.all())
    magnitude, told = _together([event, *reports])
    status, sure = _standing(event, verdicts, told, moment, cap=cap)
    return Story(event, status, sure, magnitude, points, len(reports), verdicts)


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
