"""Choose which lots a sale relieves."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portfolio.domain.money import Refusal
from portfolio.forms.lots import LotMethodForm
from portfolio.queries.stored import lot_methods
from portfolio.services.ledger import set_lot_method
from portfolio.views.access import page_of, portfolio_of

UNPROCESSABLE = 422


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def lot_method(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Show which lots sales relieve, and change it from a moment on."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    changes = lot_methods(portfolio)
    form = LotMethodForm(request.POST or None, portfolio=portfolio, current=changes[0] if changes else None, now=now)
    if form.is_bound and form.is_valid():
        try:
            row = set_lot_method(portfolio=portfolio, now=now, **form.chosen)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Sales relieve lots by {row.method} from then on.")
            return redirect("portfolio:lot_method", portfolio_id=portfolio.pk)
    status = UNPROCESSABLE if form.is_bound else 200
    return render(request, "portfolio/lot_method.html", page_of(portfolio, form=form, changes=changes), status=status)
