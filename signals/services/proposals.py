"""Merge what several feeds say into one story: a repeat is dropped, another domain only adds its share (DOMAIN 2.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from portfolio.models import Market
from signals.models import Event
from signals.sources.base import EventRow
from signals.sources.live.feeds import is_near, simhash

SAME_STORY = timedelta(hours=72)
_ALSO = re.compile(r" \(also [^)]*\)$")


def distinct(*, market: Market, rows: Sequence[EventRow], now: datetime) -> list[EventRow]:
    """Return the rows that add something, first seen now.

    Another domain's row carries only what it adds, so that the cluster's confidence is 1 - prod(1 - c) and no stored
    event changes.
    """
    if not rows:
        return []
    oldest = min(row.published_at for row in rows) - SAME_STORY
    recent = Event.objects.filter(market=market, published_at__gte=oldest).select_related("sector")
    told = [_row(event) for event in recent]
    found: list[EventRow] = []
    for row in rows:
        cluster = [each for each in told if _is_same(each, row)]
        if any(each.source == row.source for each in cluster):
            continue
        missing = max(0.0, 1.0 - sum(each.confidence for each in cluster))
        told.append(replace(row, confidence=row.confidence * missing))
        title = f"{row.title[:220]} (also {row.source})" if cluster else row.title
        found.append(replace(told[-1], title=title, first_seen_at=now))
    return found


def _is_same(one: EventRow, other: EventRow) -> bool:
    """Return whether two rows tell one story about one narrative."""
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
