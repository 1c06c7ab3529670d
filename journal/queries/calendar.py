"""Lay rotations out by day: when they were made, and when what they came to is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from journal.domain.counterfactual import first_close
from journal.models import Rotation
from journal.queries.learning import HORIZONS
from portfolio.models import Portfolio

DAY = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class CalendarDay:
    """What was done on a day, and whose days are over then, with how many; reversed rotations fall due no more."""

    made: list[Rotation] = field(default_factory=list)
    due: list[tuple[Rotation, int]] = field(default_factory=list)


def calendar_days(*, portfolio: Portfolio, first: date, last: date) -> Mapping[date, CalendarDay]:
    """Return the days of a span on which something was made or falls due, both ends included. One query."""
    start, end = datetime.combine(first, time(), tzinfo=UTC), datetime.combine(last, time(), tzinfo=UTC) + DAY
    rows = Rotation.objects.filter(portfolio=portfolio, executed_at__lt=end)
    rows = rows.filter(executed_at__gte=start - (max(HORIZONS) + 1) * DAY).order_by("executed_at", "id")
    found: dict[date, CalendarDay] = defaultdict(CalendarDay)
    for rotation in rows.select_related("source_sector", "destination_sector").defer("evidence", "thesis"):
        if rotation.executed_at >= start:
            found[rotation.executed_at.astimezone(UTC).date()].made.append(rotation)
        if rotation.state == Rotation.State.LOGGED:
            for days in HORIZONS:
                known = (first_close(rotation.executed_at.astimezone(UTC)) + days * DAY).date()
                if first <= known <= last:
                    found[known].due.append((rotation, days))
    return dict(found)
