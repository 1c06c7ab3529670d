"""Answer "what if" over the API: the same question as on the page, amounts as strings; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api.access import portfolio_by_id
from portfolio.api.fields import ExactField, UtcField
from portfolio.api.filters import StrictViewSet
from portfolio.models import Portfolio, Stage
from signals.api.serializers import DISCLAIMER, RecommendationLegSerializer, RecommendationSerializer
from signals.domain.what_if import LONGEST_HORIZON
from signals.forms.what_if import FIELD_NAMES, asked
from signals.queries.situation import UnknownMomentError
from signals.queries.what_if import NothingToAskError, ground_of
from signals.services.what_if import WhatIf, as_rows, venue_lines

NOT_STORED = "Nothing of this is stored or traded."
UNSTORED = ("id", "portfolio", "state", "closed_at", "close_reason", "is_simulated")
"""What only a stored recommendation has, or the answer around it says."""
MEANINGS = {
    "stage": "Another stage, as if the market had come to it with this close.",
    "leader": "Slug of the sector that leads then.",
    "size_usd": "The most that spot legs sell, in place of the policy's cap.",
    "futures_usd": "The futures notional, in place of the stage's share of the pool; 0 for none.",
    "leverage": "In place of the stage's, from 1 to what the experience allows.",
    "venue": "Slug of the venue to trade at.",
    "spot_discount_percent": "What the person gets off the venue's spot fees, in percent.",
    "futures_discount_percent": "The same for futures.",
    "horizon_days": f"Days in which it has to pay, 1 to {LONGEST_HORIZON}.",
}
TYPES: dict[str, dict[str, Any]] = {"stage": {"enum": list(Stage.values)}, "horizon_days": {"type": int}}
PARAMETERS = [
    OpenApiParameter(name, **{"type": str, **TYPES.get(name, {})}, description=MEANINGS[name]) for name in FIELD_NAMES
]


class WhatIfAnswerSerializer(RecommendationSerializer):
    """An answer that was worked out and not stored, with its legs and its explanation."""

    class Meta(RecommendationSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *(name for name in RecommendationSerializer.Meta.fields if name not in UNSTORED),
            "explanation",
        )


class AnswerSerializer(serializers.Serializer[Any]):
    """An answer and its legs."""

    answer = WhatIfAnswerSerializer()
    legs = RecommendationLegSerializer(many=True)


class VenueCostSerializer(serializers.Serializer[Any]):
    """The fees of the same legs at one venue; `own_usd` is less the discount that counts there, null where none."""

    venue = serializers.CharField(source="venue.slug")
    spot_rate = ExactField(source="cost.rates.spot")
    futures_rate = ExactField(source="cost.rates.futures")
    listed_usd = ExactField(source="cost.listed", allow_null=True)
    own_usd = ExactField(source="cost.own", allow_null=True)
    is_cheapest = serializers.BooleanField(source="cost.is_cheapest")
    fault = serializers.CharField(source="cost.fault", help_text="Why nothing was worked out; empty otherwise.")
    lacks = serializers.ListField(child=serializers.CharField(), help_text="What the legs need and it does not list.")
    rates_since = UtcField(source="venue.since", allow_null=True)
    rates_source = serializers.CharField(source="venue.source")


class WhatIfSerializer(serializers.Serializer[Any]):
    """What the engine answers as things are, what it answers on the changed inputs, and the venues side by side."""

    portfolio = serializers.IntegerField()
    as_of = UtcField(help_text="When prices and holdings were read.")
    is_simulated = serializers.BooleanField()
    is_stored = serializers.BooleanField(help_text="Always false.")
    venue = serializers.CharField()
    as_it_is = AnswerSerializer()
    what_if = AnswerSerializer()
    venues = VenueCostSerializer(many=True)
    disclaimer = serializers.CharField()


class WhatIfViewSet(StrictViewSet[Portfolio]):
    """Ask the engine about changed inputs."""

    resource = "recommendations"
    queryset = Portfolio.objects.none()
    serializer_class = WhatIfSerializer
    lookup_value_regex = r"[0-9]{1,19}"
    parameters: ClassVar[Mapping[str, frozenset[str]]] = {"what_if": frozenset(FIELD_NAMES)}

    @extend_schema(parameters=PARAMETERS, responses=WhatIfSerializer)
    @action(detail=True, pagination_class=None, url_path="what-if", url_name="detail")
    def what_if(self, request: Request, pk: str) -> Response:
        """Work a question out; what is left out stays as it is."""
        portfolio = portfolio_by_id(request, pk)
        try:
            ground = ground_of(portfolio=portfolio, now=timezone.now())
        except (UnknownMomentError, NothingToAskError) as error:
            raise NotFound(str(error)) from error
        question = asked(ground=ground, data=request.query_params)
        if question.answer is None:
            raise ValidationError({name: list(map(str, faults)) for name, faults in question.form.errors.items()})
        return Response(WhatIfSerializer(_shown(question.as_it_is, question.answer)).data)


def _shown(as_it_is: WhatIf, answer: WhatIf) -> dict[str, Any]:
    usual, row = as_rows([as_it_is, answer])
    return {
        "portfolio": answer.ground.portfolio.pk,
        "as_of": answer.desk.issued_at,
        "is_simulated": answer.ground.portfolio.market.is_simulated,
        "is_stored": False,
        "venue": answer.venue.slug,
        "as_it_is": {"answer": usual.recommendation, "legs": usual.legs},
        "what_if": {"answer": row.recommendation, "legs": row.legs},
        "venues": venue_lines(answer, legs=row.legs),
        "disclaimer": f"{NOT_STORED} {DISCLAIMER}",
    }
