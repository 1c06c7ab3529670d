"""Show the journal: every rotation, newest first, what they cost and made together, and the same as a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from journal.models import Review, Rotation
from journal.queries.learning import rotations_behind
from journal.queries.paper import undone
from journal.queries.timeline import Filter, exported, title_of
from journal.queries.timeline import timeline as timeline_of
from journal.views.learning import key_name
from journal.views.words import chance, conclusion, on_paper
from portfolio.domain.money import canonical
from portfolio.models import Portfolio, Sector
from portfolio.views.access import Desk, desk_of

CHOICES = {"kind": Rotation.Kind.choices, "adherence": Rotation.Adherence.choices, "state": Rotation.State.choices}
STATE_NAMES = {Rotation.State.LOGGED: "Standing", Rotation.State.REVERSED: "Reversed"}
COLUMNS = (
    "id", "executed_at", "state", "kind", "from", "to", "adherence", "conviction", "moved_usd", "fees_usd",
    "spot_pnl_usd", "futures_pnl_usd", "alpha_30_usd", "alpha_to_date_usd", "tags", "thesis",
)  # fmt: skip
LONGEST_KEY = 120
RISKY = ("=", "+", "-", "@", "\t", "\r")


@login_required
@require_safe
def timeline(request: HttpRequest) -> HttpResponse:
    """List the rotations of the portfolio in view that a filter lets through."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/timeline.html", desk.context)
    sectors = list(Sector.objects.filter(kind=Sector.Kind.NARRATIVE))
    chosen = _behind(_chosen(request, sectors), desk.portfolio)
    found = timeline_of(portfolio=desk.portfolio, chosen=chosen, cursor=request.GET.get("before", ""))
    context = {
        **desk.context,
        "rows": [_row(rotation) for rotation in found.page.rows],
        "totals": found.totals,
        **({} if chosen.behind else _undone(desk, desk.portfolio)),
        "next_cursor": found.page.next_cursor,
        "filters": _filters(chosen, sectors),
        "is_filtered": chosen != Filter(),
        "behind": chosen.behind,
        "behind_name": key_name(chosen.behind, {sector.slug: sector for sector in sectors}),
        "query": urlencode({name: value for name, value in vars(chosen).items() if value and name != "only"}),
    }
    return render(request, "journal/timeline.html", context)


@login_required
@require_safe
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Answer every rotation of the portfolio in view that the filter lets through as a table, oldest first."""
    portfolio = desk_of(request).portfolio
    if portfolio is None:
        return redirect("journal:timeline")
    writer = csv.writer(_Echo())
    chosen = _behind(_chosen(request, list(Sector.objects.filter(kind=Sector.Kind.NARRATIVE))), portfolio)
    rows = _table(exported(portfolio=portfolio, chosen=chosen))
    lines: Iterator[Any] = (writer.writerow(row) for row in rows)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="rotations.csv"'
    return response


class _Echo:
    """Give back what is written, so that a line can be sent as soon as it is made."""

    def write(self, text: str) -> str:
        """Return the line."""
        return text


def _chosen(request: HttpRequest, sectors: list[Sector]) -> Filter:
    """Return the filter asked for; what does not exist is not asked for."""
    asked: dict[str, Any] = {name: request.GET.get(name, "") for name in (*CHOICES, "sector")}
    known = {name: {value for value, _ in choices} for name, choices in CHOICES.items()}
    known["sector"] = {sector.slug for sector in sectors}
    behind = request.GET.get("behind", "")[:LONGEST_KEY].replace("\x00", "")
    return Filter(behind=behind, **{name: value for name, value in asked.items() if value in known[name]})


def _behind(chosen: Filter, portfolio: Portfolio) -> Filter:
    """Find the rotations behind the figure that the filter names, if it names one."""
    if not chosen.behind:
        return chosen
    return replace(chosen, only=tuple(rotations_behind(portfolio=portfolio, key=chosen.behind)))


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
        "conclusion": conclusion(rotation, reviews),
        "conviction": chance(rotation.conviction),
    }


def _table(rotations: Iterator[Rotation]) -> Iterator[tuple[str, ...]]:
    yield COLUMNS
    for rotation in rotations:
        alphas = {review.horizon_days: review.total_alpha_usd for review in rotation.reviews.all()}
        yield (
            str(rotation.pk),
            rotation.executed_at.isoformat(),
            rotation.state,
            rotation.kind,
            "" if rotation.source_sector is None else rotation.source_sector.slug,
            "" if rotation.destination_sector is None else rotation.destination_sector.slug,
            rotation.adherence,
            "" if rotation.conviction is None else str(rotation.conviction),
            *(canonical(getattr(rotation, name)) for name in COLUMNS[8:12]),
            _amount(alphas.get(30)),
            _amount(alphas.get(Review.TO_DATE)),
            _text(", ".join(rotation.tags)),
            _text(rotation.thesis),
        )


def _amount(value: Decimal | None) -> str:
    return "" if value is None else canonical(value)


def _text(text: str) -> str:
    """Keep a spreadsheet from reading what a person wrote as a formula."""
    return f"'{text}" if text.startswith(RISKY) else text
