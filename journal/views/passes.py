"""Decide not to act: as easy as yes, and with a reason."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from journal.forms.decisions import PassForm
from journal.services.passes import pass_on
from portfolio.domain.money import Refusal
from portfolio.views.access import page_of, person_of
from signals.models import Recommendation
from signals.queries.recommendations import detail
from signals.services.outcomes import RecommendationClosedError

UNPROCESSABLE = 422


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


def _is_open(found: Recommendation) -> bool:
    return found.is_open(found.portfolio.clock(timezone.now()))


def _passed(found: Recommendation, form: PassForm) -> bool:
    try:
        pass_on(recommendation=found, reason=form.cleaned_data["reason"], now=timezone.now())
    except (Refusal, RecommendationClosedError) as refusal:
        form.add_error(None, str(refusal))
        return False
    return True
