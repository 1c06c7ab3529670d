"""Record what moved, changed or was exchanged without a trade, and open accounts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portfolio.domain.money import Refusal
from portfolio.forms.changes import AccountForm, DustForm, MigrationForm, MoveForm, RebaseForm, SwapForm
from portfolio.models import Portfolio
from portfolio.queries.holdings import HoldingLine, snapshot
from portfolio.services.accounts import open_account
from portfolio.services.conversions import convert_dust, migration_of
from portfolio.services.entries import NewTransfer
from portfolio.services.ledger import record_transfers
from portfolio.views.access import page_of, portfolio_of
from portfolio.views.answering import METHODS, UNPROCESSABLE, answer, asked, blame

CHANGE = "portfolio/new_change.html"
MOST_DUST_USD = Decimal(50)
MOST_CRUMBS = 100


@login_required
@require_http_methods(METHODS)
def new_move(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Move something to another account of one's own."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = MoveForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "asset"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = _recorded(portfolio, form.transfer, form)
        return f"{_spoken(row.quantity)} {row.asset} moved to {row.to_account}. Nothing was realised by it."

    words = {
        "asks": "What did you move between your accounts?",
        "explains": "Its lots go along with their dates and their cost. Only the network fee realises something.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, **words)


@login_required
@require_http_methods(METHODS)
def new_migration(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record that a token became another."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = MigrationForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "asset"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = _recorded(portfolio, _migrated(portfolio, form), form)
        return f"{_spoken(row.quantity)} {row.asset} became {_spoken(row.into_quantity)} {row.into_asset}."

    words = {
        "asks": "Which token became another?",
        "explains": "The new units keep the dates and the cost of the old ones. Nothing is realised.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, **words)


@login_required
@require_http_methods(METHODS)
def new_rebase(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record that a rebase changed how many units are held."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = RebaseForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "asset"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = _recorded(portfolio, form.transfer, form)
        return f"A rebase changed {row.asset} by {_spoken(row.quantity)}."

    words = {
        "asks": "By how much did a rebase change what you hold?",
        "explains": "Every lot grows or shrinks by the same share, at the same cost and with the same date.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, **words)


@login_required
@require_http_methods(METHODS)
def new_swap(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record a swap of one asset for another."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = SwapForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "asset"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = _recorded(portfolio, form.transfer, form)
        return f"{_spoken(row.quantity)} {row.asset} swapped for {_spoken(row.into_quantity)} {row.into_asset}."

    words = {
        "asks": "What did you swap for what?",
        "explains": "What you gave is sold at its worth, and what you received cost as much.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, **words)


@login_required
@require_http_methods(METHODS)
def new_dust(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record that a venue turned small holdings into one asset."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = DustForm(request.POST or None, portfolio=portfolio, now=now, crumbs=_crumbs(portfolio, now))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        reason = form.cleaned_data["core_override_reason"]
        convert_dust(portfolio=portfolio, dust=form.dust, now=now, client_key=form.key, core_override_reason=reason)
        count = len(form.dust.crumbs)
        return f"{count} small holding{'s' if count > 1 else ''} turned into {form.cleaned_data['into']}."

    words = {
        "asks": "Which small holdings were turned into one?" if form.crumbs else "You hold nothing small",
        "explains": "Each counts as sold for its share of what you received, by what it was worth then.",
        "lacks": "" if form.crumbs else f"Holdings with a price, worth less than ${MOST_DUST_USD}, are offered here.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, **words)


@login_required
@require_http_methods(METHODS)
def new_account(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Open another account."""
    portfolio = portfolio_of(request, portfolio_id)
    form = AccountForm(request.POST or None, portfolio=portfolio)
    if form.is_bound and form.is_valid():
        try:
            row = open_account(portfolio=portfolio, **form.cleaned_data)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            messages.success(request, f"The account {row} is open. You can move things to it now.")
            return redirect("portfolio:new_move", portfolio_id=portfolio.pk)
    accounts = portfolio.accounts.select_related("venue").order_by("pk")
    status = UNPROCESSABLE if form.is_bound else 200
    return render(
        request, "portfolio/new_account.html", page_of(portfolio, form=form, accounts=accounts), status=status
    )


def _recorded(portfolio: Portfolio, new: NewTransfer, form: Any) -> Any:
    """Record one entry; the reason to sell core is only asked for where something is sold."""
    done = record_transfers(
        portfolio=portfolio,
        transfers=[new],
        now=timezone.now(),
        client_key=form.key,
        core_override_reason=form.cleaned_data.get("core_override_reason", ""),
    )
    return done.transfers[0]


def _migrated(portfolio: Portfolio, form: MigrationForm) -> NewTransfer:
    """Return the migration that was chosen; one of the list has its own tokens and ratio."""
    if form.known is None:
        return form.transfer
    data = form.cleaned_data
    terms = {"quantity": data["quantity"], "executed_at": data["executed_at"]}
    new = migration_of(portfolio=portfolio, known=form.known, now=timezone.now(), **terms)
    if data["into_quantity"] is not None:
        new = replace(new, ratio=None, into_quantity=data["into_quantity"])
    return replace(new, account=form.chosen_account)


def _crumbs(portfolio: Portfolio, now: Any) -> list[HoldingLine]:
    """Return what is held in small amounts, the smallest first."""
    lines = [
        line for line in snapshot(portfolio=portfolio, now=now).holdings if line.quoted and line.asset.kind != "fiat"
    ]
    small = [line for line in lines if line.quantity > line.locked and line.worth.value < MOST_DUST_USD]
    return sorted(small, key=lambda line: line.worth.value)[:MOST_CRUMBS]


def _spoken(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
