"""Read what a body names in the person's own portfolio, and answer a refusal with the field it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings

from portfolio.api.access import owned_portfolios
from portfolio.api.conditional import Conflict
from portfolio.domain.lending import Overpaid
from portfolio.domain.money import Refusal
from portfolio.domain.outcomes import FeeExceedsTrade, Oversold
from portfolio.models import Account, Asset, Instrument, Portfolio
from portfolio.queries.catalogue import futures_of, offered_assets
from portfolio.services.accounts import AccountNameTaken, TooManyAccounts
from portfolio.services.contracts import MoreThanHeld
from portfolio.services.entries import BadMoment, KeyReused, PriceUnknown
from portfolio.services.ledger import CoreSaleRefused
from portfolio.services.lending import BadPledge, BadYield

Found = TypeVar("Found")

FIELDS: Mapping[type[Refusal], str] = {
    BadMoment: "executed_at",
    Oversold: "quantity",
    MoreThanHeld: "quantity",
    FeeExceedsTrade: "fee_amount",
    PriceUnknown: "value_usd",
    CoreSaleRefused: "core_override_reason",
    AccountNameTaken: "name",
    TooManyAccounts: "name",
    Overpaid: "quantity",
    BadPledge: "quantity",
    BadYield: "apy",
}


def valid(reader: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the validated body."""
    body = reader(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


def named_portfolio(request: Request, data: Mapping[str, Any]) -> Portfolio:
    """Return the person's portfolio that a body names."""
    found = owned_portfolios(request).filter(pk=data["portfolio"]).first()
    if found is None:
        raise ValidationError({"portfolio": ["This is none of your portfolios."]})
    return found


def named_contract(portfolio: Portfolio, data: Mapping[str, Any], field: str) -> Instrument:
    """Return a futures contract of the portfolio's venue by its name."""
    found = next((row for row in futures_of(portfolio) if row.name == data[field]), None)
    if found is None:
        raise ValidationError({field: ["Your venue has no futures contract of this name."]})
    return found


def named_asset(portfolio: Portfolio, data: Mapping[str, Any], field: str) -> Asset | None:
    """Return the asset of a symbol that a body may leave out."""
    symbol = data.get(field)
    if not symbol:
        return None
    found = offered_assets(portfolio).filter(symbol=symbol).first()
    if found is None:
        raise ValidationError({field: ["There is no asset of this symbol."]})
    return found


def named_account(portfolio: Portfolio, data: Mapping[str, Any], field: str) -> Account | None:
    """Return the portfolio's account of a name that a body may leave out."""
    name = data.get(field)
    if not name:
        return None
    found = Account.objects.filter(portfolio=portfolio, name=name).first()
    if found is None:
        raise ValidationError({field: ["This portfolio has no account of this name."]})
    return found


def recorded(record: Callable[[], Found], *, fields: Mapping[type[Refusal], str] | None = None) -> Found:
    """Record something; a refusal becomes the problem that names its field."""
    try:
        return record()
    except Refusal as refusal:
        raise problem_of(refusal, fields={**FIELDS, **(fields or {})}) from refusal


def problem_of(refusal: Refusal, *, fields: Mapping[type[Refusal], str]) -> APIException:
    """Return the problem of what cannot be recorded; the code is the refusal's own name."""
    if isinstance(refusal, KeyReused):
        return Conflict(str(refusal))
    field = next((name for kind, name in fields.items() if isinstance(refusal, kind)), None)
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(refusal).__name__).lower()
    return ValidationError({field or api_settings.NON_FIELD_ERRORS_KEY: [str(refusal)]}, code=code)
