"""Read transfers as the domain's events: what came in, went out, moved, changed, or belongs to a position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from portfolio.domain.events import (
    USD,
    Conversion,
    Event,
    FundingPayment,
    MarginChange,
    Move,
    Rebase,
    Swap,
    TransferIn,
    TransferOut,
)
from portfolio.domain.futures import PositionSide
from portfolio.domain.money import ZERO
from portfolio.models import Transfer

SHARED = ("sequence", "account_id", "executed_at", "is_imported", "reverses__sequence")
TRANSFER_FIELDS = (
    *SHARED,
    "kind",
    "asset__symbol",
    "quantity",
    "cost_usd",
    "value_usd",
    "acquired_at",
    "instrument_id",
    "to_account_id",
    "into_asset__symbol",
    "into_quantity",
    "fee_amount",
    "fee_asset__symbol",
    "fee_usd",
    "position_side",
)


def transfer_event(row: tuple[Any, ...]) -> Event:
    """Return the event of one transfer, given the values of TRANSFER_FIELDS."""
    sequence, account, executed_at, is_imported, reverses, kind, *terms = row
    shared: dict[str, Any] = {
        "sequence": sequence,
        "account": account,
        "executed_at": executed_at,
        "is_imported": is_imported,
        "reverses": reverses,
    }
    return _TRANSFERS[kind](shared, _Terms(*terms))


class _Terms(NamedTuple):
    """Hold what is a transfer's own, in the order of TRANSFER_FIELDS."""

    asset: str
    quantity: Any
    cost: Any = None
    value: Any = None
    acquired_at: Any = None
    instrument: Any = None
    to_account: Any = None
    into: Any = None
    received: Any = None
    fee: Any = ZERO
    fee_asset: Any = None
    fee_usd: Any = ZERO
    position_side: Any = PositionSide.NET

    def charged(self) -> dict[str, Any]:
        """Return the fee as events name it."""
        return {"fee": self.fee, "fee_asset": self.fee_asset or USD, "fee_usd": self.fee_usd}


def _deposit(shared: dict[str, Any], its: _Terms) -> Event:
    known = {"cost": its.cost, "value": its.value, "acquired_at": its.acquired_at}
    return TransferIn(**shared, asset=its.asset, quantity=its.quantity, **known)


def _income(shared: dict[str, Any], its: _Terms) -> Event:
    return TransferIn(**shared, asset=its.asset, quantity=its.quantity, value=its.value, is_income=True)


def _withdrawal(shared: dict[str, Any], its: _Terms) -> Event:
    return TransferOut(**shared, asset=its.asset, quantity=its.quantity, value=its.value, **its.charged())


def _funding(shared: dict[str, Any], its: _Terms) -> Event:
    amounts = {"amount": its.quantity, "value": its.value, "instrument": its.instrument}
    return FundingPayment(**shared, settle=its.asset, **amounts, position_side=PositionSide(its.position_side))


def _margin(shared: dict[str, Any], its: _Terms) -> Event:
    where = {"instrument": its.instrument, "position_side": PositionSide(its.position_side)}
    return MarginChange(**shared, settle=its.asset, amount=its.quantity, **where)


def _move(shared: dict[str, Any], its: _Terms) -> Event:
    where = {"to_account": its.to_account, "value": its.value}
    return Move(**shared, asset=its.asset, quantity=its.quantity, **where, **its.charged())


def _migration(shared: dict[str, Any], its: _Terms) -> Event:
    new = {"into": its.into, "received": its.received, "value": its.value}
    return Conversion(**shared, asset=its.asset, quantity=its.quantity, **new)


def _rebase(shared: dict[str, Any], its: _Terms) -> Event:
    return Rebase(**shared, asset=its.asset, change=its.quantity)


def _swap(shared: dict[str, Any], its: _Terms) -> Event:
    new = {"into": its.into, "received": its.received, "value": its.value}
    return Swap(**shared, asset=its.asset, quantity=its.quantity, **new, **its.charged())


_TRANSFERS: dict[str, Callable[[dict[str, Any], _Terms], Event]] = {
    Transfer.Kind.DEPOSIT: _deposit,
    Transfer.Kind.INCOME: _income,
    Transfer.Kind.WITHDRAWAL: _withdrawal,
    Transfer.Kind.FUNDING: _funding,
    Transfer.Kind.MARGIN: _margin,
    Transfer.Kind.MOVE: _move,
    Transfer.Kind.MIGRATION: _migration,
    Transfer.Kind.REBASE: _rebase,
    Transfer.Kind.SWAP: _swap,
}
