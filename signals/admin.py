"""Let administrators look at what was computed and suggested, and curate news; nothing derived can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portfolio.admin import AnyAdmin, KeptAdmin, ReadOnlyAdmin
from signals.models import (
    Delisting,
    Event,
    EventVerdict,
    Feed,
    Quarantine,
    Recommendation,
    RegimeDay,
    Score,
    SectorAlias,
    SourceAlias,
    SourcePoll,
    StageDay,
)
from signals.services.events import BY_HAND, EventError, confirm, refute
from signals.services.prices import RUMOUR_CONFIDENCE


@admin.register(Event)
class EventAdmin(KeptAdmin):
    """Enter news, confirm and refute it; what was told once is not changed, and counts from when it was entered."""

    list_display = ("published_at", "sector", "type", "title", "polarity", "magnitude", "status")
    list_filter = ("market", "sector", "type", "status")
    list_select_related = ("sector",)
    search_fields = ("title",)
    exclude = ("author", "first_seen_at", "story", "refuted_at", "source", "status")
    actions = ("confirm", "refute")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let nobody change an event; the list is there to judge them."""
        return obj is None and super().has_change_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let who may judge events read them."""
        return super().has_change_permission(request, None)

    def save_model(self, request: HttpRequest, obj: Event, form: Any, change: bool) -> None:
        """Keep who entered it, and that it counts from now on."""
        obj.author_id, obj.source, obj.first_seen_at = request.user.pk, BY_HAND, obj.market.clock(timezone.now())
        is_rumour = obj.confidence <= RUMOUR_CONFIDENCE
        obj.status = Event.Status.UNVERIFIED if is_rumour else Event.Status.VERIFIED
        super().save_model(request, obj, form, change)

    @admin.action(description="Confirm: count them in full from now on")
    def confirm(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Confirm the chosen events."""
        self._judge(request, queryset, confirm)

    @admin.action(description="Refute: count them no more from now on")
    def refute(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Refute the chosen events."""
        self._judge(request, queryset, refute)

    def _judge(self, request: HttpRequest, events: QuerySet[Event], verdict: Callable[..., Any]) -> None:
        """Give a verdict on each event, and say which had it already."""
        for event in events:
            try:
                verdict(event=event, now=timezone.now(), author=request.user)
            except EventError as error:
                self.message_user(request, f"{event}: {error}", level="WARNING")


@admin.register(EventVerdict)
class EventVerdictAdmin(ReadOnlyAdmin):
    """Look at who found what about an event."""

    list_display = ("decided_at", "event", "verdict", "confidence", "author", "note")
    list_filter = ("verdict",)
    list_select_related = ("event", "author")


@admin.register(Feed)
class FeedAdmin(AnyAdmin):
    """Add feeds of news, or switch listed ones off."""

    list_display = ("url", "is_enabled", "note")


@admin.register(SectorAlias)
class SectorAliasAdmin(AnyAdmin):
    """Tell how a source names a narrative: a category, or the words that feeds use."""

    list_display = ("source", "sector", "external_id")
    list_filter = ("source",)
    list_select_related = ("sector",)


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
