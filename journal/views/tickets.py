"""Write a rotation's ticket: begin it, see what it would do while it is written, keep it, plan it, or log it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from journal.forms.ticket import FIRST_LEGS, LEG_FIELDS, PREFIX, LegFormSet, LegRows, TicketForm, name_refusal
from journal.models import Plan, Rotation
from journal.queries.plans import own_plan
from journal.queries.prefill import (
    BLANK,
    Prefill,
    from_plan,
    from_recommendation,
    from_rotation,
    from_scenario,
    with_prices,
)
from journal.queries.preview import preview_of
from journal.queries.scenarios import Scenario
from journal.queries.timeline import filled_legs
from journal.services.pictures import add_picture
from journal.services.plans import keep_draft, keep_plan
from journal.services.questions import questions_of
from journal.services.rotations import MAX_LEGS, DraftLeg, log_rotation
from journal.views.counter import Counter, counter_of, typed
from journal.views.verdicts import preview_context
from portfolio.domain.money import Refusal
from portfolio.forms.entries import MOMENT_FORMAT
from portfolio.models import Portfolio
from portfolio.views.access import Desk, desk_of, person_of, remember
from signals.models import Recommendation
from signals.queries.recommendations import detail

UNPROCESSABLE = 422
TEMPLATE = "journal/ticket.html"
REDRAWS = ("add", "remove", "again")
LISTED = "checklist"
Rows = list[dict[str, str]]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_rotation(request: HttpRequest) -> HttpResponse:
    """Begin a ticket, redraw it with more or fewer legs, keep it as a plan, or log the rotation."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "portfolio/welcome.html", desk.context)
    if request.method != "POST":
        return _begun(request, desk, desk.portfolio)
    counter = counter_of(desk, desk.portfolio)
    if any(name in request.POST for name in REDRAWS):
        return _redrawn(request, counter)
    form = _form(request, counter, _stated(request, counter), request.FILES)
    rows = LegFormSet(request.POST, shelf=counter.shelf)
    is_valid = form.is_valid()
    if rows.is_valid() and is_valid:
        kept = _kept(request, counter, form, rows)
        if kept is not None:
            return kept
    _save_pictures(request, counter, form)
    prefill = _prefill_of(request, request.POST.get("recommendation", ""), counter)
    return _page(request, counter, form, rows, prefill=prefill, legs=_legs(rows), status=UNPROCESSABLE)


@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Show what the ticket as written would do; what is not finished yet is left out."""
    desk = desk_of(request)
    if desk.portfolio is None:
        raise Http404
    counter = counter_of(desk, desk.portfolio)
    rows = LegFormSet(request.POST, shelf=counter.shelf)
    rows.is_valid()
    named = request.POST.get("recommendation", "")
    advice = _recommendation(request, named) if named else None
    context = _preview(counter, _legs(rows), written=request.POST, advice=advice)
    return render(request, f"{TEMPLATE}#preview", context)


@login_required
@require_POST
def save_draft(request: HttpRequest) -> HttpResponse:
    """Keep the ticket as it is typed, finished or not."""
    desk = desk_of(request)
    if desk.portfolio is None:
        raise Http404
    try:
        key = TicketForm.base_fields["client_key"].clean(request.POST.get("client_key"))
    except ValidationError as fault:
        raise Http404 from fault
    kept = keep_draft(portfolio=desk.portfolio, client_key=key, written=typed(request.POST), now=desk.now)
    return render(request, f"{TEMPLATE}#saved", {"draft": kept, "portfolio": desk.portfolio})


def _begun(request: HttpRequest, desk: Desk, portfolio: Portfolio) -> HttpResponse:
    """Show a ticket as it begins: kept, recommended, copied, from the playbook, or blank."""
    named, copied, kept = (request.GET.get(name, "") for name in ("recommendation", "rotation", "plan"))
    if kept:
        return _resumed(request, desk, _number(kept))
    if named:
        found = _recommendation(request, named)
        counter = counter_of(desk, desk.of(found.portfolio_id))
        prefill = from_recommendation(found, shelf=counter.shelf)
    elif copied:
        filled = filled_legs(user=person_of(request), rotation=_number(copied))
        if not filled:
            raise Http404
        counter = counter_of(desk, desk.of(filled[0].leg.rotation.portfolio_id))
        prefill = from_rotation(filled, shelf=counter.shelf, quotes=counter.found.quotes)
    else:
        counter = counter_of(desk, portfolio)
        prefill = _from_template(request.GET.get("template", ""), counter)
    form = _form(request, counter, initial={"recommendation": named or None, "tags": prefill.tags})
    rows, legs = _unjudged(prefill.rows, counter, least=FIRST_LEGS)
    return _page(request, counter, form, rows, prefill=prefill, legs=legs)


def _resumed(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Show a draft or a plan as it was left; what is under way or over has its own page."""
    plan = own_plan(user=person_of(request), pk=pk)
    if plan is None:
        raise Http404
    if plan.state not in (Plan.State.DRAFT, Plan.State.PLANNED):
        return redirect("journal:plan", plan.pk)
    counter, written = counter_of(desk, desk.of(plan.portfolio_id)), plan.written
    prefill = from_plan(plan)
    initial = _initial(written) if written else _planned(plan)
    if not initial.get("executed_at"):
        initial["executed_at"] = timezone.localtime(counter.clock).strftime(MOMENT_FORMAT)
    form = _form(request, counter, initial={**initial, "client_key": plan.client_key})
    rows, legs = _unjudged(_written(written) or list(prefill.rows), counter, least=FIRST_LEGS)
    return _page(request, counter, form, rows, prefill=prefill, legs=legs, plan=plan)


