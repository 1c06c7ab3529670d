"""Check that what was derived follows from what was recorded, row by row (I01-I06, I10, I16, I18, I20)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portfolio.domain.events import USD, Event
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.lots import Method
from portfolio.domain.money import ZERO, Refusal, in_context
from portfolio.models import (
    Asset,
    Disposal,
    Fill,
    Holding,
    Instrument,
    Lot,
    Portfolio,
    Position,
    PositionChange,
    Transfer,
    Unmatched,
)
from portfolio.queries.events import domain_lot, domain_position, events_of


@dataclass(frozen=True, kw_only=True)
class Violation:
    """Name the invariant that a row breaks, and how."""

    invariant: str
    row: str
    message: str

    def __str__(self) -> str:
        """Show it in one line."""
        return f"{self.invariant} {self.row}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Hold everything that is stored of one portfolio's ledger."""

    portfolio: Portfolio
    fills: list[Fill]
    transfers: list[Transfer]
    lots: list[Lot]
    disposals: list[Disposal]
    unmatched: list[Unmatched]
    holdings: list[Holding]
    positions: list[Position]
    changes: list[PositionChange]
    events: list[Event]

    def standing_fills(self) -> list[Fill]:
        """Return the fills that neither are nor have a reversal."""
        gone = {fill.reverses_id for fill in self.fills if fill.reverses_id}
        return [fill for fill in self.fills if not fill.reverses_id and fill.pk not in gone]


@in_context
def violations(*, portfolio: Portfolio, method: Method) -> list[Violation]:
    """Return every row of a portfolio's ledger that breaks an invariant."""
    rows = _read(portfolio)
    return [violation for check in _CHECKS for violation in check(rows)] + list(_replay(rows, method))


def _read(portfolio: Portfolio) -> Rows:
    def all_of(model: Any, *related: str) -> list[Any]:
        """Read a table's rows of this portfolio."""
        return list(model.objects.filter(portfolio=portfolio).select_related(*related).order_by("pk"))

    return Rows(
        portfolio=portfolio,
        fills=all_of(Fill, "instrument", "account"),
        transfers=all_of(Transfer, "asset", "account"),
        lots=all_of(Lot, "asset", "account"),
        disposals=all_of(Disposal, "lot", "fill__instrument"),
        unmatched=all_of(Unmatched),
        holdings=all_of(Holding, "asset", "account"),
        positions=all_of(Position, "quote_asset", "account"),
        changes=all_of(PositionChange),
        events=events_of(portfolio=portfolio),
    )


def _balances(rows: Rows) -> Iterator[Violation]:
    """I01: what came in less what went out is held, and is what the open lots hold."""
    opened: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    gone: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    remaining: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for lot in rows.lots:
        opened[lot.account_id, lot.asset_id] += lot.quantity
        remaining[lot.account_id, lot.asset_id] += lot.remaining_quantity
    for disposal in rows.disposals:
        gone[disposal.lot.account_id, disposal.asset_id] += disposal.quantity
    held = {(row.account_id, row.asset_id): row for row in rows.holdings if row.asset.kind != Asset.Kind.FIAT}
    for key in opened.keys() | held.keys() | gone.keys():
        quantity = held[key].quantity if key in held else ZERO
        if not quantity == opened[key] - gone[key] == remaining[key]:
            name = f"holding of asset {key[1]} in account {key[0]}"
            yield Violation(
                invariant="I01",
                row=name,
                message=f"{quantity} held, {opened[key]} in less {gone[key]} out, {remaining[key]} in open lots",
            )


def _sales(rows: Rows) -> Iterator[Violation]:
    """I02: the quantities matched to a sale, and what is unmatched of it, are what was sold."""
    sold = {fill.pk: fill.instrument.asset_id for fill in rows.fills}
    relieved: list[Disposal | Unmatched] = [row for row in rows.disposals if not row.is_fee]
    matched: dict[int, Decimal] = defaultdict(Decimal)
    for row in [*relieved, *rows.unmatched]:
        if row.fill_id and row.asset_id == sold.get(row.fill_id):
            matched[row.fill_id] += row.quantity
    for fill in rows.standing_fills():
        if fill.instrument.kind != Instrument.Kind.SPOT or fill.side != Fill.Side.SELL:
            continue
        fee = fill.fee_amount if fill.fee_asset_id == fill.instrument.asset_id else ZERO
        if matched[fill.pk] != fill.quantity + fee:
            message = f"{fill.quantity + fee} sold, {matched[fill.pk]} matched"
            yield Violation(invariant="I02", row=f"fill {fill.pk}", message=message)


