"""Check that positions follow from their fills: sizes, sides, margin, and closes that were forced (I10, I11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from portfolio.domain.futures import PositionSide, Reason
from portfolio.domain.money import ZERO, exact
from portfolio.domain.outcomes import PositionKey
from portfolio.models import Fill, Position
from portfolio.queries.events import position_key
from portfolio.queries.ledger_rows import Rows, Violation


def position_violations(rows: Rows) -> Iterator[Violation]:
    """I10: a position is the sum of its signed fills, a side keeps its sign, and a closed one keeps nothing."""
    signed: dict[PositionKey, Decimal] = defaultdict(Decimal)
    for fill in rows.standing_fills():
        if fill.instrument.is_futures:
            key = (fill.account_id, fill.instrument_id, PositionSide(fill.position_side))
            size = exact(fill.quantity * fill.instrument.contract_size)
            signed[key] += size if fill.side == Fill.Side.BUY else -size
    stored = {position_key(row): row for row in rows.positions}
    for key in signed.keys() | stored.keys():
        row = stored.get(key)
        name = f"position in instrument {key[1]} of account {key[0]}"
        if (row.quantity if row else ZERO) != signed[key]:
            message = f"{row.quantity if row else 0} held, fills add up to {signed[key]}"
            yield Violation(invariant="I10", row=name, message=message)
        for message in _faults(row) if row else ():
            yield Violation(invariant="I10", row=name, message=message)


def forced_violations(rows: Rows) -> Iterator[Violation]:
    """I11: a liquidation, a deleveraging or a settlement closes, and never opens anything."""
    after = {change.fill_id: change.quantity_after for change in rows.changes}
    for fill in rows.standing_fills():
        if fill.reason == Reason.TRADE or fill.is_imported:
            continue
        left = after.get(fill.pk, ZERO)
        if (left < 0) if fill.side == Fill.Side.SELL else (left > 0):
            message = f"a forced {fill.side} left {left}"
            yield Violation(invariant="I11", row=f"fill {fill.pk}", message=message)


def _faults(row: Position) -> Iterator[str]:
    if not row.quantity and (row.margin or row.entry_cost):
        yield "closed, and still has margin or an entry cost"
    if row.margin < 0 or row.entry_cost < 0:
        yield "its margin or its entry cost is negative"
    forbidden = {PositionSide.LONG: row.quantity < 0, PositionSide.SHORT: row.quantity > 0}
    if forbidden.get(PositionSide(row.position_side)):
        yield f"its {row.position_side} side holds {row.quantity}"
