"""Show what a portfolio earned, beside never rotating, its policy and the core alone, and what made the difference."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portfolio.charts.performance import Line, drawdown_chart, index_chart
from portfolio.models import Portfolio
from portfolio.queries.attribution import attribution
from portfolio.queries.performance import Performance, performance_of
from portfolio.views.access import page_of, portfolio_of
from portfolio.views.earnings import SPANS, attribution_context, figures_context, heading, labels, span_of

CHARTS = {"index_chart": "index_spec", "drawdown_chart": "drawdown_spec"}


@login_required
@require_safe
def performance(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Show returns, risk and attribution over the span asked for."""
    page = page_of(portfolio_of(request, portfolio_id))
    span = span_of(request)
    context = page | {"spans": SPANS, "span": span}
    found = performance_of(portfolio=page["portfolio"], now=page["now"], days=span.days)
    if found is not None:
        context |= _context(found, page["portfolio"], span.slug)
    return render(request, "portfolio/performance.html", context)


@login_required
@require_safe
def index_spec(request: HttpRequest, portfolio_id: int) -> JsonResponse:
    """Answer the chart of returns to those who explore it."""
    return _spec(request, portfolio_id, "index_chart")


@login_required
@require_safe
def drawdown_spec(request: HttpRequest, portfolio_id: int) -> JsonResponse:
    """Answer the chart of falls to those who explore it."""
    return _spec(request, portfolio_id, "drawdown_chart")


def _spec(request: HttpRequest, portfolio_id: int, name: str) -> JsonResponse:
    page, span = page_of(portfolio_of(request, portfolio_id)), span_of(request)
    found = performance_of(portfolio=page["portfolio"], now=page["now"], days=span.days)
    return JsonResponse({} if found is None else _charts(found, page["portfolio"], span.slug)[name].spec)


def _context(found: Performance, portfolio: Portfolio, slug: str) -> dict[str, Any]:
    return {
        "heading": heading(found),
        "dates": found.span.dates,
        "is_recomputing": portfolio.valued_version < portfolio.ledger_version,
        **figures_context(found),
        **attribution_context(attribution(found)),
        **_charts(found, portfolio, slug),
    }


def _charts(found: Performance, portfolio: Portfolio, slug: str) -> dict[str, Any]:
    """Return both charts, with the lines of what could be measured; they start at nothing, on the eve."""
    tracks = [track for track in found.tracks if track.total.value is not None]
    dates = found.span.eve_and_dates
    where = {name: f"{reverse(f'portfolio:{view}', args=[portfolio.pk])}?span={slug}" for name, view in CHARTS.items()}
    names = labels()
    returns = [Line(name=t.name, label=names[t.name], values=[0.0, *(t.series.index - 1.0)]) for t in tracks]
    falls = [
        Line(name=t.name, label=names[t.name], values=[0.0, *t.falls]) for t in tracks if t.name in {"you", "hold"}
    ]
    is_mine = bool(tracks) and tracks[0] is found.you
    return {
        "index_chart": index_chart(dates=dates, lines=returns, spec_url=where["index_chart"]),
        "drawdown_chart": drawdown_chart(dates=dates, lines=falls if is_mine else [], spec_url=where["drawdown_chart"]),
    }
