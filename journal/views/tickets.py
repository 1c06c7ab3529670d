"""Write a rotation's ticket: begin it, see what it would do while it is written, log it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from journal.forms.ticket import FIRST_LEGS, LEG_FIELDS, PREFIX, LegFormSet, LegRows, TicketForm, name_refusal
from journal.queries.prefill import (
    BLANK,
    Prefill,
    from_recommendation,
    from_rotation,
    from_scenario,
    with_prices,
)
from journal.queries.preview import preview_of
from journal.queries.scenarios import Scenario
from journal.queries.shelf import Shelf, shelf_of
from journal.queries.timeline import filled_legs
from journal.services.rotations import MAX_LEGS, DraftLeg, log_rotation
from journal.views.verdicts import preview_context
from portfolio.domain.money import Refusal
from portfolio.models import Portfolio
from portfolio.provided import StageNow
from portfolio.queries.holdings import Snapshot, snapshot
from portfolio.views.access import Desk, desk_of, person_of, remember
from signals.models import Recommendation
from signals.queries.recommendations import detail

UNPROCESSABLE = 422
TEMPLATE = "journal/ticket.html"
REDRAWS = ("add", "remove", "again")
Written = list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Counter:
    """Hold where a ticket is written: the person's desk, the portfolio it is for, and what its venue offers."""

    desk: Desk
    portfolio: Portfolio
    shelf: Shelf

    @property
    def now(self) -> datetime:
        """Return the moment of the request."""
        return self.desk.now

    @property
    def clock(self) -> datetime:
        """Return the portfolio's present."""
        return self.portfolio.clock(self.now)

    @cached_property
    def found(self) -> Snapshot:
        """Return what the portfolio holds, with prices of everything that is offered; read once a request."""
        return snapshot(portfolio=self.portfolio, now=self.now, also=self.shelf.assets.values())

    @property
    def stage(self) -> StageNow | None:
        """Return where the market's stage stands."""
        return self.found.standing.stage


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_rotation(request: HttpRequest) -> HttpResponse:
    """Begin a ticket, redraw it with more or fewer legs, or log the rotation."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "portfolio/welcome.html", desk.context)
    if request.method != "POST":
        return _begun(request, desk, desk.portfolio)
    counter = _counter(desk, desk.portfolio)
    if any(name in request.POST for name in REDRAWS):
        return _redrawn(request, counter)
    form = TicketForm(request.POST, shelf=counter.shelf, now=counter.now)
    rows = LegFormSet(request.POST, shelf=counter.shelf)
    is_valid = form.is_valid()
    if rows.is_valid() and is_valid:
        logged = _logged(request, counter, form, rows)
        if logged is not None:
            return logged
    prefill = _prefill_of(request, request.POST.get("recommendation", ""), counter)
    return _page(request, counter, form, rows, prefill=prefill, legs=_legs(rows), status=UNPROCESSABLE)


@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Show what the ticket as written would do; what is not finished yet is left out."""
    desk = desk_of(request)
    if desk.portfolio is None:
        raise Http404
    counter = _counter(desk, desk.portfolio)
    rows = LegFormSet(request.POST, shelf=counter.shelf)
    rows.is_valid()
    return render(request, f"{TEMPLATE}#preview", _preview(counter, _legs(rows), written=request.POST))


def _counter(desk: Desk, portfolio: Portfolio) -> Counter:
    return Counter(
        desk=desk, portfolio=portfolio, shelf=shelf_of(portfolio=portfolio, moment=portfolio.clock(desk.now))
    )


def _begun(request: HttpRequest, desk: Desk, portfolio: Portfolio) -> HttpResponse:
    """Show a ticket as it begins: recommended, copied, from the playbook, or blank."""
    named, copied = request.GET.get("recommendation", ""), request.GET.get("rotation", "")
    if named:
        found = _recommendation(request, named)
        counter = _counter(desk, desk.of(found.portfolio_id))
        prefill = from_recommendation(found, shelf=counter.shelf)
    elif copied:
        filled = filled_legs(user=person_of(request), rotation=_number(copied))
        if not filled:
            raise Http404
        counter = _counter(desk, desk.of(filled[0].leg.rotation.portfolio_id))
        prefill = from_rotation(filled, shelf=counter.shelf, quotes=counter.found.quotes)
    else:
        counter = _counter(desk, portfolio)
        prefill = _from_template(request.GET.get("template", ""), counter)
    remember(request, counter.portfolio)
    initial = {"recommendation": named or None, "tags": prefill.tags}
    form = TicketForm(initial=initial, shelf=counter.shelf, now=counter.now)
    rows, legs = _unjudged(prefill.rows, counter, least=FIRST_LEGS)
    return _page(request, counter, form, rows, prefill=prefill, legs=legs)


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
    names = TicketForm.base_fields
    form = TicketForm(initial={name: request.POST.get(name) for name in names}, shelf=counter.shelf, now=counter.now)
    prefill = _prefill_of(request, request.POST.get("recommendation", ""), counter, as_of=as_of)
    return _page(request, counter, form, rows, prefill=prefill, legs=legs)


def _logged(request: HttpRequest, counter: Counter, form: TicketForm, rows: LegRows) -> HttpResponse | None:
    """Log the rotation and go to its page; a refusal is put on the field it is about, and nothing is kept."""
    named = form.cleaned_data["recommendation"]
    recommendation = _recommendation(request, str(named)) if named else None
    try:
        draft = form.draft(rows=rows, recommendation=recommendation)
        logged = log_rotation(portfolio=counter.portfolio, draft=draft, now=counter.now)
    except Refusal as refusal:
        name_refusal(refusal, form=form, rows=rows)
        return None
    said = (
        "This rotation was logged already; here it is."
        if logged.is_repeat
        else "Logged. The first comparison follows the next close."
    )
    messages.success(request, said)
    return redirect("journal:rotation", logged.rotation.pk)


def _page(
    request: HttpRequest,
    counter: Counter,
    form: TicketForm,
    rows: LegRows,
    *,
    prefill: Prefill,
    legs: Sequence[DraftLeg],
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
        "most_legs": MAX_LEGS,
        **_preview(counter, legs, written=written),
    }
    return render(request, TEMPLATE, context, status=status)


def _preview(counter: Counter, legs: Sequence[DraftLeg], *, written: Mapping[str, Any]) -> dict[str, Any]:
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


def _written(data: QueryDict) -> Written:
    """Return the rows as text."""
    total = data.get(f"{PREFIX}-TOTAL_FORMS", "")
    count = min(int(total), MAX_LEGS) if total.isascii() and total.isdecimal() and len(total) < 4 else 0
    return [{name: data.get(f"{PREFIX}-{row}-{name}", "") for name in LEG_FIELDS} for row in range(count)]


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
