"""Answer what a figure is made of: its formula, its parts, and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api.access import portfolio_by_id
from portfolio.api.fields import ExactField
from portfolio.domain.proof import Proof
from portfolio.models import Portfolio
from portfolio.queries.holdings import snapshot
from portfolio.queries.proof import asset_proofs, portfolio_proofs

BEFORE = OpenApiParameter("before", str, description="The `next_cursor` of the page before; without it, the newest.")
ASSET = OpenApiParameter("asset", str, description="The symbol of one asset; without it, the whole portfolio.")


class PartSerializer(serializers.Serializer[Any]):
    """One addend: amounts in USD, the quantity in units of the asset; null where it has no such number."""

    what = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    quantity = ExactField(allow_null=True)
    price = ExactField(allow_null=True)
    proceeds = ExactField(allow_null=True)
    cost = ExactField(allow_null=True)
    amount = ExactField(allow_null=True)
    fill = serializers.IntegerField(source="fill_id", allow_null=True)
    transfer = serializers.IntegerField(source="transfer_id", allow_null=True)
    asset = serializers.CharField()


class ClaimSerializer(serializers.Serializer[Any]):
    """A figure as the pages show it, what its parts add up to, and whether both are equal."""

    name = serializers.CharField()
    stated = ExactField()
    summed = ExactField()
    holds = serializers.BooleanField()


class ProofSerializer(serializers.Serializer[Any]):
    """A figure's formula, where it is defined, its claims and its parts: `count` of them, some shown."""

    key = serializers.CharField()
    name = serializers.CharField()
    formula = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    claims = ClaimSerializer(many=True)
    parts = PartSerializer(many=True)
    count = serializers.IntegerField()
    next_cursor = serializers.CharField()


class ProofActions:
    """Add the proofs of a portfolio's figures to its routes."""

    parameters: ClassVar[Mapping[str, frozenset[str]]] = {"proof": frozenset({"asset", "before"})}

    @extend_schema(parameters=[ASSET, BEFORE], responses=ProofSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def proof(self, request: Request, pk: str) -> Response:
        """Show what equity and gains are made of; with an asset, its lots, disposals and prices in all accounts."""
        portfolio, symbol = portfolio_by_id(request, pk), request.query_params.get("asset")
        if symbol is None:
            found = portfolio_proofs(snapshot(portfolio=portfolio, now=timezone.now()))
        else:
            found = _of_asset(portfolio, symbol, request.query_params.get("before", ""))
        return Response(ProofSerializer(found, many=True).data)


def _of_asset(portfolio: Portfolio, symbol: str, cursor: str) -> tuple[Proof, ...]:
    found = asset_proofs(portfolio=portfolio, symbol=symbol, now=timezone.now(), cursor=cursor)
    if found is None:
        raise ValidationError({"asset": ["This portfolio never held such an asset."]})
    return found.proofs
