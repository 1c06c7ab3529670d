"""Show what is owed, how safe it is and what freed capital earns, and record what changes that."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portfolio.domain.money import Refusal
from portfolio.forms.lending import BonusForm, LoanForm, PledgeForm, YieldForm
from portfolio.models import BonusCredit, LoanEntry, Portfolio
from portfolio.queries.holdings import snapshot
from portfolio.queries.lending import freed_lines
from portfolio.queries.paging import newest_first
from portfolio.services.lending import (
    end_bonus,
    grant_bonus,
    record_loan,
    reverse_loan,
    set_freed_yield,
    set_pledge,
)
from portfolio.views.access import page_of, portfolio_of
from portfolio.views.answering import METHODS, answer, asked

CHANGE = "portfolio/new_lending.html"
HOME = "portfolio:lending"


@login_required
@require_safe
def lending(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Show debts, collateral, bonus credit and freed capital, and what changed the debts."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    found = snapshot(portfolio=portfolio, now=now)
    freed = freed_lines(positions=found.positions, apy=found.lending.apy, moment=found.as_of)
    rows = LoanEntry.objects.filter(portfolio=portfolio).select_related("account", "asset", "reversed_by", "transfer")
    page = newest_first(rows, moment="executed_at", tie="sequence", cursor=request.GET.get("before", ""))
    context = page_of(portfolio, lending=found.lending, equity=found.sleeves.equity, freed=freed, page=page)
    return render(request, "portfolio/lending.html", context)


@login_required
@require_http_methods(METHODS)
def new_loan(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record that something was borrowed or repaid, or that interest was added."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = LoanForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "kind", "account"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = record_loan(portfolio=portfolio, new=form.loan, now=now, client_key=form.key)
        return f"{row.get_kind_display().capitalize()} of {row.quantity.normalize():f} {row.asset} recorded."

    words = {
        "asks": "What changed about a debt?",
        "explains": "What you borrow is worth what you then owe: your equity stays the same, and it is no deposit.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, home=HOME, **words)


@login_required
@require_http_methods(METHODS)
def new_pledge(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """State what stands as collateral."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = PledgeForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "asset", "account"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = set_pledge(portfolio=portfolio, now=now, **form.pledge)
        return f"{row.quantity.normalize():f} {row.asset} stands as collateral from now on."

    words = {
        "asks": "What stands as collateral?",
        "explains": "It stays yours and counts in your equity. It only says how safe your debt in the same account is.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, home=HOME, **words)


@login_required
@require_http_methods(METHODS)
def new_bonus(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Note a bonus credit of a venue."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = BonusForm(request.POST or None, portfolio=portfolio, now=now)

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = grant_bonus(portfolio=portfolio, now=now, **form.bonus)
        return f"{row.quantity.normalize():f} {row.asset} of bonus credit noted. It is not part of your equity."

    words = {
        "asks": "Which credit did a venue give you?",
        "explains": "A voucher or bonus is not yours yet: it is shown beside your equity and never counts in it.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, home=HOME, **words)


@login_required
@require_http_methods(METHODS)
def new_yield(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """State what freed capital earns."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = YieldForm(request.POST or None)

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = set_freed_yield(portfolio=portfolio, now=now, **form.stated)
        return f"Freed capital is taken to earn {row.apy.scaleb(2).normalize():f}% a year from now on."

    words = {
        "asks": "What does your freed capital earn?",
        "explains": "Your own figure. It is only used to show what margin sets free, beside what the funding costs.",
    }
    return answer(request, portfolio, form, record, template=CHANGE, home=HOME, **words)


@login_required
@require_POST
def undo_loan(request: HttpRequest, portfolio_id: int, loan_id: int) -> HttpResponse:
    """Reverse a change of a debt, and the coins with it."""
    portfolio = portfolio_of(request, portfolio_id)
    row = get_object_or_404(LoanEntry, portfolio=portfolio, pk=loan_id, reverses__isnull=True)
    return _done(request, portfolio, reverse_loan, "Reversed. The entry and its reversal both stay visible.", loan=row)


@login_required
@require_POST
def drop_bonus(request: HttpRequest, portfolio_id: int, bonus_id: int) -> HttpResponse:
    """Note that a bonus credit is over."""
    portfolio = portfolio_of(request, portfolio_id)
    row = get_object_or_404(BonusCredit, portfolio=portfolio, pk=bonus_id)
    return _done(request, portfolio, end_bonus, "The credit is over.", bonus=row)


def _done(request: HttpRequest, portfolio: Portfolio, run: Any, said: str, **row: Any) -> HttpResponse:
    """Run a service and say so, or why not."""
    try:
        run(portfolio=portfolio, now=timezone.now(), **row)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return redirect(HOME, portfolio_id=portfolio.pk)
