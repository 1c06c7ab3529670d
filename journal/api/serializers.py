"""Shape rotations, reviews and passes for the API, and read a rotation that is to be logged."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from journal.models import Leg, Mood, Pass, Review, Rotation
from portfolio.api.fields import (
    ExactField,
    ExactModelSerializer,
    IdField,
    ProbabilityField,
    Strict,
    TextField,
    UtcField,
)
from portfolio.api.serializers import FillSerializer
from signals.models import RecommendationLeg

MAX_LEGS = 20


class ReviewSerializer(ExactModelSerializer):
    """The comparison with having held; `horizon_days` 0 is to date. Amounts in USD, null until known."""

    class Meta:
        model = Review
        exclude = ("id", "rotation")


class RotationLegSerializer(ExactModelSerializer):
    """One side of a rotation, with the fills that executed it."""

    sector = serializers.SlugRelatedField[Any]("slug", read_only=True)
    fills = serializers.SerializerMethodField()

    class Meta:
        model = Leg
        fields = ("position", "action", "purpose", "sector", "stop_price", "is_core_violation", "fills")

    def get_fills(self, leg: Leg) -> list[dict[str, Any]]:
        """Return the executions."""
        return [dict(FillSerializer(pair.fill).data) for pair in leg.leg_fills.all()]


class ConsideredSerializer(serializers.Serializer[Any]):
    """One question of the ticket, and whether it was considered."""

    question = serializers.CharField()
    is_checked = serializers.BooleanField()


class RotationSerializer(ExactModelSerializer):
    """A rotation: one decision, what it moved, cost and realised. Realised PnL is before futures fees."""

    source_sector = serializers.SlugRelatedField[Any]("slug", read_only=True, allow_null=True)
    destination_sector = serializers.SlugRelatedField[Any]("slug", read_only=True, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    checklist = ConsideredSerializer(many=True, read_only=True)
    plan = serializers.PrimaryKeyRelatedField[Any](read_only=True, allow_null=True)
    is_simulated = serializers.BooleanField(source="portfolio.market.is_simulated", read_only=True)

    class Meta:
        model = Rotation
        fields = (
            "id",
            "portfolio",
            "client_key",
            "state",
            "kind",
            "adherence",
            "similarity",
            "recommendation",
            "source_sector",
            "destination_sector",
            "stage",
            "regime",
            "thesis",
            "conviction",
            "no_stop_reason",
            "core_override_reason",
            "tags",
            "mood",
            "checklist",
            "plan",
            "executed_at",
            "recorded_at",
            "moved_usd",
            "fees_usd",
            "spot_pnl_usd",
            "futures_pnl_usd",
            "reversed_at",
            "reversal_reason",
            "is_simulated",
        )


class RotationDetailSerializer(RotationSerializer):
    """A rotation with its legs, its reviews and the evidence as it stood."""

    legs = RotationLegSerializer(many=True, read_only=True)
    reviews = ReviewSerializer(many=True, read_only=True)
    evidence = serializers.JSONField(read_only=True)

    class Meta(RotationSerializer.Meta):
        fields = (*RotationSerializer.Meta.fields, "legs", "reviews", "evidence", "evidence_sha256")  # type: ignore[assignment]


class NewLegSerializer(Strict):
    """One side to be logged; the fee is in the reserve asset unless `fee_asset` names another."""

    action = serializers.ChoiceField(choices=RecommendationLeg.Action.choices)
    instrument = TextField(max_length=40, help_text="UNI, or FET-PERP: see /instruments/.")
    quantity = ExactField(positive=True, allow_zero=False)
    price = ExactField(positive=True, allow_zero=False)
    fee_amount = ExactField(positive=True, required=False)
    fee_asset = TextField(max_length=20, required=False)
    leverage = ExactField(positive=True, allow_zero=False, required=False, allow_null=True)
    stop_price = ExactField(positive=True, allow_zero=False, required=False, allow_null=True)
    purpose = serializers.ChoiceField(choices=RecommendationLeg.Purpose.choices, required=False, allow_blank=True)


class NewConsideredSerializer(Strict):
    """One question, and whether it was considered."""

    question = TextField(max_length=200)
    is_checked = serializers.BooleanField()


class NewPlanSerializer(Strict):
    """A rotation to be executed later."""

    portfolio = IdField()
    legs = NewLegSerializer(many=True, allow_empty=False, max_length=MAX_LEGS)  # type: ignore[call-arg]
    thesis = TextField(max_length=10_000)
    conviction = ProbabilityField(required=False, allow_null=True)
    recommendation = IdField(required=False, allow_null=True)
    no_stop_reason = TextField(max_length=300, required=False, allow_blank=True)
    core_override_reason = TextField(max_length=300, required=False, allow_blank=True)
    tags = serializers.ListField(child=TextField(max_length=40), max_length=20, required=False)
    mood = serializers.ChoiceField(choices=Mood.choices, required=False, allow_blank=True)
    checklist = NewConsideredSerializer(many=True, required=False, max_length=40)  # type: ignore[call-arg]
    client_key = serializers.UUIDField(required=False)


class NewRotationSerializer(NewPlanSerializer):
    """A rotation to be logged: whole, or not at all."""

    executed_at = UtcField(help_text="With its offset, such as 2026-11-20T12:00:00Z.")


class ReasonSerializer(Strict):
    """A reason in words."""

    reason = TextField(max_length=300)


class NewPassSerializer(Strict):
    """A decision not to act."""

    recommendation = IdField()
    reason = TextField(max_length=2_000)


class PassSerializer(ExactModelSerializer):
    """A decision not to act, and why."""

    class Meta:
        model = Pass
        fields = ("id", "portfolio", "recommendation", "reason", "passed_at")


class PassResultSerializer(serializers.Serializer[Any]):
    """Following against holding at one horizon, on paper; 0 is to date. Amounts in USD, null until known."""

    horizon_days = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Review.Status.choices)
    priced_at = UtcField(allow_null=True)
    hold_usd = ExactField(source="hold", allow_null=True)
    followed_usd = ExactField(source="actual", allow_null=True)
    overlay_usd = ExactField(source="overlay", allow_null=True)
    alpha_usd = ExactField(source="alpha", allow_null=True)
    total_alpha_usd = ExactField(source="total_alpha", allow_null=True)


class PassPointSerializer(serializers.Serializer[Any]):
    """What holding, following and its futures would have been worth at the close of a day, in USD."""

    date = serializers.DateField()
    hold = ExactField()
    followed = ExactField(source="actual")
    overlay = ExactField()


class PassDetailSerializer(serializers.Serializer[Any]):
    """A decision not to act, scored like an action: what following would have brought, on paper."""

    id = serializers.IntegerField()
    portfolio = serializers.IntegerField()
    recommendation = serializers.IntegerField()
    reason = serializers.CharField()
    passed_at = serializers.CharField()
    results = PassResultSerializer(many=True)
    curve = PassPointSerializer(many=True)
