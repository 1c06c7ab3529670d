"""Shape scores, regime, stage and recommendations for the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolio.api.fields import ExactField, ExactModelSerializer, UtcField
from signals.domain.steps import steps_of
from signals.models import Recommendation, RecommendationLeg, RegimeDay, Score, StageDay
from signals.queries.inputs import Input, trace_of

DISCLAIMER = "Evidence and arithmetic. Nothing here executes a trade; you decide."


class ScoreSerializer(ExactModelSerializer):
    """A sector's score; its contributions add up to the value less 50. Hidden below 40% coverage."""

    sector = serializers.SlugRelatedField[Any]("slug", read_only=True)
    value = serializers.SerializerMethodField(method_name="shown_value")
    is_hidden = serializers.BooleanField(read_only=True)

    class Meta:
        model = Score
        fields = ("sector", "date", "value", "is_hidden", "coverage", "contributions", "details", "params_version")

    def shown_value(self, score: Score) -> float | None:
        """Return the score, null where too little fresh data stands behind it."""
        return None if score.is_hidden else score.value


class RegimeSerializer(ExactModelSerializer):
    """The mood of the market, and what it is made of."""

    class Meta:
        model = RegimeDay
        fields = ("date", "regime", "value", "coverage", "components", "frozen_since")


class StageSerializer(ExactModelSerializer):
    """The stage, why, and which evidence could be observed."""

    leader = serializers.SlugRelatedField[Any]("slug", read_only=True, allow_null=True)
    base = serializers.SlugRelatedField[Any]("slug", read_only=True)

    class Meta:
        model = StageDay
        fields = ("date", "stage", "leader", "base", "since", "reason", "evidence")


class SignalsSerializer(serializers.Serializer[Any]):
    """Everything computed of a market for one day."""

    market = serializers.CharField()
    is_simulated = serializers.BooleanField()
    as_of = UtcField(help_text="The close that was read.")
    read_at = UtcField(allow_null=True, help_text="When the market was last read.")
    is_stale = serializers.BooleanField(help_text="Something newer should be here by now; false of the past.")
    stale_reason = serializers.CharField(help_text="Why, in a sentence; empty while all is fresh.")
    scores = ScoreSerializer(many=True)
    regime = RegimeSerializer()
    stage = StageSerializer()


class RecommendationLegSerializer(ExactModelSerializer):
    """One side of a recommendation, in its order of execution; prices in USD."""

    sector = serializers.SlugRelatedField[Any]("slug", read_only=True)
    instrument = serializers.CharField(source="instrument.name", read_only=True)

    class Meta:
        model = RecommendationLeg
        exclude = ("id", "recommendation")


class RecommendationSerializer(ExactModelSerializer):
    """An answer of the engine: a recommendation, or a refusal with its type."""

    leader = serializers.SlugRelatedField[Any]("slug", read_only=True, allow_null=True)
    source_sector = serializers.SlugRelatedField[Any]("slug", read_only=True, allow_null=True)
    destination_sector = serializers.SlugRelatedField[Any]("slug", read_only=True, allow_null=True)
    headline = serializers.SerializerMethodField()
    is_refusal = serializers.BooleanField(read_only=True)
    is_simulated = serializers.BooleanField(source="portfolio.market.is_simulated", read_only=True)

    class Meta:
        model = Recommendation
        fields = (
            "id",
            "portfolio",
            "state",
            "kind",
            "is_refusal",
            "refusal",
            "headline",
            "stage",
            "stage_since",
            "regime",
            "leader",
            "source_sector",
            "destination_sector",
            "moved_usd",
            "cost_usd",
            "hurdle",
            "alpha",
            "z_now",
            "z_needed",
            "confidence",
            "coverage",
            "risk_usd",
            "policy_version",
            "slot",
            "issued_at",
            "expires_at",
            "closed_at",
            "close_reason",
            "is_simulated",
        )

    def get_headline(self, recommendation: Recommendation) -> str:
        """Return the sentence it comes down to."""
        return str(recommendation.explanation.get("headline", ""))


class InputSerializer(serializers.Serializer[Any]):
    """A stored value that a number follows from, and the row that holds it."""

    what = serializers.CharField()
    value = serializers.CharField()
    table = serializers.CharField()
    row = serializers.IntegerField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    at = serializers.SerializerMethodField(help_text="A day or a moment, null where it always holds.")

    def get_at(self, found: Input) -> str | None:
        """Return since when it holds, or when it was observed."""
        return None if found.at is None else found.at.isoformat()


class NumberSerializer(serializers.Serializer[Any]):
    """A number of the answer, how it is computed, and the stored inputs it came from."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()
    formula = serializers.CharField()
    inputs = InputSerializer(many=True)


class StepSerializer(serializers.Serializer[Any]):
    """One thing to place: a leg, or SET_STOP for one that opens futures; `after` is the step that has to fill first."""

    number = serializers.IntegerField()
    action = serializers.CharField()
    leg = serializers.IntegerField(help_text="Position of the leg.")
    quantity = ExactField()
    price = ExactField(allow_null=True, help_text="Of a stop.")
    after = serializers.IntegerField(allow_null=True)


class RecommendationDetailSerializer(RecommendationSerializer):
    """A recommendation with its legs, its explanation and the evidence it was computed from."""

    legs = RecommendationLegSerializer(many=True, read_only=True)
    evidence = serializers.JSONField(source="evidence.payload", read_only=True)
    evidence_sha256 = serializers.CharField(source="evidence.sha256", read_only=True)
    is_stale = serializers.SerializerMethodField(help_text="The market was not read or computed when it should be.")
    stale_reason = serializers.SerializerMethodField()
    disclaimer = serializers.SerializerMethodField()
    numbers = serializers.SerializerMethodField(help_text="Every number with the stored inputs it came from.")
    steps = serializers.SerializerMethodField(help_text="What to place, in order: the legs, then their stops.")

    class Meta(RecommendationSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *RecommendationSerializer.Meta.fields,
            "explanation",
            "numbers",
            "legs",
            "steps",
            "evidence",
            "evidence_sha256",
            "is_stale",
            "stale_reason",
            "disclaimer",
        )

    @extend_schema_field(StepSerializer(many=True))
    def get_steps(self, recommendation: Recommendation) -> Any:
        """Return the order of execution."""
        return StepSerializer(steps_of(recommendation.legs.all()), many=True).data

    @extend_schema_field(NumberSerializer(many=True))
    def get_numbers(self, recommendation: Recommendation) -> Any:
        """Return where every number comes from."""
        return NumberSerializer(trace_of(recommendation).numbers, many=True).data

    def get_is_stale(self, recommendation: Recommendation) -> bool:
        """Return whether its market is stale."""
        return bool(self.context["stale_reason"])

    def get_stale_reason(self, recommendation: Recommendation) -> str:
        """Return why, empty while all is fresh."""
        return str(self.context["stale_reason"])

    def get_disclaimer(self, recommendation: Recommendation) -> str:
        """Return what every reader must know."""
        return DISCLAIMER
