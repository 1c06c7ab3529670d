"""Read the ledger as it stands from what was derived: the state that an appended entry is posted to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import QuerySet, Subquery

from portfolio.domain.events import USD, Event, Move, assets_touched, quantities_given
from portfolio.domain.futures import Position as DomainPosition
from portfolio.domain.lots import EVERYWHERE, LotKey, Method, Scope
from portfolio.domain.lots import Lot as DomainLot
from portfolio.domain.money import ZERO, in_context
from portfolio.domain.outcomes import AssetKey, PositionKey, State
from portfolio.models import Fill, Holding, Lot, LotMethod, Portfolio, Position, Transfer
from portfolio.queries.events import LOT_FIELDS, Order, domain_position, position_key

FEW = 20
"""So many lots are read first: mostly they hold what is sold."""

AGE = ("acquired_at", "sequence", "ordinal")

Needs = Mapping[AssetKey, Decimal | None]
"""How much of each pile may be relieved at most; nothing where all of it must be known."""


class Stored(NamedTuple):
    """Give the stored state, with the open lots that were asked for, and the row of each of these."""

    state: State
    lots: dict[LotKey, int]


class _InForce(NamedTuple):
    method: Method | None
    scope: Scope
    last: Order | None


@in_context
def stored_state(*, portfolio: Portfolio, events: Sequence[Event] | None = None) -> Stored:
    """Return all balances and positions, and the open lots that posting events may touch, or all of them."""
    force = _in_force(portfolio)
    needs = None if events is None else _needs(events, force)
    lots: dict[AssetKey, list[DomainLot]] = {}
    rows: dict[LotKey, int] = {}
    for pk, *values in _open_lots(portfolio, needs, force):
        lot = DomainLot(*values)
        lots.setdefault(_pile(lot.account, lot.asset, force.scope), []).append(lot)
        rows[lot.key] = pk
    balances, costs, gains = _balances(portfolio, force.scope)
    state = State(
        lots={key: tuple(sorted(found, key=DomainLot.age)) for key, found in lots.items()},
        balances=balances,
        costs=costs,
        gains=gains,
        positions=_positions(portfolio),
        last=max((order for order in (_last_traded(portfolio), force.last) if order), default=None),
        method=force.method,
        scope=force.scope,
    )
    return Stored(state, rows)


def lot_methods(portfolio: Portfolio) -> list[LotMethod]:
    """Return the changes of method that stand, the one in force first."""
    return _standing(LotMethod.objects.filter(portfolio=portfolio).order_by("-effective_at", "-sequence"))


def _standing(changes: Iterable[LotMethod]) -> list[LotMethod]:
    rows = list(changes)
    gone = {row.reverses_id for row in rows}
    return [row for row in rows if row.reverses_id is None and row.pk not in gone]


def _in_force(portfolio: Portfolio) -> _InForce:
    rows = list(LotMethod.objects.filter(portfolio=portfolio).order_by("-effective_at", "-sequence"))
    last = (rows[0].effective_at, rows[0].sequence) if rows else None
    standing = _standing(rows)
    if not standing:
        return _InForce(None, Scope.ACCOUNT, last)
    return _InForce(Method(standing[0].method), Scope(standing[0].scope), last)


def _last_traded(portfolio: Portfolio) -> Order | None:
    """Return the order of the last fill or transfer."""
    transfers = Transfer.objects.filter(portfolio=portfolio).order_by("-executed_at", "-sequence")
    fills = Fill.objects.filter(portfolio=portfolio).order_by("-executed_at", "-sequence")
    beside = [Subquery(transfers.values(name)[:1]) for name in ("executed_at", "sequence")]
    row = fills.values_list("executed_at", "sequence", *beside).first()
    if row is None:
        return transfers.values_list("executed_at", "sequence").first()
    own, other = (row[0], row[1]), (row[2], row[3])
    return own if other[0] is None else max(own, other)


def _needs(events: Sequence[Event], force: _InForce) -> Needs:
    """Add up what events may take of each pile; what the average acquires joins a lot that is open already."""
    needs: dict[AssetKey, Decimal | None] = {}
    for event in events:
        for asset, quantity in quantities_given(event).items():
            key = _pile(event.account, asset, force.scope)
            before = needs.get(key, ZERO)
            needs[key] = None if quantity is None or before is None else before + quantity
    if force.method is Method.HIFO:
        return dict.fromkeys(needs)
    return dict.fromkeys(_touched(events, force.scope)) if force.method is Method.AVG else needs


def _touched(events: Sequence[Event], scope: Scope) -> set[AssetKey]:
    accounts = {event.account for event in events} | {event.to_account for event in events if isinstance(event, Move)}
    return {_pile(account, asset, scope) for event in events for asset in assets_touched(event) for account in accounts}


def _pile(account: int, asset: str, scope: Scope) -> AssetKey:
    return (account if scope is Scope.ACCOUNT else EVERYWHERE, asset)


def _open_lots(portfolio: Portfolio, needs: Needs | None, force: _InForce) -> list[Any]:
    rows = Lot.objects.filter(portfolio=portfolio, is_open=True).values_list("pk", *LOT_FIELDS)
    if needs is None:
        return list(rows)
    return [row for key, most in needs.items() if key[1] != USD for row in _of_pile(rows, key, most, force)]


def _of_pile(rows: QuerySet[Any, Any], key: AssetKey, most: Decimal | None, force: _InForce) -> list[Any]:
    """Read the first lots of a pile, and all where these do not hold enough."""
    own = rows.filter(asset__symbol=key[1], **({} if key[0] == EVERYWHERE else {"account": key[0]}))
    if most is None:
        return list(own)
    way = "-" if force.method is Method.LIFO else ""
    first = list(own.order_by(*(way + name for name in AGE))[:FEW])
    left = LOT_FIELDS.index("remaining_quantity") + 1
    return first if len(first) < FEW or sum(row[left] for row in first) >= most else list(own)


def _balances(
    portfolio: Portfolio, scope: Scope
) -> tuple[dict[AssetKey, Decimal], dict[AssetKey, Decimal], dict[AssetKey, Decimal]]:
    """Return what is held, what it cost, and what was realised in it."""
    balances: dict[AssetKey, Decimal] = {}
    costs: dict[AssetKey, Decimal] = {}
    gains: dict[AssetKey, Decimal] = {}
    rows = Holding.objects.filter(portfolio=portfolio)
    for account, asset, held, cost, gain in rows.values_list(
        "account_id", "asset__symbol", "quantity", "cost_usd", "realized_pnl_usd"
    ):
        balances[account, asset] = held
        gains[account, asset] = gain
        if asset != USD:
            key = _pile(account, asset, scope)
            costs[key] = costs.get(key, ZERO) + cost
    return balances, costs, gains


def _positions(portfolio: Portfolio) -> dict[PositionKey, DomainPosition]:
    rows = Position.objects.filter(portfolio=portfolio).select_related("quote_asset")
    return {position_key(row): domain_position(row) for row in rows}
