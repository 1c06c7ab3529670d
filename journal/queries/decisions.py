"""Read rotations as decisions: what was sold and bought after fees, what came later, and the closes that matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import FilteredRelation, OuterRef, Q, QuerySet, Subquery

from journal.domain.counterfactual import Decision, FuturesFill, Prices, Side, first_close
from journal.models import LegFill, Rotation
from journal.queries.aftermath import Course, Sales, contract_of, course_of, sales_of
from journal.queries.legs import CLOSES
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Asset, Fill, Instrument, Price

DAY = timedelta(days=1)


def decisions_of(rotations: Sequence[Rotation]) -> dict[int, Decision]:
    """Return the decision of each rotation, in four queries however many there are."""
    pairs = LegFill.objects.filter(leg__rotation__in=rotations).select_related("leg", "fill__instrument__asset")
    own: dict[int, list[LegFill]] = defaultdict(list)
    for pair in pairs.order_by("leg__position"):
        own[pair.leg.rotation_id].append(pair)
    fills = [pair.fill for each in own.values() for pair in each]
    sales, course = sales_of(fills), course_of(fills)
    return {rotation.pk: _decision(rotation, own[rotation.pk], sales, course) for rotation in rotations}


def closes_for(*, market: int, decisions: Iterable[Decision], horizons: Iterable[int], newest: datetime) -> Prices:
    """Return the daily closes at which these decisions are measured, the last of each asset, and what was delisted.

    One query.
    """
    symbols: set[str] = set()
    moments: set[datetime] = {newest}
    for decision in decisions:
        symbols |= {side.asset for side in (*decision.sold, *decision.bought)}
        symbols |= {fill.asset for fill in decision.futures}
        first = first_close(decision.decided_at)
        moments |= {first + days * DAY + late for days in horizons for late in (timedelta(), DAY)}
    return _prices(Q(closes_at__in=moments) | Q(closes_at__in=_last_closes(market, symbols, newest)), market, symbols)


def decision_of(*, rotation: Rotation, pairs: Sequence[LegFill]) -> Decision:
    """Return the decision of one rotation whose fills were read, without later sales. Two queries, if it has futures.

    What was sold again matters only to FREEZE.
    """
    return _decision(rotation, pairs, {}, course_of([pair.fill for pair in pairs]))


def daily_closes(*, market: int, symbols: set[str], since: datetime, until: datetime, also: datetime | None) -> Prices:
    """Return every daily close of some assets in a span, both ends included, and at one moment more. One query."""
    span = Q(closes_at__gte=since, closes_at__lte=until)
    return _prices(span if also is None else span | Q(closes_at=also), market, symbols)


def _prices(when: Q, market: int, symbols: set[str]) -> Prices:
    rows = Price.objects.filter(when, market=market, asset__symbol__in=symbols).annotate(
        gone=FilteredRelation("asset__delistings", condition=Q(asset__delistings__market=market)),
    )
    closes: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    delisted: dict[str, datetime] = {}
    columns = ("asset__symbol", "closes_at", "price_usd", "gone__delisted_at")
    for symbol, closed, price, gone_at in rows.order_by("closes_at").values_list(*columns):
        closes[symbol].append((closed, price))
        if gone_at is not None:
            delisted[symbol] = gone_at
    return Prices(closes=closes, delisted_at=delisted)


def _last_closes(market: int, symbols: Iterable[str], newest: datetime) -> QuerySet[Asset, datetime]:
    """Return when each asset was priced last: a close that is late leaves the one before to measure at."""
    closes = Price.objects.filter(market=market, asset=OuterRef("pk"), closes_at__lte=newest).order_by("-date")
    last = Asset.objects.filter(symbol__in=symbols).order_by().annotate(last=Subquery(closes.values("closes_at")[:1]))
    return last.values_list("last", flat=True)


@in_context
def _decision(rotation: Rotation, pairs: Sequence[LegFill], sales: Sales, course: Course) -> Decision:
    """Put one rotation into the terms of DOMAIN 5.1."""
    spot = [pair.fill for pair in pairs if pair.fill.instrument.kind == Instrument.Kind.SPOT]
    futures = [pair for pair in pairs if pair.fill.instrument.kind != Instrument.Kind.SPOT]
    bought = [fill for fill in spot if fill.side == Fill.Side.BUY]
    return Decision(
        decided_at=rotation.executed_at,
        sold=tuple(_side(fill) for fill in spot if fill.side == Fill.Side.SELL),
        bought=tuple(_side(fill) for fill in bought),
        cash=sum((_cash(fill) for fill in spot), ZERO),
        fees=sum((fill.fee_usd for fill in spot), ZERO),
        futures=tuple(_futures(pair.fill, is_closing=pair.leg.action in CLOSES) for pair in futures),
        changes=course.after([pair.fill for pair in futures]),
        later_sales=tuple(sale for fill in bought for sale in sales.get(fill.pk, ())),
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


def _futures(fill: Fill, *, is_closing: bool) -> FuturesFill:
    return FuturesFill(
        asset=fill.instrument.asset.symbol,
        contract=contract_of(fill),
        quantity=fill.quantity if fill.side == Fill.Side.BUY else -fill.quantity,
        price=fill.price * fill.quote_usd,
        fee=fill.fee_usd,
        is_closing=is_closing,
    )
