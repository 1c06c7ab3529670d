"""Answer a form that records something: recorded, or refused beside the field that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from portfolio.domain.lending import Overpaid
from portfolio.domain.money import Refusal
from portfolio.domain.outcomes import FeeExceedsTrade, Oversold
from portfolio.models import Portfolio
from portfolio.services.accounts import AccountNameTaken
from portfolio.services.contracts import MoreThanHeld, NotRollable
from portfolio.services.entries import BadMoment, PriceUnknown
from portfolio.services.ledger import CoreSaleRefused
from portfolio.services.lending import BadPledge, BadYield
from portfolio.services.portfolios import BadSymbol
from portfolio.views.access import page_of

UNPROCESSABLE = 422
METHODS = ["GET", "HEAD", "POST"]
FIELDS: Mapping[type[Refusal], tuple[str, ...]] = {
    BadMoment: ("executed_at",),
    Oversold: ("quantity", "amount", "parts"),
    MoreThanHeld: ("quantity",),
    FeeExceedsTrade: ("fee_amount",),
    PriceUnknown: ("value_usd", "parts"),
    CoreSaleRefused: ("core_override_reason",),
    NotRollable: ("into",),
    AccountNameTaken: ("name",),
    BadSymbol: ("symbol",),
    Overpaid: ("quantity",),
    BadPledge: ("quantity",),
    BadYield: ("apy",),
}


def blame(form: forms.Form, refusal: Refusal) -> None:
    """Put a refusal beside the field that it is about, or above the form."""
    names = next((names for kind, names in FIELDS.items() if isinstance(refusal, kind)), ())
    form.add_error(next((name for name in names if name in form.fields), None), str(refusal))


def answer(
    request: HttpRequest,
    portfolio: Portfolio,
    form: forms.Form,
    record: Callable[[], str],
    *,
    template: str,
    home: str = "",
    **context: Any,
) -> HttpResponse:
    """Show the form, record what it says and go home, or say why that is refused."""
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, record())
            return redirect(home, portfolio.pk) if home else redirect("portfolio:overview")
        except Refusal as refusal:
            blame(form, refusal)
    status = UNPROCESSABLE if form.is_bound else 200
    return render(request, template, page_of(portfolio, form=form, **context), status=status)


def asked(request: HttpRequest, *names: str) -> dict[str, str]:
    """Return what a link asked for, by the names of the form's fields."""
    return {name: request.GET[name] for name in names if request.GET.get(name)}
