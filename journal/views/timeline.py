"""Show the journal: every rotation, newest first, what they cost and made together, and the same as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from journal.domain.habits import OWN_HORIZON
from journal.forms.shelf import CHOICES, SaveViewForm, chosen_from, narratives, query_of
from journal.models import Review, Rotation, SavedView
from journal.queries.filters import Filter
from journal.queries.learning import rotations_behind
from journal.queries.paper import undone
from journal.queries.timeline import exported, title_of
from journal.queries.timeline import timeline as timeline_of
from journal.services.shelf import TooManyViews, drop_view, save_view
from journal.views.learning import key_name
from journal.views.words import chance, on_paper, sealed_or
from portfolio.models import Portfolio, Sector
from portfolio.views.access import Desk, desk_of, person_of
from portfolio.views.sheets import csv_answer

STATE_NAMES = {Rotation.State.LOGGED: "Standing", Rotation.State.REVERSED: "Reversed"}
COLUMNS = (
    "id", "executed_at", "state", "kind", "from", "to", "adherence", "conviction", "moved_usd", "fees_usd",
    "spot_pnl_usd", "futures_pnl_usd", "alpha_30_usd", "alpha_to_date_usd", "tags", "thesis",
    "mood", "checked", "unchecked",
)  # fmt: skip


@login_required
@require_safe
def timeline(request: HttpRequest) -> HttpResponse:
    """List the rotations of the portfolio in view that a filter lets through."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/timeline.html", desk.context)
    sectors = narratives()
    chosen = _behind(chosen_from(request.GET, sectors), desk.portfolio)
    found = timeline_of(portfolio=desk.portfolio, chosen=chosen, cursor=request.GET.get("before", ""))
    context = {
        **desk.context,
        "rows": [_row(rotation) for rotation in found.page.rows],
        "totals": found.totals,
        **({} if chosen.behind else _undone(desk, desk.portfolio)),
        "next_cursor": found.page.next_cursor,
        **_looking(request, chosen, sectors),
    }
    return render(request, "journal/timeline.html", context)


@login_required
@require_safe
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Answer every rotation of the portfolio in view that the filter lets through as a table, oldest first."""
    portfolio = desk_of(request).portfolio
    if portfolio is None:
        return redirect("journal:timeline")
    chosen = _behind(chosen_from(request.GET, narratives()), portfolio)
    return csv_answer(_table(exported(portfolio=portfolio, chosen=chosen)), name="rotations")


@login_required
@require_POST
def keep_view(request: HttpRequest) -> HttpResponse:
    """Keep the filter that is shown under a name."""
    form = SaveViewForm(request.POST)
    if not form.is_valid():
        messages.warning(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("journal:timeline")
    try:
        kept = save_view(user=person_of(request), now=timezone.now(), **form.cleaned_data)
    except TooManyViews as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, f"Kept as {kept.name}. It stands above your journal.")
    return redirect(f"{request.path.removesuffix('views/')}?{form.cleaned_data['query']}")


@login_required
@require_POST
def forget_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Let a kept view go."""
    drop_view(view=get_object_or_404(SavedView.objects.owned_by(request.user), pk=view_id))
    messages.success(request, "The view is gone; your rotations stay.")
    return redirect("journal:timeline")


def _looking(request: HttpRequest, chosen: Filter, sectors: list[Sector]) -> dict[str, Any]:
    """Return how the journal is looked at: the filter, what else could be chosen, and the views that are kept."""
    query = query_of(chosen)
    return {
        "chosen": chosen,
        "filters": _filters(chosen, sectors),
        "is_filtered": chosen != Filter(),
        "behind": chosen.behind,
        "behind_name": key_name(chosen.behind, {sector.slug: sector for sector in sectors}),
        "behind_days": chosen.days or OWN_HORIZON,
        "query": query,
        "views": list(SavedView.objects.owned_by(request.user)),
        "view_form": SaveViewForm(initial={"query": query}),
    }


def _behind(chosen: Filter, portfolio: Portfolio) -> Filter:
    """Find the rotations behind the figure that the filter names, if it names one."""
    if not chosen.behind:
        return chosen
    days = chosen.days or OWN_HORIZON
    return replace(chosen, only=tuple(rotations_behind(portfolio=portfolio, key=chosen.behind, days=days)))


def _filters(chosen: Filter, sectors: list[Sector]) -> list[dict[str, Any]]:
    labels = {"sector": "Narrative", "kind": "Kind", "adherence": "Recommendation", "state": "State"}
    choices: Mapping[str, Any] = {**CHOICES, "sector": [(sector.slug, sector.name) for sector in sectors]}
    named = {**choices, "state": [(value, STATE_NAMES[Rotation.State(value)]) for value, _ in choices["state"]]}
    return [
        {"name": name, "label": label, "choices": named[name], "chosen": getattr(chosen, name)}
        for name, label in labels.items()
    ]


def _undone(desk: Desk, portfolio: Portfolio) -> dict[str, Any]:
    """Return what was passed on and what lapsed, followed on paper."""
    passed, lapsed = undone(portfolio=portfolio, moment=portfolio.clock(desk.now))
    return {
        name: [
            {"it": each.recommendation, "title": title_of(each.recommendation), "result": on_paper(each)}
            for each in found
        ]
        for name, found in (("passed", passed), ("lapsed", lapsed))
    }


def _row(rotation: Rotation) -> dict[str, Any]:
    reviews = list(rotation.reviews.all())
    return {
        "it": rotation,
        "title": title_of(rotation),
        "conclusion": sealed_or(rotation, reviews),
        "conviction": chance(rotation.conviction),
    }


def _table(rotations: Iterator[Rotation]) -> Iterator[tuple[Any, ...]]:
    yield COLUMNS
    for rotation in rotations:
        alphas = {review.horizon_days: review.total_alpha_usd for review in rotation.reviews.all()}
        yield (
            rotation.pk,
            rotation.executed_at,
            rotation.state,
            rotation.kind,
            rotation.source_sector and rotation.source_sector.slug,
            rotation.destination_sector and rotation.destination_sector.slug,
            rotation.adherence,
            rotation.conviction,
            *(getattr(rotation, name) for name in COLUMNS[8:12]),
            alphas.get(OWN_HORIZON),
            alphas.get(Review.TO_DATE),
            ", ".join(rotation.tags),
            rotation.thesis,
            rotation.mood,
            *(_questions(rotation, is_checked=is_checked) for is_checked in (True, False)),
        )


def _questions(rotation: Rotation, *, is_checked: bool) -> str:
    """Return the questions of the checklist that were ticked, or those that were not, one a line."""
    return "\n".join(each["question"] for each in rotation.checklist if bool(each.get("is_checked")) is is_checked)
