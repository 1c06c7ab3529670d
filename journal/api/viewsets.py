"""Answer for the journal: rotations with fees, PnL and reviews; log one, reverse one, pass on a recommendation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import MAX_KEY, Answer, KeyMismatchError, fingerprint, once
from journal.api.drafting import draft_of
from journal.api.serializers import (
    NewPassSerializer,
    NewRotationSerializer,
    PassSerializer,
    ReasonSerializer,
    RotationDetailSerializer,
    RotationSerializer,
)
from journal.models import Leg, LegFill, Pass, Rotation
from journal.services.passes import pass_on
from journal.services.rotations import AlreadyReversed, DraftRefused, log_rotation, reverse_rotation
from portfolio.api.access import number
from portfolio.domain.money import Refusal
from signals.models import Recommendation
from signals.services.outcomes import RecommendationClosedError

KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Make a repeat harmless: the first answer is stored and given again. At most 255 characters.",
)


class Conflict(APIException):
    """What is asked for no longer fits what there is."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class KeyMismatch(APIException):
    """An idempotency key came with another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"


class RotationFilter(filters.FilterSet):  # type: ignore[misc]
    """Narrow the list of rotations."""

    portfolio = filters.NumberFilter(field_name="portfolio_id", min_value=1, max_value=2**63 - 1)
    state = filters.ChoiceFilter(choices=Rotation.State.choices)
    kind = filters.ChoiceFilter(choices=Rotation.Kind.choices)
    executed_after = filters.IsoDateTimeFilter(field_name="executed_at", lookup_expr="gte")
    executed_before = filters.IsoDateTimeFilter(field_name="executed_at", lookup_expr="lt")

    class Meta:
        model = Rotation
        fields = ("portfolio", "state", "kind")


class RotationViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Rotation]):
    """My rotations, newest first; reversed ones stay visible."""

    queryset = Rotation.objects.none()
    serializer_class = RotationSerializer
    filterset_class = RotationFilter
    ordering = ("-executed_at", "-id")
    lookup_value_regex = r"[0-9]{1,19}"

    def get_queryset(self) -> QuerySet[Rotation]:
        """Start at the person."""
        mine = Rotation.objects.owned_by(self.request.user)
        return mine.select_related("portfolio__market", "source_sector", "destination_sector")

    @extend_schema(responses=RotationDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one with its legs, reviews and evidence."""
        return Response(RotationDetailSerializer(self._mine(number(pk))).data)

    @extend_schema(request=NewRotationSerializer, responses={201: RotationDetailSerializer}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        """Log a rotation whole, or not at all."""

        def run() -> Answer:
            """Validate and log; a repeat of a client key answers 200 with the first."""
            data = _valid(NewRotationSerializer, request)
            portfolio, draft = draft_of(request, data, key=_key(request))
            logged = _refusing(lambda: log_rotation(portfolio=portfolio, draft=draft, now=timezone.now()))
            found = RotationDetailSerializer(self._mine(logged.rotation.pk)).data
            return Answer(200 if logged.is_repeat else 201, _plain(found))

        return _once(request, run)

    @extend_schema(request=ReasonSerializer, responses=RotationDetailSerializer, parameters=[KEY])
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Reverse all its fills, with a reason; both stay visible."""

        def run() -> Answer:
            """Reverse it once."""
            reason = _valid(ReasonSerializer, request)["reason"]
            rotation = self._mine(number(pk))
            done = _refusing(lambda: reverse_rotation(rotation=rotation, reason=reason, now=timezone.now()))
            return Answer(200, _plain(RotationDetailSerializer(self._mine(done.pk)).data))

        return _once(request, run)

    def _mine(self, pk: int) -> Rotation:
        """Return the person's own, with everything that is shown of it."""
        pairs = LegFill.objects.select_related("fill__instrument__asset", "fill__quote_asset", "fill__fee_asset")
        legs = Leg.objects.select_related("sector").prefetch_related(Prefetch("leg_fills", queryset=pairs))
        found = self.get_queryset().prefetch_related(Prefetch("legs", queryset=legs), "reviews").filter(pk=pk).first()
        if found is None:
            raise NotFound("There is no such rotation of yours.")
        return found


class PassViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Pass]):
    """Decisions not to act."""

    queryset = Pass.objects.none()
    serializer_class = PassSerializer
    ordering = ("-passed_at", "-id")

    def get_queryset(self) -> QuerySet[Pass]:
        """Start at the person."""
        return Pass.objects.filter(portfolio__owner_id=self.request.user.pk)

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
            passed = _refusing(lambda: pass_on(recommendation=found, reason=data["reason"], now=timezone.now()))
            return Answer(201, _plain(PassSerializer(passed).data))

        return _once(request, run)


def _valid(serializer: type[Any], request: Request) -> dict[str, Any]:
    """Return the validated body."""
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    found: dict[str, Any] = reader.validated_data
    return found


def _refusing(run: Callable[[], Any]) -> Any:
    """Turn a refusal of the services into a problem that names the field."""
    try:
        return run()
    except DraftRefused as refusal:
        raise ValidationError({refusal.field: [str(refusal)]}) from refusal
    except (AlreadyReversed, RecommendationClosedError) as refusal:
        raise Conflict(str(refusal)) from refusal
    except Refusal as refusal:
        raise ValidationError({"legs": [str(refusal)]}) from refusal


def _plain(data: Any) -> Any:
    """Return what is sent, as plain JSON values."""
    return json.loads(JSONRenderer().render(data))


def _key(request: Request) -> str:
    """Read the idempotency key."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY or not key.isprintable():
        raise ValidationError({"Idempotency-Key": [f"At most {MAX_KEY} printable characters."]})
    return key


def _once(request: Request, run: Callable[[], Answer]) -> Response:
    """Run a writing request; with a key, once."""
    key = _key(request)
    if not key:
        answer = run()
        return Response(answer.body, status=answer.status)
    body = json.dumps(request.data, sort_keys=True).encode()
    mark = fingerprint(method=str(request.method), path=request.path, body=body)
    try:
        answer = once(user=request.user, key=key, print_of=mark, now=timezone.now(), run=run)
    except KeyMismatchError as error:
        raise KeyMismatch(str(error)) from error
    headers = {"Idempotency-Replayed": "true"} if answer.is_replay else None
    return Response(answer.body, status=answer.status, headers=headers)
