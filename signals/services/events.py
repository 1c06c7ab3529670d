"""Propose events from feeds, enter them by hand, confirm and refute them: nothing that was told is ever changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from portfolio.models import Market, Sector
from signals.models import Event, EventVerdict
from signals.queries.events import newest_verdict, story_confidence
from signals.services.prices import RUMOUR_CONFIDENCE, Refused, Stored
from signals.sources.base import EventRow
from signals.sources.live.feeds import canonical, is_near, simhash

SAME_STORY = timedelta(hours=72)
BY_HAND = "by hand"
_ALSO = re.compile(r" \(also [^)]*\)$")


class EventError(ValueError):
    """An event cannot be entered or judged so; `field` names what is wrong with it."""

    def __init__(self, message: str, *, field: str = "") -> None:
        """Keep which field it is about."""
        super().__init__(message)
        self.field = field


class BadEventError(EventError):
    """What was entered about an event is not possible."""


class AlreadyToldError(EventError):
    """The same event has been told already; `event` is that one."""

    def __init__(self, event: Event) -> None:
        """Keep the event that is there."""
        super().__init__(f"“{event.title}” has been entered already. Confirm or refute that one.", field="title")
        self.event = event


class AlreadyJudgedError(EventError):
    """The newest verdict on an event says the same."""


@transaction.atomic
def propose(*, market: Market, rows: Sequence[EventRow], now: datetime) -> Stored:
    """Store what feeds propose, first seen now, unverified; a repeat adds nothing, another domain only its share.

    A further report carries only what it adds to its story, so that the cluster has the largest magnitude and the
    confidence 1 - prod(1 - c) over distinct domains, and no stored event changes (DOMAIN 2.3).
    """
    stored = Stored()
    if not rows:
        return stored
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    told = _recent(market, rows)
    for position, row in enumerate(rows):
        sector = sectors.get(row.sector)
        if sector is None:
            stored.refused.append(Refused(position, "sector", f"{row.sector} is not in the catalogue", "Add it first."))
            continue
        cluster = [event for event in told if _is_same(event, row)]
        if any(_domain(_row(event)) == _domain(row) for event in cluster):
            stored.unchanged += 1
            continue
        told.append(_report(market, sector, row, cluster, now=now))
        stored.added += 1
    return stored


def _report(market: Market, sector: Sector, row: EventRow, cluster: Sequence[Event], *, now: datetime) -> Event:
    """Keep a proposal; where its story is known, as a further report of it."""
    magnitude, confidence = _added(row, cluster)
    return Event.objects.create(
        market=market,
        sector=sector,
        type=row.type,
        title=f"{row.title[:220]} (also {row.source})" if cluster else row.title,
        url=row.url,
        polarity=row.polarity,
        magnitude=magnitude,
        confidence=confidence,
        published_at=row.published_at,
        first_seen_at=market.clock(now),
        source=row.source,
        story=(cluster[0].story or cluster[0]) if cluster else None,
    )


@transaction.atomic
def enter_event(
    *,
    market: Market,
    sector: Sector,
    type: str,  # noqa: A002 - the field's own word
    title: str,
    polarity: float,
    magnitude: int,
    confidence: float,
    published_at: datetime,
    now: datetime,
    author: AbstractBaseUser | None = None,
    url: str = "",
    jurisdiction: str = "",
    occurred_at: datetime | None = None,
) -> Event:
    """Enter an event by hand; it counts from now on, above a confidence of .4 as verified.

    Raises BadEventError and AlreadyToldError.
    """
    clock = market.clock(now)
    title = " ".join(title.split())[:300]
    _check(type=type, title=title, polarity=polarity, magnitude=magnitude, confidence=confidence)
    _check_times(sector=sector, published_at=published_at, occurred_at=occurred_at, url=url, clock=clock)
    row = EventRow(
        sector.slug, type, polarity, magnitude, confidence, published_at, title, canonical(url), BY_HAND, clock
    )
    told = next((event for event in _recent(market, [row]) if _is_same(event, row)), None)
    if told is not None:
        raise AlreadyToldError(told.story or told)
    return Event.objects.create(
        market=market,
        sector=sector,
        type=type,
        title=title,
        url=row.url,
        polarity=polarity,
        magnitude=magnitude,
        confidence=confidence,
        published_at=published_at,
        occurred_at=occurred_at,
        first_seen_at=clock,
        status=Event.Status.VERIFIED if confidence > RUMOUR_CONFIDENCE else Event.Status.UNVERIFIED,
        source=BY_HAND,
        jurisdiction=jurisdiction.strip()[:60],
        author_id=None if author is None else author.pk,
    )


def confirm(
    *,
    event: Event,
    now: datetime,
    author: AbstractBaseUser | None = None,
    confidence: float | None = None,
    note: str = "",
) -> EventVerdict:
    """Confirm an event: from now on its story counts with this confidence, else with what its reports add up to.

    Raises BadEventError and AlreadyJudgedError.
    """
    story = event.story or event
    sure = story_confidence(event=story) if confidence is None else confidence
    if not 0 < sure <= 1:
        raise BadEventError("A confirmed event has a confidence above 0 and at most 1.", field="confidence")
    return _judge(story, EventVerdict.Verdict.CONFIRMED, confidence=sure, now=now, author=author, note=note)


def refute(*, event: Event, now: datetime, author: AbstractBaseUser | None = None, note: str = "") -> EventVerdict:
    """Refute an event: from now on its story counts no more; scores of the past stay. Raises AlreadyJudgedError."""
    verdict = EventVerdict.Verdict.REFUTED
    return _judge(event.story or event, verdict, confidence=0.0, now=now, author=author, note=note)


@transaction.atomic
def _judge(
    story: Event, verdict: str, *, confidence: float, now: datetime, author: AbstractBaseUser | None, note: str
) -> EventVerdict:
    """Write a verdict behind the newest one, unless that says the same."""
    Event.objects.select_for_update().get(pk=story.pk)
    before = newest_verdict(event=story)
    if before is not None and (before.verdict, before.confidence) == (verdict, confidence):
        raise AlreadyJudgedError(f"This event is {before.get_verdict_display().lower()} already.")
    clock = story.market.clock(now)
    return EventVerdict.objects.create(
        event=story,
        verdict=verdict,
        decided_at=clock if before is None else max(clock, before.decided_at),
        confidence=confidence,
        note=note.strip()[:500],
        author_id=None if author is None else author.pk,
    )


def _check(*, type: str, title: str, polarity: float, magnitude: int, confidence: float) -> None:  # noqa: A002
    """Refuse figures outside their bounds (DOMAIN 2.3)."""
    if type not in Event.Type.values:
        raise BadEventError(f"There is no type {type!r}. Choose one of: {', '.join(Event.Type.values)}.", field="type")
    if not title:
        raise BadEventError("Say in a line what happened.", field="title")
    if not -1 <= polarity <= 1 or polarity == 0:
        raise BadEventError("The polarity lies between -1 (bad) and 1 (good), and is not 0.", field="polarity")
    if not 1 <= magnitude <= 5:
        raise BadEventError("The magnitude is a whole number from 1 to 5.", field="magnitude")
    if not 0 < confidence <= 1:
        raise BadEventError("The confidence lies above 0 and is at most 1.", field="confidence")


def _check_times(
    *, sector: Sector, published_at: datetime, occurred_at: datetime | None, url: str, clock: datetime
) -> None:
    """Refuse what concerns no narrative, has not been published, or has an address no browser opens."""
    if sector.kind != Sector.Kind.NARRATIVE:
        raise BadEventError(f"{sector.name} is no narrative; events concern narratives.", field="sector")
    if published_at > clock:
        raise BadEventError("The event has not been published yet. Enter it when it has.", field="published_at")
    if occurred_at is not None and occurred_at.tzinfo is None:
        raise BadEventError("The moment it happened needs a time zone.", field="occurred_at")
    if url and not canonical(url):
        raise BadEventError("The address starts with http:// or https://.", field="url")


def _added(row: EventRow, cluster: Sequence[Event]) -> tuple[int, float]:
    """Return magnitude and confidence of what a row adds: magnitude x confidence of all is the cluster's."""
    before = sum(event.magnitude * event.confidence for event in cluster)
    largest = max((event.magnitude for event in cluster), default=0)
    sure = before / largest if largest else 0.0
    magnitude = max(largest, row.magnitude)
    together = 1.0 - (1.0 - sure) * (1.0 - row.confidence)
    return magnitude, max(0.0, magnitude * together - before) / magnitude


