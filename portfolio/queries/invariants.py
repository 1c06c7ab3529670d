"""Check that what was derived follows from what was recorded, row by row (I01-I12, I16, I18, I20)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from portfolio.domain.lots import Method
from portfolio.domain.money import ZERO, in_context
from portfolio.models import (
    Asset,
    Disposal,
    Fill,
    Instrument,
    LoanEntry,
    LotMethod,
    Portfolio,
    Transfer,
    Unmatched,
)
from portfolio.queries.day_checks import day_violations
from portfolio.queries.futures_checks import forced_violations, position_violations
from portfolio.queries.ledger_rows import Rows, Violation, rows_of
from portfolio.queries.lending_checks import lending_violations, loan_coin_violations
from portfolio.queries.replayed import replay_violations

LEAVING = (Transfer.Kind.WITHDRAWAL, Transfer.Kind.MOVE, Transfer.Kind.MIGRATION, Transfer.Kind.SWAP)
REOPENED = (Disposal.Kind.MOVED, Disposal.Kind.CONVERTED, Disposal.Kind.RESET)
CARRIED = (*REOPENED, Disposal.Kind.SENT)


@in_context
def violations(*, portfolio: Portfolio, method: Method) -> list[Violation]:
    """Return every row of a portfolio's ledger that breaks an invariant.

    While a worker derives it anew, the derived rows show an earlier ledger: then only what was recorded is checked.
    """
    unvalued = list(_unvalued(portfolio))
    if unvalued:
        return unvalued
    rows = rows_of(portfolio)
    if portfolio.recompute_from is not None:
        return [violation for check in (_entries, _owners) for violation in check(rows)]
    found = [violation for check in _CHECKS for violation in check(rows)]
    replayed = list(replay_violations(rows=rows, method=method))
    return found + replayed + list(day_violations(rows=rows, method=method))


def _unvalued(portfolio: Portfolio) -> Iterator[Violation]:
    """I12: every fill says what its quote was worth, USD is worth 1, and what was exchanged or paid has a worth.

    What lacks it cannot be read as an event, so that nothing else can be checked.
    """
    fills = Fill.objects.filter(portfolio=portfolio).values_list("pk", "quote_usd", "quote_asset__kind", "fee_usd")
    for pk, worth, kind, fee in fills.iterator(2000):
        if worth <= 0 or fee < 0 or (kind == Asset.Kind.FIAT and worth != 1):
            message = f"its quote is worth {worth} USD and its fee {fee}"
            yield Violation(invariant="I12", row=f"fill {pk}", message=message)
    exchanged = Transfer.objects.filter(portfolio=portfolio, kind__in=[Transfer.Kind.SWAP, Transfer.Kind.FUNDING])
    for pk in exchanged.filter(value_usd__isnull=True).values_list("pk", flat=True):
        yield Violation(invariant="I12", row=f"transfer {pk}", message="nobody knows what it was worth")


def _balances(rows: Rows) -> Iterator[Violation]:
    """I01: what came in less what went out is held, and is what the open lots hold, by account or in all."""
    opened: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    gone: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    remaining: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    held: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for lot in rows.lots:
        opened[rows.place(lot)] += lot.quantity
        remaining[rows.place(lot)] += lot.remaining_quantity
    for disposal in rows.disposals:
        gone[rows.place(disposal.lot)] += disposal.quantity
    for row in rows.holdings:
        if row.asset.kind != Asset.Kind.FIAT:
            held[rows.place(row)] += row.quantity
    for key in opened.keys() | held.keys() | gone.keys():
        if not held[key] == opened[key] - gone[key] == remaining[key]:
            name = f"holding of asset {key[1]}" + (f" in account {key[0]}" if key[0] else "")
            yield Violation(
                invariant="I01",
                row=name,
                message=f"{held[key]} held, {opened[key]} in less {gone[key]} out, {remaining[key]} in open lots",
            )


def _sales(rows: Rows) -> Iterator[Violation]:
    """I02: the quantities matched to a sale or a fee, and what is unmatched of it, are what was let go."""
    matched: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
    relieved: list[Disposal | Unmatched] = [*rows.disposals, *rows.unmatched]
    for row in relieved:
        matched["fill", row.fill_id or 0, row.asset_id] += row.quantity
        matched["transfer", row.transfer_id or 0, row.asset_id] += row.quantity
    for entry, given in (*_given_by_fills(rows), *_given_by_transfers(rows)):
        name = type(entry).__name__.lower()
        for asset, quantity in given.items():
            if matched[name, entry.pk, asset] != quantity:
                message = f"{quantity} let go, {matched[name, entry.pk, asset]} matched"
                yield Violation(invariant="I02", row=f"{name} {entry.pk}", message=message)


def _given_by_fills(rows: Rows) -> Iterator[tuple[Fill, dict[int, Decimal]]]:
    """Give the coins that sales and fees let go; what a futures fill settles is its own gain or loss."""
    for fill in rows.standing_fills():
        given: dict[int, Decimal] = defaultdict(Decimal)
        own = {fill.instrument.asset_id, fill.quote_asset_id}
        if fill.instrument.kind != Instrument.Kind.SPOT:
            own = {fill.quote_asset_id}
        elif fill.side == Fill.Side.SELL:
            given[fill.instrument.asset_id] += fill.quantity
        is_sold = fill.fee_asset_id in given
        if fill.fee_amount and (is_sold or fill.fee_asset_id not in own):
            given[fill.fee_asset_id] += fill.fee_amount
        yield fill, {asset: quantity for asset, quantity in given.items() if asset not in rows.fiat}


def _given_by_transfers(rows: Rows) -> Iterator[tuple[Transfer, dict[int, Decimal]]]:
    """Give the coins that left by a transfer; one within the whole portfolio's lots relieves none."""
    for row in rows.standing_transfers():
        given: dict[int, Decimal] = defaultdict(Decimal)
        is_within = row.kind == Transfer.Kind.MOVE and rows.is_shared((row.executed_at, row.sequence))
        if row.kind in LEAVING and not is_within:
            given[row.asset_id] += row.quantity
        if row.fee_amount and row.fee_asset_id is not None and row.fee_asset_id != row.into_asset_id:
            given[row.fee_asset_id] += row.fee_amount
        if not (is_within and row.is_imported):
            yield row, {asset: quantity for asset, quantity in given.items() if asset not in rows.fiat}


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
    for disposal in rows.disposals:
        name = f"disposal {disposal.pk}"
        if disposal.disposed_at < disposal.lot.acquired_at:
            yield Violation(invariant="I05", row=name, message="it predates its lot")
        if disposal.realized_pnl_usd != disposal.proceeds_usd - disposal.cost_usd:
            yield Violation(invariant="I06", row=name, message="realised is not proceeds less cost")
        if disposal.realized_pnl_usd and disposal.kind in CARRIED:
            yield Violation(invariant="I06", row=name, message=f"units that were {disposal.kind} realised something")


