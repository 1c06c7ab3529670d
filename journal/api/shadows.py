"""Answer how the person did beside two shadows: one that follows every recommendation, one that never rotates."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from journal.models import Rotation
from portfolio.api.access import asked_portfolio
from portfolio.api.fields import ExactField
from portfolio.api.filters import StrictViewSet
from portfolio.api.performance import FigureSerializer
from portfolio.api.viewsets import WHICH
from signals.queries.shadows import shadow_curves

SHOWN = ("days", "trades", "ahead_of_following", "ahead_of_staying", "you", "follow", "stay")


class ShadowPointSerializer(serializers.Serializer[Any]):
    """One day's close in USD; `equity` is null where something held had no price."""

    date = serializers.DateField()
    equity = ExactField(allow_null=True)
    flow = ExactField()


class ShadowCurveSerializer(serializers.Serializer[Any]):
    """One course: `total` and `drawdown` are of its time-weighted index; `costs` were paid on paper."""

    name = serializers.CharField()
    total = FigureSerializer(source="track.total")
    drawdown = FigureSerializer(source="track.drawdown")
    costs = ExactField()
    points = ShadowPointSerializer(many=True)


class ShadowsSerializer(serializers.Serializer[Any]):
    """The person and both shadows over the days they share; what is positive is what the person is ahead, in USD."""

    is_simulated = serializers.BooleanField()
    days = serializers.IntegerField()
    trades = serializers.IntegerField(help_text="Of the shadow that follows.")
    ahead_of_following = ExactField(allow_null=True)
    ahead_of_staying = ExactField(allow_null=True)
    you = ShadowCurveSerializer(allow_null=True, help_text="Null before the first day that all three have.")
    follow = ShadowCurveSerializer(allow_null=True)
    stay = ShadowCurveSerializer(allow_null=True)


class ShadowsViewSet(StrictViewSet[Rotation]):
    """What would have been."""

    queryset = Rotation.objects.none()
    parameters = {"list": frozenset({"portfolio"})}

    @extend_schema(parameters=[WHICH], responses=ShadowsSerializer, filters=False)
    def list(self, request: Request) -> Response:
        """Show the portfolio beside the shadow that follows everything and the one that never rotates."""
        portfolio = asked_portfolio(request)
        found = shadow_curves(portfolio=portfolio)
        shown = {name: getattr(found, name, 0 if name in {"days", "trades"} else None) for name in SHOWN}
        return Response(ShadowsSerializer({**shown, "is_simulated": portfolio.market.is_simulated}).data)