def _from_template(name: str, counter: Counter) -> Prefill:
    if name not in Scenario.__members__:
        return BLANK
    return from_scenario(Scenario(name), shelf=counter.shelf, found=counter.found, stage=counter.stage)


def _redrawn(request: HttpRequest, counter: Counter) -> HttpResponse:
    """Show the ticket as it was written, unjudged, with a leg more or less and the prices it lacks."""
    written = _written(request.POST)
    if "remove" in request.POST:
        gone = request.POST["remove"]
        written = [row for number, row in enumerate(written) if str(number) != gone]
    filled, as_of = with_prices(written, shelf=counter.shelf, quotes=counter.found.quotes)
    count = len(filled) + ("add" in request.POST)
    rows, legs = _unjudged(filled, counter, least=min(max(count, 1), MAX_LEGS))
    form = _form(request, counter, initial=_initial(typed(request.POST)))
    prefill = _prefill_of(request, request.POST.get("recommendation", ""), counter, as_of=as_of)
    return _page(request, counter, form, rows, prefill=prefill, legs=legs)


def _kept(request: HttpRequest, counter: Counter, form: TicketForm, rows: LegRows) -> HttpResponse | None:
    """Log or plan it and go to its page; a refusal is put on the field it is about, and nothing is kept."""
    named = form.cleaned_data["recommendation"]
    recommendation = _recommendation(request, str(named)) if named else None
    try:
        draft = form.draft(rows=rows, recommendation=recommendation)
        if "plan" in request.POST:
            terms = {"draft": draft, "written": typed(request.POST), "now": counter.now}
            plan = keep_plan(portfolio=counter.portfolio, **terms)  # type: ignore[arg-type]
            return _arrived(request, form, plan, said="Planned. Add what you execute when you have done it.")
        logged = log_rotation(portfolio=counter.portfolio, draft=draft, now=counter.now)
    except Refusal as refusal:
        name_refusal(refusal, form=form, rows=rows)
        return None
    said = (
        "This rotation was logged already; here it is."
        if logged.is_repeat
        else "Logged. The first comparison follows the next close."
    )
    return _arrived(request, form, logged.rotation, said=said)


def _arrived(request: HttpRequest, form: TicketForm, made: Plan | Rotation, *, said: str) -> HttpResponse:
    """Keep the images beside what was made, and go to its page."""
    try:
        for each in form.cleaned_data.get("pictures") or ():
            add_picture(to=made, picture=each, now=timezone.now())
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    messages.success(request, said)
    return redirect("journal:plan" if isinstance(made, Plan) else "journal:rotation", made.pk)


def _save_pictures(request: HttpRequest, counter: Counter, form: TicketForm) -> None:
    """Keep images of a ticket that is not finished with its draft: a browser would not send them again."""
    pictures, key = form.cleaned_data.get("pictures"), form.cleaned_data.get("client_key")
    if not pictures or key is None:
        return
    draft = keep_draft(portfolio=counter.portfolio, client_key=key, written=typed(request.POST), now=counter.now)
    if draft.state in (Plan.State.DRAFT, Plan.State.PLANNED):
        for each in pictures:
            add_picture(to=draft, picture=each, now=counter.now)
        messages.info(request, "Your images are kept with the draft; you need not choose them again.")


def _stated(request: HttpRequest, counter: Counter) -> QueryDict:
    """Return what was sent; a plan that says no time is about now."""
    data = request.POST.copy()
    if "plan" in data:
        data["executed_at"] = timezone.localtime(counter.clock).strftime(MOMENT_FORMAT)
    return data


