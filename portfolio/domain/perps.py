"""Post what happens to perpetual positions: fills and funding (DOMAIN 4.2)."""

from dataclasses import replace
from datetime import datetime

from portfolio.domain.book import Posting
from portfolio.domain.events import FundingPayment, PerpFill
from portfolio.domain.futures import Position, trade
from portfolio.domain.money import ZERO, exact
from portfolio.domain.outcomes import LedgerError


def apply_perp(event: PerpFill, posting: Posting) -> None:
    """Move the position; settle realised PnL and fee in one amount (DOMAIN 4.2)."""
    key = (event.account, event.instrument)
    before = posting.book.positions.get(key, Position(settle=event.settle))
    if before.settle != event.settle:
        raise LedgerError(f"This position is settled in {before.settle}.", event)
    done = trade(position=before, quantity=event.signed_quantity, price=event.price, leverage=event.leverage)
    posting.lock(event.settle, -done.margin_released)
    fee = event.fee if event.fee_asset == event.settle else ZERO
    fee_usd, worth = exact(fee * event.settle_usd), exact((done.realized - fee) * event.settle_usd)
    posting.settle(event.settle, done.realized - fee, worth)
    posting.perp_realized = worth + fee_usd
    posting.perp_fees = fee_usd + posting.third_fee(event, event.settle)
    posting.lock(event.settle, done.margin_posted)
    posting.position = replace(
        done.position,
        realized_usd=before.realized_usd + posting.perp_realized,
        fees_usd=before.fees_usd + posting.perp_fees,
        opened_at=_opened_at(before, done.position, event),
    )
    posting.book.positions[key] = posting.position


def _opened_at(before: Position, after: Position, event: PerpFill) -> datetime | None:
    if not after.quantity:
        return None
    return before.opened_at if before.side == after.side else event.executed_at


def apply_funding(event: FundingPayment, posting: Posting) -> None:
    """Let funding change the balance by exactly its amount (I11)."""
    key = (event.account, event.instrument)
    before = posting.book.positions.get(key, Position(settle=event.settle))
    posting.settle(event.settle, event.amount, event.value)
    posting.funding = event.value
    posting.position = replace(before, funding_usd=before.funding_usd + posting.funding)
    posting.book.positions[key] = posting.position
