"""Show what the engine answered: a list, and one answer with everything that speaks for and against it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portfolio.domain.money import in_context
from portfolio.models import Portfolio, Stage
from portfolio.queries.paging import newest_first
from portfolio.views.access import desk_of, page_of, person_of, remember
from signals.domain.steps import SET_STOP, steps_of
from signals.models import Recommendation, RecommendationLeg
from signals.queries.inputs import trace_of
from signals.queries.recommendations import current, detail, history
from signals.queries.standing import stale_notice
from signals.views import words
from signals.views.words import exact

State = Recommendation.State
FILTERS = (
    ("", "All"),
    ("open", "To decide"),
    ("followed", "Acted on"),
    ("passed", "Passed"),
    ("refused", "No recommendation"),
    ("over", "Over"),
)
STATES: dict[str, tuple[str, ...]] = {
    "open": Recommendation.OPEN,
    "followed": (State.FOLLOWED, State.DEVIATED, State.CONTRADICTED),
    "passed": (State.PASSED,),
    "refused": (State.REFUSED,),
    "over": (State.EXPIRED, State.IGNORED, State.SUPERSEDED, State.INVALIDATED),
}


@login_required
@require_safe
def recommendations(request: HttpRequest) -> HttpResponse:
    """List the answers of the portfolio in view, newest first."""
    desk = desk_of(request)
    chosen = request.GET.get("state", "")
    context = {**desk.context, "filters": FILTERS, "chosen": chosen if chosen in STATES else ""}
    if desk.portfolio is not None:
        context |= _listed(desk.portfolio, chosen, cursor=request.GET.get("before", ""), now=desk.now)
    return render(request, "signals/recommendations.html", context)


@login_required
@require_safe
def recommendation(request: HttpRequest, recommendation_id: int) -> HttpResponse:
    """Show one answer: what, why, what against, legs, costs, risk, confidence, and what ends it."""
    found = _own(request, recommendation_id)
    remember(request, found.portfolio)
    return render(request, "signals/recommendation.html", recommendation_context(found))


@login_required
@require_safe
def evidence(request: HttpRequest, recommendation_id: int) -> JsonResponse:
    """Answer everything the engine read for one answer, as it was frozen then."""
    frozen = _own(request, recommendation_id).evidence
    return JsonResponse(
        {
            "as_of": frozen.as_of,
            "computed_at": frozen.computed_at,
            "sha256": frozen.sha256,
            "params_version": frozen.params_version,
            "payload": frozen.payload,
        },
        json_dumps_params={"indent": 2},
    )


def recommendation_context(found: Recommendation) -> dict[str, Any]:
    """Return what the page shows."""
    now = timezone.now()
    market = found.portfolio.market
    clock = market.clock(now)
    return page_of(
        found.portfolio,
        recommendation=found,
        state=words.STATES[found.state],
        explanation=found.explanation,
        advice=words.ADVICE.get(found.refusal, ""),
        stage_name=str(Stage(found.stage).label),
        clock=clock,
        is_open=found.is_open(clock),
        legs=[{"leg": leg, "ladder": ladder_of(leg)} for leg in found.legs.all()],
        stops=stops_of(found.legs.all()),
        **_traced(found),
        stale=stale_notice(market=market, now=now),
        **numbers(found),
    )


def stops_of(legs: Iterable[RecommendationLeg]) -> list[dict[str, Any]]:
    """Return the stops to set once their openings have filled, the last steps of an answer."""
    by_position = {leg.position: leg for leg in legs}
    last = [step for step in steps_of(by_position.values()) if step.action == SET_STOP]
    return [{"step": step, "leg": by_position[step.leg]} for step in last]


def _traced(found: Recommendation) -> dict[str, Any]:
    """Return where every number comes from, and each sentence with the number that it speaks of."""
    trace = trace_of(found)
    words_of = {side: found.explanation.get(side, ()) for side in ("for", "against")}
    return {
        "trace": trace.numbers,
        **{f"says_{side}": [(text, trace.sentences.get(text, "")) for text in said] for side, said in words_of.items()},
    }


def numbers(found: Recommendation) -> dict[str, Any]:
    """Return an answer's analytic numbers as decimals, to be shown."""
    behind = found.explanation.get("numbers", {})
    return {
        "alpha": exact(found.alpha),
        "needed": exact(float(behind.get("needed_alpha", found.hurdle))),
        "z_now": exact(found.z_now),
        "z_needed": exact(found.z_needed),
        "is_reachable": behind.get("is_reachable", True),
        "confidence": exact(found.confidence),
        "coverage": exact(found.coverage),
        "resolved": behind.get("resolved", 0),
        "margin": Decimal(behind.get("margin_usd", 0)),
        "risk_share": _share(found.risk_usd, Decimal(str(behind.get("equity_usd", 0)))),
    }


def _own(request: HttpRequest, recommendation_id: int) -> Recommendation:
    """Return the person's own recommendation; another's is a 404."""
    found = detail(user=person_of(request), pk=recommendation_id)
    if found is None:
        raise Http404
    return found


def _listed(portfolio: Portfolio, chosen: str, *, cursor: str, now: datetime) -> dict[str, Any]:
    """Return a page of answers, and the one that counts now."""
    rows = history(portfolio=portfolio).defer("evidence__payload")
    if chosen in STATES:
        rows = rows.filter(state__in=STATES[chosen])
    page = newest_first(rows, moment="issued_at", tie="id", cursor=cursor)
    clock = portfolio.clock(now)
    return {
        "clock": clock,
        "stale": stale_notice(market=portfolio.market, now=now),
        "current": current(portfolio=portfolio, now=now),
        "next_cursor": page.next_cursor,
        "rows": [{"it": row, "state": words.STATES[row.state], "is_open": row.is_open(clock)} for row in page.rows],
    }


def ladder_of(leg: RecommendationLeg) -> list[dict[str, Any]]:
    """Return liquidation, stop and entry of a futures leg; a spot leg needs no ladder."""
    if leg.liquidation_price is None:
        return []
    rungs = (("liquidation", leg.liquidation_price, "loss"), ("stop", leg.stop_price, "warn"))
    entry = {"label": "entry", "price": leg.reference_price, "tone": "ink"}
    return [*({"label": label, "price": price, "tone": tone} for label, price, tone in rungs), entry]


@in_context
def _share(amount: Decimal, whole: Decimal) -> Decimal | None:
    return amount / whole if whole > 0 else None