def _form(request: HttpRequest, counter: Counter, *data: Any, initial: Mapping[str, Any] | None = None) -> TicketForm:
    questions = questions_of(person_of(request))
    return TicketForm(*data, initial=initial, shelf=counter.shelf, now=counter.now, questions=questions)


def _page(
    request: HttpRequest,
    counter: Counter,
    form: TicketForm,
    rows: LegRows,
    *,
    prefill: Prefill,
    legs: Sequence[DraftLeg],
    plan: Plan | None = None,
    status: int = 200,
) -> HttpResponse:
    remember(request, counter.portfolio)
    written = form.data if form.is_bound else {name: str(form.initial.get(name) or "") for name in form.fields}
    context = {
        **counter.desk.context,
        "portfolio": counter.portfolio,
        "market": counter.portfolio.market,
        "form": form,
        "rows": rows,
        "prefill": prefill,
        "plan": plan,
        "most_legs": MAX_LEGS,
        **_preview(counter, legs, written=written, advice=prefill.recommendation),
    }
    return render(request, TEMPLATE, context, status=status)


def _preview(
    counter: Counter, legs: Sequence[DraftLeg], *, written: Mapping[str, Any], advice: Recommendation | None
) -> dict[str, Any]:
    """Return what the panel shows, or why the figures cannot be worked out."""
    context = {"portfolio": counter.portfolio, "has_legs": bool(legs)}
    try:
        shown = preview_of(found=counter.found, legs=legs, stage=counter.stage, now=counter.now)
    except (Refusal, ArithmeticError) as error:
        return {**context, "impossible": str(error) if isinstance(error, Refusal) else "These numbers are too large."}
    return context | preview_context(
        shown,
        sectors=counter.found.sectors,
        no_stop_reason=str(written.get("no_stop_reason", "")),
        core_reason=str(written.get("core_override_reason", "")),
        expected=None if advice is None else advice.alpha,
    )


def _legs(rows: LegRows) -> list[DraftLeg]:
    return [leg for _, leg in rows.stated]


def _unjudged(written: Sequence[dict[str, str]], counter: Counter, *, least: int) -> tuple[LegRows, list[DraftLeg]]:
    """Return rows without a judgement, at least so many, and those of them that can be previewed already."""
    rows = LegFormSet(initial=list(written), shelf=counter.shelf)
    rows.extra = max(0, least - len(written))
    data = QueryDict(mutable=True)
    data.update({f"{PREFIX}-TOTAL_FORMS": str(len(written)), f"{PREFIX}-INITIAL_FORMS": "0"})
    for number, row in enumerate(written):
        data.update({f"{PREFIX}-{number}-{name}": value for name, value in row.items()})
    judged = LegFormSet(data, shelf=counter.shelf)
    judged.is_valid()
    return rows, _legs(judged)


def _written(data: Mapping[str, Any]) -> Rows:
    """Return the rows as text."""
    total = str(data.get(f"{PREFIX}-TOTAL_FORMS", ""))
    count = min(int(total), MAX_LEGS) if total.isascii() and total.isdecimal() and len(total) < 4 else 0
    return [{name: str(data.get(f"{PREFIX}-{row}-{name}", "")) for name in LEG_FIELDS} for row in range(count)]


def _initial(written: Mapping[str, str]) -> dict[str, Any]:
    """Return the ticket's own fields as they were typed."""
    names = [name for name in TicketForm.base_fields if name != "pictures"]
    return {name: written.get(name) for name in names} | {LISTED: written.get(LISTED, "").splitlines()}


def _planned(plan: Plan) -> dict[str, Any]:
    """Return the fields of a plan that was made elsewhere than on a ticket."""
    return {
        "recommendation": plan.recommendation_id,
        "thesis": plan.thesis,
        "own_conviction": "" if plan.conviction is None else f"{plan.conviction * 100:g}",
        "no_stop_reason": plan.no_stop_reason,
        "core_override_reason": plan.core_override_reason,
        "tags": ", ".join(plan.tags),
        "mood": plan.mood,
        LISTED: [each["question"] for each in plan.checklist if each.get("is_checked")],
    }


def _prefill_of(request: HttpRequest, named: str, counter: Counter, *, as_of: datetime | None = None) -> Prefill:
    """Return the heading of a ticket that is being written."""
    if not named:
        return Prefill(heading=BLANK.heading, as_of=as_of)
    found = from_recommendation(_recommendation(request, named), shelf=counter.shelf)
    return Prefill(heading=found.heading, recommendation=found.recommendation, note=found.note, as_of=as_of)


def _recommendation(request: HttpRequest, named: str) -> Recommendation:
    """Return one of the person's own recommendations; another's is a 404."""
    found = detail(user=person_of(request), pk=_number(named))
    if found is None or found.is_refusal:
        raise Http404
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
