"""Show the news that moves narratives, as it was known at a moment; let an administrator enter and judge it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from portfolio.models import Market
from portfolio.queries.catalogue import priced_markets
from portfolio.queries.paging import newest_first
from portfolio.views.access import Desk, desk_of, person_of
from signals.forms.events import EventForm, VerdictForm
from signals.models import EventVerdict
from signals.queries.events import Story, as_stories, told
from signals.services.events import EventError, confirm, enter_event, refute
from signals.views import words
from signals.views.asked import asked_as_of, asked_word, chosen_market, seen_from
from signals.views.words import exact

UNPROCESSABLE = 422
PAGE_EVENTS = 20
VERDICTS = {"confirm": confirm, "refute": refute}
MAY_JUDGE = "signals.change_event"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def events(request: HttpRequest) -> HttpResponse:
    """List a market's events, newest first, with what each still adds; an administrator's POST enters one."""
    desk = desk_of(request)
    markets = list(priced_markets())
    market = chosen_market(request, desk, markets)
    context: dict[str, Any] = {**desk.context, "market": market, "markets": markets, "may_judge": may_judge(request)}
    if market is None:
        return render(request, "signals/events.html", context)
    form = EventForm(request.POST or None, market=market, now=desk.now)
    if request.method == "POST" and _is_entered(request, market, form):
        return redirect(f"{reverse('signals:events')}?market={market.slug}")
    context |= {"form": form, **_listed(request, market, desk)}
    return render(request, "signals/events.html", context, status=UNPROCESSABLE if form.is_bound else 200)


@login_required
@require_POST
def judge_event(request: HttpRequest) -> HttpResponse:
    """Confirm or refute an event; the scores of the past stay as they were."""
    person = _administrator(request)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        raise Http404
    event, verdict = form.cleaned_data["event"], form.cleaned_data["verdict"]
    try:
        VERDICTS[verdict](event=event, now=timezone.now(), author=person, note=form.cleaned_data["note"])
        messages.success(request, f"{verdict.capitalize()}ed. It counts so from now on; scores of the past stay.")
    except EventError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('signals:events')}?market={event.market.slug}#event-{event.story_id or event.pk}")


def may_judge(request: HttpRequest) -> bool:
    """Return whether a person may enter and judge events: an administrator, as everybody's scores rest on them."""
    person = person_of(request)
    return person.is_staff and person.has_perm(MAY_JUDGE)


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
        "verdicts": [_verdict(each) for each in story.verdicts],
        "reports": story.event.reports.all(),
    }


def _verdict(verdict: EventVerdict) -> dict[str, Any]:
    return {
        "it": verdict,
        "words": "confirmed" if verdict.verdict == EventVerdict.Verdict.CONFIRMED else "refuted",
        "confidence": exact(verdict.confidence),
    }


def _administrator(request: HttpRequest) -> User:
    """Return who may judge events. Raises PermissionDenied for anybody else."""
    if not may_judge(request):
        raise PermissionDenied
    return person_of(request)


def _is_entered(request: HttpRequest, market: Market, form: EventForm) -> bool:
    """Enter what a form says; a refusal stands beside the field that it is about."""
    person = _administrator(request)
    if not form.is_valid():
        return False
    try:
        enter_event(market=market, now=timezone.now(), author=person, **form.cleaned_data)
    except EventError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return False
    messages.success(request, "Entered. It counts from now on; the next close scores it.")
    return True


def _listed(request: HttpRequest, market: Market, desk: Desk) -> dict[str, Any]:
    """Return a page of events as they were known at the moment asked for."""
    asked, sector = asked_as_of(request), asked_word(request, "sector")
    moment = seen_from(market, asked=asked, now=desk.now)
    rows = told(market=market, moment=moment, sectors=[sector] if sector else [])
    page = newest_first(rows, moment="published_at", tie="id", cursor=request.GET.get("before", ""), size=PAGE_EVENTS)
    return {
        "asked": asked,
        "sector": sector,
        "rows": [event_row(story) for story in as_stories(page.rows, moment=moment)],
        "next_cursor": page.next_cursor,
    }
