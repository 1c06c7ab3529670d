"""Say what a portfolio can trade and what that costs at its venue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, FilteredRelation, Q

from portfolio.domain.money import exact, in_context
from portfolio.models import Asset, FeeSchedule, Instrument, Portfolio
from portfolio.queries.catalogue import assets_of

USUAL_RATES = {FeeSchedule.Product.SPOT.value: Decimal("0.001"), FeeSchedule.Product.PERP.value: Decimal("0.0005")}


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Hold the instruments by id and their assets by symbol, and the venue's taker rates by product."""

    portfolio: Portfolio
    instruments: Mapping[int, Instrument]
    assets: Mapping[str, Asset]
    rates: Mapping[str, Decimal]

    @in_context
    def usual_fee(self, *, instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
        """Return what the venue charges a taker, in the quote asset (DOMAIN F60)."""
        return exact(exact(quantity * price) * self.rates[instrument.kind])

    def instrument_of(self, *, asset: int, is_futures: bool = False) -> Instrument | None:
        """Return an asset's instrument, None where the venue has none."""
        kind = Instrument.Kind.PERP if is_futures else Instrument.Kind.SPOT
        return next((row for row in self.instruments.values() if (row.asset_id, row.kind) == (asset, kind)), None)


def shelf_of(*, portfolio: Portfolio, moment: datetime) -> Shelf:
    """Return what the portfolio's venue offers of what has a price, spot before perps, and its rates. One query.

    Each instrument comes once for every product that the venue charges for: both are few.
    """
    offered = Instrument.objects.plain().filter(venue=portfolio.venue_id, asset__in=assets_of(portfolio))
    rows = (
        offered.exclude(asset=portfolio.reserve_asset_id)
        .select_related("asset", "venue")
        .annotate(
            schedule=_current(moment),
            **{f"schedule_{name}": F(f"schedule__{name}") for name in ("product", "taker_rate", "starts_at")},
        )
    )
    listed: list[Any] = list(rows.order_by("-kind", "asset__symbol", "pk", "schedule__starts_at"))
    instruments = {row.pk: row for row in listed}
    assets = {row.asset.symbol: row.asset for row in instruments.values()}
    reserve = portfolio.reserve_asset
    charged = {row.schedule_product: row.schedule_taker_rate for row in listed if row.schedule_product}
    return Shelf(
        portfolio=portfolio,
        instruments=instruments,
        assets={reserve.symbol: reserve, **assets},
        rates=USUAL_RATES | charged,
    )


def _current(moment: datetime) -> FilteredRelation:
    """Join a venue's fee schedules that hold at a moment; the one that started last comes last, and counts."""
    is_open = Q(venue__fees__ends_at__isnull=True) | Q(venue__fees__ends_at__gt=moment)
    return FilteredRelation("venue__fees", condition=Q(venue__fees__starts_at__lte=moment) & is_open)
