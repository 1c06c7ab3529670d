"""Show a month of the journal: what was done on which day, and when it is known what it came to."""

from __future__ import annotations

from calendar import Calendar
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from journal.queries.calendar import CalendarDay, calendar_days
from journal.queries.timeline import title_of
from portfolio.views.access import desk_of

SHOWN = 3
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EARLIEST, LATEST = 2009, 2200


@login_required
@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """Show the month asked for of the portfolio in view, else the present one."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/calendar.html", desk.context)
    today = desk.portfolio.clock(desk.now).date()
    month = _month(request.GET.get("month", "")) or today.replace(day=1)
    weeks = Calendar().monthdatescalendar(month.year, month.month)
    found = calendar_days(portfolio=desk.portfolio, first=weeks[0][0], last=weeks[-1][-1])
    inside = [each for day, each in found.items() if (day.year, day.month) == (month.year, month.month)]
    context = {
        "month": month,
        "weekdays": WEEKDAYS,
        "weeks": [[_cell(day, found.get(day), month, today) for day in week] for week in weeks],
        "made": sum(len(each.made) for each in inside),
        "due": sum(len(each.due) for each in inside),
        "earlier": (month - timedelta(days=1)).replace(day=1),
        "later": (month + timedelta(days=31)).replace(day=1),
    }
    return render(request, "journal/calendar.html", {**desk.context, **context})


def _month(text: str) -> date | None:
    """Return the first day of a month such as 2026-01; what is none is not asked for."""
    try:
        found = date.fromisoformat(f"{text}-01") if len(text) == len("2026-01") else None
    except ValueError:
        return None
    return found if found is not None and EARLIEST <= found.year <= LATEST else None


def _cell(day: date, found: CalendarDay | None, month: date, today: date) -> dict[str, Any]:
    made, due = (found.made, found.due) if found else ([], [])
    return {
        "day": day,
        "weekday": WEEKDAYS[day.weekday()],
        "is_outside": day.month != month.month,
        "is_today": day == today,
        "made": [{"it": each, "title": title_of(each)} for each in made[:SHOWN]],
        "more_made": max(0, len(made) - SHOWN),
        "due": [{"it": each, "title": title_of(each), "days": days} for each, days in due[:SHOWN]],
        "more_due": max(0, len(due) - SHOWN),
    }
