"""Write a folded ledger down as text and read it back, digit for digit."""

import json
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_args, get_type_hints

from portfolio.domain.futures import Position, PositionSide
from portfolio.domain.lots import Lot, Method, Scope
from portfolio.domain.money import in_context, plain
from portfolio.domain.outcomes import AssetKey, PositionKey, State

AMOUNTS = ("balances", "costs", "gains")


@in_context
def written(state: State) -> str:
    """Write a state as JSON; amounts are text, lots that are closed are not in it."""
    lots = [[*key, [_plain_lot(lot) for lot in lots]] for key, lots in sorted(state.lots.items()) if lots]
    amounts = {
        name: [[*key, plain(amount)] for key, amount in sorted(getattr(state, name).items())] for name in AMOUNTS
    }
    return json.dumps(
        {
            "lots": lots,
            **amounts,
            "positions": [[list(key), _plain_position(one)] for key, one in sorted(state.positions.items())],
            "last": state.last and [state.last[0].isoformat(), state.last[1]],
            "method": state.method,
            "scope": state.scope,
        },
        separators=(",", ":"),
    )


def read(text: str) -> State:
    """Read a state that was written."""
    data = json.loads(text)
    last = data["last"]
    amounts: dict[str, dict[AssetKey, Decimal]] = {
        name: {(account, asset): Decimal(amount) for account, asset, amount in data[name]} for name in AMOUNTS
    }
    return State(
        lots={(account, asset): tuple(_lot(row, asset) for row in rows) for account, asset, rows in data["lots"]},
        **amounts,
        positions={_position_key(key): _position(row) for key, row in data["positions"]},
        last=last and (datetime.fromisoformat(last[0]), last[1]),
        method=data["method"] and Method(data["method"]),
        scope=Scope(data["scope"]),
    )


def _plain_lot(lot: Lot) -> list[Any]:
    amounts = (lot.quantity, lot.cost, lot.remaining_quantity, lot.remaining_cost)
    name = [lot.account, lot.acquired_at.isoformat(), lot.sequence, lot.ordinal, int(lot.is_assumed)]
    return [*name, *map(plain, amounts)]


def _lot(row: list[Any], asset: str) -> Lot:
    account, acquired_at, sequence, ordinal, is_assumed, *texts = row
    quantity, cost, left, cost_left = map(Decimal, texts)
    when = datetime.fromisoformat(acquired_at)
    return Lot(account, asset, when, sequence, quantity, cost, left, cost_left, bool(is_assumed), ordinal)


def _position_key(key: list[Any]) -> PositionKey:
    named: PositionKey = (*key[:2], *map(PositionSide, key[2:]))
    return named


def _plain_position(position: Position) -> dict[str, Any]:
    return {field.name: _plain(getattr(position, field.name)) for field in fields(position)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _position(row: dict[str, Any]) -> Position:
    hints = get_type_hints(Position)
    return Position(**{name: _typed(value, hints[name]) for name, value in row.items()})


def _typed(value: Any, hint: Any) -> Any:
    """Turn plain data into what a field holds."""
    if value is None:
        return None
    kind = next((one for one in get_args(hint) if one is not type(None)), hint)
    if kind is datetime:
        return datetime.fromisoformat(value)
    return kind(value) if kind is Decimal or issubclass(kind, StrEnum) else value
