"""Shape what is known of a market for the API: narratives, indicators, readings, events, data health."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolio.api.fields import ExactModelSerializer, UtcField
from portfolio.models import Sector, SectorMembership
from signals.api.serializers import RegimeSerializer
from signals.domain.indicators import CATALOGUE
from signals.models import Event, EventVerdict, Quarantine, Reading, RegimeDay
from signals.queries.turning import regime_switches


class MemberSerializer(ExactModelSerializer):
    """An asset of a narrative, from its first day to the day on which it no longer counts."""

    asset = serializers.SlugRelatedField[Any]("symbol", read_only=True)

    class Meta:
        model = SectorMembership
        fields = ("asset", "weight", "since_date", "until_date")


class NarrativeSerializer(ExactModelSerializer):
    """A narrative with who belonged to it on the day."""

    members = MemberSerializer(many=True)

    class Meta:
        model = Sector
        fields = ("slug", "name", "kind", "defensiveness", "position", "members")


class SwitchSerializer(serializers.Serializer[Any]):
    """A regime that another score would ask for; `distance` is in points, 0 where this close is beyond it."""

    regime = serializers.CharField(source="regime.name")
    bound = serializers.FloatField()
    is_upward = serializers.BooleanField()
    is_within = serializers.BooleanField(help_text="The bound itself is enough.")
    distance = serializers.FloatField()
    count = serializers.IntegerField(help_text="Closes in a row that asked for it.")
    needed = serializers.IntegerField()


class RegimeDaySerializer(RegimeSerializer):
    """A day's regime, what it is made of, and how far it is from turning."""

    switches = serializers.SerializerMethodField()

    class Meta(RegimeSerializer.Meta):
        fields = (*RegimeSerializer.Meta.fields, "state", "switches")  # type: ignore[assignment]

    @extend_schema_field(SwitchSerializer(many=True))
    def get_switches(self, day: RegimeDay) -> Any:
        """Return what would turn it."""
        return SwitchSerializer(regime_switches(day), many=True).data


class IndicatorDaySerializer(serializers.Serializer[Any]):
    """An indicator's part of one day: points = 50/3 x weight x freshness x z."""

    date = serializers.DateField()
    raw = serializers.FloatField(source="record.raw", allow_null=True, default=None)
    z = serializers.FloatField(source="record.z", default=0.0)
    freshness = serializers.FloatField(source="record.freshness", default=0.0)
    weight = serializers.FloatField(source="record.weight", default=0.0)
    points = serializers.FloatField(source="record.points", default=0.0)
    reason = serializers.CharField(source="record.reason", default="", help_text="Why it carries less than its weight.")
    observed_at = serializers.SerializerMethodField(help_text="What the reading describes; null for closes.")
    source = serializers.CharField(source="record.source", default="")  # type: ignore[assignment]
    params_version = serializers.CharField(help_text="Empty for parts of the regime.")

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_observed_at(self, day: Any) -> str | None:
        """Return the moment with its offset as Z."""
        text = day.record.get("observed_at")
        return text.replace("+00:00", "Z") if text else None


class IndicatorNowSerializer(serializers.Serializer[Any]):
    """An indicator and its part of the day; `sector` is a slug, or `regime`."""

    sector = serializers.CharField(source="place")
    indicator = serializers.CharField(source="name")
    unit = serializers.SerializerMethodField()
    window_days = serializers.SerializerMethodField()
    freshness_now = serializers.FloatField(
        allow_null=True, help_text="What it would carry at `as_of`; null for what follows from closes."
    )
    day = IndicatorDaySerializer()

    def get_unit(self, found: Any) -> str:
        """Return the unit of the raw value."""
        return CATALOGUE[found.name].unit

    def get_window_days(self, found: Any) -> int:
        """Return the window that z is taken against."""
        return CATALOGUE[found.name].window_days


class ReadingSerializer(ExactModelSerializer):
    """What a source said; a restated value is a further reading with a later `ingested_at`."""

    is_restated = serializers.BooleanField(help_text="A later version was known by `as_of`.")
    is_restatement = serializers.BooleanField(help_text="It restates an earlier version.")

    class Meta:
        model = Reading
        fields = (
            "indicator", "subject", "observed_at", "ingested_at", "value", "source", "is_restated", "is_restatement",
        )  # fmt: skip


class ReportSerializer(ExactModelSerializer):
    """A further report of an event by another domain."""

    class Meta:
        model = Event
        fields = ("source", "url", "first_seen_at")


class VerdictSerializer(ExactModelSerializer):
    """What an administrator found, from a moment on."""

    class Meta:
        model = EventVerdict
        fields = ("verdict", "confidence", "decided_at", "note")


class EventSerializer(ExactModelSerializer):
    """An event as it stood at `as_of`: `size` is what it weighs before time passes, `points` what is left of it."""

    sector = serializers.SlugRelatedField[Any]("slug", read_only=True)
    status = serializers.CharField(source="known.status")
    confidence = serializers.FloatField(source="known.confidence")
    magnitude = serializers.IntegerField(source="known.magnitude")
    size = serializers.FloatField(source="known.size")
    points = serializers.FloatField(source="known.points")
    reports = ReportSerializer(many=True, read_only=True)
    verdicts = VerdictSerializer(many=True, read_only=True)

    class Meta:
        model = Event
        fields = (
            "id", "sector", "type", "title", "url", "polarity", "magnitude", "confidence", "status", "size", "points",
            "occurred_at", "published_at", "first_seen_at", "jurisdiction", "source", "reports", "verdicts",
        )  # fmt: skip


class SourceHealthSerializer(serializers.Serializer[Any]):
    """A source: last success, budget, circuit, what it keeps up; of the past, budget and circuit are null."""

    name = serializers.CharField()
    standing = serializers.CharField()
    every_seconds = serializers.IntegerField()
    polled_at = UtcField(allow_null=True)
    succeeded_at = UtcField(allow_null=True)
    is_late = serializers.BooleanField()
    message = serializers.CharField()
    minute_used = serializers.IntegerField(allow_null=True)
    minute_left = serializers.IntegerField(allow_null=True)
    per_minute = serializers.IntegerField()
    month_used = serializers.IntegerField(allow_null=True)
    month_left = serializers.IntegerField(allow_null=True)
    per_month = serializers.IntegerField(help_text="0 where no month is counted.")
    failures = serializers.IntegerField(allow_null=True, help_text="In a row.")
    open_until = UtcField(allow_null=True, help_text="It rests until then.")
    wait_until = UtcField(allow_null=True, help_text="It asked to be left alone until then.")
    quarantined = serializers.IntegerField(help_text="Of the last seven days.")
    series = serializers.IntegerField(source="coverage")
    newest_at = UtcField(allow_null=True)


class CoverageSerializer(serializers.Serializer[Any]):
    """What is kept up of one kind of reading within seven days; `freshness` is null where it has no age limit."""

    indicator = serializers.CharField()
    series = serializers.IntegerField()
    newest_at = UtcField()
    sources = serializers.ListField(child=serializers.CharField())
    freshness = serializers.FloatField(allow_null=True)


class HealthSerializer(serializers.Serializer[Any]):
    """How a market's data stands."""

    as_of = UtcField(source="moment")
    sources = SourceHealthSerializer(many=True)
    coverage = CoverageSerializer(many=True)


class QuarantineSerializer(ExactModelSerializer):
    """Something that was not believed, and why; `accepted_at` is when it was after all."""

    class Meta:
        model = Quarantine
        fields = (
            "source", "reason", "subject", "detail", "value", "count", "streak", "said_at", "first_at", "last_at",
            "accepted_at",
        )  # fmt: skip
