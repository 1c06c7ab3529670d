"""Answer for how a portfolio keeps its books: its accounts, and which lots a sale relieves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import Answer
from portfolio.api.access import portfolio_by_id
from portfolio.api.entry_serializers import (
    AccountSerializer,
    LotMethodSerializer,
    NewAccountSerializer,
    NewLotMethodSerializer,
)
from portfolio.api.recording import recorded, valid
from portfolio.api.repeats import KEY, answer_once, plain
from portfolio.domain.lots import Method, Scope
from portfolio.models import Account, Venue
from portfolio.queries.catalogue import venues
from portfolio.queries.stored import lot_methods
from portfolio.services.accounts import open_account
from portfolio.services.entries import BadMoment
from portfolio.services.ledger import set_lot_method


class BookActions:
    """Add accounts and lot methods to a portfolio's routes."""

    @extend_schema(responses=AccountSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def accounts(self, request: Request, pk: str) -> Response:
        """List the accounts, the first of which is meant where none is named."""
        rows = Account.objects.filter(portfolio=portfolio_by_id(request, pk)).select_related("venue").order_by("pk")
        return Response(AccountSerializer(rows, many=True).data)

    @extend_schema(request=NewAccountSerializer, responses={201: AccountSerializer}, parameters=[KEY])
    @accounts.mapping.post
    def open_account(self, request: Request, pk: str) -> Response:
        """Open another account."""

        def run() -> Answer:
            """Validate and open."""
            portfolio, data = portfolio_by_id(request, pk), valid(NewAccountSerializer, request)
            venue = _venue(data)
            row = recorded(lambda: open_account(portfolio=portfolio, name=data["name"], venue=venue))
            return Answer(201, plain(AccountSerializer(row).data))

        return answer_once(request, run)

    @extend_schema(responses=LotMethodSerializer(many=True))
    @action(detail=True, pagination_class=None, url_path="lot-methods")
    def lot_methods(self, request: Request, pk: str) -> Response:
        """List the changes of method that stand, the one in force first; without any it is FIFO by account."""
        rows = lot_methods(portfolio_by_id(request, pk))
        return Response(LotMethodSerializer(rows, many=True).data)

    @extend_schema(request=NewLotMethodSerializer, responses={201: LotMethodSerializer}, parameters=[KEY])
    @lot_methods.mapping.post
    def set_lot_method(self, request: Request, pk: str) -> Response:
        """Relieve lots by another method, or in another scope, from a moment on."""

        def run() -> Answer:
            """Validate and set."""
            portfolio, data = portfolio_by_id(request, pk), valid(NewLotMethodSerializer, request)
            method, scope = Method(data["method"]), Scope(data.get("scope", Scope.ACCOUNT.value))
            terms = {"method": method, "scope": scope, "effective_at": data["effective_at"]}
            row = recorded(
                lambda: set_lot_method(portfolio=portfolio, now=timezone.now(), **terms),
                fields={BadMoment: "effective_at"},
            )
            return Answer(201, plain(LotMethodSerializer(row).data))

        return answer_once(request, run)


def _venue(data: Mapping[str, Any]) -> Venue | None:
    if "venue" not in data:
        return None
    found = venues().filter(slug=data["venue"]).first()
    if found is None:
        raise ValidationError({"venue": ["There is no venue of this name."]})
    return found
