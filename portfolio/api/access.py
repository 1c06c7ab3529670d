"""Find what a request is about among the person's own things."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

from portfolio.api.fields import LARGEST_ID
from portfolio.models import Portfolio


def owned_portfolios(request: Request) -> QuerySet[Portfolio]:
    """Return the person's own portfolios; the schema's anonymous reader has none."""
    return Portfolio.objects.owned_by(request.user).select_related("market", "venue", "reserve_asset")


def portfolio_by_id(request: Request, pk: object) -> Portfolio:
    """Return one of the person's own portfolios; another's does not exist for them."""
    found = owned_portfolios(request).filter(pk=number(pk)).first()
    if found is None:
        raise NotFound("There is no such portfolio of yours.")
    return found


def asked_portfolio(request: Request) -> Portfolio:
    """Return the portfolio that `?portfolio=` names, which must be given."""
    text = request.query_params.get("portfolio")
    if text is None:
        raise ValidationError({"portfolio": ["Say which portfolio: add ?portfolio=ID."]})
    if not number(text):
        raise ValidationError({"portfolio": ["Give the id of one of your portfolios."]})
    return portfolio_by_id(request, text)


def number(value: object) -> int:
    """Read an id; what is none is 0, which matches nothing."""
    text = str(value)
    is_number = text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_ID
    return int(text) if is_number else 0
