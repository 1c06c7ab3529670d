"""Answer what comes after a rotation was logged: its outcome part by part, its cash, wordings, images, more fills."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import Answer
from journal.api.refusals import REFUSALS, of_deed
from journal.domain.deviations import Deviation
from journal.domain.split import Cause
from journal.models import LegFill, Picture, Rotation, Wording
from journal.queries.cash import cash_of
from journal.queries.examine import Examined, examinable, examine
from journal.queries.rotations import pairs_of, rotation_of
from journal.services.adoption import attach_fills
from journal.services.pictures import PictureRefused, add_picture, clean_picture
from journal.services.wordings import reword
from portfolio.api.access import number
from portfolio.api.fields import ExactField, ExactModelSerializer, IdField, Strict, TextField, UtcField
from portfolio.api.repeats import KEY, answer_once, plain


class OutcomePointSerializer(serializers.Serializer[Any]):
    """What holding, what was done instead, and its futures were worth at the close of a day, in USD."""

    date = serializers.DateField()
    hold = ExactField()
    actual = ExactField()
    overlay = ExactField()


class OutcomeCauseSerializer(serializers.Serializer[Any]):
    """One cause of the outcome, in USD to the cent; all of them add up to `total_alpha_usd`."""

    cause = serializers.ChoiceField(choices=[each.value for each in Cause])
    amount = ExactField()


class OutcomeLegSerializer(serializers.Serializer[Any]):
    """What was asked and done in one sector's spot or futures, signed, in USD."""

    sector = serializers.CharField(source="key.sector")
    is_futures = serializers.BooleanField(source="key.is_futures")
    asked = ExactField()
    done = ExactField()
    ratio = ExactField(allow_null=True)
    deviations = serializers.ListField(child=serializers.ChoiceField(choices=[each.value for each in Deviation]))


class OutcomeSerializer(serializers.Serializer[Any]):
    """What a rotation came to, part by part (DOMAIN 5.5); null where it is not known. Amounts in USD."""

    horizon_days = serializers.IntegerField(allow_null=True, help_text="Of the causes and costs; 0 is to date.")
    priced_at = UtcField(allow_null=True)
    total_alpha_usd = ExactField(allow_null=True)
    causes = OutcomeCauseSerializer(many=True)
    curve = OutcomePointSerializer(many=True)
    gross_alpha_usd = ExactField(allow_null=True)
    costs_usd = ExactField(allow_null=True)
    cost_ratio = ExactField(allow_null=True)
    risk_usd = ExactField(allow_null=True, help_text="1R: what the futures legs would have lost at their stops.")
    multiple = ExactField(allow_null=True, help_text="What the futures brought in R.")
    brier = ExactField(allow_null=True)
    signal_at = UtcField(allow_null=True)
    issued_at = UtcField(allow_null=True)
    first_fill_at = UtcField()
    last_fill_at = UtcField()
    share_gone = serializers.FloatField(allow_null=True)
    share_gone_reason = serializers.CharField(allow_blank=True)
    delay_cost_usd = ExactField(allow_null=True)
    legs = OutcomeLegSerializer(many=True)
    deviations = serializers.ListField(child=serializers.ChoiceField(choices=[each.value for each in Deviation]))
    missed_alpha_usd = ExactField(allow_null=True, help_text="Of the part left out, at 30 days, on paper.")
    stage_now = serializers.CharField(allow_null=True)
    regime_now = serializers.CharField(allow_null=True)


class CashSerializer(serializers.Serializer[Any]):
    """proceeds - purchases - fees + realised - margin = change of what is free, in units of the asset."""

    asset = serializers.CharField(source="asset.symbol")
    proceeds = ExactField()
    purchases = ExactField()
    fees = ExactField()
    realised = ExactField()
    margin = ExactField()
    expected = ExactField()
    change = ExactField(allow_null=True)
    difference = ExactField()
    is_within = serializers.BooleanField()


class WordingSerializer(ExactModelSerializer):
    """A later wording of a reason or a note; none is ever changed."""

    class Meta:
        model = Wording
        fields = ("id", "subject", "text", "written_at", "is_after_outcome")


class NewWordingSerializer(Strict):
    """A reason or a note, written anew."""

    subject = serializers.ChoiceField(choices=Wording.Subject.choices)
    text = TextField(max_length=10_000, allow_blank=True)


class PictureSerializer(ExactModelSerializer):
    """An image beside a rotation, always WebP; its page serves it."""

    class Meta:
        model = Picture
        fields = ("id", "sha256", "width", "height", "caption", "added_at")


class NewPictureSerializer(Strict):
    """A small PNG, JPEG or WebP in base64; larger ones go through the page."""

    image_base64 = TextField(max_length=250_000)
    caption = TextField(max_length=200, required=False, allow_blank=True)


class AttachSerializer(Strict):
    """Executions that belong to no rotation yet."""

    fills = serializers.ListField(child=IdField(), min_length=1, max_length=100)


