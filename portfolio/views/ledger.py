"""Show what happened to a portfolio, and record what came in, what went out, and prices of one's own."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portfolio.domain.money import Refusal
from portfolio.forms.entries import AssetForm, ManualPriceForm, TransferForm
from portfolio.models import Transfer
from portfolio.queries.entries import fill_lines, transfer_lines
from portfolio.services.ledger import record_transfer
from portfolio.services.lending import reverse_entry
from portfolio.services.portfolios import add_asset as add_asset_service
from portfolio.services.portfolios import set_manual_price
from portfolio.views.access import page_of, portfolio_of
from portfolio.views.answering import METHODS, UNPROCESSABLE, answer, asked


@login_required
@require_safe
def fills(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """List executions, newest first."""
    portfolio = portfolio_of(request, portfolio_id)
    page = fill_lines(portfolio=portfolio, symbol=request.GET.get("asset", ""), cursor=request.GET.get("before", ""))
    context = page_of(portfolio, page=page, asset=request.GET.get("asset", ""))
    return render(request, "portfolio/fills.html", context)


@login_required
@require_safe
def transfers(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """List deposits, withdrawals, income and funding, newest first."""
    portfolio = portfolio_of(request, portfolio_id)
    page = transfer_lines(portfolio=portfolio, cursor=request.GET.get("before", ""))
    return render(request, "portfolio/transfers.html", page_of(portfolio, page=page))


@login_required
@require_http_methods(METHODS)
def new_transfer(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record a deposit, a withdrawal or income."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = TransferForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "asset", "kind"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = record_transfer(portfolio=portfolio, transfer=form.transfer, now=now, client_key=form.key)
        return f"{row.get_kind_display()} of {row.quantity.normalize():f} {row.asset} recorded."

    return answer(request, portfolio, form, record, template="portfolio/new_transfer.html")


@login_required
@require_http_methods(METHODS)
def undo_transfer(request: HttpRequest, portfolio_id: int, transfer_id: int) -> HttpResponse:
    """Ask whether a deposit, a withdrawal or income is to be reversed, and reverse it."""
    portfolio = portfolio_of(request, portfolio_id)
    entries = Transfer.objects.filter(portfolio=portfolio, reverses__isnull=True)
    row = get_object_or_404(entries.select_related("asset", "reversed_by"), pk=transfer_id)
    context = page_of(portfolio, transfer=row, is_reversed=hasattr(row, "reversed_by"))
    if request.method != "POST":
        return render(request, "portfolio/reverse_transfer.html", context)
    try:
        reverse_entry(portfolio=portfolio, transfer=row, now=timezone.now())
    except Refusal as refusal:
        context |= {"refusal": str(refusal)}
        return render(request, "portfolio/reverse_transfer.html", context, status=UNPROCESSABLE)
    messages.success(request, "Reversed. The entry and its reversal both stay visible.")
    return redirect("portfolio:transfers", portfolio.pk)


@login_required
@require_http_methods(METHODS)
def new_price(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Enter a price of one's own."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = ManualPriceForm(request.POST or None, portfolio=portfolio, initial=asked(request, "asset", "kind"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = set_manual_price(portfolio=portfolio, now=now, **form.cleaned_data)
        return f"{row.asset} is assumed to be worth ${row.price_usd.normalize():f} until the market prices it."

    return answer(request, portfolio, form, record, template="portfolio/new_price.html")


@login_required
@require_http_methods(METHODS)
def new_asset(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Add an asset that the catalogue lacks, with a price of one's own."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = AssetForm(request.POST or None)

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        asset = add_asset_service(portfolio=portfolio, now=now, **form.cleaned_data)
        return f"{asset} is known now. Record what you hold of it as a deposit."

    return answer(request, portfolio, form, record, template="portfolio/new_asset.html")
