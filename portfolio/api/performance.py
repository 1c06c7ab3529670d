"""Answer what a portfolio earned: the figures, the daily tracks and the attribution that the page shows."""

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

from portfolio.api.access import number, portfolio_by_id
from portfolio.api.fields import ExactField
from portfolio.domain.figures import Figure, Lack
from portfolio.domain.performance import Track, ahead
from portfolio.queries.attribution import Attribution, attribution
from portfolio.queries.performance import Performance, performance_of

MOST_DAYS = 36_500
OF_SPAN = frozenset({"days"})
SPAN = OpenApiParameter("days", int, description="Only the last so many valued days; without it, all of them.")


class FigureSerializer(serializers.Serializer[Any]):
    """A statistic as a fraction, the days behind it, and why it is null; a flagged one has rivals as good."""

    value = serializers.FloatField(allow_null=True)
    days = serializers.IntegerField()
    lack = serializers.ChoiceField(choices=[lack.value for lack in Lack], allow_null=True)
    is_flagged = serializers.BooleanField()


class FallSerializer(serializers.Serializer[Any]):
    """The deepest fall of the index between its closes; `recovered` is null while its peak is not regained."""

    depth = serializers.FloatField()
    peak = serializers.DateField()
    trough = serializers.DateField()
    recovered = serializers.DateField(allow_null=True)
    longest_wait_days = serializers.IntegerField()


class TrackSerializer(serializers.Serializer[Any]):
    """One line of the comparison: the portfolio, HOLD, ANCHOR or the core; `index` is 1 before the first day."""

    name = serializers.CharField()
    total = FigureSerializer()
    annual = FigureSerializer()
    volatility = FigureSerializer()
    sharpe = FigureSerializer()
    sortino = FigureSerializer()
    drawdown = FigureSerializer()
    calmar = FigureSerializer()
    fall = FallSerializer(allow_null=True)
    ahead = FigureSerializer(allow_null=True, help_text="The portfolio's return less this one's.")
    index = serializers.ListField(child=serializers.FloatField())


class PerformanceSerializer(serializers.Serializer[Any]):
    """What a portfolio earned over a span of days."""

    dates = serializers.ListField(child=serializers.DateField())
    tracks = TrackSerializer(many=True)
    money_weighted = FigureSerializer(help_text="XIRR, Act/365.")
    modified_dietz = FigureSerializer(source="dietz")
    costs_usd = ExactField(help_text="Fees, and the funding that was paid.")
    fee_drag = FigureSerializer(help_text="Costs over average capital, a year.")
    before_costs = FigureSerializer(help_text="The annual return with that drag added back.")
    unpriced_days = serializers.IntegerField()


class SectorEffectSerializer(serializers.Serializer[Any]):
    """What a sector added to the difference; weights are averages of the days."""

    sector = serializers.CharField()
    weight = serializers.FloatField()
    benchmark_weight = serializers.FloatField()
    allocation = serializers.FloatField()
    choice = serializers.FloatField()


class AttributionSerializer(serializers.Serializer[Any]):
    """Where the difference to ANCHOR came from; effects and lines add up to `active`, or `lack` says why not."""

    lack = serializers.ChoiceField(choices=[lack.value for lack in Lack], allow_null=True)
    active = FigureSerializer(allow_null=True)
    sectors = SectorEffectSerializer(many=True)
    lines = serializers.DictField(child=serializers.FloatField())
    rotation_skill = serializers.FloatField(allow_null=True)
    token_skill = serializers.FloatField(allow_null=True)
    structure_skill = serializers.FloatField(allow_null=True)
    alarms = serializers.IntegerField(help_text="Days on which more than 2 bp were left to timing.")


class PerformanceActions:
    """Add performance and attribution to a portfolio's routes."""

    parameters: ClassVar[Mapping[str, frozenset[str]]] = {
        "performance": frozenset({"days"}),
        "attribution": frozenset({"days"}),
    }

    @extend_schema(parameters=[SPAN], responses=PerformanceSerializer)
    @action(detail=True, pagination_class=None)
    def performance(self, request: Request, pk: str) -> Response:
        """Show returns, risk and costs, beside never rotating, the policy and the core alone."""
        found = _asked(request, pk)
        return Response(PerformanceSerializer(_EMPTY if found is None else _shown(found)).data)

    @extend_schema(parameters=[SPAN], responses=AttributionSerializer)
    @action(detail=True, pagination_class=None)
    def attribution(self, request: Request, pk: str) -> Response:
        """Show where the difference to the policy came from."""
        found = _asked(request, pk)
        answer = Lack.TOO_SHORT if found is None else attribution(found)
        return Response(AttributionSerializer(_explained(answer)).data)


def _asked(request: Request, pk: str) -> Performance | None:
    """Measure the person's portfolio over the days asked for."""
    portfolio, text = portfolio_by_id(request, pk), request.query_params.get("days")
    days = None if text is None else number(text)
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise ValidationError({"days": [f"Give a number of days between 1 and {MOST_DAYS}."]})
    return performance_of(portfolio=portfolio, now=timezone.now(), days=days)


def _shown(found: Performance) -> dict[str, Any]:
    names = ("money_weighted", "dietz", "costs_usd", "fee_drag", "before_costs", "unpriced_days")
    tracks = [_track(track, found) for track in found.tracks]
    return {"dates": found.span.dates, "tracks": tracks, **{name: getattr(found, name) for name in names}}


def _track(track: Track, found: Performance) -> dict[str, Any]:
    figures = ("total", "annual", "volatility", "sharpe", "sortino", "drawdown", "calmar", "fall")
    return {
        "name": track.name,
        **{name: getattr(track, name) for name in figures},
        "ahead": None if track is found.you else ahead(track=found.you, benchmark=track),
        "index": [] if track.series.lack else track.series.index.tolist(),
    }


def _explained(answer: Attribution | Lack) -> dict[str, Any]:
    if isinstance(answer, Lack):
        skills = dict.fromkeys(("rotation_skill", "token_skill", "structure_skill"))
        return {"lack": answer, "active": None, "sectors": [], "lines": {}, "alarms": 0, **skills}
    names = ("active", "sectors", "lines", "alarms", "rotation_skill", "token_skill", "structure_skill")
    return {"lack": None, **{name: getattr(answer, name) for name in names}}


_NOTHING = Figure(value=None, days=0, lack=Lack.TOO_SHORT)
_EMPTY: dict[str, Any] = {
    "dates": [],
    "tracks": [],
    **dict.fromkeys(("money_weighted", "dietz", "fee_drag", "before_costs"), _NOTHING),
    "costs_usd": 0,
    "unpriced_days": 0,
}
