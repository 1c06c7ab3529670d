"""Show plans, record what was executed of them, and end them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from journal.forms.plans import ChooseForm, FillForm
from journal.forms.writings import EndForm, PictureForm
from journal.models import Plan
from journal.queries.plans import Progress, overall_share, own_plan, progress_of
from journal.queries.plans import plans as plans_of
from journal.queries.shelf import shelf_of
from journal.queries.undocumented import Deed, deeds_of, undocumented_fills
from journal.services.adoption import attach_to_plan as attach
from journal.services.pictures import add_picture
from journal.services.plans import abandon, close_short, fill_legs
from journal.views.words import chance
from portfolio.domain.money import Refusal
from portfolio.views.access import desk_of, page_of, person_of, remember

UNPROCESSABLE = 422
TEMPLATE = "journal/plan.html"
MOST_OFFERED = 30


@login_required
@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """List drafts and plans that wait, or those of one state."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "portfolio/welcome.html", desk.context)
    asked = request.GET.get("state", "")
    state = asked if asked in Plan.State.values else ""
    page = plans_of(portfolio=desk.portfolio, state=state, cursor=request.GET.get("before", ""))
    context = {**desk.context, "page": page, "state": state, "states": Plan.State.choices}
    return render(request, "journal/plans.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Show how far a plan is, and record what was executed of it."""
    found = _own(request, plan_id)
    if found.state == Plan.State.DRAFT:
        return redirect(f"{reverse('journal:new_rotation')}?plan={found.pk}")
    legs, shelf = progress_of(found), shelf_of(portfolio=found.portfolio, moment=_clock(found))
    form = FillForm(request.POST or None, legs=legs, shelf=shelf, now=timezone.now())
    if request.method == "POST" and form.is_valid():
        try:
            data = form.cleaned_data
            terms = {"client_key": data["client_key"], "executed_at": data["executed_at"], "now": timezone.now()}
            done = fill_legs(plan=found, filled=form.filled, **terms)
        except Refusal as refusal:
            form.name_refusal(refusal)
        else:
            messages.success(request, _said(done))
            return redirect("journal:plan", found.pk)
    status = UNPROCESSABLE if form.is_bound else 200
    return render(request, TEMPLATE, _context(request, found, legs, form), status=status)


@login_required
@require_POST
def attach_to_plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Count executions that have no reason yet as parts of a plan."""
    found, form = _own(request, plan_id), ChooseForm(request.POST)
    if not form.is_valid():
        messages.warning(request, "Choose at least one execution.")
        return redirect("journal:plan", plan_id)
    try:
        done = attach(plan=found, fills=form.cleaned_data["fills"], now=timezone.now())
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _said(done))
    return redirect("journal:plan", plan_id)


@login_required
@require_POST
def end_plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Give a plan up, or close it with what is filled."""
    found, form = _own(request, plan_id), EndForm(request.POST)
    end = close_short if found.state == Plan.State.EXECUTING else abandon
    if form.is_valid():
        try:
            ended = end(plan=found, reason=form.cleaned_data["reason"], now=timezone.now())
        except Refusal as refusal:
            form.add_error("reason", str(refusal))
        else:
            messages.success(request, f"{ended.get_state_display()}. It stays among your plans.")
            return redirect("journal:plans")
    legs = progress_of(found)
    return render(request, TEMPLATE, _context(request, found, legs, None, end_form=form), status=UNPROCESSABLE)


@login_required
@require_POST
def add_plan_pictures(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Add images beside a plan."""
    found, form = _own(request, plan_id), PictureForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            for picture in form.cleaned_data["pictures"]:
                add_picture(to=found, picture=picture, now=timezone.now())
        except Refusal as refusal:
            form.add_error("pictures", str(refusal))
        else:
            return redirect("journal:plan", plan_id)
    legs = progress_of(found)
    return render(request, TEMPLATE, _context(request, found, legs, None, picture_form=form), status=UNPROCESSABLE)


def _own(request: HttpRequest, plan_id: int) -> Plan:
    found = own_plan(user=person_of(request), pk=plan_id)
    if found is None:
        raise Http404
    remember(request, found.portfolio)
    return found


def _clock(found: Plan) -> Any:
    return found.portfolio.clock(timezone.now())


def _said(done: Plan) -> str:
    if done.state == Plan.State.CLOSED:
        return "Recorded. Every leg is filled, and the plan is closed."
    return "Recorded. The rest waits for you here."


def _context(
    request: HttpRequest, found: Plan, legs: list[Progress], form: FillForm | None, **forms: Any
) -> dict[str, Any]:
    is_waiting = found.state in (Plan.State.PLANNED, Plan.State.EXECUTING)
    shelf = shelf_of(portfolio=found.portfolio, moment=_clock(found)) if form is None else form.shelf
    return page_of(
        found.portfolio,
        plan=found,
        legs=legs,
        share=overall_share(legs) if legs else None,
        form=form or FillForm(legs=legs, shelf=shelf, now=timezone.now()),
        is_waiting=is_waiting,
        pictures=list(found.pictures.defer("data")),
        offered=_offered(found, legs) if is_waiting else [],
        conviction=chance(found.conviction),
        **{"end_form": EndForm(), "picture_form": PictureForm(), **forms},
    )


def _offered(found: Plan, legs: list[Progress]) -> list[Deed]:
    """Return executions without a reason that do what a leg of the plan still wants. Two queries."""
    wanted = {(each.leg.action, each.leg.instrument_id) for each in legs if each.left}
    rows = undocumented_fills(portfolio=found.portfolio).filter(instrument__in=[pk for _, pk in wanted])
    deeds = deeds_of(list(rows.order_by("-executed_at", "-sequence")[:MOST_OFFERED]))
    return [deed for deed in deeds if (deed.action, deed.fill.instrument_id) in wanted]
