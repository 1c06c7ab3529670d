"""Record executions in futures, what ends or changes a position, and rolls."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portfolio.domain.futures import Reason
from portfolio.forms.futures import CashForm, CloseForm, FuturesFillForm, PositionForm, RollForm
from portfolio.models import Transfer
from portfolio.queries.catalogue import futures_of
from portfolio.services.contracts import close_position, record_forced_close, roll_position, settle_contract
from portfolio.services.ledger import record_fills, record_transfer
from portfolio.views.access import portfolio_of
from portfolio.views.answering import METHODS, answer, asked

TEMPLATE = "portfolio/new_futures.html"
NOTHING_OPEN = "You have no open position. Positions that you record or rotate into are offered here."
ENDED = {
    Reason.LIQUIDATION: "The liquidation is recorded.",
    Reason.ADL: "The deleveraging is recorded.",
    Reason.SETTLEMENT: "The settlement is recorded.",
    Reason.TRADE: "The close is recorded.",
}


@login_required
@require_http_methods(METHODS)
def new_futures_fill(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record one execution in futures."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    contracts = futures_of(portfolio)
    initial = asked(request, "contract")
    form = FuturesFillForm(request.POST or None, portfolio=portfolio, now=now, contracts=contracts, initial=initial)

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        done = record_fills(portfolio=portfolio, fills=[form.fill], now=now, client_key=form.key)
        return f"{done.fills[0].quantity.normalize():f} {done.fills[0].instrument} recorded."

    words = {"asks": "Which contract did you trade?", "explains": "It opens, adds to, reduces or turns a position."}
    return answer(request, portfolio, form, record, template=TEMPLATE, **words)


@login_required
@require_http_methods(METHODS)
def new_close(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record how a position ended: liquidated, deleveraged, settled, or closed."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = CloseForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "position", "reason"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        reason = Reason(form.cleaned_data["reason"])
        if reason is Reason.SETTLEMENT:
            settle_contract(portfolio=portfolio, close=form.close, now=now)
        elif reason is Reason.TRADE:
            close_position(portfolio=portfolio, close=form.close, now=now)
        else:
            record_forced_close(portfolio=portfolio, close=form.close, reason=reason, now=now)
        return ENDED[reason]

    explains = "What the venue ended stands apart from what you closed; the gain and the fee count the same."
    words = {"asks": "How did it end?", "explains": explains, "lacks": _lacks(form)}
    return answer(request, portfolio, form, record, template=TEMPLATE, **words)


@login_required
@require_http_methods(METHODS)
def new_cash(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record funding of a position, or margin that was put in or taken out."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    form = CashForm(request.POST or None, portfolio=portfolio, now=now, initial=asked(request, "position", "kind"))

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        row = record_transfer(portfolio=portfolio, transfer=form.transfer, now=now, client_key=form.key)
        what = "Funding" if row.kind == Transfer.Kind.FUNDING else "Margin"
        return f"{what} of {row.quantity.normalize():f} {row.asset} recorded."

    explains = "Funding is a gain or a cost of its own. Margin only moves your own money, and the liquidation price."
    words = {"asks": "What was paid on a position?", "explains": explains, "lacks": _lacks(form)}
    return answer(request, portfolio, form, record, template=TEMPLATE, **words)


@login_required
@require_http_methods(METHODS)
def new_roll(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Record that a position was rolled into a later contract."""
    portfolio, now = portfolio_of(request, portfolio_id), timezone.now()
    contracts = futures_of(portfolio)
    initial = asked(request, "position")
    form = RollForm(request.POST or None, portfolio=portfolio, now=now, contracts=contracts, initial=initial)

    def record() -> str:
        """Record it, and say in a sentence what was recorded."""
        close, into = form.close, form.following
        done = roll_position(portfolio=portfolio, close=close, into=into, now=now, client_key=form.key)
        return f"{done.closing.instrument} is rolled into {done.opening.instrument}."

    explains = "The close and the opening are one deed, and what all its contracts brought is added up."
    words = {"asks": "What did you roll into what?", "explains": explains, "lacks": _lacks(form)}
    return answer(request, portfolio, form, record, template=TEMPLATE, **words)


def _lacks(form: PositionForm) -> str:
    return "" if form.positions else NOTHING_OPEN
