"""Find the portfolio a page is about: the one asked for, else the last one seen, else the first, never another's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts.models import User
from portfolio.models import Portfolio
from portfolio.provided import WAITING, waiting_counts

SESSION_KEY = "portfolio"
ASKED = "portfolio"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Hold a person's portfolios, the one in view, and the moment of the request."""

    portfolios: tuple[Portfolio, ...]
    portfolio: Portfolio | None
    now: datetime

    @property
    def context(self) -> dict[str, Any]:
        """Return what every page shows of it."""
        market = None if self.portfolio is None else self.portfolio.market
        shown = {"portfolios": self.portfolios, "portfolio": self.portfolio, "market": market, "now": self.now}
        return {**shown, "nav": {entry: self._waiting(count) for entry, count in WAITING.items()}}

    def of(self, portfolio_id: int) -> Portfolio:
        """Return one of the person's portfolios; another's is a 404."""
        found = next((portfolio for portfolio in self.portfolios if portfolio.pk == portfolio_id), None)
        if found is None:
            raise Http404
        return found

    def _waiting(self, count: str) -> int:
        return sum(getattr(portfolio, count, 0) for portfolio in self.portfolios)


def desk_of(request: HttpRequest) -> Desk:
    """Return the person's desk with `?portfolio=`, else the session's, else the first portfolio.

    One query, which counts what waits in them for the navigation too.
    Raises Http404 when the one asked for is not theirs.
    """
    now = timezone.now()
    owned = Portfolio.objects.owned_by(request.user).select_related("market", "venue", "reserve_asset")
    owned = owned.annotate(**waiting_counts(now=now))
    portfolios = {portfolio.pk: portfolio for portfolio in owned}
    asked = request.GET.get(ASKED, "")
    chosen = portfolios.get(_number(asked)) if asked else portfolios.get(request.session.get(SESSION_KEY, 0))
    if asked and chosen is None:
        raise Http404
    found = chosen or next(iter(portfolios.values()), None)
    remember(request, found)
    return Desk(portfolios=tuple(portfolios.values()), portfolio=found, now=now)


def portfolio_of(request: HttpRequest, portfolio_id: int) -> Portfolio:
    """Return one of the person's own portfolios and remember it as the one in view; another's is a 404."""
    owned = Portfolio.objects.owned_by(request.user).select_related("market", "venue", "reserve_asset")
    found = owned.filter(pk=portfolio_id).first()
    if found is None:
        raise Http404
    remember(request, found)
    return found


def person_of(request: HttpRequest) -> User:
    """Return who is signed in; nobody else gets past `login_required`."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def page_of(portfolio: Portfolio, **context: Any) -> dict[str, Any]:
    """Return the context of a page about one portfolio."""
    return {"portfolio": portfolio, "market": portfolio.market, "now": timezone.now(), **context}


def remember(request: HttpRequest, portfolio: Portfolio | None) -> None:
    """Keep the portfolio in view for the person's next page; the session is only written when it changes."""
    if portfolio is not None and request.session.get(SESSION_KEY) != portfolio.pk:
        request.session[SESSION_KEY] = portfolio.pk


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
