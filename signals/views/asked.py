"""Read which market a page is about, and from which moment it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.http import Http404, HttpRequest

from portfolio.models import Market
from portfolio.views.access import Desk
from signals.forms.as_of import NotAMomentError, asked_moment

LONGEST = 60


def chosen_market(request: HttpRequest, desk: Desk, markets: Sequence[Market]) -> Market | None:
    """Return the market asked for, else the portfolio's, else the first. Raises Http404 for one that is not there."""
    asked = request.GET.get("market", "")
    if asked:
        found = next((each for each in markets if each.slug == asked), None)
        if found is None:
            raise Http404
        return found
    return desk.portfolio.market if desk.portfolio is not None else next(iter(markets), None)


def asked_as_of(request: HttpRequest) -> datetime | None:
    """Return the moment of `?as_of=`, None where it is left out. Raises Http404 for what is no moment."""
    text = request.GET.get("as_of", "")
    if not text:
        return None
    try:
        return asked_moment(text)
    except NotAMomentError as error:
        raise Http404(str(error)) from error


def seen_from(market: Market, *, asked: datetime | None, now: datetime) -> datetime:
    """Return the moment a market is looked at: its present, or an earlier one that was asked for."""
    present = market.clock(now)
    return present if asked is None else min(asked, present)


def asked_word(request: HttpRequest, name: str) -> str:
    """Return a word of the address, empty where it is left out or could stand nowhere in the database."""
    text = request.GET.get(name, "")
    return "" if "\x00" in text or len(text) > LONGEST else text
