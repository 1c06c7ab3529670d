"""Show what a market says: scores, regime, stage and how fresh they are; and let a person ask for a new look."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from jobs.models import Job
from jobs.services import enqueue
from portfolio.models import Market
from portfolio.queries.catalogue import priced_markets
from portfolio.views.access import Desk, desk_of, person_of
from signals.queries.market import newest_day
from signals.queries.standing import freshness
from signals.views.cards import narrative_cards, regime_card, stage_card

REFRESH_TASK = "signals.refresh_market"


@login_required
@require_safe
def market(request: HttpRequest) -> HttpResponse:
    """Show the market of the portfolio in view, or the one asked for by its slug."""
    desk = desk_of(request)
    markets = list(priced_markets())
    chosen = _chosen(request, desk, markets)
    context = {**desk.context, "market": chosen, "markets": markets, "job": _job(request)}
    if chosen is not None:
        context |= market_context(chosen, desk)
    return render(request, "signals/market.html", context)


@login_required
@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask for a new look at a market; htmx gets the progress, everybody else the page that shows it."""
    chosen = next((each for each in priced_markets() if each.slug == request.POST.get("market", "")), None)
    if chosen is None:
        raise Http404
    job = enqueue(
        task=REFRESH_TASK,
        args={"market": chosen.pk},
        user=request.user,
        unique_key=f"{REFRESH_TASK}:{chosen.pk}:{request.user.pk}",
        now=timezone.now(),
    )
    if request.headers.get("HX-Request"):
        return render(request, "jobs/progress.html", {"job": job, "is_over": job.state not in Job.ACTIVE})
    return redirect(f"{reverse('signals:market')}?market={chosen.slug}&job={job.public_id}")


def market_context(chosen: Market, desk: Desk) -> dict[str, Any]:
    """Return what the page shows of a market."""
    day = newest_day(market=chosen)
    fresh = freshness(market=chosen, closes_at=day.closes_at if day else None, now=desk.now)
    context: dict[str, Any] = {"freshness": fresh, "stale": fresh.notice, "now": desk.now, "day": day}
    if day is None:
        return context
    cards = narrative_cards(day, market=chosen)
    stage, regime = stage_card(day.stage, sectors=[card.sector for card in cards]), regime_card(day.regime)
    return {
        **context,
        "cards": cards,
        "scores": [card.score for card in cards],
        "stage": stage,
        "gate_rows": stage.gate_rows,
        "regime": day.regime,
        "regime_score": regime,
        "regime_list": [regime],
    }


def _chosen(request: HttpRequest, desk: Desk, markets: list[Market]) -> Market | None:
    """Return the market asked for, else the portfolio's, else the first."""
    asked = request.GET.get("market", "")
    if asked:
        found = next((each for each in markets if each.slug == asked), None)
        if found is None:
            raise Http404
        return found
    return desk.portfolio.market if desk.portfolio is not None else next(iter(markets), None)


def _job(request: HttpRequest) -> dict[str, Any] | None:
    """Return the person's own job that the page was asked to show."""
    try:
        public_id = uuid.UUID(request.GET.get("job", ""))
    except ValueError:
        return None
    job = Job.objects.filter(public_id=public_id, user=person_of(request)).first()
    return None if job is None else {"job": job, "is_over": job.state not in Job.ACTIVE}
