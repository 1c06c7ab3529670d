"""Answer the one question of the morning, whether there is something to decide."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from journal.queries.timeline import marks_of, title_of
from journal.queries.today import Agenda, agenda_of, fees_of_month, valued_year
from portfolio.charts import Chart
from portfolio.models import Portfolio
from portfolio.provided import StageNow
from portfolio.queries.holdings import Snapshot, snapshot
from portfolio.views.access import Desk, desk_of
from portfolio.views.standing import SLEEVE_HUES, SLEEVE_NAMES, StandingRow, equity_picture, sector_rows, sleeve_rows
from signals.queries.recommendations import current
from signals.views.recommendations import numbers

WELCOME = "welcome.html"


@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """Show what to decide, where I stand, what is due and how it is going; a stranger gets the welcome page."""
    if not request.user.is_authenticated:
        return render(request, WELCOME)
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/today.html", desk.context)
    return render(request, "journal/today.html", today_context(desk, desk.portfolio))


def today_context(desk: Desk, portfolio: Portfolio) -> dict[str, Any]:
    """Return what the page shows."""
    clock = portfolio.clock(desk.now)
    found = snapshot(portfolio=portfolio, now=desk.now)
    agenda = agenda_of(portfolio=portfolio, moment=clock)
    return {
        **desk.context,
        **_decision(portfolio, desk),
        **_due(agenda),
        "clock": clock,
        "as_of": found.as_of,
        "equity": found.sleeves.equity,
        "expiring": [line for line in found.positions if line.expiry_alert is not None],
        "stage": found.standing.stage,
        "stale": found.standing.stale,
        "fees": fees_of_month(portfolio=portfolio, moment=clock),
        "chart": _chart(portfolio, desk, agenda),
        **_standing(found, found.standing.stage),
    }


def _decision(portfolio: Portfolio, desk: Desk) -> dict[str, Any]:
    """Return the open recommendation or the newest refusal, with its numbers."""
    found = current(portfolio=portfolio, now=desk.now)
    if found is None:
        return {"recommendation": None}
    explanation: dict[str, Any] = found.explanation
    return {
        "recommendation": found,
        "explanation": explanation,
        "reasons": [("+", sentence) for sentence in explanation.get("for", ())[:3]],
        "doubts": [("−", sentence) for sentence in explanation.get("against", ())[:2]],
        **numbers(found),
    }


def _due(agenda: Agenda) -> dict[str, Any]:
    return {
        "results": [{"it": each, "title": title_of(each.rotation)} for each in agenda.results],
        "coming": [{"it": each, "title": title_of(each.rotation)} for each in agenda.coming],
    }


def _standing(found: Snapshot, stage: StageNow | None) -> dict[str, Any]:
    """Return one list of bars: core, reserve and narratives, all as shares of what is held."""
    pool = found.sleeve_drifts.get("pool")
    narratives = sector_rows(found, sectors=found.sectors, stage=stage)
    sleeves = [(name, found.sleeve_drifts[name]) for name in ("core", "reserve") if name in found.sleeve_drifts]
    bars = [
        {"label": SLEEVE_NAMES[name], "hue": SLEEVE_HUES[name], "actual": drift.actual, "target": drift.target}
        for name, drift in sleeves
    ]
    if pool is not None:
        bars += [_bar(row, pool.actual, pool.target) for row in narratives]
    outside = [row for row in (*sleeve_rows(found), *narratives) if row.is_outside]
    return {"bars": bars, "outside": outside, "narratives": [row.label for row in narratives]}


def _bar(row: StandingRow, actual: Decimal, target: Decimal) -> dict[str, Any]:
    return {"label": row.label, "hue": row.hue, "actual": row.actual * actual, "target": row.target * target}


def _chart(portfolio: Portfolio, desk: Desk, agenda: Agenda) -> Chart | None:
    """Chart a year of equity beside never having rotated."""
    days = valued_year(portfolio=portfolio, moment=portfolio.clock(desk.now))
    if not days:
        return None
    first = days[0].date - timedelta(days=1)
    marks = [mark for mark in marks_of(agenda.year) if mark.date > first]
    return equity_picture(days, rotations=marks, spec_url=reverse("portfolio:equity_spec", args=[portfolio.pk]))
