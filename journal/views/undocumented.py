"""Offer executions without a reason, and give them one: a rotation that stands, or a new one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from journal.forms.plans import AdoptForm, ChooseForm
from journal.models import Rotation
from journal.queries.timeline import title_of
from journal.queries.undocumented import deeds_of, nearby, undocumented_fills
from journal.queries.undocumented import undocumented as undocumented_of
from journal.services.adoption import adopt_fills, attach_fills
from journal.views.rotation import shown_rotation
from portfolio.domain.money import Refusal
from portfolio.models import Portfolio
from portfolio.views.access import Desk, desk_of

UNPROCESSABLE = 422
METHODS = ["GET", "HEAD", "POST"]


@login_required
@require_safe
def undocumented(request: HttpRequest) -> HttpResponse:
    """List executions that belong to no rotation, those close together as one decision."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "portfolio/welcome.html", desk.context)
    found = undocumented_of(portfolio=desk.portfolio, cursor=request.GET.get("before", ""))
    first = found.bundles[0].began_at if found.bundles else desk.now
    near = [(row, title_of(row)) for row in nearby(portfolio=desk.portfolio, moment=first)]
    context = {**desk.context, "bundles": found.bundles, "next_cursor": found.next_cursor, "near": near}
    return render(request, "journal/undocumented.html", context)


@login_required
@require_POST
def attach(request: HttpRequest) -> HttpResponse:
    """Attach executions to a rotation that stands."""
    form = ChooseForm(request.POST)
    if not form.is_valid() or form.cleaned_data["rotation"] is None:
        messages.warning(request, "Choose the executions, and the rotation they belong to.")
        return redirect("journal:undocumented")
    rotation: Rotation = shown_rotation(request, form.cleaned_data["rotation"])
    try:
        attach_fills(rotation=rotation, fills=form.cleaned_data["fills"], now=desk_of(request).now)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return redirect("journal:undocumented")
    messages.success(request, "Attached. It is measured anew with the next run.")
    return redirect("journal:rotation", rotation.pk)


@login_required
@require_http_methods(METHODS)
def adopt(request: HttpRequest) -> HttpResponse:
    """Ask why executions were made, and make a rotation of them."""
    desk = desk_of(request)
    if desk.portfolio is None:
        raise Http404
    chosen = ChooseForm(request.POST if request.method == "POST" else request.GET)
    fills = chosen.cleaned_data["fills"] if chosen.is_valid() else []
    form = AdoptForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and fills and form.is_valid():
        done = _adopted(request, desk, desk.portfolio, form, fills)
        if done is not None:
            return done
    if not fills:
        messages.warning(request, "Choose at least one execution.")
        return redirect("journal:undocumented")
    rows = list(undocumented_fills(portfolio=desk.portfolio).filter(pk__in=fills).order_by("executed_at", "sequence"))
    context = {**desk.context, "deeds": deeds_of(rows), "form": form}
    return render(request, "journal/adopt.html", context, status=UNPROCESSABLE if form.is_bound else 200)


def _adopted(
    request: HttpRequest, desk: Desk, portfolio: Portfolio, form: AdoptForm, fills: list[int]
) -> HttpResponse | None:
    try:
        draft = form.draft(desk.now)
        rotation = adopt_fills(portfolio=portfolio, fills=fills, draft=draft, now=desk.now)
    except Refusal as refusal:
        field = getattr(refusal, "field", None)
        form.add_error(field if field in form.fields else None, str(refusal))
        return None
    messages.success(request, "Documented. The first comparison follows the next close.")
    return redirect("journal:rotation", rotation.pk)