def _carried(rows: Rows) -> Iterator[Violation]:
    """I09: what moved, was converted or dealt out costs in its new lots what it had cost; a move keeps the quantity.

    Under the average what arrives joins a lot that was there: then only the replay tells.
    """
    if any(row.method == Method.AVG for row in rows.methods):
        return
    relieved: dict[int, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
    brought: dict[int, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
    unknown = {row.sequence for row in rows.unmatched}
    for disposal in rows.disposals:
        if disposal.kind in REOPENED and disposal.sequence not in unknown:
            quantity, cost = relieved[disposal.sequence]
            relieved[disposal.sequence] = (quantity + disposal.quantity, cost + disposal.cost_usd)
    for lot in rows.lots:
        quantity, cost = brought[lot.sequence]
        brought[lot.sequence] = (quantity + lot.quantity, cost + lot.cost_usd)
    moves = {row.sequence for row in rows.transfers if row.kind == Transfer.Kind.MOVE}
    for sequence, (quantity, cost) in relieved.items():
        if cost != brought[sequence][1] or (sequence in moves and quantity != brought[sequence][0]):
            message = f"{quantity} at {cost} was carried, {brought[sequence][0]} at {brought[sequence][1]} arrived"
            yield Violation(invariant="I09", row=f"entry {sequence}", message=message)


def _entries(rows: Rows) -> Iterator[Violation]:
    """I18: sequences are used once and counted, and a reversal mirrors what it reverses."""
    seen: set[int] = set()
    entries: list[Fill | Transfer | LotMethod | LoanEntry] = [
        *rows.fills,
        *rows.transfers,
        *rows.methods,
        *rows.loans,
    ]
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
    amounts = ("quantity", "price", "quote_usd", "fee_amount")
    same = ("account_id", "instrument_id", "fee_asset_id", "position_side", "reason", "chain", *amounts)
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
    yield from _foreign_ends(rows)
    entries = {fill.pk for fill in rows.fills}, {transfer.pk for transfer in rows.transfers}
    derived: list[Any] = [*rows.lots, *rows.disposals, *rows.unmatched, *rows.changes]
    for row in derived:
        transfer = getattr(row, "transfer_id", None)
        if (row.fill_id and row.fill_id not in entries[0]) or (transfer and transfer not in entries[1]):
            yield Violation(invariant="I20", row=_named(row), message="its entry belongs to another portfolio")
    for disposal in rows.disposals:
        if disposal.lot.portfolio_id != own:
            yield Violation(invariant="I20", row=_named(disposal), message="its lot belongs to another portfolio")


def _foreign_ends(rows: Rows) -> Iterator[Violation]:
    for row in rows.transfers:
        if row.to_account is not None and row.to_account.portfolio_id != rows.portfolio.pk:
            yield Violation(invariant="I20", row=_named(row), message="it goes to another portfolio's account")


def _named(row: Any) -> str:
    return f"{type(row).__name__.lower()} {row.pk}"


_CHECKS: tuple[Callable[[Rows], Iterator[Violation]], ...] = (
    _balances,
    _sales,
    _lots,
    _matches,
    _carried,
    position_violations,
    forced_violations,
    lending_violations,
    loan_coin_violations,
    _entries,
    _owners,
)
