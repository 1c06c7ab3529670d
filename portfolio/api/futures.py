"""Answer for futures: record an execution or a forced close, roll a position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from jobs.idempotency import Answer
from portfolio.api.filters import StrictViewSet
from portfolio.api.recording import named_asset, named_contract, named_portfolio, recorded, valid
from portfolio.api.repeats import KEY, answer_once, ledger_key, plain
from portfolio.api.serializers import (
    FillSerializer,
    NewFuturesFillSerializer,
    NewRollSerializer,
    RollSerializer,
)
from portfolio.domain.futures import PositionSide
from portfolio.domain.money import ZERO
from portfolio.models import Fill, Portfolio, Position
from portfolio.services.contracts import Close, Next, roll_position
from portfolio.services.entries import NewFill, PriceUnknown
from portfolio.services.ledger import record_fills


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
            data = valid(NewFuturesFillSerializer, request)
            portfolio = named_portfolio(request, data)
            new = NewFill(instrument=named_contract(portfolio, data, "instrument"), **_terms(portfolio, data))
            return Answer(201, plain(FillSerializer(_record(portfolio, new, ledger_key(request))).data))

        return answer_once(request, run)

    @extend_schema(request=NewRollSerializer, responses={201: RollSerializer}, parameters=[KEY])
    @action(detail=False, methods=["post"])
    def rolls(self, request: Request) -> Response:
        """Close a position and open it in a later contract, as one deed."""

        def run() -> Answer:
            """Validate and roll."""
            data = valid(NewRollSerializer, request)
            portfolio = named_portfolio(request, data)
            return Answer(201, plain(RollSerializer(_roll(portfolio, data, ledger_key(request))).data))

        return answer_once(request, run)


def _terms(portfolio: Portfolio, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a fill takes over from the body as it is, and the asset of its fee."""
    taken = {name: value for name, value in data.items() if name not in ("portfolio", "instrument", "fee_asset")}
    fee_asset = named_asset(portfolio, data, "fee_asset")
    return taken | ({"fee_asset": fee_asset} if fee_asset else {})


def _record(portfolio: Portfolio, new: NewFill, key: str) -> Fill:
    done = recorded(lambda: record_fills(portfolio=portfolio, fills=[new], now=timezone.now(), client_key=key))
    return done.fills[0]


def _roll(portfolio: Portfolio, data: Mapping[str, Any], key: str) -> Any:
    """Roll the position that the body names."""
    near, into = named_contract(portfolio, data, "instrument"), named_contract(portfolio, data, "into")
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
    return recorded(
        lambda: roll_position(portfolio=portfolio, close=close, into=following, now=timezone.now(), client_key=key),
        fields={PriceUnknown: api_settings.NON_FIELD_ERRORS_KEY},
    )