def _lots(rows: Rows) -> Iterator[Violation]:
    """I03 and I04: a lot holds between nothing and all of itself: what it opened with less its disposals."""
    taken: dict[int, Decimal] = defaultdict(Decimal)
    costs: dict[int, Decimal] = defaultdict(Decimal)
    for disposal in rows.disposals:
        taken[disposal.lot_id] += disposal.quantity
        costs[disposal.lot_id] += disposal.cost_usd
    for lot in rows.lots:
        name = f"lot {lot.pk}"
        if not ZERO <= lot.remaining_quantity <= lot.quantity or not lot.remaining_quantity.is_finite():
            message = f"{lot.remaining_quantity} left of {lot.quantity}"
            yield Violation(invariant="I03", row=name, message=message)
        if lot.is_open != bool(lot.remaining_quantity):
            yield Violation(invariant="I03", row=name, message="its flag does not say whether it is open")
        if lot.remaining_quantity != lot.quantity - taken[lot.pk]:
            message = f"{lot.remaining_quantity} left, {taken[lot.pk]} of {lot.quantity} taken"
            yield Violation(invariant="I04", row=name, message=message)
        if lot.remaining_cost_usd != lot.cost_usd - costs[lot.pk]:
            message = f"cost {lot.remaining_cost_usd} left, {costs[lot.pk]} of {lot.cost_usd} taken"
            yield Violation(invariant="I04", row=name, message=message)


def _matches(rows: Rows) -> Iterator[Violation]:
    """I05 and I06: a match follows its lot, and realises exactly proceeds less cost; the replay checks the order."""
    funding = {row.pk for row in rows.transfers if row.kind == Transfer.Kind.FUNDING}
    for disposal in rows.disposals:
        name = f"disposal {disposal.pk}"
        if disposal.disposed_at < disposal.lot.acquired_at:
            yield Violation(invariant="I05", row=name, message="it predates its lot")
        if disposal.realized_pnl_usd != disposal.proceeds_usd - disposal.cost_usd:
            yield Violation(invariant="I06", row=name, message="realised is not proceeds less cost")
        if disposal.transfer_id and disposal.realized_pnl_usd and disposal.transfer_id not in funding:
            yield Violation(invariant="I06", row=name, message="a withdrawal realised something")


def _positions(rows: Rows) -> Iterator[Violation]:
    """I10: a position is the sum of its signed fills, and a closed one keeps no margin and no entry cost."""
    signed: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for fill in rows.standing_fills():
        if fill.instrument.kind == Instrument.Kind.PERP:
            way = 1 if fill.side == Fill.Side.BUY else -1
            signed[fill.account_id, fill.instrument_id] += way * fill.quantity
    stored = {(row.account_id, row.instrument_id): row for row in rows.positions}
    for key in signed.keys() | stored.keys():
        row = stored.get(key)
        name = f"position in instrument {key[1]} of account {key[0]}"
        if (row.quantity if row else ZERO) != signed[key]:
            message = f"{row.quantity if row else 0} held, fills add up to {signed[key]}"
            yield Violation(invariant="I10", row=name, message=message)
        if row and not row.quantity and (row.margin or row.entry_cost):
            yield Violation(invariant="I10", row=name, message="closed, and still has margin or an entry cost")


def _entries(rows: Rows) -> Iterator[Violation]:
    """I18: sequences are used once and counted, and a reversal mirrors what it reverses."""
    seen: set[int] = set()
    entries: list[Fill | Transfer] = [*rows.fills, *rows.transfers]
    for entry in entries:
        name = f"{type(entry).__name__.lower()} {entry.pk}"
        if entry.sequence in seen or not 0 < entry.sequence <= rows.portfolio.ledger_version:
            yield Violation(invariant="I18", row=name, message=f"sequence {entry.sequence} is not its own")
        seen.add(entry.sequence)
    fills = {fill.pk: fill for fill in rows.fills}
    for fill in rows.fills:
        if fill.reverses_id and not _mirrors(fill, fills.get(fill.reverses_id)):
            yield Violation(invariant="I18", row=f"fill {fill.pk}", message="it does not mirror what it reverses")


def _mirrors(reversal: Fill, original: Fill | None) -> bool:
    same = ("account_id", "instrument_id", "quantity", "price", "quote_usd", "fee_amount", "fee_asset_id")
    return (
        original is not None
        and original.reverses_id is None
        and original.side != reversal.side
        and all(getattr(reversal, name) == getattr(original, name) for name in same)
    )


