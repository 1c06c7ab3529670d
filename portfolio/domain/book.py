"""Hold the lots, balances and positions while events are posted, and collect what each event does (DOMAIN 4)."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from portfolio.domain.events import USD, Event
from portfolio.domain.futures import Position
from portfolio.domain.lots import Lot, Match, Method, add_lot, relieve
from portfolio.domain.money import ZERO, pro_rata
from portfolio.domain.outcomes import AssetKey, Disposal, Kind, Outcome, OutOfOrder, Oversold, State


class Charged(Protocol):
    """Name what every event that carries a fee has."""

    @property
    def fee(self) -> Decimal:
        """Give the fee's amount."""

    @property
    def fee_asset(self) -> str:
        """Give the asset it is paid in."""

    @property
    def fee_usd(self) -> Decimal:
        """Give what it was worth in USD."""


class Book:
    """Hold the ledger while events are posted to it."""

    def __init__(self, opening: State, method: Method) -> None:
        """Copy the opening state."""
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

    def begin(self, event: Event) -> "Posting":
        """Open the posting of the next event; refuse one that happened before the last."""
        if self.last is not None and event.order() <= self.last:
            raise OutOfOrder("This happened before what is already in the ledger.", event)
        self.last = event.order()
        return Posting(self, event)

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


class Posting:
    """Collect what one event does to the book."""

    def __init__(self, book: Book, event: Event) -> None:
        """Begin with nothing done."""
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

    def settle(self, asset: str, amount: Decimal, worth: Decimal) -> None:
        """Credit or debit a settlement asset for what it was worth in USD."""
        if amount > 0:
            self.receive(asset, amount, worth)
        else:
            self.give(asset, -amount, -worth, Kind.SETTLED)

    def third_fee(self, event: Charged, *own: str) -> Decimal:
        """Dispose a fee paid in none of the trade's own assets, and give its market value (DOMAIN 4.1, E12)."""
        if event.fee_asset in own or not event.fee:
            return ZERO
        worth = event.fee if event.fee_asset == USD else event.fee_usd
        self.give(event.fee_asset, event.fee, worth, Kind.FEE)
        return worth


def _share(proceeds: Decimal, matched: Decimal, quantity: Decimal) -> Decimal:
    return proceeds if matched == quantity else pro_rata(total=proceeds, part=matched, whole=quantity)
