"""Decide not to act: as easy as yes, and with a reason."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from journal.domain.counterfactual import Status
from journal.forms.decisions import PassForm
from journal.models import Pass
from journal.queries.paper import OWN_HORIZON, Undone
from journal.queries.passed import HORIZONS, TO_DATE, Scored, score, scored_pass
from journal.queries.sealed import sealed_days
from journal.queries.timeline import title_of
from journal.services.passes import pass_on
from journal.services.peeks import peek
from journal.views.outcome import curve_chart
from journal.views.words import on_paper
from portfolio.domain.money import Refusal
from portfolio.views.access import page_of, person_of
from signals.models import Recommendation
from signals.queries.recommendations import detail
from signals.services.outcomes import RecommendationClosedError

UNPROCESSABLE = 422
HORIZON_NAMES = {1: "1 day", 7: "7 days", 30: "30 days", 90: "90 days", TO_DATE: "To date"}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pass_recommendation(request: HttpRequest, recommendation_id: int) -> HttpResponse:
    """Ask why not now, and keep the answer."""
    found = detail(user=person_of(request), pk=recommendation_id)
    if found is None:
        raise Http404
    form = PassForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _passed(found, form):
        messages.success(request, "Kept. The journal shows how it would have gone.")
        return redirect("signals:recommendation", found.pk)
    context = page_of(found.portfolio, form=form, recommendation=found, is_open=_is_open(found))
    return render(request, "journal/pass.html", context, status=UNPROCESSABLE if form.is_bound else 200)


@login_required
@require_safe
def decided_pass(request: HttpRequest, pass_id: int) -> HttpResponse:
    """Show why it was passed on, and what following it would have brought, once that was guessed."""
    found = _own(request, pass_id)
    scored = score(passed=found, clock=found.portfolio.clock(timezone.now()))
    sealed = _sealed(found, scored)
    rows = [(HORIZON_NAMES[days], scored.measured[days]) for days in (*HORIZONS, TO_DATE)]
    about, month = found.recommendation, scored.measured[OWN_HORIZON]
    shown = OWN_HORIZON if month.status is Status.OK else TO_DATE
    context = page_of(
        found.portfolio,
        passed=found,
        about=about,
        title=title_of(about),
        sealed=sealed,
        answer=on_paper(Undone(recommendation=about, days=shown, measured=scored.measured[shown])),
        rows=[] if sealed else rows,
        chart=None if sealed else curve_chart(scored.curve, name="Followed"),
    )
    return render(request, "journal/decided_pass.html", context)


@login_required
@require_POST
def show_pass(request: HttpRequest, pass_id: int) -> HttpResponse:
    """Show an outcome before it was guessed, and remember that."""
    found = _own(request, pass_id)
    scored = score(passed=found, clock=found.portfolio.clock(timezone.now()))
    days = _sealed(found, scored)
    if days is not None:
        peek(decision=found, horizon_days=days, now=timezone.now())
    return redirect("journal:decided_pass", pass_id)


def _own(request: HttpRequest, pass_id: int) -> Pass:
    found = scored_pass(user=person_of(request), pk=pass_id)
    if found is None:
        raise Http404
    return found


def _sealed(found: Pass, scored: Scored) -> int | None:
    return sealed_days(found, scored.known())


def _is_open(found: Recommendation) -> bool:
    return found.is_open(found.portfolio.clock(timezone.now()))


def _passed(found: Recommendation, form: PassForm) -> bool:
    try:
        pass_on(recommendation=found, reason=form.cleaned_data["reason"], now=timezone.now())
    except (Refusal, RecommendationClosedError) as refusal:
        form.add_error(None, str(refusal))
        return False
    return True
