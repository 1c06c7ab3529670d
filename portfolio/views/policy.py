"""Show what a portfolio aims for, stage by stage with its own numbers, and change it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portfolio.domain.money import Refusal, in_context
from portfolio.domain.policy import normalised_row
from portfolio.forms.policy import PolicyForm, current_values
from portfolio.models import Policy, Portfolio, Sector
from portfolio.queries.aims import StageAim, stage_table
from portfolio.queries.holdings import snapshot
from portfolio.queries.policies import current_policy
from portfolio.services.portfolios import change_policy
from portfolio.views.access import page_of, portfolio_of

UNPROCESSABLE = 422
PRINTED_ROW = {"core": Decimal("0.60"), "defi": Decimal("0.40"), "ai": Decimal("0.10")}
"""The playbook's third row as it is printed: it adds to 110% (DOMAIN I-13)."""


@login_required
@require_safe
def policy(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Show the policy in force and the playbook's stages with this portfolio's numbers."""
    portfolio = portfolio_of(request, portfolio_id)
    return render(request, "portfolio/policy.html", page_of(portfolio, **_policy_context(portfolio)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_policy(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Change the policy from now on."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    current = current_policy(portfolio=portfolio, moment=portfolio.clock(now))
    form = PolicyForm(request.POST or None, sectors=_narratives(current), initial=_initial(current))
    if form.is_bound and form.is_valid():
        try:
            change_policy(portfolio=portfolio, aim=form.aim, now=now)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Your policy is changed from now on.")
            return redirect("portfolio:policy", portfolio_id=portfolio.pk)
    status = UNPROCESSABLE if form.is_bound else 200
    return render(request, "portfolio/new_policy.html", page_of(portfolio, form=form), status=status)


def _policy_context(portfolio: Portfolio) -> dict[str, Any]:
    now = timezone.now()
    found = snapshot(portfolio=portfolio, now=now)
    if found.policy is None:
        return {"policy": None}
    stage = found.standing.stage
    equity = found.sleeves.equity.value
    table = stage_table(policy=found.policy, equity=equity, sectors=found.sectors, stage=stage)
    return {
        "policy": found.policy,
        "equity": equity,
        "stage": stage,
        "rows": [_row(aim, found.sectors) for aim in table],
        "shares": [(row.sector, row.share) for row in found.policy.split],
        "printed": _printed(equity),
    }


def _row(aim: StageAim, sectors: Sequence[Sector]) -> dict[str, Any]:
    parts = aim.targets.sectors
    return {"aim": aim, "parts": [(sector, parts[sector.slug]) for sector in sectors if sector.slug in parts]}


@in_context
def _printed(equity: Decimal) -> dict[str, Any]:
    """Read the printed row as the product reads it: the core stays, the rest is split as the row splits it."""
    sectors = {slug: weight for slug, weight in PRINTED_ROW.items() if slug != "core"}
    read = normalised_row(core=PRINTED_ROW["core"], sectors=sectors)
    return {
        "sum": sum(PRINTED_ROW.values()),
        "row": PRINTED_ROW,
        "read": read,
        "values": {slug: weight * equity for slug, weight in read.items()},
    }


def _narratives(current: Policy | None) -> list[Sector]:
    return [] if current is None else [row.sector for row in current.split]


def _initial(current: Policy | None) -> dict[str, Any]:
    return {} if current is None else current_values(current, list(current.split))
