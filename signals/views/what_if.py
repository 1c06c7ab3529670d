"""Show what the engine would answer on changed inputs, beside what it answers as things are; nothing is stored."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from portfolio.models import Stage
from portfolio.views.access import page_of, portfolio_of
from signals.forms.what_if import Question, asked
from signals.queries.situation import UnknownMomentError
from signals.queries.standing import stale_notice
from signals.queries.what_if import NothingToAskError, ground_of
from signals.services.what_if import Row, VenueLine, WhatIf, as_rows, turnover, venue_lines
from signals.views import words
from signals.views.recommendations import ladder_of, numbers

UNPROCESSABLE = 422
TEMPLATE = "signals/what_if.html"


@login_required
@require_safe
def what_if(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Answer what the address asks; htmx gets the answer alone."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    context = page_of(portfolio, stale=stale_notice(market=portfolio.market, now=now))
    try:
        ground = ground_of(portfolio=portfolio, now=now)
    except (UnknownMomentError, NothingToAskError) as error:
        return render(request, TEMPLATE, {**context, "nothing": str(error)})
    question = asked(ground=ground, data=request.GET)
    part = "#result" if request.headers.get("HX-Request") else ""
    status = UNPROCESSABLE if question.answer is None else 200
    response = render(request, f"{TEMPLATE}{part}", {**context, **_shown(question)}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _shown(question: Question) -> dict[str, Any]:
    """Return what the page shows: the answer beside the one as things are, and what it costs at every venue."""
    answer, as_it_is = question.answer, question.as_it_is
    context = {"form": question.form, "as_of": as_it_is.desk.issued_at, "slot": as_it_is.values["slot"]}
    if answer is None:
        return context
    row, usual = as_rows([answer, as_it_is])
    return {
        **context,
        **_answer(answer, row),
        "is_changed": answer is not as_it_is,
        "usual": {"row": usual.recommendation, **numbers(usual.recommendation)},
        "leverage": _leverage(row),
        "usual_leverage": _leverage(usual),
        "venue": answer.venue,
        **_venues(answer, row),
    }


def _answer(answer: WhatIf, row: Row) -> dict[str, Any]:
    """Return one answer as the recommendation's page shows it."""
    found = row.recommendation
    return {
        "recommendation": found,
        "explanation": found.explanation,
        "advice": words.ADVICE.get(found.refusal, ""),
        "stage_name": str(Stage(found.stage).label),
        "legs": [{"leg": leg, "ladder": ladder_of(leg)} for leg in row.legs],
        **numbers(found),
    }


def _leverage(row: Row) -> Any:
    """Return the leverage of the futures leg that opens, None where none does."""
    return next((leg.leverage for leg in row.legs if leg.margin_usd), None)


def _venues(answer: WhatIf, row: Row) -> dict[str, Any]:
    """Return the costs side by side, and which venue is cheapest in a sentence's words."""
    lines: list[VenueLine] = venue_lines(answer, legs=row.legs)
    return {
        "lines": lines,
        "cheapest": [line.venue.name for line in lines if line.cost.is_cheapest],
        "turnover": turnover(answer),
        "discounts": answer.changes.discounts,
        "has_discount": any(answer.changes.discounts),
        "slippage": sum(leg.slippage_usd for leg in row.legs),
    }
