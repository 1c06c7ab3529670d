"""Fold events into lots, balances and positions, and say what each event realised (DOMAIN 4)."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from portfolio.domain.actions import apply_conversion, apply_method, apply_rebase, apply_swap
from portfolio.domain.book import Book, Posting
from portfolio.domain.events import (
    Conversion,
    Event,
    FundingPayment,
    MarginChange,
    MethodChange,
    Move,
    PerpFill,
    Rebase,
    SpotFill,
    Swap,
    TransferIn,
    TransferOut,
    standing,
)
from portfolio.domain.lots import Lot, LotKey, Method
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import AssetKey, LedgerError, Outcome, State
from portfolio.domain.perps import apply_funding, apply_margin, apply_perp
from portfolio.domain.piles import lot_of
from portfolio.domain.spot import apply_spot
from portfolio.domain.transfers import apply_in, apply_move, apply_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Give the new state, what each event did, every lot opened or touched, and every balance that may have changed."""

    state: State
    outcomes: tuple[Outcome, ...]
    lots: Mapping[LotKey, Lot]
    changed: Set[AssetKey]


@in_context
def fold(*, events: Iterable[Event], opening: State | None = None, method: Method = Method.FIFO) -> Folded:
    """Apply the standing events in order to a state; the opening state is left as it was.

    The method is the one in force before the first `MethodChange`; a state that came out of a fold knows its own.
    Raises `Oversold`, `FeeExceedsTrade` or `OutOfOrder`, which carry the event that does not fit.
    """
    book = Book(opening or State(), method)
    outcomes = tuple(_post(event, book).outcome() for event in standing(events))
    lots = {lot.key: lot for lot in map(lot_of, book.touched.values())}
    return Folded(state=book.state(), outcomes=outcomes, lots=lots, changed=frozenset(book.changed))


@in_context
def state_after(*, events: Iterable[Event], opening: State | None = None, method: Method = Method.FIFO) -> State:
    """Give the state alone that events lead to; raises what `fold` raises."""
    book = Book(opening or State(), method)
    for event in standing(events):
        _post(event, book)
    return book.state()


def _post(event: Event, book: Book) -> Posting:
    apply = _APPLY.get(type(event))
    if apply is None:
        raise LedgerError(f"The ledger knows no {type(event).__name__}.", event)
    posting = book.begin(event)
    apply(event, posting)
    return posting


_APPLY: dict[type[Event], Callable[[Any, Posting], None]] = {
    SpotFill: apply_spot,
    PerpFill: apply_perp,
    FundingPayment: apply_funding,
    MarginChange: apply_margin,
    TransferIn: apply_in,
    TransferOut: apply_out,
    Move: apply_move,
    Conversion: apply_conversion,
    Rebase: apply_rebase,
    Swap: apply_swap,
    MethodChange: apply_method,
}
