"""Show what a market says: scores, regime, stage and how fresh they are; and let a person ask for a new look."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portfolio.models import Market
from portfolio.queries.catalogue import priced_markets
from portfolio.views.access import Desk, desk_of, person_of
from signals.queries.events import recent_stories
from signals.queries.health import contradictions
from signals.queries.market import MarketPast, market_past
from signals.queries.standing import freshness
from signals.queries.turning import regime_switches
from signals.services.asking import TooSoonError, request_look
from signals.views.asked import asked_as_of, chosen_market, seen_from
from signals.views.cards import narrative_cards, regime_card, stage_card
from signals.views.outlook import gaps, priced_in_lines, switch_lines
from signals.views.pictures import market_pictures
from signals.views.progress import asked_job, shown_progress

NEWS_REACH = timedelta(days=40)
"""As far back as news may lie that a priced-in share is measured against, and its reports (DOMAIN 2.9)."""


@login_required
@require_safe
def market(request: HttpRequest) -> HttpResponse:
    """Show the market of the portfolio in view, or the one asked for by its slug."""
    desk = desk_of(request)
    markets = list(priced_markets())
    chosen = chosen_market(request, desk, markets)
    context = {**desk.context, "market": chosen, "markets": markets, "job": asked_job(request)}
    if chosen is not None:
        context |= market_context(chosen, desk, asked=asked_as_of(request))
    return render(request, "signals/market.html", context)


@login_required
@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask for a new look at a market; htmx gets the progress, everybody else the page that shows it."""
    chosen = next((each for each in priced_markets() if each.slug == request.POST.get("market", "")), None)
    if chosen is None:
        raise Http404
    where = f"{reverse('signals:market')}?market={chosen.slug}"
    try:
        job = request_look(market=chosen, user=person_of(request), now=timezone.now())
    except TooSoonError as error:
        if request.headers.get("HX-Request"):
            return render(request, "signals/partials/too_soon.html", {"reason": str(error)})
        messages.error(request, str(error))
        return redirect(where)
    return shown_progress(request, job, to=f"{where}&job={job.public_id}")


def market_context(chosen: Market, desk: Desk, *, asked: datetime | None) -> dict[str, Any]:
    """Return what the page shows of a market, now or as it was known at a moment."""
    moment = seen_from(chosen, asked=asked, now=desk.now)
    past = market_past(market=chosen, moment=moment)
    day = None if past is None else past.day
    fresh = freshness(market=chosen, closes_at=day.closes_at if day else None, now=desk.now)
    context = {"freshness": fresh, "stale": None if asked else fresh.notice, "day": day, "asked": asked}
    return context if past is None else {**context, **_day_context(past, chosen, moment)}


def _day_context(past: MarketPast, chosen: Market, moment: datetime) -> dict[str, Any]:
    """Return a computed day in words, bars and pictures."""
    cards, regime = narrative_cards(past), regime_card(past.day.regime)
    stage = stage_card(past.day.stage, sectors=[card.sector for card in cards])
    news = recent_stories(market=chosen, moment=moment, since=moment - NEWS_REACH)
    return {
        "cards": cards,
        "scores": [card.score for card in cards],
        "stage": stage,
        "gate_rows": stage.gate_rows,
        "regime": past.day.regime,
        "regime_score": regime,
        "regime_list": [regime],
        "switches": switch_lines(regime_switches(past.day.regime)),
        "priced_in": priced_in_lines(past.day.scores.values(), news=news, moment=moment),
        "gaps": gaps(cards, regime),
        "doubts": contradictions(market=chosen, moment=moment),
        **market_pictures(past, news=news, moment=moment),
    }
