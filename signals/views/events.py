"""Show the news that moves narratives, as it was known at a moment."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portfolio.queries.catalogue import priced_markets
from portfolio.queries.paging import newest_first
from portfolio.views.access import desk_of
from signals.queries.events import Story, as_stories, told
from signals.views import words
from signals.views.asked import asked_as_of, chosen_market, seen_from
from signals.views.words import exact


@login_required
@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """List a market's events, newest first, with what each still adds."""
    desk = desk_of(request)
    markets = list(priced_markets())
    market = chosen_market(request, desk, markets)
    context: dict[str, Any] = {**desk.context, "market": market, "markets": markets}
    if market is not None:
        asked = asked_as_of(request)
        moment = seen_from(market, asked=asked, now=desk.now)
        sector = request.GET.get("sector", "")
        rows = told(market=market, moment=moment, sectors=[sector] if sector else [])
        page = newest_first(rows, moment="published_at", tie="id", cursor=request.GET.get("before", ""))
        context |= {
            "asked": asked,
            "rows": [event_row(story) for story in as_stories(page.rows, moment=moment)],
            "next_cursor": page.next_cursor,
        }
    return render(request, "signals/events.html", context)


def event_row(story: Story) -> dict[str, Any]:
    """Return an event as a list shows it."""
    return {
        "it": story.event,
        "story": story,
        "kind": words.EVENT_TYPES[story.event.type],
        "state": words.EVENT_STATES[story.status],
        "confidence": exact(story.confidence),
        "size": exact(story.size),
        "weight": exact(story.points),
        "left": exact(story.share_left),
    }
