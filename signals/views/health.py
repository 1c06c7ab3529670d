"""Show how the live sources are doing, with nothing hidden."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portfolio.models import Market
from portfolio.services.catalogue import LIVE_SLUG
from signals.queries.health import newest_quarantined, source_health


@login_required
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Show each source's success, age, quota, circuit, coverage, and what was not believed."""
    now = timezone.now()
    market = Market.objects.filter(slug=LIVE_SLUG).first()
    if market is None:
        return render(request, "signals/health.html", {"market": None})
    found = {"sources": source_health(market=market, now=now), "doubts": newest_quarantined(market=market)}
    return render(request, "signals/health.html", {"market": market, **found})
