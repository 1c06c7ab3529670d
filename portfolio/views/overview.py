"""Show where a portfolio stands: what it is worth, against what it aims for, and how it got there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portfolio.models import Asset, Portfolio, Sector
from portfolio.provided import rotation_marks, stage_bands
from portfolio.queries.holdings import HoldingLine, snapshot
from portfolio.queries.positions import PositionLine
from portfolio.queries.sectors import Belonging
from portfolio.views.access import Desk, desk_of, portfolio_of
from portfolio.views.standing import equity_picture, sector_rows, sleeve_picture, sleeve_rows, valued_days

LEAST_PLACES = 4


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show the portfolio in view, or how to open the first."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "portfolio/welcome.html", desk.context)
    return render(request, "portfolio/overview.html", overview_context(desk, desk.portfolio))


@login_required
@require_safe
def equity_spec(request: HttpRequest, portfolio_id: int) -> JsonResponse:
    """Answer the chart of equity to those who explore it."""
    charts = _charts(portfolio_of(request, portfolio_id), list(Sector.objects.all()))
    return JsonResponse(charts["equity_chart"].spec)


@login_required
@require_safe
def sleeve_spec(request: HttpRequest, portfolio_id: int) -> JsonResponse:
    """Answer the chart of sleeves to those who explore it."""
    charts = _charts(portfolio_of(request, portfolio_id), list(Sector.objects.all()))
    return JsonResponse(charts["sleeve_chart"].spec)


def overview_context(desk: Desk, portfolio: Portfolio) -> dict[str, Any]:
    """Return what the page shows."""
    found = snapshot(portfolio=portfolio, now=desk.now)
    hues = {sector.slug: sector.hue for sector in found.all_sectors}
    return {
        **desk.context,
        **_charts(portfolio, found.all_sectors),
        "as_of": found.as_of,
        "stale": found.standing.stale,
        "policy": found.policy,
        "equity": found.sleeves.equity,
        "risk_equity": found.sleeves.risk_equity,
        "debts": found.sleeves.debts,
        "lending": found.lending,
        "totals": found.totals,
        "stage": found.standing.stage,
        "sleeves": sleeve_rows(found),
        "narratives": sector_rows(found, sectors=found.all_sectors, stage=found.standing.stage),
        "holdings": [_holding(line, hues, found.as_of) for line in found.holdings],
        "positions": [_position(line, hues) for line in found.positions],
        "is_recomputing": portfolio.valued_version < portfolio.ledger_version,
    }


def _charts(portfolio: Portfolio, sectors: Sequence[Sector]) -> dict[str, Any]:
    days = valued_days(portfolio)
    until = days[-1].date if days else None
    bands = stage_bands(market=portfolio.market, since=days[0].date) if days else []
    where = {name: reverse(f"portfolio:{name}", args=[portfolio.pk]) for name in ("equity_spec", "sleeve_spec")}
    marks = rotation_marks(portfolio=portfolio)
    return {
        "valued_until": until,
        "equity_chart": equity_picture(days, rotations=marks, spec_url=where["equity_spec"]),
        "sleeve_chart": sleeve_picture(days, sectors=sectors, bands=bands, spec_url=where["sleeve_spec"]),
    }


def _holding(line: HoldingLine, hues: Mapping[str, str], moment: datetime) -> dict[str, Any]:
    state = "unpriced" if line.quoted is None else line.quoted.state(moment).value
    is_assumed = line.quoted is not None and line.quoted.is_assumed
    hue = "core" if line.core else _hue(line.belonging, hues)
    return {"line": line, "hue": hue, "price_state": "assumed" if is_assumed else state, "step": _step(line.asset)}


def _step(asset: Asset) -> Decimal:
    """Return the precision of quantities: cents of cash, at least four places of anything else."""
    places = asset.places if asset.kind != Asset.Kind.CRYPTO else max(asset.places, LEAST_PLACES)
    return Decimal(1).scaleb(-places)


def _position(line: PositionLine, hues: Mapping[str, str]) -> dict[str, Any]:
    rungs = [
        ("liquidation", line.liquidation_price, "loss"),
        ("entry", line.entry_price, "ink"),
        ("mark", line.mark, "warn"),
    ]
    ladder = [{"label": label, "price": price, "tone": tone} for label, price, tone in rungs]
    return {"line": line, "hue": _hue(line.belonging, hues), "ladder": ladder}


def _hue(belonging: Belonging, hues: Mapping[str, str]) -> str:
    return next((hues.get(slug, slug) for slug in belonging.shares), "other")
