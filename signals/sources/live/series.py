"""Turn a daily series of a source into readings: each day once, closed days only, nothing impossible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from signals.sources.base import ReadingRow, available_at, close_of
from signals.sources.live.base import BadValueError, Doubt, Scope, Yielded, amount, doubt, first_of_each, jumps, moment


def daily_readings(
    points: Iterable[tuple[Any, Any]], *, indicator: str, subject: str, source: str, scope: Scope
) -> Iterator[Yielded]:
    """Yield the readings of (Unix time of a day's start, value) pairs; the day that runs is left out."""
    name = f"{indicator} {subject}".strip()
    sound: list[tuple[datetime, float]] = []
    for raw_time, raw_value in points:
        try:
            at = moment(raw_time, scope.now)
            sound.append((at, float(amount(raw_value, name))))
        except BadValueError as error:
            yield doubt(name, error)
    kept: list[tuple[datetime, float]] = []
    for item in first_of_each(sorted(sound), name):
        if isinstance(item, Doubt):
            yield item
        elif item[0].date() <= scope.yesterday:
            kept.append(item)
    for point, is_bad in zip(kept, jumps([value for _, value in kept]), strict=True):
        yield from _reading(point, is_bad, indicator=indicator, subject=subject, source=source, scope=scope)


def _reading(
    point: tuple[datetime, float], is_bad: bool, *, indicator: str, subject: str, source: str, scope: Scope
) -> Iterator[Yielded]:
    """Yield one day's reading where it may be new, or the doubt about its jump."""
    day, value = point[0].date(), point[1]
    observed = close_of(day)
    if not scope.is_new(indicator, subject, observed):
        return
    if is_bad:
        yield Doubt("spike", f"{indicator} {subject} {day}", f"{value:g} is far from the days beside", value, observed)
    else:
        yield ReadingRow(indicator, subject, observed, available_at(indicator, day), value, source)
