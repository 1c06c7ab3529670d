"""Show what executions cost: by venue, leg, asset and month, beside what was reckoned with, and of what was won."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from journal.charts import Step, waterfall_chart
from journal.domain.fees import FeeRow, Fees
from journal.domain.habits import Course, costs_taken, course_of
from journal.queries.fees import fees as fees_of
from journal.queries.learning import decided_of
from journal.views.learning import horizon_asked, switch
from portfolio.charts import Chart
from portfolio.domain.display import pct, usd
from portfolio.models import Venue
from portfolio.views.access import desk_of
from signals.models import RecommendationLeg

MOST_ROWS = 24
HALF_A_CENT = Decimal("0.005")
FACETS = {
    "venue": ("By venue", "Venue"),
    "leg": ("By leg", "Leg"),
    "asset": ("By asset traded", "Asset"),
    "paid_in": ("By what you paid in", "Paid in"),
    "month": ("By month", "Month"),
}


@login_required
@require_safe
def fees(request: HttpRequest) -> HttpResponse:
    """Show what the executions of the portfolio in view cost."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/fees.html", desk.context)
    days = horizon_asked(request.GET.get("days", ""))
    found = fees_of(portfolio=desk.portfolio)
    known = [each for each in decided_of(portfolio=desk.portfolio, days=days) if each.is_known]
    venues = dict(Venue.objects.values_list("slug", "name"))
    context = {
        "heading": heading(found),
        "fees": found,
        "difference": difference(found.total),
        "facets": [_facet(name, found, venues) for name in FACETS if found.facets[name]],
        "costs": costs_taken(known),
        "course": course_of(known),
        "chart": course_chart(course_of(known), days=days),
        **switch(days),
    }
    return render(request, "journal/fees.html", {**desk.context, **context})


def heading(found: Fees) -> str:
    """Answer what executions cost."""
    if not found.total.fills:
        return "You have paid no fee for a rotation yet"
    if found.total.rate is None:
        return f"Your rotations cost {usd(found.total.paid)} in fees"
    return f"Your rotations cost {usd(found.total.paid)} in fees, {pct(found.total.rate, 3)} of what they traded"


def difference(row: FeeRow) -> str:
    """Say how what was paid compares with what was reckoned with."""
    apart = row.difference
    if apart is None:
        return "Nothing says what these should have cost"
    if not apart:
        return "You paid exactly what was reckoned with"
    if abs(apart) < HALF_A_CENT:
        return "You paid what was reckoned with, to the cent"
    return f"You paid {usd(abs(apart))} {'more' if apart > 0 else 'less'} than was reckoned with"


def course_chart(found: Course, *, days: int) -> Chart:
    """Chart how what was won before costs became what was left."""
    steps: Sequence[Step] = ()
    if found.n:
        steps = (
            Step(name="Before costs", amount=found.gross),
            Step(name="Costs", amount=-found.costs),
            Step(name="Futures", amount=found.futures),
            Step(name="In all", amount=found.total, is_total=True),
        )
    said = f"Ahead of having held after {days} days, {found.n} rotations"
    caption = "Spot before costs, less fees and slippage, and the futures after their own fees and funding."
    return waterfall_chart(steps, slug="course", said=said, caption=caption)


def name_of(name: str, value: str, venues: dict[str, str]) -> str:
    """Say a value of a facet in words."""
    if name == "venue":
        return venues.get(value, value)
    if name == "leg":
        return str(RecommendationLeg.Action(value).label) if value in RecommendationLeg.Action.values else value
    if name == "month":
        return f"{date.fromisoformat(value + '-01'):%b %Y}"
    return value


def _facet(name: str, found: Fees, venues: dict[str, str]) -> dict[str, Any]:
    rows, (title, column) = found.facets[name], FACETS[name]
    shown = [{"it": row, "name": name_of(name, row.key.partition(":")[2], venues)} for row in rows[:MOST_ROWS]]
    left: list[Decimal] = [row.paid for row in rows[MOST_ROWS:]]
    return {"title": title, "column": column, "rows": shown, "more": len(left), "rest": sum(left, Decimal(0))}
