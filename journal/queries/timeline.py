"""List rotations, add up what rotations cost and made, and find one with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from journal.models import Leg, LegFill, Rotation
from journal.queries.filters import Filter
from journal.queries.sealed import with_seen
from portfolio.charts import RotationMark
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Portfolio
from portfolio.queries.paging import Page, newest_first
from signals.models import Recommendation

SECTORS = ("source_sector", "destination_sector")


@dataclass(kw_only=True)
class Totals:
    """Add up the standing rotations of a filter, in USD; reversed ones are counted only."""

    standing: int = 0
    reversed: int = 0
    moved: Decimal = ZERO
    fees: Decimal = ZERO
    spot_pnl: Decimal = ZERO
    futures_pnl: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Hold a page of rotations with their reviews, and what the whole filter adds up to."""

    page: Page[Rotation]
    totals: Totals


def timeline(*, portfolio: Portfolio, chosen: Filter, cursor: str = "") -> Timeline:
    """Return a page of the journal in three queries, however long it is."""
    rows = with_seen(chosen.of(portfolio)).select_related(*SECTORS).defer("evidence").prefetch_related("reviews")
    return Timeline(
        page=newest_first(rows, moment="executed_at", tie="id", cursor=cursor),
        totals=totals_of(chosen.of(portfolio)),
    )


@in_context
def totals_of(rows: QuerySet[Rotation]) -> Totals:
    """Add up rotations; amounts are added in Python, never in SQL. One query."""
    totals = Totals()
    columns = ("state", "moved_usd", "fees_usd", "spot_pnl_usd", "futures_pnl_usd")
    for state, moved, fees, spot, futures in rows.order_by().values_list(*columns):
        if state == Rotation.State.REVERSED:
            totals.reversed += 1
            continue
        totals.standing += 1
        totals.moved += moved
        totals.fees += fees
        totals.spot_pnl += spot
        totals.futures_pnl += futures
    return totals


def rotation_detail(*, user: User, pk: int) -> Rotation | None:
    """Return a person's own rotation with legs, fills and reviews; None where it is not theirs. Four queries."""
    fills = LegFill.objects.select_related("fill__instrument__asset", "fill__quote_asset", "fill__fee_asset")
    legs = Leg.objects.select_related("sector").order_by("position")
    mine = Rotation.objects.owned_by(user).filter(pk=pk)
    where = ("portfolio__market", "portfolio__venue", "portfolio__reserve_asset", "recommendation")
    return (
        mine.select_related(*where, *SECTORS)
        .prefetch_related(Prefetch("legs", queryset=legs.prefetch_related(Prefetch("leg_fills", queryset=fills))))
        .prefetch_related("reviews")
        .first()
    )


def filled_legs(*, user: User, rotation: int) -> list[LegFill]:
    """Return the fills of a person's own rotation with their legs, in order; none where it is not theirs. One query."""
    mine = LegFill.objects.filter(leg__rotation__in=Rotation.objects.owned_by(user).filter(pk=rotation))
    return list(mine.select_related("leg__rotation", "fill").order_by("leg__position", "pk"))


def rotation_marks(*, portfolio: Portfolio) -> list[RotationMark]:
    """Return the standing rotations as marks on a time axis, oldest first. One query."""
    rows = Rotation.objects.filter(portfolio=portfolio).standing().order_by("executed_at", "id")
    found = rows.values_list(
        "executed_at", "source_sector__name", "destination_sector__name", "destination_sector__hue"
    )
    return [
        RotationMark(date=at.date(), label=way(source, destination), hue=hue or "overlay")
        for at, source, destination, hue in found
    ]


def marks_of(rotations: Iterable[Rotation]) -> list[RotationMark]:
    """Return rotations as marks on a time axis."""
    return [
        RotationMark(
            date=rotation.executed_at.date(),
            label=title_of(rotation),
            hue=rotation.destination_sector.hue if rotation.destination_sector else "overlay",
        )
        for rotation in rotations
    ]


def title_of(moved: Rotation | Recommendation) -> str:
    """Say from where to where: DeFi to AI."""
    source, destination = moved.source_sector, moved.destination_sector
    return way(str(source) if source else None, str(destination) if destination else None)


def way(source: str | None, destination: str | None) -> str:
    """Name a way between two narratives, either of which may be none."""
    if source and destination:
        return f"{source} to {destination}"
    if destination:
        return f"Reserve to {destination}"
    return f"{source} to reserve" if source else "Futures only"


def exported(*, portfolio: Portfolio, chosen: Filter) -> Iterator[Rotation]:
    """Return every rotation that passes, with its reviews, oldest first, a few hundred at a time."""
    return _oldest_first(portfolio, chosen).iterator(chunk_size=500)


def listed(*, portfolio: Portfolio, chosen: Filter) -> list[Rotation]:
    """Return every rotation that passes, with its reviews, oldest first. Two queries."""
    return list(_oldest_first(portfolio, chosen))


def _oldest_first(portfolio: Portfolio, chosen: Filter) -> QuerySet[Rotation]:
    rows = with_seen(chosen.of(portfolio)).select_related(*SECTORS).prefetch_related("reviews")
    return rows.defer("evidence").order_by("executed_at", "id")
