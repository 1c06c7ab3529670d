"""Answer the cases about round trips: what is closed by one sale is one trade, what is left another.

Longs go through the ledger's own lots (FIFO), shorts through its futures with the whole price as margin, since nobody
sells spot that is not held; the rate is the one of what was put in and what came back.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from portfolio.domain.events import USD, Event, Side, SpotFill, TransferIn
from portfolio.domain.futures import Position, trade
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.lots import Lot, Method
from portfolio.domain.outcomes import Disposal, Outcome
from portfolio.domain.xirr import DatedFlow, xirr
from tests.portfolio.returns_cases.sources import Listed

Terms = dict[str, Any]
ZERO = Decimal(0)
ASSET = "ASSET"
CENTS = 2
"""Money is kept in cents there."""
OTHER_GAINS = {
    "pnl_moving_average": (Method.AVG, False),
    "pnl_without_fees_taxes": (Method.FIFO, True),
    "pnl_moving_average_without_fees_taxes": (Method.AVG, True),
}
OPENING, CLOSING = {"BUY", "DELIVERY_IN"}, {"SELL", "DELIVERY_OUT"}


def trades(terms: Terms) -> dict[str, Any]:
    """Return the trades of a case, each with every figure that is known of it."""
    rows = sorted(terms["transactions"], key=lambda row: row["date"])
    unknown = {row["type"] for row in rows} - OPENING - CLOSING
    if unknown:
        raise Listed(f"transactions: {', '.join(sorted(unknown))}")
    return {"trades": _short(rows) if rows[0]["type"] in CLOSING else _long(rows, terms)}


def _day(row: Terms) -> date:
    return date.fromisoformat(row["date"][:10])


def _value(row: Terms) -> Decimal:
    """Return what a row paid or brought in all, in the currency of the report."""
    known = row.get("amount", row.get("amount_eur"))
    return Decimal(known) if known is not None else Decimal(row["shares"]) * Decimal(row["price"])


def _burden(row: Terms) -> Decimal:
    return Decimal(row.get("fee", 0)) + Decimal(row.get("tax", 0))


def _long(rows: list[Terms], terms: Terms) -> list[Terms]:
    folded = _folded(rows, Method.FIFO, is_bare=False)
    found = []
    for outcome, row in zip(folded.outcomes, rows, strict=True):
        for gone in _sales(outcome):
            entries = [(match.lot, match.quantity, match.cost) for match in gone.matches]
            found.append(_trade(entries, gone.proceeds, _day(row), closed=True))
    left = [(lot, lot.remaining_quantity, lot.remaining_cost) for lot in folded.lots.values() if lot.remaining_quantity]
    left = [entry for entry in left if entry[0].asset == ASSET]
    if left and "price" in terms:
        worth = round(sum((quantity for _, quantity, _ in left), ZERO) * _price(terms), CENTS)
        found.append(_trade(left, worth, date.fromisoformat(terms["price"]["date"]), closed=False))
    for name, (method, is_bare) in OTHER_GAINS.items():
        gains = _gains(_folded(rows, method, is_bare=is_bare), found)
        for trade_, gain in zip(found, gains, strict=True):
            trade_[name] = gain
    return found


def _folded(rows: list[Terms], method: Method, *, is_bare: bool) -> Folded:
    return fold(events=[_event(place, row, is_bare) for place, row in enumerate(rows, start=1)], method=method)


def _sales(outcome: Outcome) -> list[Disposal]:
    return [each for each in outcome.disposals if each.asset == ASSET]


def _gains(folded: Folded, found: list[Terms]) -> list[Decimal]:
    """Return what each sale gained, and at the end what is left would."""
    gains = [gone.proceeds - gone.cost for outcome in folded.outcomes for gone in _sales(outcome)]
    cost = sum((lot.remaining_cost for lots in folded.state.lots.values() for lot in lots if lot.asset == ASSET), ZERO)
    return gains + [each["exit_value"] - cost for each in found if not each["closed"]]


def _event(sequence: int, row: Terms, is_bare: bool) -> Event:
    """Write a row; a bare one has neither fees nor taxes in what it paid or brought."""
    at = datetime.combine(_day(row), datetime.min.time(), UTC)
    shared: Terms = {"sequence": sequence, "account": 1, "executed_at": at, "quantity": Decimal(row["shares"])}
    burden = _burden(row) if is_bare else ZERO
    if row["type"] in OPENING:
        return TransferIn(**shared, asset=ASSET, cost=_value(row) - burden)
    price = (_value(row) + burden) / Decimal(row["shares"])
    return SpotFill(**shared, side=Side.SELL, base=ASSET, quote=USD, price=price)


def _price(terms: Terms) -> Decimal:
    last = terms["price"]
    if "value" in last:
        return Decimal(last["value"])
    return Decimal(last["value_usd"]) / Decimal(terms["eur_usd_at_end"])


def _trade(entries: list[tuple[Lot, Decimal, Decimal]], back: Decimal, end: date, *, closed: bool) -> Terms:
    cost = sum((cost for _, _, cost in entries), ZERO)
    flows = [(lot.acquired_at.date(), -cost) for lot, _, cost in entries]
    figures = _figures(sum((quantity for _, quantity, _ in entries), ZERO), cost, back, back - cost, closed=closed)
    return {**figures, "side": "long", "irr": _rate([*flows, (end, back)])}


def _short(rows: list[Terms]) -> list[Terms]:
    position, found, opened = Position(settle=USD), [], rows[0]
    for row in rows:
        size = Decimal(row["shares"]) * (1 if row["type"] in OPENING else -1)
        before = position
        step = trade(position=position, quantity=size, price=_value(row) / abs(size), leverage=Decimal(1))
        position = step.position
        if step.realized:
            entry = before.entry_cost - position.entry_cost
            figures = _figures(abs(size), entry, _value(row), step.realized, closed=True)
            rate = _rate([(_day(opened), -entry), (_day(row), entry + step.realized)])
            found.append({**figures, "side": "short", "irr": rate})
    return found


def _figures(shares: Decimal, entry: Decimal, back: Decimal, gain: Decimal, *, closed: bool) -> Terms:
    return {
        "closed": closed,
        "shares": shares,
        "entry_value": entry,
        "exit_value": back,
        "pnl": gain,
        "return": gain / entry,
    }


def _rate(flows: list[tuple[date, Decimal]]) -> float | None:
    first = min(day for day, _ in flows)
    root = xirr(DatedFlow(years=(day - first).days / 365, amount=float(amount)) for day, amount in flows)
    return None if root is None else root.rate
