"""Record what happened and keep what follows from it in step, under the portfolio's lock (DECISIONS 11, 14, 15, 18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.db import transaction

from jobs.services import enqueue
from portfolio.domain.events import Event, MethodChange
from portfolio.domain.ledger import fold
from portfolio.domain.lots import Method, Scope
from portfolio.domain.money import ZERO, Refusal
from portfolio.domain.outcomes import AssetKey, State
from portfolio.models import Account, Asset, Fill, Instrument, LotMethod, Portfolio, Transfer
from portfolio.queries.core import CoreBreach, core_breaches
from portfolio.queries.events import Order, fill_event, method_event
from portfolio.queries.stored import stored_state
from portfolio.queries.transfers import transfer_event
from portfolio.services.entries import (
    NewFill,
    NewTransfer,
    check_moment,
    fill_row,
    opposite,
    transfer_row,
)
from portfolio.services.posting import Sources, write
from portfolio.services.recompute import (
    CHECKPOINT_TASK,
    METHOD,
    SPACING,
    VALUE_TASK,
    derive_from,
    lock,
    rebuild,
)
from portfolio.services.repeats import SAME_FILL, known_entries, same_transfer

__all__ = [
    "METHOD",
    "CoreSaleRefused",
    "NotReversible",
    "Recorded",
    "default_account",
    "lock",
    "rebuild",
    "record_fills",
    "record_transfer",
    "record_transfers",
    "reverse_fills",
    "reverse_lot_method",
    "reverse_transfer",
    "set_lot_method",
]
ASSET_FIELDS = ("asset", "quote_asset", "fee_asset", "into_asset")

Stated = TypeVar("Stated", NewFill, NewTransfer)


class CoreSaleRefused(Refusal):
    """Refuse to sell core holdings without a written reason (DOMAIN F54, DECISIONS 15)."""

    def __init__(self, breaches: Sequence[CoreBreach]) -> None:
        """Name what is core and what would be left."""
        self.breaches = breaches
        first = breaches[0]
        super().__init__(
            f"{first.core.normalize():f} {first.asset} is core, and this would leave {first.held.normalize():f}. "
            "Selling core needs a written reason."
        )


class NotReversible(Refusal):
    """Refuse to reverse what is not the portfolio's own, or is itself a reversal."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Give the rows in the order stated, whether they were there before, and the core that was sold."""

    fills: tuple[Fill, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    is_repeat: bool = False
    core_breaches: tuple[CoreBreach, ...] = ()


@transaction.atomic
def record_fills(
    *,
    portfolio: Portfolio,
    fills: Sequence[NewFill],
    now: datetime,
    client_key: str = "",
    is_imported: bool = False,
    core_override_reason: str = "",
) -> Recorded:
    """Record executions whole or not at all; what was recorded under the same ids before is returned as it is.

    Raises a `Refusal`: `Oversold` (naming what is held), `CoreSaleRefused`, `KeyReused`, `PriceUnknown`, `BadMoment` …
    """
    locked = lock(portfolio)
    account = default_account(locked)
    stated = [
        fill_row(portfolio=locked, new=new, account=new.account or account, now=now, is_imported=is_imported)
        for new in _keyed(fills, client_key)
    ]
    known = known_entries(stated, [SAME_FILL] * len(stated))
    fresh = [row for row in stated if row.external_id not in known]
    held = _record(locked, fresh, now) if fresh else {}
    breaches = () if is_imported else _core_breaches(locked, _sold(fresh), held, now)
    if breaches and not core_override_reason.strip():
        raise CoreSaleRefused(breaches)
    rows = tuple(known.get(row.external_id, row) for row in stated)
    return Recorded(fills=rows, is_repeat=bool(stated) and not fresh, core_breaches=breaches)


@transaction.atomic
def record_transfers(
    *,
    portfolio: Portfolio,
    transfers: Sequence[NewTransfer],
    now: datetime,
    client_key: str = "",
    is_imported: bool = False,
    core_override_reason: str = "",
) -> Recorded:
    """Record what came, went, moved or changed without a trade, whole or not at all; repeats are returned as they are.

    What a swap or a fee lets go of may not be core without a written reason.
    """
    locked = lock(portfolio)
    account = default_account(locked)
    stated = [
        transfer_row(portfolio=locked, new=new, account=new.account or account, now=now, is_imported=is_imported)
        for new in _keyed(transfers, client_key)
    ]
    known = known_entries(stated, [same_transfer(new) for new in transfers])
    fresh = [row for row in stated if row.external_id not in known]
    held = _record(locked, fresh, now) if fresh else {}
    breaches = () if is_imported else _core_breaches(locked, _swapped(fresh), held, now)
    if breaches and not core_override_reason.strip():
        raise CoreSaleRefused(breaches)
    rows = tuple(known.get(row.external_id, row) for row in stated)
    return Recorded(transfers=rows, is_repeat=bool(stated) and not fresh, core_breaches=breaches)


def record_transfer(*, portfolio: Portfolio, transfer: NewTransfer, now: datetime, client_key: str = "") -> Transfer:
    """Record one deposit, withdrawal, income or funding payment."""
    recorded = record_transfers(portfolio=portfolio, transfers=[transfer], now=now, client_key=client_key)
    return recorded.transfers[0]


@transaction.atomic
def reverse_fills(*, portfolio: Portfolio, fills: Iterable[Fill], now: datetime) -> tuple[Fill, ...]:
    """Reverse fills: both stay visible, and everything is as if they had never been logged (DECISIONS 18).

    A fill that is reversed already keeps its reversal. Raises `Oversold` if later events need what the fills brought.
    """
    locked = lock(portfolio)
    wanted = [fill.pk for fill in fills]
    found = Fill.objects.filter(portfolio=locked, pk__in=wanted, reverses__isnull=True)
    rows = {fill.pk: fill for fill in found.select_related("reversed_by")}
    if len(rows) != len(set(wanted)):
        raise NotReversible("Only fills of this portfolio that are not reversals themselves can be reversed.")
    fresh = [opposite(rows[pk], now=now) for pk in dict.fromkeys(wanted) if not hasattr(rows[pk], "reversed_by")]
    if fresh:
        _record(locked, fresh, now)
    done = {row.reverses_id: row for row in fresh}
    return tuple(done[pk] if pk in done else rows[pk].reversed_by for pk in wanted)


@transaction.atomic
def reverse_transfer(*, portfolio: Portfolio, transfer: Transfer, now: datetime) -> Transfer:
    """Reverse a transfer: both stay visible, and everything is as if it had never been logged."""
    locked = lock(portfolio)
    row = Transfer.objects.filter(portfolio=locked, pk=transfer.pk, reverses__isnull=True).first()
    if row is None:
        raise NotReversible("Only a transfer of this portfolio that is not a reversal itself can be reversed.")
    reversal = Transfer.objects.filter(reverses=row).first()
    if reversal is not None:
        return reversal
    row.pk, row.reverses, row.external_id, row.recorded_at = None, transfer, None, now
    row._state.adding = True
    _record(locked, [row], now)
    return row


@transaction.atomic
def set_lot_method(
    *, portfolio: Portfolio, method: Method, scope: Scope, effective_at: datetime, now: datetime
) -> LotMethod:
    """Relieve lots by another method, or in another scope, from a moment on; an earlier moment recomputes from there.

    What is in force at that moment already is returned as it is.
    """
    locked = lock(portfolio)
    check_moment(portfolio=locked, moment=effective_at, now=now)
    stand = LotMethod.objects.filter(portfolio=locked, reverses__isnull=True, reversed_by__isnull=True)
    known = stand.filter(effective_at=effective_at).order_by("-sequence").first()
    if known is not None and (known.method, known.scope) == (method, scope):
        return known
    row = LotMethod(
        portfolio=locked, effective_at=effective_at, recorded_at=now, method=method.value, scope=scope.value
    )
    _record(locked, [row], now)
    return row


@transaction.atomic
def reverse_lot_method(*, portfolio: Portfolio, change: LotMethod, now: datetime) -> LotMethod:
    """Reverse a change of method: both stay visible, and lots are relieved as if it had never been."""
    locked = lock(portfolio)
    row = LotMethod.objects.filter(portfolio=locked, pk=change.pk, reverses__isnull=True).first()
    if row is None:
        raise NotReversible("Only a change of this portfolio that is not a reversal itself can be reversed.")
    reversal = LotMethod.objects.filter(reverses=row).first()
    if reversal is not None:
        return reversal
    row.pk, row.reverses, row.recorded_at = None, change, now
    row._state.adding = True
    _record(locked, [row], now)
    return row


def default_account(portfolio: Portfolio) -> Account:
    """Return the account that is meant when none is named: the portfolio's first."""
    return portfolio.accounts.order_by("pk")[:1].get()


def _record(portfolio: Portfolio, rows: Sequence[Any], now: datetime) -> Mapping[AssetKey, Decimal]:
    """Insert entries and post them; returns what is then held.

    An appended entry reads the open lots it needs; a back-dated one derives everything after its moment anew.
    """
    for number, row in enumerate(rows, start=1):
        row.sequence = portfolio.ledger_version + number
    symbols = _symbols(rows)
    events = [_event(row, symbols) for row in rows]
    stored = stored_state(portfolio=portfolio, events=events)
    is_appended = portfolio.recompute_from is None and all(_is_after(event, stored.state) for event in events)
    folded = fold(events=events, opening=stored.state, method=METHOD) if is_appended else None
    type(rows[0])._default_manager.bulk_create(rows)
    if folded is None:
        state = derive_from(portfolio=portfolio, since=_first_affected(events), now=now)
    else:
        write(portfolio=portfolio, folded=folded, sources=_sources(rows, symbols), lots=stored.lots)
        state = folded.state
    _count(portfolio, len(rows), now)
    return state.balances


def _count(portfolio: Portfolio, entries: int, now: datetime) -> None:
    """Move the ledger's version on, and ask for what follows from it."""
    before = portfolio.ledger_version
    portfolio.ledger_version += entries
    Portfolio.objects.filter(pk=portfolio.pk).update(ledger_version=portfolio.ledger_version)
    enqueue(task=VALUE_TASK, now=now, unique_key=VALUE_TASK)
    if before // SPACING != portfolio.ledger_version // SPACING:
        key = f"{CHECKPOINT_TASK}:{portfolio.pk}"
        enqueue(task=CHECKPOINT_TASK, now=now, args={"portfolio": portfolio.pk}, unique_key=key)


def _symbols(rows: Sequence[Any]) -> dict[int, str]:
    """Name the assets of some entries; those that came with the rows need not be read."""
    named: dict[int, str] = {}
    asked: set[int] = set()
    for holder, name in ((holder, name) for row in rows for holder in _holders(row) for name in ASSET_FIELDS):
        pk = getattr(holder, f"{name}_id", None)
        if pk is not None and type(holder)._meta.get_field(name).is_cached(holder):
            named[pk] = getattr(holder, name).symbol
        elif pk is not None:
            asked.add(pk)
    missing = asked - named.keys()
    return {**named, **dict(Asset.objects.filter(pk__in=missing).values_list("pk", "symbol"))} if missing else named


def _holders(row: Any) -> tuple[Any, ...]:
    return (row, row.instrument) if isinstance(row, Fill) else (row,)


def _first_affected(events: Iterable[Event]) -> Order:
    return min((event.executed_at, event.reverses or event.sequence) for event in events)


def _is_after(event: Event, state: State) -> bool:
    is_plain = event.reverses is None and not isinstance(event, MethodChange)
    return is_plain and (state.last is None or event.order() > state.last)


def _event(row: Fill | Transfer | LotMethod, symbols: Mapping[int, str]) -> Event:
    """Return the event of a row that is not stored yet; the domain refuses amounts that cannot be."""
    reverses = row.reverses and row.reverses.sequence
    if isinstance(row, LotMethod):
        return method_event((row.sequence, row.effective_at, reverses, row.method, row.scope))
    shared = (row.sequence, row.account_id, row.executed_at, row.is_imported, reverses)
    if isinstance(row, Transfer):
        terms = (row.quantity, row.cost_usd, row.value_usd, row.acquired_at, row.instrument_id, row.to_account_id)
        new = (symbols.get(row.into_asset_id or 0), row.into_quantity)
        fee = (row.fee_amount, symbols.get(row.fee_asset_id or 0), row.fee_usd)
        return transfer_event((*shared, row.kind, symbols[row.asset_id], *terms, *new, *fee, row.position_side))
    assets = (symbols[row.instrument.asset_id], symbols[row.quote_asset_id], symbols[row.fee_asset_id])
    amounts = (row.quantity, row.price, row.quote_usd, row.fee_amount, row.fee_usd, row.leverage)
    contract = (row.instrument.contract_size, row.instrument.is_inverse, row.position_side, row.margin_mode)
    more = (*contract, row.reason, row.chain)
    return fill_event((*shared, row.side, row.instrument_id, row.instrument.kind, *assets, *amounts, *more))


def _sources(rows: Sequence[Any], symbols: Mapping[int, str]) -> Sources:
    keys = {row.sequence: row.pk for row in rows}
    is_fill = isinstance(rows[0], Fill)
    assets = {symbol: pk for pk, symbol in symbols.items()}
    return Sources(assets=assets, fills=keys if is_fill else {}, transfers={} if is_fill else keys)


def _keyed(stated: Sequence[Stated], client_key: str) -> list[Stated]:
    """Name each entry after the client's key and its place, unless it has an id of its own."""
    return [
        new if new.external_id or not client_key else replace(new, external_id=f"{client_key}:{place}")
        for place, new in enumerate(stated)
    ]


def _core_breaches(
    portfolio: Portfolio, sold: set[int], held: Mapping[AssetKey, Decimal], now: datetime
) -> tuple[CoreBreach, ...]:
    """Return what fell below its core quantity; balances are those of the ledger as it will be."""
    if not sold:
        return ()
    left: dict[str, Decimal] = {}
    for (_, symbol), quantity in held.items():
        left[symbol] = left.get(symbol, ZERO) + quantity
    return core_breaches(portfolio=portfolio, sold=sold, moment=portfolio.clock(now), held=left)


def _sold(fills: Iterable[Fill]) -> set[int]:
    """Return the assets that fills let go of: what was sold, what paid for a purchase, and what paid a fee."""
    sold = {fill.fee_asset_id for fill in fills if fill.fee_amount}
    spot = [fill for fill in fills if fill.instrument.kind == Instrument.Kind.SPOT]
    return sold | {fill.instrument.asset_id if fill.side == Fill.Side.SELL else fill.quote_asset_id for fill in spot}


def _swapped(transfers: Iterable[Transfer]) -> set[int]:
    """Return the assets that transfers sell: what was swapped, and what paid a fee."""
    sold = {row.asset_id for row in transfers if row.kind == Transfer.Kind.SWAP}
    return sold | {row.fee_asset_id for row in transfers if row.fee_amount and row.fee_asset_id is not None}