class AfterwardsMixin:
    """Answer what belongs to one rotation besides itself."""

    @extend_schema(responses=OutcomeSerializer)
    @action(detail=True, methods=["get"])
    def outcome(self, request: Request, pk: str) -> Response:
        """Show what it came to, part by part: causes, curve, lag, deviations. It is not kept back until guessed."""
        found = examinable(user=request.user, pk=number(pk))  # type: ignore[arg-type]
        if found is None or found.state == Rotation.State.REVERSED:
            raise NotFound("There is no such standing rotation of yours.")
        pairs: list[LegFill] = found.pairs  # type: ignore[attr-defined]
        known = examine(rotation=found, pairs=pairs, clock=found.portfolio.clock(timezone.now()))
        return Response(OutcomeSerializer(outcome_record(found, known)).data)

    @extend_schema(responses=CashSerializer(many=True))
    @action(detail=True, methods=["get"])
    def cash(self, request: Request, pk: str) -> Response:
        """Hold what its legs say against what the ledger's lots say."""
        found = _mine(request, pk)
        is_reversed = found.state == Rotation.State.REVERSED
        return Response(CashSerializer(() if is_reversed else cash_of(pairs_of(found)), many=True).data)

    @extend_schema(methods=["get"], responses=WordingSerializer(many=True))
    @extend_schema(methods=["post"], request=NewWordingSerializer, responses={201: WordingSerializer}, parameters=[KEY])
    @action(detail=True, methods=["get", "post"])
    def wordings(self, request: Request, pk: str) -> Response:
        """List later wordings of its reason and note, or add one; what was written first stays."""
        found = _mine(request, pk)
        if request.method == "GET":
            return Response(WordingSerializer(found.wordings.all(), many=True).data)

        def run() -> Answer:
            """Write it once."""
            data = _valid(NewWordingSerializer, request)
            try:
                made = reword(rotation=found, now=timezone.now(), **data)
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(201, plain(WordingSerializer(made).data) if made else None)

        return answer_once(request, run)

    @extend_schema(methods=["get"], responses=PictureSerializer(many=True))
    @extend_schema(methods=["post"], request=NewPictureSerializer, responses={201: PictureSerializer}, parameters=[KEY])
    @action(detail=True, methods=["get", "post"])
    def pictures(self, request: Request, pk: str) -> Response:
        """List its images, or add one; it is read and written anew, nothing but its pixels is kept."""
        found = _mine(request, pk)
        if request.method == "GET":
            return Response(PictureSerializer(found.pictures.all(), many=True).data)

        def run() -> Answer:
            """Keep it once."""
            data = _valid(NewPictureSerializer, request)
            try:
                clean = clean_picture(base64.b64decode(data["image_base64"], validate=True))
                made = add_picture(to=found, picture=clean, now=timezone.now(), caption=data.get("caption", ""))
            except (PictureRefused, binascii.Error, ValueError) as refusal:
                raise ValidationError({"image_base64": [str(refusal)]}) from refusal
            return Answer(201, plain(PictureSerializer(made).data))

        return answer_once(request, run)

    @extend_schema(request=AttachSerializer, responses={200: AttachSerializer}, parameters=[KEY])
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, pk: str) -> Response:
        """Attach executions that have no reason yet; each belongs to one rotation at most."""

        def run() -> Answer:
            """Attach them once; those that are attached already stay."""
            found, data = _mine(request, pk), _valid(AttachSerializer, request)
            try:
                attach_fills(rotation=found, fills=data["fills"], now=timezone.now())
            except REFUSALS as refusal:
                raise of_deed(refusal) from refusal
            return Answer(200, {"fills": [pair.fill_id for pair in pairs_of(found)]})

        return answer_once(request, run)


def outcome_record(rotation: Rotation, known: Examined) -> dict[str, Any]:
    """Return an examination in the API's terms: the page's own figures."""
    review, costs, clocks = known.review, known.costs, known.clocks
    return {
        "horizon_days": None if review is None else review.horizon_days,
        "priced_at": None if review is None else review.priced_at,
        "total_alpha_usd": None if review is None else review.total_alpha_usd,
        "causes": known.lines,
        "curve": known.curve,
        "gross_alpha_usd": None if costs is None else costs.gross,
        "costs_usd": None if costs is None else costs.costs,
        "cost_ratio": None if costs is None else costs.ratio,
        "risk_usd": known.risk,
        "multiple": known.multiple,
        "brier": known.brier,
        "signal_at": clocks.signal,
        "issued_at": clocks.issue,
        "first_fill_at": clocks.first_fill,
        "last_fill_at": clocks.last_fill,
        "share_gone": known.gone.share,
        "share_gone_reason": known.gone.reason,
        "delay_cost_usd": known.delay,
        "legs": known.matched,
        "deviations": known.deviations,
        "missed_alpha_usd": None if known.missed is None else known.missed.total_alpha,
        "stage_now": getattr(rotation, "stage_now", None),
        "regime_now": getattr(rotation, "regime_now", None),
    }


def _mine(request: Request, pk: str) -> Rotation:
    found = rotation_of(user=request.user, pk=number(pk))  # type: ignore[arg-type]
    if found is None:
        raise NotFound("There is no such rotation of yours.")
    return found


def _valid(serializer: type[Any], request: Request) -> dict[str, Any]:
    """Return the validated body."""
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    found: dict[str, Any] = reader.validated_data
    return found
