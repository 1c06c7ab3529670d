"""Find what a request is about among the person's own things, and answer conditionally."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.models import Portfolio

LARGEST_ID = 2**63 - 1


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
    if not _is_number(text):
        raise ValidationError({"portfolio": ["Give the id of one of your portfolios."]})
    return portfolio_by_id(request, text)


def number(value: object) -> int:
    """Read an id; what is none matches nothing."""
    text = str(value)
    return int(text) if _is_number(text) else 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_ID


def conditional(request: Request, *, parts: list[Any], answer: Any, retry_after: int) -> Response:
    """Answer 304 where the reader has this version already; `Retry-After` says when to ask again (DECISIONS 6).

    `answer` is called only when there is something new to say.
    """
    tag = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    headers = {"ETag": f'"{tag}"', "Retry-After": str(retry_after), "Cache-Control": "private, no-cache"}
    known = request.headers.get("If-None-Match", "")
    if f'"{tag}"' in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status=304, headers=headers)
    return Response(answer(), headers=headers)
