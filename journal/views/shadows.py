"""Set the person beside two shadows: one that follows every recommendation, and one that never rotates."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portfolio.charts import Chart
from portfolio.charts.performance import Line, index_chart
from portfolio.domain.display import usd
from portfolio.views.access import desk_of
from signals.queries.shadows import Curve, ShadowCurves, shadow_curves

NAMES = {"you": "You", "follow": "Followed all", "stay": "Never rotated"}
STYLE_OF = {"you": "you", "follow": "anchor", "stay": "hold"}


@login_required
@require_safe
def shadows(request: HttpRequest) -> HttpResponse:
    """Show the portfolio in view beside its shadows."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/shadows.html", desk.context)
    found = shadow_curves(portfolio=desk.portfolio)
    return render(request, "journal/shadows.html", {**desk.context, **_context(found)})


def heading(found: ShadowCurves | None) -> str:
    """Answer whether the person did better than either."""
    if found is None:
        return "Your shadows have no day yet"
    ahead, stayed = found.ahead_of_following, found.ahead_of_staying
    if ahead is None or stayed is None:
        return "A price is missing, so you and your shadows cannot be compared today"
    return f"You are {_side(ahead)} following everything, and {_side(stayed)} never rotating"


def _context(found: ShadowCurves | None) -> dict[str, Any]:
    curves = () if found is None else (found.you, found.follow, found.stay)
    return {
        "heading": heading(found),
        "found": found,
        "rows": [_row(curve) for curve in curves],
        "chart": None if found is None else course_chart(curves),
    }


def course_chart(curves: Sequence[Curve]) -> Chart:
    """Chart the time-weighted returns of all three."""
    lines = [
        Line(name=STYLE_OF[curve.name], label=NAMES[curve.name], values=[*(curve.track.series.index - 1.0)])
        for curve in curves
        if curve.track.total.value is not None
    ]
    return index_chart(dates=[point.date for point in curves[0].points], lines=lines)


def _row(curve: Curve) -> dict[str, Any]:
    newest = curve.newest
    return {
        "name": NAMES[curve.name],
        "equity": None if newest is None else newest.equity,
        "total": _exact(curve.track.total.value),
        "fall": _exact(curve.track.drawdown.value),
        "costs": None if curve.name == "you" else curve.costs,
    }


def _side(amount: Decimal) -> str:
    if not amount:
        return "level with"
    return f"{usd(abs(amount))} {'ahead of' if amount > 0 else 'behind'}"


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(round(value, 8)))
