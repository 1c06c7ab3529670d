"""Let administrators look at what was computed and suggested, and curate news; nothing derived can be changed."""

from __future__ import annotations

from django.contrib import admin

from portfolio.admin import AnyAdmin, ReadOnlyAdmin
from signals.models import (
    Delisting,
    Event,
    Quarantine,
    Recommendation,
    RegimeDay,
    Score,
    SourceAlias,
    SourcePoll,
    StageDay,
)


@admin.register(Event)
class EventAdmin(AnyAdmin):
    """Curate news: its sector, polarity, magnitude and whether it is verified."""

    list_display = ("published_at", "sector", "type", "title", "polarity", "magnitude", "status")
    list_filter = ("market", "sector", "type", "status")
    list_select_related = ("sector",)
    search_fields = ("title",)
    exclude = ("author",)


@admin.register(Delisting)
class DelistingAdmin(AnyAdmin):
    """Say that an asset is priced no more, so that reviews keep its last price."""

    list_display = ("asset", "market", "delisted_at", "url")
    list_filter = ("market",)
    list_select_related = ("asset", "market")


@admin.register(SourcePoll)
class SourcePollAdmin(ReadOnlyAdmin):
    """Look at when each source was last asked."""

    list_display = ("market", "source", "polled_at", "succeeded_at", "message")
    list_select_related = ("market",)


@admin.register(SourceAlias)
class SourceAliasAdmin(AnyAdmin):
    """Tell how a source names an asset."""

    list_display = ("source", "asset", "external_id")
    list_filter = ("source",)
    list_select_related = ("asset",)


@admin.register(Quarantine)
class QuarantineAdmin(ReadOnlyAdmin):
    """Look at what sources said that was not believed."""

    list_display = ("last_at", "market", "source", "reason", "subject", "detail", "count", "accepted_at")
    list_filter = ("market", "source", "reason")
    list_select_related = ("market",)


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    """Look at scores."""

    list_display = ("date", "market", "sector", "value", "coverage")
    list_filter = ("market", "sector")
    list_select_related = ("market", "sector")


@admin.register(RegimeDay)
class RegimeDayAdmin(ReadOnlyAdmin):
    """Look at regimes."""

    list_display = ("date", "market", "regime", "value", "coverage")
    list_filter = ("market", "regime")
    list_select_related = ("market",)


@admin.register(StageDay)
class StageDayAdmin(ReadOnlyAdmin):
    """Look at stages."""

    list_display = ("date", "market", "stage", "leader", "since", "reason")
    list_filter = ("market", "stage")
    list_select_related = ("market", "leader")


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyAdmin):
    """Look at what portfolios were answered."""

    list_display = ("issued_at", "portfolio", "state", "kind", "refusal", "stage")
    list_filter = ("state", "kind", "stage")
    list_select_related = ("portfolio",)
    exclude = ("explanation",)
    show_full_result_count = False
