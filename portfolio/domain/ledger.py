"""Fold events into lots, balances and positions, and say what each event realised (DOMAIN 4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import singledispatch

from portfolio.domain.events import (
    USD,
    Event,
    FundingPayment,
    PerpFill,
    Side,
    SpotFill,
    TransferIn,
    TransferOut,
    standing,
)
from portfolio.domain.futures import Position, trade
from portfolio.domain.lots import Lot, Match, Method, add_lot, relieve
from portfolio.domain.money import ZERO, exact, in_context, pro_rata
from portfolio.domain.outcomes import (
    AssetKey,
    Disposal,
    FeeExceedsTrade,
    Kind,
    LedgerError,
    Outcome,
    OutOfOrder,
    Oversold,
    State,
)


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
    book = _Book(opening or State(), method)
    outcomes = tuple(book.post(event) for event in standing(events))
    return Folded(state=book.state(), outcomes=outcomes, lots=book.touched)


class _Book:
    """Hold the ledger while events are posted to it."""

    def __init__(self, opening: State, method: Method) -> None:
        self.method = method
        self.lots = {key: list(lots) for key, lots in opening.lots.items()}
        self.held = {(account, USD): balance for account, balance in opening.cash.items()}
        self.held.update({key: opening.held(*key) for key in opening.lots})
        self.positions = dict(opening.positions)
        self.locked: dict[AssetKey, Decimal] = {}
        for (account, _), position in self.positions.items():
            key = (account, position.settle)
            self.locked[key] = self.locked.get(key, ZERO) + position.margin
        self.last = opening.last
        self.touched: dict[tuple[str, int], Lot] = {}

    def post(self, event: Event) -> Outcome:
        """Apply one event."""
        if self.last is not None and event.order() <= self.last:
            raise OutOfOrder("This happened before what is already in the ledger.", event)
        posting = _Posting(self, event)
        _apply(event, posting)
        self.last = event.order()
        return posting.outcome()

    def relieve(self, key: AssetKey, quantity: Decimal) -> tuple[Match, ...]:
        """Take a quantity out of the open lots; a USD balance has none."""
        if key[1] == USD or not quantity:
            return ()
        relief = relieve(lots=self.lots[key], quantity=quantity, method=self.method)
        self.lots[key] = relief.open
        self.touched.update({(lot.asset, lot.sequence): lot for lot in relief.changed})
        return tuple(relief.matches)

    def state(self) -> State:
        """Give the ledger as an immutable state."""
        return State(
            lots={key: tuple(lots) for key, lots in self.lots.items()},
            cash={account: balance for (account, asset), balance in self.held.items() if asset == USD},
            positions=dict(self.positions),
            last=self.last,
        )


class _Posting:
    """Collect what one event does to the book."""

    def __init__(self, book: _Book, event: Event) -> None:
        self.book, self.event = book, event
        self.acquired: list[Lot] = []
        self.disposals: list[Disposal] = []
        self.position: Position | None = None
        self.perp_realized = self.perp_fees = self.funding = self.income = self.flow = ZERO

    def outcome(self) -> Outcome:
        """Give what was collected."""
        return Outcome(
            event=self.event,
            disposals=tuple(self.disposals),
            acquired=tuple(self.acquired),
            perp_realized=self.perp_realized,
            perp_fees=self.perp_fees,
            funding=self.funding,
            income=self.income,
            flow=self.flow,
            position=self.position,
        )

    def receive(
        self,
        asset: str,
        quantity: Decimal,
        cost: Decimal,
        *,
        acquired_at: datetime | None = None,
        is_assumed: bool = False,
    ) -> None:
        """Take units in at a cost; USD is a plain balance."""
        if not quantity:
            return
        key = (self.event.account, asset)
        self.book.held[key] = self.book.held.get(key, ZERO) + quantity
        if asset == USD:
            return
        when = acquired_at or self.event.executed_at
        lot = Lot(self.event.account, asset, when, self.event.sequence, quantity, cost, quantity, cost, is_assumed)
        kept = add_lot(lots=self.book.lots.setdefault(key, []), lot=lot, method=self.book.method)
        self.book.touched[kept.asset, kept.sequence] = kept
        self.acquired.append(lot)

    def give(self, asset: str, quantity: Decimal, proceeds: Decimal | None, kind: Kind) -> Decimal:
        """Let units go for proceeds in USD, or at their cost; refuse what is not free. Give what they had cost."""
        if not quantity:
            return ZERO
        key = (self.event.account, asset)
        held = self.book.held.get(key, ZERO)
        free = held - self.book.locked.get(key, ZERO)
        if quantity > free and not self.event.is_imported:
            raise Oversold(asset=asset, held=max(free, ZERO), asked=quantity, event=self.event)
        matched = min(quantity, held)
        self.book.held[key] = held - matched
        matches = self.book.relieve(key, matched)
        cost = matched if asset == USD else sum((match.cost for match in matches), ZERO)
        brought = cost if proceeds is None else _share(proceeds, matched, quantity)
        if asset != USD or matched < quantity:
            self.disposals.append(
                Disposal(
                    account=self.event.account,
                    asset=asset,
                    kind=kind,
                    disposed_at=self.event.executed_at,
                    quantity=matched,
                    cost=cost,
                    proceeds=brought,
                    matches=matches,
                    unmatched_quantity=quantity - matched,
                    unmatched_proceeds=ZERO if proceeds is None else proceeds - brought,
                )
            )
        return cost

    def lock(self, asset: str, quantity: Decimal) -> None:
        """Post (positive) or release (negative) margin; refuse what is not free."""
        key = (self.event.account, asset)
        locked = self.book.locked.get(key, ZERO)
        free = self.book.held.get(key, ZERO) - locked
        if quantity > free and quantity > 0 and not self.event.is_imported:
            raise Oversold(asset=asset, held=max(free, ZERO), asked=quantity, event=self.event)
        self.book.locked[key] = locked + quantity


@singledispatch
def _apply(event: Event, _posting: _Posting) -> None:
    raise LedgerError(f"The ledger knows no {type(event).__name__}.", event)


@_apply.register
def _apply_spot(event: SpotFill, posting: _Posting) -> None:
    apply = _buy if event.side is Side.BUY else _sell
    apply(event, posting)


def _buy(event: SpotFill, posting: _Posting) -> None:
    """Spend quote, capitalise the fee (DOMAIN 4.1)."""
    outlay = exact(event.quantity * event.price)
    cost = exact((outlay + _fee_in(event, event.quote)) * event.quote_usd)
    received = event.quantity - _fee_in(event, event.base)
    if received <= 0:
        raise FeeExceedsTrade("The fee takes all that was bought.", event)
    posting.give(event.quote, outlay + _fee_in(event, event.quote), cost, Kind.SPENT)
    posting.receive(event.base, received, cost + _third_fee(event, posting))


def _sell(event: SpotFill, posting: _Posting) -> None:
    """Let base go, deduct the fee from the proceeds (DOMAIN 4.1)."""
    received = exact(event.quantity * event.price) - _fee_in(event, event.quote)
    worth = exact(received * event.quote_usd)
    if received < 0:
        raise FeeExceedsTrade("The fee is larger than the sale.", event)
    third = _third_fee(event, posting)
    posting.give(event.base, event.quantity + _fee_in(event, event.base), worth - third, Kind.SOLD)
    posting.receive(event.quote, received, worth)


@_apply.register
def _apply_perp(event: PerpFill, posting: _Posting) -> None:
    """Move the position; settle realised PnL and fee in one amount (DOMAIN 4.2)."""
    key = (event.account, event.instrument)
    before = posting.book.positions.get(key, Position(settle=event.settle))
    if before.settle != event.settle:
        raise LedgerError(f"This position is settled in {before.settle}.", event)
    done = trade(position=before, quantity=event.signed_quantity, price=event.price, leverage=event.leverage)
    posting.lock(event.settle, -done.margin_released)
    fee = event.fee if event.fee_asset == event.settle else ZERO
    fee_usd, worth = exact(fee * event.settle_usd), exact((done.realized - fee) * event.settle_usd)
    _settle(event.settle, done.realized - fee, worth, posting)
    posting.perp_realized = worth + fee_usd
    posting.perp_fees = fee_usd + _third_fee(event, posting)
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


@_apply.register
def _apply_funding(event: FundingPayment, posting: _Posting) -> None:
    """Let funding change the balance by exactly its amount (I11)."""
    key = (event.account, event.instrument)
    before = posting.book.positions.get(key, Position(settle=event.settle))
    _settle(event.settle, event.amount, event.value, posting)
    posting.funding = event.value
    posting.position = replace(before, funding_usd=before.funding_usd + posting.funding)
    posting.book.positions[key] = posting.position


@_apply.register
def _apply_in(event: TransferIn, posting: _Posting) -> None:
    """Open a lot at its cost, or at the market value if the cost is unknown or it is income (DOMAIN 4.1)."""
    known = event.quantity if event.asset == USD else event.value if event.is_income else event.cost
    cost = known if known is not None else event.value
    assert cost is not None  # noqa: S101  TransferIn refuses to exist without either
    posting.receive(event.asset, event.quantity, cost, acquired_at=event.acquired_at, is_assumed=known is None)
    if event.is_income:
        posting.income = cost
    else:
        posting.flow = cost


@_apply.register
def _apply_out(event: TransferOut, posting: _Posting) -> None:
    """Let units leave at their cost."""
    posting.flow = -posting.give(event.asset, event.quantity, None, Kind.SENT)


def _settle(asset: str, amount: Decimal, worth: Decimal, posting: _Posting) -> None:
    """Credit or debit the settlement asset."""
    if amount > 0:
        posting.receive(asset, amount, worth)
    else:
        posting.give(asset, -amount, -worth, Kind.SETTLED)


def _fee_in(event: SpotFill, asset: str) -> Decimal:
    return event.fee if event.fee_asset == asset else ZERO


def _third_fee(event: SpotFill | PerpFill, posting: _Posting) -> Decimal:
    """Dispose a fee paid in a third asset at its market value (DOMAIN 4.1, E12)."""
    own = (event.base, event.quote) if isinstance(event, SpotFill) else (event.settle,)
    if event.fee_asset in own or not event.fee:
        return ZERO
    worth = event.fee if event.fee_asset == USD else event.fee_usd
    posting.give(event.fee_asset, event.fee, worth, Kind.FEE)
    return worth


def _share(proceeds: Decimal, matched: Decimal, quantity: Decimal) -> Decimal:
    return proceeds if matched == quantity else pro_rata(total=proceeds, part=matched, whole=quantity)
