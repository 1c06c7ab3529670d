"""Answer what executions cost: the figures that the page shows, each with the key of the rotations behind it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from journal.models import Rotation
from journal.queries.fees import fees
from portfolio.api.access import asked_portfolio
from portfolio.api.fields import ExactField
from portfolio.api.filters import StrictViewSet
from portfolio.api.viewsets import WHICH


class FeeRowSerializer(serializers.Serializer[Any]):
    """What some executions cost in USD; `compared` is the part of `paid` that has an estimate beside it."""

    key = serializers.CharField(help_text="Opens the rotations behind it: see /learning/rotations/.")
    fills = serializers.IntegerField()
    rotations = serializers.IntegerField()
    notional_usd = ExactField(source="notional")
    paid_usd = ExactField(source="paid")
    compared_usd = ExactField(source="compared")
    estimated_usd = ExactField(source="estimated", allow_null=True)
    difference_usd = ExactField(source="difference", allow_null=True)
    rate = ExactField(allow_null=True, help_text="Paid over what was traded, a fraction.")


class FeesSerializer(serializers.Serializer[Any]):
    """What executions of rotations cost, by facet, and beside them what no rotation stands behind."""

    is_simulated = serializers.BooleanField()
    total = FeeRowSerializer()
    by_venue = FeeRowSerializer(many=True)
    by_leg = FeeRowSerializer(many=True)
    by_asset = FeeRowSerializer(many=True)
    by_paid_in = FeeRowSerializer(many=True)
    by_month = FeeRowSerializer(many=True)
    outside = FeeRowSerializer()
    recommended = serializers.IntegerField(help_text="Fills beside the fee that a recommendation reckoned with.")
    listed = serializers.IntegerField(help_text="Fills beside the venue's listed taker rate.")


class FeesViewSet(StrictViewSet[Rotation]):
    """What the executions of a portfolio cost."""

    queryset = Rotation.objects.none()
    parameters = {"list": frozenset({"portfolio"})}

    @extend_schema(parameters=[WHICH], responses=FeesSerializer, filters=False)
    def list(self, request: Request) -> Response:
        """Show fees by venue, leg, asset, currency and month, paid against reckoned with."""
        portfolio = asked_portfolio(request)
        found = fees(portfolio=portfolio)
        shown = {
            "is_simulated": portfolio.market.is_simulated,
            "total": found.total,
            **{f"by_{name}": rows for name, rows in found.facets.items()},
            "outside": found.outside,
            "recommended": found.recommended,
            "listed": found.listed,
        }
        return Response(FeesSerializer(shown).data)
