"""Show how the live sources are doing, with nothing hidden."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portfolio.models import Market
from portfolio.services.catalogue import LIVE_SLUG
from signals.queries.health import last_refresh, newest_quarantined, source_health


@login_required
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Show how the last refresh ended, each source's success, age, quota, circuit, coverage, and what is doubted."""
    now = timezone.now()
    market = Market.objects.filter(slug=LIVE_SLUG).first()
    context: dict[str, Any] = {"market": market, "refreshed": last_refresh()}
    if market is not None:
        context |= {"sources": source_health(market=market, now=now), "doubts": newest_quarantined(market=market)}
    return render(request, "signals/health.html", context)
