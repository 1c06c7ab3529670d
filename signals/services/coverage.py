"""Say that news is complete: a day without an event counts only if someone looked (DECISIONS 21)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction

from jobs.bulk import insert_rows
from portfolio.models import Market, closes_on
from signals.models import Event, Reading
from signals.queries.readings import EVENT_COVERAGE

FIELDS = ("market_id", "indicator", "subject", "observed_at", "ingested_at", "value", "source")


class EmptySpanError(ValueError):
    """The span ends before it begins."""


class UnknownEventTypeError(ValueError):
    """There is no such type of event."""


@transaction.atomic
def declare_events_complete(
    *, market: Market, types: Iterable[str], first_day: date, last_day: date, source: str, now: datetime
) -> int:
    """Declare the events of some types complete for every day of a span, and return how many declarations are new.

    Raises EmptySpanError and UnknownEventTypeError.
    """
    kinds = set(types)
    if last_day < first_day:
        raise EmptySpanError(f"{last_day} lies before {first_day}.")
    if strangers := kinds - set(Event.Type.values):
        raise UnknownEventTypeError(f"There is no type {', '.join(sorted(strangers))}.")
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    declared = Reading.objects.filter(market=market, indicator=EVENT_COVERAGE, subject__in=kinds)
    known = set(declared.values_list("subject", "observed_at"))
    wanted = [(kind, closes_on(day)) for kind in sorted(kinds) for day in days]
    fresh = [pair for pair in wanted if pair not in known]
    insert_rows(Reading, FIELDS, ((market.pk, EVENT_COVERAGE, *pair, now, 1.0, source) for pair in fresh))
    return len(fresh)
