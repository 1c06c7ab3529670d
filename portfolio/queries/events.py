"""Read the ledger's rows as the domain's events, and its derived rows as the domain's state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from portfolio.domain.events import (
    Event,
    MethodChange,
    PerpFill,
    Side,
    SpotFill,
)
from portfolio.domain.futures import MarginMode, PositionSide, Reason
from portfolio.domain.futures import Position as DomainPosition
from portfolio.domain.lots import EVERYWHERE, Method, Scope
from portfolio.domain.lots import Lot as DomainLot
from portfolio.domain.money import ONE
from portfolio.domain.outcomes import PositionKey
from portfolio.models import Fill, Instrument, Lot, LotMethod, Portfolio, Position, Transfer
from portfolio.queries.raw import read_rows
from portfolio.queries.transfers import SHARED, TRANSFER_FIELDS, transfer_event

FILL_FIELDS = (
    *SHARED,
    "side",
    "instrument_id",
    "instrument__kind",
    "instrument__asset__symbol",
    "quote_asset__symbol",
    "fee_asset__symbol",
    "quantity",
    "price",
    "quote_usd",
    "fee_amount",
    "fee_usd",
    "leverage",
    "instrument__contract_size",
    "instrument__is_inverse",
    "position_side",
    "margin_mode",
    "reason",
    "chain",
)
METHOD_FIELDS = ("sequence", "effective_at", "reverses__sequence", "method", "scope")
LOT_FIELDS = (
    "account_id",
    "asset__symbol",
    "acquired_at",
    "sequence",
    "quantity",
    "cost_usd",
    "remaining_quantity",
    "remaining_cost_usd",
    "is_cost_assumed",
    "ordinal",
)
"""In the order in which the domain's lot has them."""


SPOT = Instrument.Kind.SPOT.value
SIDES = {side.value: side for side in Side}

MOMENTS: dict[Any, str] = {Fill: "executed_at", Transfer: "executed_at", LotMethod: "effective_at"}
"""The tables of what was recorded, and the column that says when it happened."""

Order = tuple[datetime, int]
"""When something happened, and its sequence: the order in which the ledger is folded."""


def events_of(*, portfolio: Portfolio) -> list[Event]:
    """Return everything that was ever recorded, reversed entries and their reversals included."""
    return _events({model: model._default_manager.filter(portfolio=portfolio) for model in MOMENTS})


def standing_events(*, portfolio: Portfolio, after: Order | None) -> list[Event]:
    """Return what stands of the entries after one, or of all: what was reversed is left out with its reversal."""
    stand: dict[str, Any] = {"portfolio": portfolio, "reverses__isnull": True, "reversed_by__isnull": True}
    return _events(
        {model: model._default_manager.filter(later(model, after), **stand) for model in MOMENTS},
    )


def later(model: Any, after: Order | None) -> Q:
    """Select the rows that come after an entry in the ledger's order."""
    return Q() if after is None else _beyond(MOMENTS.get(model, "executed_at"), after)


def derived_later(after: Order) -> Q:
    """Select the disposals that entries after one made."""
    return _beyond("disposed_at", after)


def _beyond(moment: str, after: Order) -> Q:
    return Q(**{f"{moment}__gt": after[0]}) | Q(**{moment: after[0], "sequence__gt": after[1]})


def _events(rows: dict[Any, QuerySet[Any]]) -> list[Event]:
    fills = read_rows(rows[Fill].values_list(*FILL_FIELDS))
    transfers = read_rows(rows[Transfer].values_list(*TRANSFER_FIELDS))
    methods = read_rows(rows[LotMethod].values_list(*METHOD_FIELDS))
    return [*map(fill_event, fills), *map(transfer_event, transfers), *map(method_event, methods)]


def fill_event(row: tuple[Any, ...]) -> Event:
    """Return the event of one fill, given the values of FILL_FIELDS."""
    sequence, account, executed_at, is_imported, reverses = row[:5]
    side, instrument, kind, base, quote, fee_asset, quantity, price, quote_usd, fee, fee_usd, leverage = row[5:17]
    shared: dict[str, Any] = {
        "sequence": sequence,
        "account": account,
        "executed_at": executed_at,
        "is_imported": is_imported,
        "reverses": reverses,
        "side": SIDES[side],
        "quantity": quantity,
        "price": price,
        "fee": fee,
        "fee_asset": fee_asset,
        "fee_usd": fee_usd,
    }
    if kind == SPOT:
        return SpotFill(**shared, base=base, quote=quote, quote_usd=quote_usd)
    return PerpFill(
        **shared,
        instrument=instrument,
        settle=quote,
        settle_usd=quote_usd,
        leverage=ONE if leverage is None else leverage,
        **_contract(*row[17:]),
    )


def _contract(
    contract_size: Any, is_inverse: bool, side: str, margin_mode: str, reason: str, chain: str
) -> dict[str, Any]:
    """Return what only a futures fill has, as events name it."""
    return {
        "contract_size": contract_size,
        "is_inverse": is_inverse,
        "position_side": PositionSide(side),
        "margin_mode": MarginMode(margin_mode) if margin_mode else None,
        "reason": Reason(reason),
        "chain": chain,
    }


def method_event(row: tuple[Any, ...]) -> Event:
    """Return the event of a change of method, given the values of METHOD_FIELDS."""
    sequence, effective_at, reverses, method, scope = row
    return MethodChange(
        sequence=sequence,
        account=EVERYWHERE,
        executed_at=effective_at,
        reverses=reverses,
        method=Method(method),
        scope=Scope(scope),
    )


def domain_lot(lot: Lot) -> DomainLot:
    """Return a lot as the domain knows it."""
    return DomainLot(
        account=lot.account_id,
        asset=lot.asset.symbol,
        acquired_at=lot.acquired_at,
        sequence=lot.sequence,
        quantity=lot.quantity,
        cost=lot.cost_usd,
        remaining_quantity=lot.remaining_quantity,
        remaining_cost=lot.remaining_cost_usd,
        is_assumed=lot.is_cost_assumed,
        ordinal=lot.ordinal,
    )


def domain_position(position: Position) -> DomainPosition:
    """Return a position as the domain knows it."""
    return DomainPosition(
        settle=position.quote_asset.symbol,
        quantity=position.quantity,
        entry_cost=position.entry_cost,
        margin=position.margin,
        realized_usd=position.realized_pnl_usd,
        fees_usd=position.fees_usd,
        funding_usd=position.funding_usd,
        opened_at=position.opened_at,
        is_inverse=position.is_inverse,
        margin_mode=MarginMode(position.margin_mode),
        chain=position.chain,
    )


def position_key(row: Position) -> PositionKey:
    """Name a position as the domain does."""
    return (row.account_id, row.instrument_id, PositionSide(row.position_side))


def last_order(portfolio: Portfolio) -> Order | None:
    """Return the order of the last thing recorded, to tell an appended entry from a back-dated one."""
    newest = [
        model._default_manager.filter(portfolio=portfolio)
        .order_by(f"-{moment}", "-sequence")
        .values_list(moment, "sequence")
        .first()
        for model, moment in MOMENTS.items()
    ]
    return max((order for order in newest if order is not None), default=None)
