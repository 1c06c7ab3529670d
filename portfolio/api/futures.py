"""Answer for futures: record an execution or a forced close, roll a position."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from jobs.idempotency import Answer
from portfolio.api.access import owned_portfolios
from portfolio.api.filters import StrictViewSet
from portfolio.api.repeats import KEY, answer_once, key_of, plain
from portfolio.api.serializers import (
    FillSerializer,
    NewFuturesFillSerializer,
    NewRollSerializer,
    RollSerializer,
)
from portfolio.domain.futures import PositionSide
from portfolio.domain.money import ZERO, Refusal
from portfolio.domain.outcomes import FeeExceedsTrade, Oversold
from portfolio.models import Asset, Fill, Instrument, Portfolio, Position
from portfolio.queries.catalogue import offered_assets
from portfolio.services.contracts import Close, MoreThanHeld, Next, roll_position
from portfolio.services.entries import BadMoment, KeyReused, NewFill
from portfolio.services.ledger import record_fills

FIELDS: Mapping[type[Refusal], str] = {
    BadMoment: "executed_at",
    Oversold: "quantity",
    MoreThanHeld: "quantity",
    FeeExceedsTrade: "fee_amount",
}


class Conflict(APIException):
    """The key that was sent names something else."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class FuturesViewSet(StrictViewSet[Fill]):
    """Futures of every kind: linear and inverse, perpetual and dated."""

    serializer_class = FillSerializer
    queryset = Fill.objects.none()

    @extend_schema(request=NewFuturesFillSerializer, responses={201: FillSerializer}, parameters=[KEY])
    @action(detail=False, methods=["post"])
    def fills(self, request: Request) -> Response:
        """Record one execution: a trade, a liquidation, an auto-deleveraging or a settlement."""

        def run() -> Answer:
            """Validate and record."""
            data = _valid(NewFuturesFillSerializer, request)
            portfolio = _portfolio(request, data)
            new = NewFill(instrument=_contract(portfolio, data, "instrument"), **_terms(portfolio, data))
            return Answer(201, plain(FillSerializer(_record(portfolio, new, key_of(request))).data))

        return answer_once(request, run)

    @extend_schema(request=NewRollSerializer, responses={201: RollSerializer}, parameters=[KEY])
    @action(detail=False, methods=["post"])
    def rolls(self, request: Request) -> Response:
        """Close a position and open it in a later contract, as one deed."""

        def run() -> Answer:
            """Validate and roll."""
            data = _valid(NewRollSerializer, request)
            portfolio = _portfolio(request, data)
            return Answer(201, plain(RollSerializer(_roll(portfolio, data, key_of(request))).data))

        return answer_once(request, run)


def _valid(serializer: type[Any], request: Request) -> dict[str, Any]:
    """Return the validated body."""
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    found: dict[str, Any] = reader.validated_data
    return found


def _portfolio(request: Request, data: Mapping[str, Any]) -> Portfolio:
    found = owned_portfolios(request).filter(pk=data["portfolio"]).first()
    if found is None:
        raise ValidationError({"portfolio": ["This is none of your portfolios."]})
    return found


def _contract(portfolio: Portfolio, data: Mapping[str, Any], field: str) -> Instrument:
    """Return a futures contract of the portfolio's venue by its name."""
    traded = Instrument.objects.filter(venue=portfolio.venue_id, asset__in=offered_assets(portfolio))
    contracts = traded.exclude(kind=Instrument.Kind.SPOT).select_related("asset", "venue")
    found = next((row for row in contracts if row.name == data[field]), None)
    if found is None:
        raise ValidationError({field: ["Your venue has no futures contract of this name."]})
    return found


def _terms(portfolio: Portfolio, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a fill takes over from the body as it is, and the asset of its fee."""
    taken = {name: value for name, value in data.items() if name not in ("portfolio", "instrument", "fee_asset")}
    symbol = data.get("fee_asset")
    return taken | ({"fee_asset": _asset(portfolio, symbol)} if symbol else {})


def _asset(portfolio: Portfolio, symbol: str) -> Asset:
    found = offered_assets(portfolio).filter(symbol=symbol).first()
    if found is None:
        raise ValidationError({"fee_asset": ["There is no asset of this symbol."]})
    return found


def _record(portfolio: Portfolio, new: NewFill, key: str) -> Fill:
    try:
        recorded = record_fills(portfolio=portfolio, fills=[new], now=timezone.now(), client_key=key)
    except Refusal as refusal:
        raise _problem(refusal) from refusal
    return recorded.fills[0]


def _roll(portfolio: Portfolio, data: Mapping[str, Any], key: str) -> Any:
    """Roll the position that the body names."""
    near, into = _contract(portfolio, data, "instrument"), _contract(portfolio, data, "into")
    rows = Position.objects.filter(portfolio=portfolio, instrument=near)
    side = data.get("position_side", PositionSide.NET.value)
    position = rows.filter(position_side=side).select_related("instrument__asset", "quote_asset", "account").first()
    if position is None:
        raise ValidationError({"instrument": [f"You hold no {near}."]})
    close = Close(
        position=position,
        price=data["price"],
        executed_at=data["executed_at"],
        quantity=data.get("quantity"),
        fee_amount=data.get("fee_amount", ZERO),
    )
    following = Next(
        instrument=into,
        price=data["into_price"],
        fee_amount=data.get("into_fee_amount", ZERO),
        leverage=data.get("leverage"),
    )
    try:
        return roll_position(portfolio=portfolio, close=close, into=following, now=timezone.now(), client_key=key)
    except Refusal as refusal:
        raise _problem(refusal) from refusal


def _problem(refusal: Refusal) -> APIException:
    """Return the problem of what cannot be recorded; the code is the refusal's own name."""
    if isinstance(refusal, KeyReused):
        return Conflict(str(refusal))
    field = next((name for kind, name in FIELDS.items() if isinstance(refusal, kind)), None)
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(refusal).__name__).lower()
    return ValidationError({field or api_settings.NON_FIELD_ERRORS_KEY: [str(refusal)]}, code=code)
