"""Fold events into lots, balances and positions, and say what each event realised (DOMAIN 4)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portfolio.domain.book import Book, Posting
from portfolio.domain.events import Event, FundingPayment, PerpFill, SpotFill, TransferIn, TransferOut, standing
from portfolio.domain.lots import Lot, Method
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import LedgerError, Outcome, State
from portfolio.domain.perps import apply_funding, apply_perp
from portfolio.domain.spot import apply_spot
from portfolio.domain.transfers import apply_in, apply_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Give the new state, what each event did, and every lot that was opened or touched, closed ones included."""

    state: State
    outcomes: tuple[Outcome, ...]
    lots: Mapping[tuple[str, int], Lot]


@in_context
def fold(*, events: Iterable[Event], opening: State | None = None, method: Method = Method.FIFO) -> Folded:
    """Apply the standing events in order to a state; the opening state is left as it was.

    Raises `Oversold`, `FeeExceedsTrade` or `OutOfOrder`, which carry the event that does not fit.
    """
    book = Book(opening or State(), method)
    outcomes = tuple(_post(event, book) for event in standing(events))
    return Folded(state=book.state(), outcomes=outcomes, lots=book.touched)


def _post(event: Event, book: Book) -> Outcome:
    apply = _APPLY.get(type(event))
    if apply is None:
        raise LedgerError(f"The ledger knows no {type(event).__name__}.", event)
    posting = book.begin(event)
    apply(event, posting)
    return posting.outcome()


_APPLY: dict[type[Event], Callable[[Any, Posting], None]] = {
    SpotFill: apply_spot,
    PerpFill: apply_perp,
    FundingPayment: apply_funding,
    TransferIn: apply_in,
    TransferOut: apply_out,
}
