"""Write a book on paper down as text and plain data, and read it back digit for digit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio.domain.checkpoints import read, written
from portfolio.domain.money import in_context, plain
from portfolio.domain.outcomes import State
from signals.domain.shadows import Guard, Order, Paper

Memory = dict[str, Any]
PLAIN = ("position", "action", "instrument", "asset")


def state_text(paper: Paper) -> str:
    """Write the ledger."""
    return written(paper.state)


@in_context
def memory_of(paper: Paper) -> Memory:
    """Write everything else."""
    return {
        "sequence": paper.sequence,
        "orders": [_order_record(order) for order in paper.orders],
        "guards": {str(key): [_text(part) for part in guard] for key, guard in paper.guards.items()},
        "assets": {str(key): asset for key, asset in paper.assets.items()},
        "settled": paper.settled,
        "sales": [[moment.isoformat(), asset, plain(amount)] for moment, asset, amount in paper.sales],
        "losses": [[moment.isoformat(), asset] for moment, asset in paper.losses],
    }


@in_context
def paper_of(*, quote: str, state: str, memory: Mapping[str, Any]) -> Paper:
    """Read a book back; an empty one begins."""
    if not memory:
        return Paper(quote=quote)
    return Paper(
        quote=quote,
        state=read(state) if state else State(),
        sequence=memory["sequence"],
        orders=tuple(_order(record) for record in memory["orders"]),
        guards={int(key): Guard(*map(_amount, parts)) for key, parts in memory["guards"].items()},  # type: ignore[arg-type]
        assets={int(key): asset for key, asset in memory["assets"].items()},
        settled=memory["settled"],
        sales=[(datetime.fromisoformat(m), asset, Decimal(amount)) for m, asset, amount in memory["sales"]],
        losses=[(datetime.fromisoformat(moment), asset) for moment, asset in memory["losses"]],
    )


def _order_record(order: Order) -> Memory:
    return {name: value if name in PLAIN else _text(value) for name, value in order._asdict().items()}


def _order(record: Mapping[str, Any]) -> Order:
    values: Memory = {name: value if name in PLAIN else _amount(value) for name, value in record.items()}
    return Order(**values)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
