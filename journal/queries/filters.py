"""Choose rotations: by words, tag, time, narrative, kind, adherence, state, or by the figure they stand behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from journal.models import Lesson, Rotation
from portfolio.models import Portfolio

MOST_WORDS = 8


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Choose rotations: by sector slug on either side, kind, adherence and state; empty is all.

    `words` are looked for in what the person wrote; `since` and `until` are days, both included. `behind` is the key of
    a figure of what was learned, `days` the horizon it is at (0: 30 days), and `only` the rotations behind it.
    """

    words: str = ""
    tag: str = ""
    since: date | None = None
    until: date | None = None
    sector: str = ""
    kind: str = ""
    adherence: str = ""
    state: str = ""
    behind: str = ""
    days: int = 0
    only: tuple[int, ...] = ()

    def of(self, portfolio: Portfolio) -> QuerySet[Rotation]:
        """Return the portfolio's rotations that pass."""
        rows = Rotation.objects.filter(portfolio=portfolio)
        if self.sector:
            rows = rows.filter(Q(source_sector__slug=self.sector) | Q(destination_sector__slug=self.sector))
        if self.behind:
            rows = rows.filter(pk__in=self.only)
        if self.since:
            rows = rows.filter(executed_at__gte=_midnight(self.since))
        if self.until:
            rows = rows.filter(executed_at__lt=_midnight(self.until) + timedelta(days=1))
        exact = {"kind": self.kind, "adherence": self.adherence, "state": self.state}
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        return saying(tagged(rows, self.tag), self.words)


def saying(rows: QuerySet[Rotation], words: str) -> QuerySet[Rotation]:
    """Select the rotations in whose reason, tags or lessons each of some words stands; of many, the first eight."""
    for word in words.split()[:MOST_WORDS]:
        lessons = Lesson.objects.filter(Q(lesson__icontains=word) | Q(expected_because__icontains=word))
        found = Q(thesis__icontains=word) | Q(pk__in=lessons.filter(rotation__isnull=False).values("rotation"))
        rows = _with_tags(rows).filter(found | _in_tags(word))
    return rows


def tagged(rows: QuerySet[Rotation], tag: str) -> QuerySet[Rotation]:
    """Select the rotations that carry a tag."""
    if not tag:
        return rows
    spelled = Q(tags_text__contains=json.dumps(tag)) | Q(tags_text__contains=json.dumps(tag, ensure_ascii=False))
    return _with_tags(rows).filter(spelled)


def _with_tags(rows: QuerySet[Rotation]) -> QuerySet[Rotation]:
    return rows.alias(tags_text=Cast("tags", TextField()))


def _in_tags(word: str) -> Q:
    """Find a word in the text of tags, which one database keeps escaped and the other does not."""
    spelled = (json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1])
    return Q(tags_text__icontains=spelled[0]) | Q(tags_text__icontains=spelled[1])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
