"""Post what happens to futures positions: fills, forced closes, funding and margin (DOMAIN 4.2)."""

from dataclasses import replace
from datetime import datetime

from portfolio.domain.book import Posting
from portfolio.domain.events import FundingPayment, MarginChange, PerpFill
from portfolio.domain.futures import MarginMode, Position, PositionSide, Reason, trade, with_margin
from portfolio.domain.money import ZERO, exact
from portfolio.domain.outcomes import LedgerError, PositionKey


class WrongSide(LedgerError):
    """Refuse to turn a long of hedge mode into a short, or the other way: its opposite stands apart."""


class NothingToClose(LedgerError):
    """Refuse a forced close that would open something."""


class WrongMargin(LedgerError):
    """Refuse to change the margin mode of an open position, or margin that is not there."""


def apply_perp(event: PerpFill, posting: Posting) -> None:
    """Move the position; settle realised PnL and fee in one amount (DOMAIN 4.2)."""
    before = _position(posting, event)
    _check_close(event, before)
    done = trade(position=before, quantity=event.signed_quantity, price=event.price, leverage=event.leverage)
    _check_side(event, done.position)
    posting.lock(event.settle, -done.margin_released)
    fee = event.fee if event.fee_asset == event.settle else ZERO
    fee_usd, worth = exact(fee * event.settle_usd), exact((done.realized - fee) * event.settle_usd)
    posting.settle(event.settle, done.realized - fee, worth)
    posting.perp_realized = worth + fee_usd
    posting.perp_fees = fee_usd + posting.third_fee(event, event.settle)
    posting.lock(event.settle, done.margin_posted)
    is_same = before.side == done.position.side
    _keep(
        posting,
        event,
        replace(
            done.position,
            realized_usd=before.realized_usd + posting.perp_realized,
            fees_usd=before.fees_usd + posting.perp_fees,
            opened_at=_opened_at(before, done.position, event),
            margin_mode=_margin_mode(event, before, is_same=is_same),
            chain=_chain(event, before, done.position),
        ),
    )


def apply_funding(event: FundingPayment, posting: Posting) -> None:
    """Let funding change the balance by exactly its amount (I11)."""
    before = _position(posting, event)
    posting.settle(event.settle, event.amount, event.value)
    posting.funding = event.value
    _keep(posting, event, replace(before, funding_usd=before.funding_usd + posting.funding))


def apply_margin(event: MarginChange, posting: Posting) -> None:
    """Move margin between an isolated position and what is free; nothing is realised."""
    before = _position(posting, event)
    if not before.quantity or before.margin_mode != MarginMode.ISOLATED:
        raise WrongMargin("Only an open isolated position takes margin of its own.", event)
    if before.margin + event.amount <= 0:
        raise WrongMargin(f"The position has {before.margin.normalize():f} {event.settle} of margin.", event)
    posting.lock(event.settle, event.amount)
    _keep(posting, event, with_margin(position=before, amount=event.amount))


def _key(event: PerpFill | FundingPayment | MarginChange) -> PositionKey:
    return (event.account, event.instrument, event.position_side)


def _position(posting: Posting, event: PerpFill | FundingPayment | MarginChange) -> Position:
    """Give the position that an event is about; it keeps what it is settled in."""
    found = posting.book.positions.get(_key(event), Position(settle=event.settle))
    if found.settle != event.settle:
        raise LedgerError(f"This position is settled in {found.settle}.", event)
    return replace(found, is_inverse=event.is_inverse) if isinstance(event, PerpFill) else found


def _keep(posting: Posting, event: PerpFill | FundingPayment | MarginChange, position: Position) -> None:
    posting.position = position
    posting.book.positions[_key(event)] = position


def _check_close(event: PerpFill, before: Position) -> None:
    """Refuse a liquidation, a deleveraging or a settlement of what is not open, unless an import says so."""
    size = event.signed_quantity
    is_closing = size * before.quantity < 0 and abs(size) <= abs(before.quantity)
    if event.reason is not Reason.TRADE and not is_closing and not event.is_imported:
        raise NothingToClose("A forced close cannot be larger than the open position.", event)


def _check_side(event: PerpFill, after: Position) -> None:
    forbidden = {PositionSide.LONG: -1, PositionSide.SHORT: 1}.get(event.position_side)
    if forbidden is not None and after.side == forbidden:
        raise WrongSide(f"This is more than the {event.position_side} position holds.", event)


def _margin_mode(event: PerpFill, before: Position, *, is_same: bool) -> MarginMode:
    """Give the mode after a fill: an open position keeps its own, a new one takes what the fill says."""
    if not is_same or not before.quantity:
        return event.margin_mode or MarginMode.ISOLATED
    is_adding = event.signed_quantity * before.quantity > 0
    if is_adding and event.margin_mode not in (None, before.margin_mode):
        raise WrongMargin(f"This position is {before.margin_mode}: close it before you change that.", event)
    return before.margin_mode


def _chain(event: PerpFill, before: Position, after: Position) -> str:
    """Give the chain of rolls that the position belongs to: what opens it says so."""
    if not after.quantity:
        return ""
    return (before.chain or event.chain) if before.side == after.side else event.chain


def _opened_at(before: Position, after: Position, event: PerpFill) -> datetime | None:
    if not after.quantity:
        return None
    return before.opened_at if before.side == after.side else event.executed_at
