"""Open a portfolio in one action, with or without a script."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portfolio.domain.money import Refusal
from portfolio.forms.opening import OpeningFormSet, OpeningRows, PortfolioForm, with_more_rows
from portfolio.forms.weights import SumForm
from portfolio.models import Portfolio
from portfolio.services.portfolios import Aim, open_portfolio
from portfolio.views.access import desk_of, remember

UNPROCESSABLE = 422


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_portfolio(request: HttpRequest) -> HttpResponse:
    """Ask for a name, an aim and what is held, and open the portfolio."""
    if request.method != "POST":
        return _page(request, PortfolioForm(initial=_first_name(request)), OpeningFormSet())
    if "more" in request.POST:
        return _page(request, *with_more_rows(request.POST))
    form, rows = PortfolioForm(request.POST), OpeningFormSet(request.POST)
    is_valid = form.is_valid()
    if not rows.is_valid() or not is_valid:
        return _page(request, form, rows, status=UNPROCESSABLE)
    try:
        portfolio = _open(request, form, rows)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, rows, status=UNPROCESSABLE)
    return _opened(request, portfolio)


@login_required
@require_safe
def weight_sum(request: HttpRequest) -> HttpResponse:
    """Say what the weights add to while they are being written."""
    return render(request, "portfolio/partials/weight_sum.html", {"sentence": SumForm(request.GET).sentence})


def _page(request: HttpRequest, form: PortfolioForm, rows: OpeningRows, *, status: int = 200) -> HttpResponse:
    context = {**desk_of(request).context, "form": form, "rows": rows}
    return render(request, "portfolio/new_portfolio.html", context, status=status)


def _first_name(request: HttpRequest) -> dict[str, str]:
    """Propose a name for the first portfolio only: each has its own."""
    has_one = Portfolio.objects.owned_by(request.user).exists()
    return {} if has_one else {"name": "Main portfolio"}


def _open(request: HttpRequest, form: PortfolioForm, rows: OpeningRows) -> Portfolio:
    data = form.cleaned_data
    return open_portfolio(
        owner=request.user,
        market=data["market"],
        venue=data["venue"],
        reserve_asset=data["reserve_asset"],
        name=data["name"],
        aim=Aim(preset=form.chosen),
        holdings=rows.openings,
        core=rows.core,
        now=timezone.now(),
    )


def _opened(request: HttpRequest, portfolio: Portfolio) -> HttpResponseRedirect:
    remember(request, portfolio)
    messages.success(request, f"{portfolio.name} is open.")
    return redirect("portfolio:overview")
