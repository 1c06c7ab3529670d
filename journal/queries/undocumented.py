"""Find executions without a reason, undocumented decisions, and what each of them did (PEERS 4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from journal.models import Rotation
from portfolio.domain.futures import Reason
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Fill, Instrument, Portfolio, PositionChange
from portfolio.queries.paging import newest_first
from signals.models import RecommendationLeg

Action = RecommendationLeg.Action
TOGETHER = timedelta(hours=6)
"""Executions no further apart than this are offered as one decision."""

NEAREST = 20


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Show one execution, what it did, and its value in USD."""

    fill: Fill
    action: str
    value: Decimal

    @property
    def does(self) -> str:
        """Say what it did in a word or two."""
        return str(Action(self.action).label)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Hold executions that lie close together, oldest first, and are offered as one decision."""

    deeds: tuple[Deed, ...]

    @property
    def began_at(self) -> datetime:
        """Return when the first of them happened."""
        return self.deeds[0].fill.executed_at


@dataclass(frozen=True, kw_only=True)
class Undocumented:
    """Hold a page of undocumented decisions, newest first, and the cursor of the next."""

    bundles: tuple[Bundle, ...]
    next_cursor: str


def undocumented_fills(*, portfolio: Portfolio) -> QuerySet[Fill]:
    """Select the executions that belong to no rotation; what was forced, settled, reversed or rolled is no decision."""
    decided = Fill.objects.filter(portfolio=portfolio, reason=Reason.TRADE.value, chain="", leg_fill__isnull=True)
    standing = decided.filter(reverses__isnull=True, reversed_by__isnull=True)
    return standing.select_related("instrument__asset", "quote_asset", "fee_asset")


def undocumented(*, portfolio: Portfolio, cursor: str = "") -> Undocumented:
    """Return a page of undocumented decisions. Two queries."""
    rows = undocumented_fills(portfolio=portfolio)
    page = newest_first(rows, moment="executed_at", tie="sequence", cursor=cursor)
    deeds = deeds_of(page.rows)
    return Undocumented(bundles=tuple(_bundles(deeds)), next_cursor=page.next_cursor)


@in_context
def deeds_of(fills: Sequence[Fill]) -> list[Deed]:
    """Return what some executions did, in their order: spot by its side, futures by the position before. One query."""
    futures = [fill.pk for fill in fills if fill.instrument.kind != Instrument.Kind.SPOT]
    rows = PositionChange.objects.filter(fill__in=futures) if futures else PositionChange.objects.none()
    after = dict(rows.values_list("fill_id", "quantity_after"))
    return [
        Deed(fill=fill, action=_action(fill, after.get(fill.pk)), value=fill.quantity * fill.price * fill.quote_usd)
        for fill in fills
    ]


def nearby(*, portfolio: Portfolio, moment: datetime) -> list[Rotation]:
    """Return the standing rotations that executions may belong to, nearest in time first. One query."""
    rows = Rotation.objects.filter(portfolio=portfolio).standing().select_related("source_sector", "destination_sector")
    recent = rows.defer("evidence").order_by("-executed_at", "-id")
    before = list(recent.filter(executed_at__lte=moment + TOGETHER)[:NEAREST])
    return sorted(before, key=lambda each: abs(each.executed_at - moment))


def _action(fill: Fill, after: Decimal | None) -> str:
    is_buy = fill.side == Fill.Side.BUY
    if fill.instrument.kind == Instrument.Kind.SPOT:
        return Action.BUY_SPOT if is_buy else Action.SELL_SPOT
    left = ZERO if after is None else after
    before = left - fill.quantity if is_buy else left + fill.quantity
    if before > 0 and not is_buy:
        return Action.REDUCE_LONG if left > 0 else Action.CLOSE_LONG
    if before < 0 and is_buy:
        return Action.CLOSE_HEDGE
    return Action.OPEN_LONG if is_buy else Action.OPEN_SHORT_HEDGE


def _bundles(deeds: Iterable[Deed]) -> list[Bundle]:
    """Put executions together that follow each other closely; they come newest first."""
    groups: list[list[Deed]] = []
    for deed in deeds:
        if groups and groups[-1][-1].fill.executed_at - deed.fill.executed_at <= TOGETHER:
            groups[-1].append(deed)
        else:
            groups.append([deed])
    return [Bundle(deeds=tuple(reversed(group))) for group in groups]