def _domain(row: EventRow) -> str:
    """Return who tells it: the host of its address, else the feed."""
    return urlsplit(row.url).hostname or row.source


def _recent(market: Market, rows: Sequence[EventRow]) -> list[Event]:
    """Return what was told in the days around some rows."""
    if not rows:
        return []
    moments = [row.published_at for row in rows]
    span = (min(moments) - SAME_STORY, max(moments) + SAME_STORY)
    told = Event.objects.filter(market=market, published_at__range=span).select_related("sector", "story")
    return list(told.order_by("first_seen_at", "id"))


def _is_same(event: Event, other: EventRow) -> bool:
    """Return whether an event and a row tell one story about one narrative."""
    one = _row(event)
    if (one.sector, one.type) != (other.sector, other.type) or abs(one.published_at - other.published_at) > SAME_STORY:
        return False
    return bool(one.url and one.url == other.url) or is_near(simhash(one.title), simhash(other.title))


def _row(event: Event) -> EventRow:
    """Return a stored event as a row."""
    return EventRow(
        sector=event.sector.slug,
        type=event.type,
        polarity=event.polarity,
        magnitude=event.magnitude,
        confidence=event.confidence,
        published_at=event.published_at,
        title=_ALSO.sub("", event.title),
        url=event.url,
        source=event.source,
    )
