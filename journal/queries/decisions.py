"""Read rotations as decisions: what was sold and bought after fees, what came later, and the closes that matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from journal.domain.counterfactual import Decision, FuturesFill, LaterSale, Prices, Side, first_close
from journal.models import LegFill, Rotation
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Fill, Instrument, Price, Transfer
from signals.models import RecommendationLeg

CLOSING = {
    RecommendationLeg.Action.REDUCE_LONG,
    RecommendationLeg.Action.CLOSE_LONG,
    RecommendationLeg.Action.CLOSE_HEDGE,
}
DAY = timedelta(days=1)


class _Past(NamedTuple):
    """Everything later that may change what a decision became, by portfolio."""

    fills: dict[int, list[Fill]]
    funding: dict[int, list[Transfer]]


def decisions_of(rotations: Sequence[Rotation]) -> dict[int, Decision]:
    """Return the decision of each rotation, in three queries however many there are."""
    pairs = LegFill.objects.filter(leg__rotation__in=rotations).select_related("leg", "fill__instrument__asset")
    own: dict[int, list[LegFill]] = defaultdict(list)
    if not rotations:
        return {}
    for pair in pairs.order_by("leg__position"):
        own[pair.leg.rotation_id].append(pair)
    past = _past(rotations)
    return {rotation.pk: _decision(rotation, own[rotation.pk], past) for rotation in rotations}


def closes_for(*, market: int, decisions: Iterable[Decision], horizons: Iterable[int], newest: datetime) -> Prices:
    """Return the daily closes at which these decisions are measured, and at the newest, in one query."""
    symbols: set[str] = set()
    moments: set[datetime] = {newest}
    for decision in decisions:
        symbols |= {side.asset for side in (*decision.sold, *decision.bought)}
        symbols |= {fill.asset for fill in decision.futures}
        first = first_close(decision.decided_at)
        moments |= {first + days * DAY + late for days in horizons for late in (timedelta(), DAY)}
    rows = Price.objects.filter(market=market, asset__symbol__in=symbols, closes_at__in=moments)
    closes: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for symbol, closed, price in rows.order_by("closes_at").values_list("asset__symbol", "closes_at", "price_usd"):
        closes[symbol].append((closed, price))
    return Prices(closes=closes, delisted_at={})


def _past(rotations: Sequence[Rotation]) -> _Past:
    """Read the standing fills and funding of the portfolios since the earliest decision, oldest first."""
    portfolios = {rotation.portfolio_id for rotation in rotations}
    since = min(rotation.executed_at for rotation in rotations)
    entries = {"portfolio__in": portfolios, "executed_at__gte": since, "reverses": None, "reversed_by": None}
    past = _Past(defaultdict(list), defaultdict(list))
    fills = Fill.objects.filter(**entries).select_related("instrument__asset")
    for fill in fills.order_by("executed_at", "sequence"):
        past.fills[fill.portfolio_id].append(fill)
    for row in Transfer.objects.filter(kind=Transfer.Kind.FUNDING, **entries).order_by("executed_at", "sequence"):
        past.funding[row.portfolio_id].append(row)
    return past


@in_context
def _decision(rotation: Rotation, pairs: Sequence[LegFill], past: _Past) -> Decision:
    """Put one rotation into the terms of DOMAIN 5.1."""
    spot = [pair.fill for pair in pairs if pair.fill.instrument.kind == Instrument.Kind.SPOT]
    futures = [pair for pair in pairs if pair.fill.instrument.kind != Instrument.Kind.SPOT]
    own = {pair.fill_id for pair in pairs}
    later = [
        fill
        for fill in past.fills[rotation.portfolio_id]
        if fill.pk not in own and fill.executed_at >= rotation.executed_at
    ]
    bought = [fill for fill in spot if fill.side == Fill.Side.BUY]
    contracts = {pair.fill.instrument_id for pair in futures}
    return Decision(
        decided_at=rotation.executed_at,
        sold=tuple(_side(fill) for fill in spot if fill.side == Fill.Side.SELL),
        bought=tuple(_side(fill) for fill in bought),
        cash=sum((_cash(fill) for fill in spot), ZERO),
        fees=sum((fill.fee_usd for fill in spot), ZERO),
        futures=tuple(_futures(pair.fill, is_closing=pair.leg.action in CLOSING) for pair in futures),
        funding=tuple(
            (row.executed_at, row.value_usd or ZERO)
            for row in past.funding[rotation.portfolio_id]
            if row.instrument_id in contracts and row.executed_at >= rotation.executed_at
        ),
        later_sales=tuple(_later_sales(later, {fill.instrument.asset_id for fill in bought})),
        later_futures=tuple(_futures(fill) for fill in later if fill.instrument_id in contracts),
    )


def _side(fill: Fill) -> Side:
    """Return the units that left or arrived: a fee in the asset itself is among what left, and never arrives."""
    fee = fill.fee_amount if fill.fee_asset_id == fill.instrument.asset_id else ZERO
    quantity = fill.quantity + fee if fill.side == Fill.Side.SELL else fill.quantity - fee
    return Side(asset=fill.instrument.asset.symbol, quantity=quantity, price=fill.price * fill.quote_usd)


def _cash(fill: Fill) -> Decimal:
    """Return what a spot fill brought to the reserve in USD, or took from it, its fee included once."""
    fee = ZERO if fill.fee_asset_id == fill.instrument.asset_id else fill.fee_usd
    value: Decimal = fill.quantity * fill.price * fill.quote_usd
    return value - fee if fill.side == Fill.Side.SELL else -value - fee


def _futures(fill: Fill, *, is_closing: bool = False) -> FuturesFill:
    sign = 1 if fill.side == Fill.Side.BUY else -1
    return FuturesFill(
        asset=fill.instrument.asset.symbol,
        quantity=sign * fill.quantity,
        price=fill.price * fill.quote_usd,
        fee=fill.fee_usd,
        executed_at=fill.executed_at,
        is_closing=is_closing,
    )


def _later_sales(later: Iterable[Fill], assets: set[int]) -> Iterable[LaterSale]:
    """Return later spot sales of what was bought, oldest first."""
    for fill in later:
        is_sale = fill.side == Fill.Side.SELL and fill.instrument.kind == Instrument.Kind.SPOT
        if is_sale and fill.instrument.asset_id in assets:
            yield LaterSale(
                asset=fill.instrument.asset.symbol,
                quantity=_side(fill).quantity,
                proceeds=_cash(fill),
                sold_at=fill.executed_at,
            )
