"""Find what later became of what a rotation bought and opened, from the ledger's own matches and positions."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter

from journal.domain.counterfactual import Change, LaterSale
from portfolio.domain.lots import Method
from portfolio.domain.money import ZERO, in_context
from portfolio.domain.trails import sales_of as traced_sales
from portfolio.models import Disposal, Fill, Instrument, LotMethod, Portfolio, PositionChange, Transfer
from portfolio.queries.outcomes import outcomes_since

Order = tuple[datetime, int]
Sales = Mapping[int, Sequence[LaterSale]]


@dataclass(frozen=True, kw_only=True)
class Course:
    """Hold what happened to contracts over time, oldest first."""

    changes: Mapping[str, Sequence[tuple[Order, Change]]]

    def after(self, fills: Iterable[Fill]) -> tuple[Change, ...]:
        """Return what happened to the contracts of some fills after the last of them."""
        since: dict[str, Order] = {}
        for fill in fills:
            contract, order = contract_of(fill), (fill.executed_at, fill.sequence)
            since[contract] = max(since.get(contract, order), order)
        return tuple(
            change
            for contract, start in since.items()
            for order, change in self.changes.get(contract, ())
            if order > start
        )


def contract_of(entry: Fill | Transfer) -> str:
    """Name a contract: an instrument in an account has one position, or in hedge mode one a side."""
    return f"{entry.account_id}/{entry.instrument_id}/{entry.position_side}"


def sales_of(fills: Iterable[Fill]) -> Sales:
    """Return the later sales of what spot fills bought, by fill, as the ledger matched them. Two queries.

    Where lots were pooled, or moved to another account, the portfolio's ledger is replayed to follow them.
    """
    bought = [fill for fill in fills if fill.side == Fill.Side.BUY and fill.instrument.kind == Instrument.Kind.SPOT]
    carried = _carried(bought)
    own = [fill.pk for fill in bought if fill.portfolio_id not in carried]
    rows = Disposal.objects.filter(lot__fill__in=own, fill__side=Fill.Side.SELL, is_fee=False)
    columns = ("lot__fill_id", "asset__symbol", "quantity", "proceeds_usd", "disposed_at")
    found: dict[int, list[LaterSale]] = defaultdict(list)
    for fill, asset, quantity, proceeds, at in rows.order_by("disposed_at", "pk").values_list(*columns):
        found[fill].append(LaterSale(asset=asset, quantity=quantity, proceeds=proceeds, sold_at=at))
    for portfolio in Portfolio.objects.filter(pk__in=carried) if carried else ():
        _follow(portfolio, [fill for fill in bought if fill.portfolio_id == portfolio.pk], found)
    return found


def _carried(bought: Sequence[Fill]) -> set[int]:
    """Return the portfolios in which what some fills bought is no longer in lots of their own. One query."""
    pooled = LotMethod.objects.filter(portfolio__in={fill.portfolio_id for fill in bought}, method=Method.AVG)
    kinds = (Disposal.Kind.MOVED, Disposal.Kind.RESET)
    moved = Disposal.objects.filter(lot__fill__in=[fill.pk for fill in bought], kind__in=kinds)
    owners = pooled.order_by().values_list("portfolio_id", flat=True)
    return set(owners.union(moved.order_by().values_list("portfolio_id", flat=True)))


def _follow(portfolio: Portfolio, bought: Sequence[Fill], found: dict[int, list[LaterSale]]) -> None:
    """Add the later sales of what a portfolio's fills bought, wherever it went."""
    keys = {fill.sequence: fill.pk for fill in bought}
    done = outcomes_since(portfolio=portfolio, since=min(fill.executed_at for fill in bought))
    for sold in traced_sales(opening=done.opening, outcomes=done.outcomes, origins=keys.keys()):
        sale = LaterSale(asset=sold.asset, quantity=sold.quantity, proceeds=sold.proceeds, sold_at=sold.sold_at)
        found[keys[sold.origin]].append(sale)


@in_context
def course_of(fills: Sequence[Fill]) -> Course:
    """Return how the positions of futures fills went on: what closed them, and funding. Two queries."""
    futures = [fill for fill in fills if fill.instrument.kind != Instrument.Kind.SPOT]
    contracts = {"instrument__in": {f.instrument_id for f in futures}, "account__in": {f.account_id for f in futures}}
    if not futures:
        return Course(changes={})
    sizes: dict[str, list[tuple[Order, Decimal, Fill]]] = defaultdict(list)
    rows = PositionChange.objects.filter(**{f"fill__{name}": value for name, value in contracts.items()})
    for row in rows.select_related("fill").order_by("fill__executed_at", "fill__sequence"):
        sizes[contract_of(row.fill)].append(_sized(row))
    changes: dict[str, list[tuple[Order, Change]]] = {contract: _closings(each) for contract, each in sizes.items()}
    for payment in _payments(contracts):
        order, known = (payment.executed_at, payment.sequence), sizes.get(contract_of(payment), [])
        place = bisect_left(known, order, key=itemgetter(0))
        if place and known[place - 1][1]:
            changes[contract_of(payment)].append((order, _funding(payment, known[place - 1][1])))
    return Course(changes={contract: sorted(each, key=lambda pair: pair[0]) for contract, each in changes.items()})


def _sized(row: PositionChange) -> tuple[Order, Decimal, Fill]:
    return (row.fill.executed_at, row.fill.sequence), row.quantity_after, row.fill


def _closings(sizes: Sequence[tuple[Order, Decimal, Fill]]) -> list[tuple[Order, Change]]:
    """Return the fills that reduced the position, each with the share of it that it closed."""
    return [
        (order, _closing(fill, before))
        for (_, before, _), (order, _, fill) in pairwise(sizes)
        if before and (before > 0) == (fill.side == Fill.Side.SELL)
    ]


def _closing(fill: Fill, before: Decimal) -> Change:
    return Change(
        contract=contract_of(fill),
        side=1 if before > 0 else -1,
        happened_at=fill.executed_at,
        closed=min(fill.quantity / abs(before), Decimal(1)),
        price=fill.price * fill.quote_usd,
        fee=fill.fee_usd / fill.quantity,
    )


def _payments(contracts: Mapping[str, Iterable[int]]) -> Iterable[Transfer]:
    standing = {"kind": Transfer.Kind.FUNDING, "reverses": None, "reversed_by": None}
    return Transfer.objects.filter(**contracts, **standing)


def _funding(payment: Transfer, size: Decimal) -> Change:
    return Change(
        contract=contract_of(payment),
        side=1 if size > 0 else -1,
        happened_at=payment.executed_at,
        funding=(payment.value_usd or ZERO) / abs(size),
    )