def _owners(rows: Rows) -> Iterator[Violation]:
    """I20: no row joins two portfolios."""
    own = rows.portfolio.pk
    with_account: list[Any] = [*rows.fills, *rows.transfers, *rows.lots, *rows.holdings, *rows.positions]
    for row in with_account:
        if row.account.portfolio_id != own:
            yield Violation(invariant="I20", row=_named(row), message="its account belongs to another portfolio")
    entries = {fill.pk for fill in rows.fills}, {transfer.pk for transfer in rows.transfers}
    derived: list[Any] = [*rows.lots, *rows.disposals, *rows.unmatched, *rows.changes]
    for row in derived:
        transfer = getattr(row, "transfer_id", None)
        if (row.fill_id and row.fill_id not in entries[0]) or (transfer and transfer not in entries[1]):
            yield Violation(invariant="I20", row=_named(row), message="its entry belongs to another portfolio")
    for disposal in rows.disposals:
        if disposal.lot.portfolio_id != own:
            yield Violation(invariant="I20", row=_named(disposal), message="its lot belongs to another portfolio")


def _replay(rows: Rows, method: Method) -> Iterator[Violation]:
    """I16: lots, balances, positions and realised gains are what a replay from nothing gives."""
    try:
        folded = fold(events=rows.events, method=method)
    except Refusal as error:
        yield Violation(invariant="I16", row=f"portfolio {rows.portfolio.pk}", message=f"cannot be replayed: {error}")
        return
    yield from _replayed_lots(rows, folded)
    yield from _replayed_balances(rows, folded)
    stored = {(row.account_id, row.instrument_id): row for row in rows.positions}
    replayed = folded.state.positions
    for key in stored.keys() | replayed.keys():
        row = stored.get(key)
        if row is None or key not in replayed or domain_position(row) != replayed[key]:
            name = f"position in instrument {key[1]} of account {key[0]}"
            yield Violation(invariant="I16", row=name, message="differs from a replay")


def _replayed_lots(rows: Rows, folded: Folded) -> Iterator[Violation]:
    stored = {(lot.asset.symbol, lot.sequence): lot for lot in rows.lots}
    for key in stored.keys() | folded.lots.keys():
        if key not in stored or key not in folded.lots or domain_lot(stored[key]) != folded.lots[key]:
            name = f"lot {stored[key].pk}" if key in stored else f"lot of {key[0]} brought by entry {key[1]}"
            yield Violation(invariant="I16", row=name, message="differs from a replay")
    disposals = [disposal for outcome in folded.outcomes for disposal in outcome.disposals]
    yield from _compare(
        "realised gains", rows, _total(rows.disposals, "realized_pnl_usd"), _total(disposals, "realized")
    )
    unmatched = _total(disposals, "unmatched_proceeds")
    yield from _compare("unmatched proceeds", rows, _total(rows.unmatched, "proceeds_usd"), unmatched)
    futures = _total(folded.outcomes, "perp_realized") - _total(folded.outcomes, "perp_fees")
    changes = _total(rows.changes, "realized_pnl_usd") - _total(rows.changes, "fee_usd")
    yield from _compare("futures gains", rows, changes, futures)


def _replayed_balances(rows: Rows, folded: Folded) -> Iterator[Violation]:
    stored = {(row.account_id, row.asset.symbol): row for row in rows.holdings}
    cash = {(account, USD) for account in folded.state.cash}
    for key in stored.keys() | folded.state.lots.keys() | cash:
        quantity = stored[key].quantity if key in stored else ZERO
        if quantity != folded.state.held(*key):
            name = f"holding of {key[1]} in account {key[0]}"
            message = f"{quantity} held, a replay gives {folded.state.held(*key)}"
            yield Violation(invariant="I16", row=name, message=message)


def _compare(what: str, rows: Rows, stored: Decimal, replayed: Decimal) -> Iterator[Violation]:
    if stored != replayed:
        message = f"{what} of {stored} are stored, a replay gives {replayed}"
        yield Violation(invariant="I16", row=f"portfolio {rows.portfolio.pk}", message=message)


def _total(rows: Iterable[Any], name: str) -> Decimal:
    return sum((getattr(row, name) for row in rows), ZERO)


def _named(row: Any) -> str:
    return f"{type(row).__name__.lower()} {row.pk}"


_CHECKS: tuple[Callable[[Rows], Iterator[Violation]], ...] = (
    _balances,
    _sales,
    _lots,
    _matches,
    _positions,
    _entries,
    _owners,
)
