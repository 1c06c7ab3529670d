"""Answer what decisions taught: the figures that the page shows, and the lessons behind them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from journal.domain.habits import OWN_HORIZON, Summary
from journal.domain.learning import LEAST, Verdict
from journal.models import Lesson
from journal.queries.learning import HORIZONS, learned, rotations_behind
from journal.queries.review_queue import lessons_of
from portfolio.api.access import asked_portfolio
from portfolio.api.fields import ExactField, ExactModelSerializer
from portfolio.api.filters import IdFilter, StrictViewSet
from portfolio.api.performance import FigureSerializer
from portfolio.api.viewsets import WHICH

KEY = OpenApiParameter("key", str, required=True, description="Key of a figure, such as `tag:news`.")

DAYS = OpenApiParameter("days", int, enum=list(HORIZONS), description="How long after each decision; 30 without it.")


class LearnedShareSerializer(serializers.Serializer[Any]):
    """How often something happened, as a fraction, with Wilson's 95% interval; null at n = 0."""

    count = serializers.IntegerField()
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class LearnedMeanSerializer(serializers.Serializer[Any]):
    """An average in USD; `blocks` of the n do not overlap, and its 95% interval is null where these are too few."""

    n = serializers.IntegerField()
    blocks = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    spread = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class LearnedKindSerializer(serializers.Serializer[Any]):
    """One kind of decision against having held, 30 days on; `key` opens the rotations behind it in the journal."""

    key = serializers.CharField()
    hits = LearnedShareSerializer()
    mean = LearnedMeanSerializer()
    verdict = serializers.ChoiceField(choices=[each.value for each in Verdict], help_text="Beside following.")


class LearnedBinSerializer(serializers.Serializer[Any]):
    """Chances of about the same size: what was said, and how often it came true."""

    said = serializers.FloatField()
    came = LearnedShareSerializer()


class LearnedCalibrationSerializer(serializers.Serializer[Any]):
    """Stated chances: brier = reliability - resolution + uncertainty + within."""

    n = serializers.IntegerField()
    brier = serializers.FloatField()
    reliability = serializers.FloatField()
    resolution = serializers.FloatField()
    uncertainty = serializers.FloatField()
    within = serializers.FloatField()
    skill = serializers.FloatField(allow_null=True)
    bins = LearnedBinSerializer(many=True)


class LearnedExpectancySerializer(serializers.Serializer[Any]):
    """What a decision brings per unit risked, in R."""

    n = serializers.IntegerField()
    mean = serializers.FloatField()
    hits = LearnedShareSerializer()
    average_win = serializers.FloatField()
    average_loss = serializers.FloatField()
    payoff = serializers.FloatField(allow_null=True)
    profit_factor = serializers.FloatField(allow_null=True)
    quality = serializers.FloatField(allow_null=True, help_text="SQN, n capped at 100.")


class LearnedStepSerializer(serializers.Serializer[Any]):
    """How many decisions brought from so many R to one more; the outermost steps are open."""

    step = serializers.IntegerField()
    decisions = serializers.IntegerField()


class LearnedCostsSerializer(serializers.Serializer[Any]):
    """What fees and slippage took of the spot edge at 30 days, in USD; the ratio is costs over |gross|."""

    gross = ExactField()
    net = ExactField()
    costs = ExactField()
    ratio = ExactField(allow_null=True)


class LearnedCourseSerializer(serializers.Serializer[Any]):
    """How n results came about in USD: gross - costs + futures = total."""

    n = serializers.IntegerField()
    gross = ExactField()
    costs = ExactField()
    futures = ExactField()
    total = ExactField()


class LearnedTripSerializer(serializers.Serializer[Any]):
    """A rotation and the one that undid it within 30 days."""

    there = serializers.IntegerField()
    back = serializers.IntegerField()
    days = serializers.FloatField()


class LearnedDisciplineSerializer(serializers.Serializer[Any]):
    """How often rules were kept."""

    stops = LearnedShareSerializer()
    core_kept = LearnedShareSerializer()
    rules_kept = LearnedShareSerializer()
    follows = LearnedShareSerializer()


class LearnedWaitSerializer(serializers.Serializer[Any]):
    """How many hours passed from a recommendation to the first fill, of the n rotations that answer one."""

    n = serializers.IntegerField()
    median_hours = serializers.FloatField(allow_null=True)


class LearnedMistakeSerializer(serializers.Serializer[Any]):
    """How many rotations a mistake was named of."""

    mistake = serializers.ChoiceField(choices=Lesson.Mistake.values)
    rotations = serializers.IntegerField()


