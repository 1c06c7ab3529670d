"""Answer for the journal: rotations with fees, PnL and reviews; log one, reverse one, pass on a recommendation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import Answer
from journal.api.afterwards import AfterwardsMixin
from journal.api.drafting import draft_of
from journal.api.refusals import REFUSALS, of_deed, of_draft
from journal.api.serializers import (
    NewPassSerializer,
    NewRotationSerializer,
    PassDetailSerializer,
    PassSerializer,
    ReasonSerializer,
    RotationDetailSerializer,
    RotationSerializer,
)
from journal.models import Leg, LegFill, Pass, Rotation
from journal.queries.filters import saying, tagged
from journal.queries.passed import score, scored_pass
from journal.services.passes import pass_on
from journal.services.rotations import log_rotation, reverse_rotation
from portfolio.api.access import number
from portfolio.api.conditional import conditional, require_version, tag_of
from portfolio.api.filters import IdFilter, MomentFilter, StrictViewSet
from portfolio.api.repeats import KEY, answer_once, key_of, plain
from portfolio.api.viewsets import KNOWN
from signals.models import Recommendation

SEEN = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag you read: 412 if it changed since."
)


class RotationFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of rotations."""

    portfolio = IdFilter(field_name="portfolio_id")
    sector = filters.CharFilter(method="touching", help_text="Slug of the sector that money left or reached.")
    state = filters.ChoiceFilter(choices=Rotation.State.choices)
    kind = filters.ChoiceFilter(choices=Rotation.Kind.choices)
    adherence = filters.ChoiceFilter(choices=Rotation.Adherence.choices)
    words = filters.CharFilter(method="with_words", max_length=100, help_text="In reasons, tags, lessons.")
    tag = filters.CharFilter(method="with_tag", max_length=40)
    executed_after = MomentFilter(field_name="executed_at", lookup_expr="gte")
    executed_before = MomentFilter(field_name="executed_at", lookup_expr="lt")

    class Meta:
        model = Rotation
        fields = ("portfolio", "state", "kind", "adherence")

    def with_words(self, rotations: QuerySet[Rotation], _name: str, words: str) -> QuerySet[Rotation]:
        """Select the rotations in which every word stands somewhere."""
        return saying(rotations, words)

    def with_tag(self, rotations: QuerySet[Rotation], _name: str, tag: str) -> QuerySet[Rotation]:
        """Select the rotations that carry a tag."""
        return tagged(rotations, tag)

    def touching(self, rotations: QuerySet[Rotation], _name: str, slug: str) -> QuerySet[Rotation]:
        """Select the rotations from or to a sector."""
        return rotations.filter(Q(source_sector__slug=slug) | Q(destination_sector__slug=slug))


class RotationViewSet(AfterwardsMixin, mixins.ListModelMixin, StrictViewSet[Rotation]):
    """My rotations, newest first; reversed ones stay visible."""

    queryset = Rotation.objects.none()
    serializer_class = RotationSerializer
    filterset_class = RotationFilter
    ordering = ("-executed_at", "-id")
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Rotation]:
        """Start at the person."""
        mine = Rotation.objects.owned_by(self.request.user)
        return mine.select_related("portfolio__market", "source_sector", "destination_sector", "plan")

    @extend_schema(parameters=[KNOWN], responses={200: RotationDetailSerializer, 304: None})
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one with its legs, reviews and evidence."""
        found = RotationDetailSerializer(self._mine(number(pk))).data
        return conditional(request, tag=tag_of(found), answer=lambda: found)

    @extend_schema(
        request=NewRotationSerializer,
        responses={200: RotationDetailSerializer, 201: RotationDetailSerializer},
        parameters=[KEY],
    )
    def create(self, request: Request) -> Response:
        """Log a rotation whole, or not at all; a `client_key` that was used answers 200 with what it logged."""

        def run() -> Answer:
            """Validate and log."""
            portfolio, draft = draft_of(request, _valid(NewRotationSerializer, request), key=key_of(request))
            try:
                logged = log_rotation(portfolio=portfolio, draft=draft, now=timezone.now())
            except REFUSALS as refusal:
                raise of_draft(refusal, portfolio=portfolio, draft=draft) from refusal
            found = RotationDetailSerializer(self._mine(logged.rotation.pk)).data
            return Answer(200 if logged.is_repeat else 201, plain(found))

        return answer_once(request, run)

    @extend_schema(request=ReasonSerializer, responses=RotationDetailSerializer, parameters=[KEY, SEEN])
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Reverse all its fills, with a reason; both stay visible."""

        def run() -> Answer:
            """Reverse it once."""
            rotation = self._mine(number(pk))
            require_version(request, tag=tag_of(RotationDetailSerializer(rotation).data))
            reason = _valid(ReasonSerializer, request)["reason"]
            try:
                done = reverse_rotation(rotation=rotation, reason=reason, now=timezone.now())
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(200, plain(RotationDetailSerializer(self._mine(done.pk)).data))

        return answer_once(request, run)

    def _mine(self, pk: int) -> Rotation:
        """Return the person's own, with everything that is shown of it."""
        pairs = LegFill.objects.select_related("fill__instrument__asset", "fill__quote_asset", "fill__fee_asset")
        legs = Leg.objects.select_related("sector").prefetch_related(Prefetch("leg_fills", queryset=pairs))
        found = self.get_queryset().prefetch_related(Prefetch("legs", queryset=legs), "reviews").filter(pk=pk).first()
        if found is None:
            raise NotFound("There is no such rotation of yours.")
        return found


class PassViewSet(mixins.ListModelMixin, StrictViewSet[Pass]):
    """Decisions not to act."""

    queryset = Pass.objects.none()
    serializer_class = PassSerializer
    ordering = ("-passed_at", "-id")
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Pass]:
        """Start at the person."""
        return Pass.objects.filter(portfolio__owner_id=self.request.user.pk)

    @extend_schema(responses=PassDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one with what following would have brought, at every horizon, on paper."""
        found = scored_pass(user=request.user, pk=number(pk))  # type: ignore[arg-type]
        if found is None:
            raise NotFound("There is no such pass of yours.")
        scored = score(passed=found, clock=found.portfolio.clock(timezone.now()))
        results = [{"horizon_days": days, **asdict(each)} for days, each in scored.measured.items()]
        record = {**PassSerializer(found).data, "results": results, "curve": scored.curve}
        return Response(PassDetailSerializer(record).data)

    @extend_schema(request=NewPassSerializer, responses={201: PassSerializer}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        """Pass on a recommendation that stands, with a reason."""

        def run() -> Answer:
            """Pass once."""
            data = _valid(NewPassSerializer, request)
            mine = Recommendation.objects.owned_by(request.user).select_related("portfolio__market")
            found = mine.filter(pk=data["recommendation"]).first()
            if found is None:
                raise ValidationError({"recommendation": ["This is none of your recommendations."]})
            try:
                passed = pass_on(recommendation=found, reason=data["reason"], now=timezone.now())
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(201, plain(PassSerializer(passed).data))

        return answer_once(request, run)


def _valid(serializer: type[Any], request: Request) -> dict[str, Any]:
    """Return the validated body."""
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    found: dict[str, Any] = reader.validated_data
    return found
