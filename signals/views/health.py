"""Show how a market's sources are doing, with nothing hidden, and let a person have them asked now."""

from __future__ import annotations

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
from portfolio.queries.paging import newest_first
from portfolio.services.catalogue import LIVE_SLUG
from portfolio.views.access import person_of
from signals.queries.health import CLOSES, Coverage, last_refresh, market_health, quarantined
from signals.services.asking import TooSoonError, request_sources
from signals.services.live import UnknownSourceError
from signals.views import words
from signals.views.asked import asked_word
from signals.views.progress import asked_job, shown_progress
from signals.views.words import exact

PAGE_DOUBTS = 30


@login_required
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Show how the last refresh ended, each source's success, age, quota, circuit, coverage, and what is doubted."""
    now = timezone.now()
    market = _market(request)
    context: dict[str, Any] = {"market": market, "refreshed": last_refresh(), "job": asked_job(request), "now": now}
    if market is not None:
        found = market_health(market=market, now=now)
        source = asked_word(request, "source")
        doubts = quarantined(market=market, moment=found.moment, source=source)
        page = newest_first(doubts, moment="last_at", tie="id", cursor=request.GET.get("before", ""), size=PAGE_DOUBTS)
        context |= {
            "sources": found.sources,
            "coverage": [_covered(each) for each in found.coverage],
            "source": source,
            "doubts": page.rows,
            "next_cursor": page.next_cursor,
            "is_live": market.slug == LIVE_SLUG,
            "moment": found.moment,
        }
    return render(request, "signals/health.html", context)


@login_required
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Have live sources asked now; htmx gets the progress, everybody else the page that shows it."""
    market = Market.objects.filter(slug=LIVE_SLUG).first()
    if market is None:
        raise Http404
    name = request.POST.get("source", "")
    try:
        job = request_sources(market=market, user=person_of(request), now=timezone.now(), names=[name] if name else [])
    except UnknownSourceError as error:
        raise Http404 from error
    except TooSoonError as error:
        if request.headers.get("HX-Request"):
            return render(request, "signals/partials/too_soon.html", {"reason": str(error)})
        messages.error(request, str(error))
        return redirect("signals:health")
    return shown_progress(request, job, to=f"{reverse('signals:health')}?job={job.public_id}")


def _market(request: HttpRequest) -> Market | None:
    """Return the market asked for, by default the live one, else another. Raises Http404 for one that is not there."""
    asked = asked_word(request, "market")
    found = Market.objects.filter(slug=asked or LIVE_SLUG).first()
    if found is None and "market" in request.GET:
        raise Http404
    return found or priced_markets().first()


def _covered(found: Coverage) -> dict[str, Any]:
    """Return a line of coverage in words."""
    return {
        "name": "Daily closes" if found.indicator == CLOSES else words.reading_name(found.indicator),
        "series": found.series,
        "newest_at": found.newest_at,
        "sources": ", ".join(found.sources),
        "freshness": None if found.freshness is None else exact(found.freshness),
    }