class LearningSerializer(serializers.Serializer[Any]):
    """What a portfolio's decisions taught; below `least` decisions no comparison has a verdict."""

    is_simulated = serializers.BooleanField()
    days = serializers.IntegerField(help_text="The horizon of every result; chances are scored at 30 only.")
    least = serializers.IntegerField()
    count = serializers.IntegerField()
    known = serializers.IntegerField()
    blocks = serializers.IntegerField()
    hits = LearnedShareSerializer()
    groups = LearnedKindSerializer(many=True)
    calibration = LearnedCalibrationSerializer(allow_null=True)
    unstated = serializers.IntegerField()
    expectancy = LearnedExpectancySerializer(allow_null=True)
    multiples = LearnedStepSerializer(many=True)
    without_stop = serializers.IntegerField()
    fees_usd = ExactField()
    fee_drag = FigureSerializer(help_text="Fees over average worth since the first rotation, a year.")
    costs = LearnedCostsSerializer()
    course = LearnedCourseSerializer()
    trips = LearnedTripSerializer(many=True)
    trip_fees_usd = ExactField()
    discipline = LearnedDisciplineSerializer()
    waited = LearnedWaitSerializer()
    facets = serializers.DictField(child=LearnedKindSerializer(many=True))
    mistakes = LearnedMistakeSerializer(many=True)
    guesses = LearnedShareSerializer()


class BehindSerializer(serializers.Serializer[Any]):
    """The rotations behind a figure."""

    key = serializers.CharField()
    rotations = serializers.ListField(child=serializers.IntegerField())


class LessonSerializer(ExactModelSerializer):
    """A guess before the outcome, the outcome as it was shown, and the lesson; of a rotation or of a pass."""

    portfolio = serializers.SerializerMethodField()
    recommendation = serializers.SerializerMethodField(help_text="What was passed on, null for a rotation.")
    mistakes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Lesson
        fields = (
            "id",
            "portfolio",
            "rotation",
            "recommendation",
            "horizon_days",
            "expectation",
            "expected_because",
            "had_seen",
            "expected_at",
            "outcome_seen_at",
            "shown_alpha_usd",
            "lesson",
            "mistakes",
            "learned_at",
        )

    def get_portfolio(self, lesson: Lesson) -> int:
        """Return whose book it is of."""
        about = lesson.rotation or lesson.decided_pass
        return 0 if about is None else about.portfolio_id

    def get_recommendation(self, lesson: Lesson) -> int | None:
        """Return what was passed on."""
        return None if lesson.decided_pass is None else lesson.decided_pass.recommendation_id


class LessonFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of lessons."""

    portfolio = IdFilter(method="of_portfolio")
    rotation = IdFilter(field_name="rotation_id")

    class Meta:
        model = Lesson
        fields = ("portfolio", "rotation")

    @extend_schema_field(OpenApiTypes.INT)
    def of_portfolio(self, lessons: QuerySet[Lesson], _name: str, pk: int) -> QuerySet[Lesson]:
        """Select the lessons of one portfolio."""
        return lessons.filter(Q(rotation__portfolio=pk) | Q(decided_pass__portfolio=pk))


class LessonViewSet(mixins.ListModelMixin, StrictViewSet[Lesson]):
    """My lessons, newest guess first."""

    queryset = Lesson.objects.none()
    serializer_class = LessonSerializer
    filterset_class = LessonFilter
    ordering = ("-expected_at", "-id")

    def get_queryset(self) -> QuerySet[Lesson]:
        """Start at the person."""
        return lessons_of(user=self.request.user).select_related("rotation", "decided_pass").defer("rotation__evidence")


class LearningViewSet(StrictViewSet[Lesson]):
    """What a portfolio's decisions taught."""

    queryset = Lesson.objects.none()
    parameters = {"list": frozenset({"portfolio", "days"}), "rotations": frozenset({"portfolio", "key", "days"})}

    @extend_schema(parameters=[WHICH, DAYS], responses=LearningSerializer, filters=False)
    def list(self, request: Request) -> Response:
        """Show hit rate, calibration, expectancy, costs and discipline, so many days after each decision."""
        portfolio = asked_portfolio(request)
        days = asked_days(request)
        found = learned(portfolio=portfolio, moment=portfolio.clock(timezone.now()), days=days)
        shown = {
            **_shown(found.summary),
            "days": days,
            "fee_drag": found.drag,
            "is_simulated": portfolio.market.is_simulated,
        }
        return Response(LearningSerializer(shown).data)

    @extend_schema(parameters=[WHICH, KEY, DAYS], responses=BehindSerializer, filters=False)
    @action(detail=False, pagination_class=None)
    def rotations(self, request: Request) -> Response:
        """Name the rotations behind a figure, oldest first, by the key that the figure carries."""
        key, portfolio = request.query_params.get("key", ""), asked_portfolio(request)
        found = rotations_behind(portfolio=portfolio, key=key, days=asked_days(request))
        return Response(BehindSerializer({"key": key, "rotations": found}).data)


def asked_days(request: Request) -> int:
    """Return the horizon that `?days=` names, 30 without it."""
    text = request.query_params.get("days", str(OWN_HORIZON))
    if text not in map(str, HORIZONS):
        raise serializers.ValidationError({"days": ["Give 7, 30 or 90."]})
    return int(text)


def _shown(summary: Summary) -> dict[str, Any]:
    return {
        **asdict(summary),
        "least": LEAST,
        "fees_usd": summary.fees,
        "trip_fees_usd": summary.trip_fees,
        "multiples": [{"step": step, "decisions": count} for step, count in summary.multiples],
        "mistakes": [{"mistake": code, "rotations": count} for code, count in summary.mistakes],
    }
