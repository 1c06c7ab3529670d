"""Answer for plans, undocumented decisions and a person's own questions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import Answer
from journal.api.afterwards import AttachSerializer
from journal.api.drafting import draft_of
from journal.api.refusals import REFUSALS, of_deed, of_draft
from journal.api.serializers import NewPlanSerializer, RotationSerializer
from journal.models import Plan, PlanLeg, Question, Rotation
from journal.queries.plans import own_plan, progress_of
from journal.queries.undocumented import Undocumented, undocumented
from journal.services.adoption import adopt_fills, attach_to_plan
from journal.services.plans import Filled, abandon, close_short, fill_legs, keep_plan
from journal.services.questions import ask, stop_asking
from journal.services.rotations import Draft
from portfolio.api.access import asked_portfolio, number, owned_portfolios
from portfolio.api.fields import (
    ExactField,
    ExactModelSerializer,
    IdField,
    ProbabilityField,
    Strict,
    TextField,
    UtcField,
)
from portfolio.api.filters import IdFilter, StrictViewSet
from portfolio.api.repeats import KEY, answer_once, key_of, plain
from portfolio.api.serializers import FillSerializer
from portfolio.api.viewsets import WHICH
from portfolio.domain.money import ZERO


class PlanLegSerializer(serializers.Serializer[Any]):
    """One side of a plan, and how much of it is filled."""

    position = serializers.IntegerField(source="leg.position")
    action = serializers.CharField(source="leg.action")
    instrument = serializers.CharField(source="leg.instrument.name")
    quantity = ExactField(source="leg.quantity")
    price = ExactField(source="leg.price")
    leverage = ExactField(source="leg.leverage", allow_null=True)
    stop_price = ExactField(source="leg.stop_price", allow_null=True)
    purpose = serializers.CharField(source="leg.purpose", allow_blank=True)
    filled = ExactField()
    share = ExactField()
    average = ExactField(allow_null=True)


class PlanSerializer(ExactModelSerializer):
    """A rotation before it is done: draft, planned, executing, closed or abandoned, with the date of each step."""

    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    checklist = serializers.JSONField(read_only=True)

    class Meta:
        model = Plan
        exclude = ("written",)


class PlanDetailSerializer(PlanSerializer):
    """A plan with its legs."""

    legs = serializers.SerializerMethodField()

    @extend_schema_field(PlanLegSerializer(many=True))
    def get_legs(self, plan: Plan) -> list[dict[str, Any]]:
        """Return each leg with what is filled of it."""
        return list(PlanLegSerializer(progress_of(plan), many=True).data)


class NewPartSerializer(Strict):
    """A part of a leg as it was executed; the fee is in the reserve asset."""

    position = serializers.IntegerField(min_value=1, max_value=20)
    quantity = ExactField(positive=True, allow_zero=False)
    price = ExactField(positive=True, allow_zero=False)
    fee_amount = ExactField(positive=True, required=False)


class FillPlanSerializer(Strict):
    """Parts that were executed together."""

    executed_at = UtcField()
    legs = NewPartSerializer(many=True, allow_empty=False, max_length=20)  # type: ignore[call-arg]


class EndPlanSerializer(Strict):
    """Why a plan is given up, or closed with what is filled."""

    reason = TextField(max_length=300)


class DeedSerializer(serializers.Serializer[Any]):
    """An execution without a reason, and what it did."""

    action = serializers.CharField()
    value_usd = ExactField(source="value")
    fill = FillSerializer()


class BundleSerializer(serializers.Serializer[Any]):
    """Executions close together, offered as one decision."""

    began_at = UtcField()
    deeds = DeedSerializer(many=True)


class UndocumentedSerializer(serializers.Serializer[Any]):
    """Undocumented decisions, newest first; `next_cursor` is empty at the end."""

    bundles = BundleSerializer(many=True)
    next_cursor = serializers.CharField(allow_blank=True)


class AdoptSerializer(Strict):
    """Why executions were made."""

    portfolio = IdField()
    fills = serializers.ListField(child=IdField(), min_length=1, max_length=100)
    thesis = TextField(max_length=10_000)
    conviction = ProbabilityField(required=False, allow_null=True)
    no_stop_reason = TextField(max_length=300, required=False, allow_blank=True)
    tags = serializers.ListField(child=TextField(max_length=40), max_length=20, required=False)
    client_key = serializers.UUIDField(required=False)


class QuestionSerializer(ExactModelSerializer):
    """What a person asks themselves on every ticket."""

    class Meta:
        model = Question
        fields = ("id", "text", "is_asked", "added_at")


class NewQuestionSerializer(Strict):
    """A question of one's own."""

    text = TextField(max_length=200)


class PlanFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of plans."""

    portfolio = IdFilter(field_name="portfolio_id")
    state = filters.ChoiceFilter(choices=Plan.State.choices)

    class Meta:
        model = Plan
        fields = ("portfolio", "state")


class PlanViewSet(mixins.ListModelMixin, StrictViewSet[Plan]):
    """My plans, those saved last first."""

    queryset = Plan.objects.none()
    serializer_class = PlanSerializer
    filterset_class = PlanFilter
    ordering = ("-saved_at", "-id")
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Plan]:
        """Start at the person."""
        return Plan.objects.owned_by(self.request.user)

    @extend_schema(responses=PlanDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one with its legs and what is filled of each."""
        return Response(PlanDetailSerializer(_plan(request, pk)).data)

    @extend_schema(request=NewPlanSerializer, responses={201: PlanDetailSerializer}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        """Keep a plan; the same `client_key` before its first fill writes it anew."""

        def run() -> Answer:
            """Validate and keep."""
            data = _valid(NewPlanSerializer, request) | {"executed_at": timezone.now()}
            portfolio, draft = draft_of(request, data, key=key_of(request))
            try:
                plan = keep_plan(portfolio=portfolio, draft=draft, now=timezone.now())
            except REFUSALS as refusal:
                raise of_draft(refusal, portfolio=portfolio, draft=draft) from refusal
            return Answer(201, plain(PlanDetailSerializer(_plan(request, str(plan.pk))).data))

        return answer_once(request, run)

    @extend_schema(request=FillPlanSerializer, responses=PlanDetailSerializer, parameters=[KEY])
    @action(detail=True, methods=["post"])
    def fill(self, request: Request, pk: str) -> Response:
        """Record parts of its legs; the first makes the rotation, the last one closes the plan."""

        def run() -> Answer:
            """Record them once."""
            plan, data = _plan(request, pk), _valid(FillPlanSerializer, request)
            made = key_of(request)
            key = uuid.uuid5(uuid.NAMESPACE_URL, f"rotabook:fill:{request.user.pk}:{made}") if made else uuid.uuid4()
            filled = _parts(plan, data["legs"])
            try:
                fill_legs(plan=plan, filled=filled, executed_at=data["executed_at"], client_key=key, now=timezone.now())
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(200, plain(PlanDetailSerializer(_plan(request, pk)).data))

        return answer_once(request, run)

    @extend_schema(request=AttachSerializer, responses=PlanDetailSerializer, parameters=[KEY])
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, pk: str) -> Response:
        """Count executions that have no reason yet as parts of its legs."""

        def run() -> Answer:
            """Count them once."""
            plan, data = _plan(request, pk), _valid(AttachSerializer, request)
            try:
                attach_to_plan(plan=plan, fills=data["fills"], now=timezone.now())
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(200, plain(PlanDetailSerializer(_plan(request, pk)).data))

        return answer_once(request, run)

    @extend_schema(request=EndPlanSerializer, responses=PlanDetailSerializer, parameters=[KEY])
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Give it up before its first fill, else close it with what is filled; with a reason."""

        def run() -> Answer:
            """End it once."""
            plan, data = _plan(request, pk), _valid(EndPlanSerializer, request)
            ended = close_short if plan.state == Plan.State.EXECUTING else abandon
            try:
                ended(plan=plan, reason=data["reason"], now=timezone.now())
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(200, plain(PlanDetailSerializer(_plan(request, pk)).data))

        return answer_once(request, run)


class UndocumentedViewSet(StrictViewSet[Rotation]):
    """Executions that belong to no rotation."""

    queryset = Rotation.objects.none()
    serializer_class = UndocumentedSerializer
    parameters = {"list": frozenset({"portfolio", "cursor"})}

    @extend_schema(parameters=[WHICH], responses=UndocumentedSerializer)
    def list(self, request: Request) -> Response:
        """List them, those close together as one decision."""
        cursor = request.query_params.get("cursor", "")
        found: Undocumented = undocumented(portfolio=asked_portfolio(request), cursor=cursor)
        return Response(UndocumentedSerializer(found).data)

    @extend_schema(request=AdoptSerializer, responses={201: RotationSerializer}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        """Make a rotation of some of them, with a reason."""

        def run() -> Answer:
            """Make it once."""
            data = _valid(AdoptSerializer, request)
            portfolio = owned_portfolios(request).filter(pk=data["portfolio"]).first()
            if portfolio is None:
                raise ValidationError({"portfolio": ["This is none of your portfolios."]})
            try:
                made = adopt_fills(
                    portfolio=portfolio, fills=data["fills"], draft=_adopted(request, data), now=timezone.now()
                )
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(201, plain(RotationSerializer(made).data))

        return answer_once(request, run)


class QuestionViewSet(mixins.ListModelMixin, StrictViewSet[Question]):
    """What I ask myself on every ticket, beside the playbook's considerations."""

    queryset = Question.objects.none()
    serializer_class = QuestionSerializer
    ordering = ("-added_at", "-id")
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Question]:
        """Start at the person."""
        return Question.objects.filter(owner_id=self.request.user.pk)

    @extend_schema(request=NewQuestionSerializer, responses={201: QuestionSerializer}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        """Ask something from now on."""

        def run() -> Answer:
            """Ask it once."""
            data = _valid(NewQuestionSerializer, request)
            try:
                made = ask(user=request.user, text=data["text"], now=timezone.now())  # type: ignore[arg-type]
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(201, plain(QuestionSerializer(made).data))

        return answer_once(request, run)

    @extend_schema(request=None, responses=QuestionSerializer, parameters=[KEY])
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Ask it no longer; tickets on which it was asked keep it."""
        found = self.get_queryset().filter(pk=number(pk)).first()
        if found is None:
            raise NotFound("There is no such question of yours.")
        stop_asking(question=found)
        return Response(QuestionSerializer(found).data)


def _plan(request: Request, pk: str) -> Plan:
    found = own_plan(user=request.user, pk=number(pk))  # type: ignore[arg-type]
    if found is None:
        raise NotFound("There is no such plan of yours.")
    return found


def _parts(plan: Plan, rows: list[dict[str, Any]]) -> list[Filled]:
    legs: dict[int, PlanLeg] = {leg.position: leg for leg in plan.legs.all()}
    found = []
    for place, row in enumerate(rows):
        leg = legs.get(row["position"])
        if leg is None:
            raise ValidationError({f"legs.{place}.position": ["The plan has no such leg."]})
        terms = {"quantity": row["quantity"], "price": row["price"], "fee_amount": row.get("fee_amount", ZERO)}
        found.append(Filled(leg=leg, **terms))
    return found


def _adopted(request: Request, data: Mapping[str, Any]) -> Draft:
    key = key_of(request)
    made = uuid.uuid5(uuid.NAMESPACE_URL, f"rotabook:adopt:{request.user.pk}:{key}") if key else uuid.uuid4()
    return Draft(
        client_key=data.get("client_key") or made,
        legs=(),
        thesis=data["thesis"],
        executed_at=timezone.now(),
        conviction=data.get("conviction"),
        no_stop_reason=data.get("no_stop_reason", ""),
        tags=tuple(data.get("tags", ())),
    )


def _valid(serializer: type[Any], request: Request) -> dict[str, Any]:
    """Return the validated body."""
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    found: dict[str, Any] = reader.validated_data
    return found
