"""Let administrators keep the reference data; the ledger can be looked at, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from portfolio.models import (
    Asset,
    FeeSchedule,
    Fill,
    Instrument,
    Market,
    Portfolio,
    Sector,
    SectorMembership,
    Transfer,
    Venue,
)

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyAdmin = admin.ModelAdmin


class ReadOnlyAdmin(AnyAdmin):
    """Show rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to add."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to delete."""
        return False


class KeptAdmin(AnyAdmin):
    """Edit reference data; what the ledger rests on is not deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to delete."""
        return False


@admin.register(Market)
class MarketAdmin(KeptAdmin):
    """Name markets and set their clocks."""

    list_display = ("name", "slug", "is_simulated", "as_of")


@admin.register(Sector)
class SectorAdmin(KeptAdmin):
    """Name sectors, their order and how defensive they are."""

    list_display = ("name", "slug", "kind", "defensiveness", "position")


@admin.register(Asset)
class AssetAdmin(KeptAdmin):
    """Name assets."""

    list_display = ("symbol", "name", "kind", "places")
    list_filter = ("kind",)
    search_fields = ("symbol", "name")


@admin.register(SectorMembership)
class SectorMembershipAdmin(KeptAdmin):
    """Say which asset belongs to which sector, from which day until which."""

    list_display = ("asset", "sector", "market", "weight", "since_date", "until_date")
    list_filter = ("market", "sector")
    list_select_related = ("asset", "sector", "market")
    autocomplete_fields = ("asset",)


@admin.register(Venue)
class VenueAdmin(KeptAdmin):
    """Name venues."""

    list_display = ("name", "slug")


@admin.register(FeeSchedule)
class FeeScheduleAdmin(KeptAdmin):
    """Keep each venue's dated fee rates."""

    list_display = ("venue", "product", "taker_rate", "maker_rate", "starts_at", "ends_at")
    list_filter = ("venue", "product")
    list_select_related = ("venue",)


@admin.register(Instrument)
class InstrumentAdmin(KeptAdmin):
    """Keep what an order can name, with its step and contract terms."""

    list_display = ("name", "venue", "kind", "lot_step", "max_leverage")
    list_filter = ("venue", "kind")
    list_select_related = ("asset", "venue")
    autocomplete_fields = ("asset",)
    search_fields = ("asset__symbol",)


@admin.register(Portfolio)
class PortfolioAdmin(ReadOnlyAdmin):
    """Look at portfolios: whose, where, and how far they are valued."""

    list_display = ("name", "owner", "market", "venue", "is_active", "ledger_version", "valued_version")
    list_select_related = ("owner", "market", "venue")


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    """Look at executions."""

    list_display = ("executed_at", "portfolio", "side", "instrument", "quantity", "price")
    list_select_related = ("portfolio", "instrument__asset")
    show_full_result_count = False


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    """Look at deposits, withdrawals, income and funding."""

    list_display = ("executed_at", "portfolio", "kind", "asset", "quantity")
    list_select_related = ("portfolio", "asset")
    show_full_result_count = False
