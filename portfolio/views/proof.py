"""Open a figure: show the entries, lots and prices that it is made of, as a page and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portfolio.domain.proof import Part
from portfolio.models import Asset, Fill, Portfolio
from portfolio.queries.holdings import snapshot
from portfolio.queries.proof import (
    NUL,
    asset_proofs,
    disposal_parts,
    fill_proof,
    lot_parts,
    portfolio_proofs,
)
from portfolio.views.access import page_of, portfolio_of
from portfolio.views.sheets import csv_answer

TEMPLATE = "portfolio/proof.html"
TABLES = {"lots": lot_parts, "disposals": disposal_parts}


@login_required
@require_safe
def proof(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Show what a portfolio's equity and gains are made of."""
    portfolio = portfolio_of(request, portfolio_id)
    proofs = portfolio_proofs(snapshot(portfolio=portfolio, now=timezone.now()))
    return render(request, TEMPLATE, page_of(portfolio, proofs=proofs, subject=""))


@login_required
@require_safe
def proof_of_asset(request: HttpRequest, portfolio_id: int, symbol: str) -> HttpResponse:
    """Show what an asset's figures are made of."""
    portfolio = portfolio_of(request, portfolio_id)
    cursor = request.GET.get("before", "")
    found = asset_proofs(portfolio=portfolio, symbol=symbol, now=timezone.now(), cursor=cursor)
    if found is None:
        raise Http404
    has_tables = found.asset.kind != Asset.Kind.FIAT
    page = page_of(portfolio, proofs=found.proofs, subject=symbol, has_tables=has_tables)
    return render(request, TEMPLATE, page)


@login_required
@require_safe
def proof_of_fill(request: HttpRequest, portfolio_id: int, fill_id: int) -> HttpResponse:
    """Show which lots a fill let go of and what it realised."""
    portfolio = portfolio_of(request, portfolio_id)
    found = get_object_or_404(
        Fill.objects.filter(portfolio=portfolio).select_related("instrument", "position_change"), pk=fill_id
    )
    return render(request, TEMPLATE, page_of(portfolio, proofs=[fill_proof(found)], fill=found))


@login_required
@require_safe
def table_of_asset(request: HttpRequest, portfolio_id: int, symbol: str, table: str) -> StreamingHttpResponse:
    """Send every open lot, or everything that was let go of, as CSV."""
    portfolio, parts_of = portfolio_of(request, portfolio_id), TABLES.get(table)
    if parts_of is None or NUL in symbol:
        raise Http404
    asset = get_object_or_404(_assets(portfolio), symbol=symbol)
    return csv_answer(_rows(parts_of(portfolio=portfolio, asset=asset)), name=f"{asset.pk}-{table}")


def _assets(portfolio: Portfolio) -> Any:
    return Asset.objects.filter(pk__in=portfolio.holdings.values("asset"))


def _rows(parts: Iterable[Part]) -> Iterator[list[Any]]:
    names = [field.name for field in fields(Part)]
    yield names
    for part in parts:
        yield [getattr(part, name) for name in names]
