"""Hold the lots, balances and positions while events are posted, and collect what each event does (DOMAIN 4)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from portfolio.domain.events import USD, Event
from portfolio.domain.futures import Position
from portfolio.domain.lots import EVERYWHERE, Lot, Match, Method, Scope
from portfolio.domain.money import INTEGER_DIGITS, ONE, ZERO, AmountError, pro_rata
from portfolio.domain.outcomes import AssetKey, Disposal, Kind, Outcome, OutOfOrder, Oversold, State
from portfolio.domain.piles import Piece, Pile, scaled, unscaled

TOO_MUCH = ONE.scaleb(INTEGER_DIGITS)


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


class Given(NamedTuple):
    """Tell what was let go: the lots relieved, their cost, and the quantity that nobody had."""

    matches: Sequence[Match]
    cost: Decimal
    unmatched: Decimal


class Book:
    """Hold the ledger while events are posted to it."""

    def __init__(self, opening: State, method: Method) -> None:
        """Copy the opening state; its own method stands, if it has one."""
        self.method = opening.method or method
        self.scope = opening.scope
        self.piles = {key: Pile(self.method, lots) for key, lots in opening.lots.items()}
        self.held, self.costs, self.gains = dict(opening.balances), dict(opening.costs), dict(opening.gains)
        self.positions = dict(opening.positions)
        self.locked: dict[AssetKey, Decimal] = {}
        for (account, _, _), position in self.positions.items():
            key = (account, position.settle)
            self.locked[key] = self.locked.get(key, ZERO) + position.margin
        self.last = opening.last
        self.touched: dict[int, Piece] = {}
        self.changed: set[AssetKey] = set()

    def begin(self, event: Event) -> "Posting":
        """Open the posting of the next event; refuse one that happened before the last."""
        order = event.order()
        if self.last is not None and order <= self.last:
            raise OutOfOrder("This happened before what is already in the ledger.", event)
        self.last = order
        return Posting(self, event)

    def key(self, account: int, asset: str) -> AssetKey:
        """Name the pile whose lots a disposal in an account relieves."""
        return (account if self.scope is Scope.ACCOUNT else EVERYWHERE, asset)

    def pile(self, key: AssetKey) -> Pile:
        """Give the open lots of a key, none at first."""
        if key not in self.piles:
            self.piles[key] = Pile(self.method)
        return self.piles[key]

    def change(self, key: AssetKey, quantity: Decimal) -> None:
        """Change a balance; refuse one with more digits than an amount has."""
        balance = self.held[key] = self.held.get(key, ZERO) + quantity
        if balance >= TOO_MUCH:
            raise AmountError(f"You would hold more than {INTEGER_DIGITS} digits of {key[1]}.")
        self.changed.add(key)

    def free(self, key: AssetKey) -> Decimal:
        """Give what is held and not posted as margin."""
        return self.held.get(key, ZERO) - self.locked.get(key, ZERO)

    def state(self) -> State:
        """Give the ledger as an immutable state."""
        return State(
            lots={key: pile.lots() for key, pile in self.piles.items()},
            balances=dict(self.held),
            costs=dict(self.costs),
            gains=dict(self.gains),
            positions=dict(self.positions),
            last=self.last,
            method=self.method,
            scope=self.scope,
        )


class Posting:
    """Collect what one event does to the book."""

    __slots__ = (
        "acquired",
        "book",
        "disposals",
        "event",
        "fees",
        "flow",
        "funding",
        "income",
        "perp_fees",
        "perp_realized",
        "position",
    )

    def __init__(self, book: Book, event: Event) -> None:
        """Begin with nothing done."""
        self.book, self.event = book, event
        self.acquired: list[Lot] = []
        self.disposals: list[Disposal] = []
        self.position: Position | None = None
        self.perp_realized = self.perp_fees = self.funding = self.income = self.flow = self.fees = ZERO

    def outcome(self) -> Outcome:
        """Give what was collected."""
        return Outcome(
            self.event,
            tuple(self.disposals),
            tuple(self.acquired),
            self.perp_realized,
            self.perp_fees,
            self.funding,
            self.income,
            self.flow,
            self.fees,
            self.position,
        )

    def receive(
        self,
        asset: str,
        quantity: Decimal,
        cost: Decimal,
        *,
        account: int | None = None,
        acquired_at: datetime | None = None,
        is_assumed: bool = False,
    ) -> None:
        """Take units in at a cost; USD is a plain balance."""
        if not quantity:
            return
        where = self.event.account if account is None else account
        self.book.change((where, asset), quantity)
        if asset != USD:
            self.open_lot(asset, quantity, cost, account=where, acquired_at=acquired_at, is_assumed=is_assumed)

    def open_lot(
        self,
        asset: str,
        quantity: Decimal,
        cost: Decimal,
        *,
        account: int,
        acquired_at: datetime | None = None,
        is_assumed: bool = False,
    ) -> None:
        """Put a lot on its pile; no balance changes."""
        event, book = self.event, self.book
        when = acquired_at or event.executed_at
        ordinal = len(self.acquired)
        lot = Lot(account, asset, when, event.sequence, quantity, cost, quantity, cost, is_assumed, ordinal)
        key = book.key(account, asset)
        piece = book.pile(key).add(lot)
        book.touched[id(piece)] = piece
        book.costs[key] = book.costs.get(key, ZERO) + cost
        self.acquired.append(lot)

    def give(self, asset: str, quantity: Decimal, proceeds: Decimal | None, kind: Kind) -> Decimal:
        """Let units go for proceeds in USD, or at their cost, and give what they had cost."""
        return self.let_go(asset, quantity, proceeds, kind).cost

    def let_go(
        self,
        asset: str,
        quantity: Decimal,
        proceeds: Decimal | None,
        kind: Kind,
        unknown: Decimal = ZERO,
    ) -> Given:
        """Let units go for proceeds in USD, or at their cost; refuse what is not free.

        An import may let go of more than is held. That part has no cost: it brings its share of the proceeds, or
        of what the whole quantity was worth, where units go at their cost (`unknown`).
        """
        if not quantity:
            return Given((), ZERO, ZERO)
        key = (self.event.account, asset)
        self.check_free(key, quantity)
        matched = min(quantity, self.book.held.get(key, ZERO))
        self.book.change(key, -matched)
        worth = unknown if proceeds is None else proceeds
        brought = _share(worth, matched, quantity)
        if asset == USD:
            if matched < quantity:
                gained = matched if proceeds is None else brought
                self._note(asset, kind, matched, matched, gained, (), quantity - matched, worth - brought)
            return Given((), matched, quantity - matched)
        matches, cost = self._relieve(self.book.key(*key), matched)
        gained = cost if proceeds is None else brought
        self._note(asset, kind, matched, cost, gained, matches, quantity - matched, worth - brought)
        return Given(matches, cost, quantity - matched)

    def close_lots(self, key: AssetKey, kind: Kind) -> tuple[Match, ...]:
        """Take all lots off a pile at their cost, to open others in their place; no balance changes."""
        quantity = unscaled(self.book.pile(key).total())
        matches, cost = self._relieve(key, quantity)
        self._note(key[1], kind, quantity, cost, cost, matches, ZERO, ZERO)
        return matches

    def lock(self, asset: str, quantity: Decimal) -> None:
        """Post (positive) or release (negative) margin; refuse what is not free."""
        key = (self.event.account, asset)
        if quantity > 0:
            self.check_free(key, quantity)
        self.book.locked[key] = self.book.locked.get(key, ZERO) + quantity

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

    def expense(self, event: Charged) -> None:
        """Spend a fee that belongs to no trade: a disposal of its own, and an expense in the same asset."""
        self.fees = self.third_fee(event)
        key = (self.event.account, event.fee_asset)
        self.book.gains[key] = self.book.gains.get(key, ZERO) - self.fees

    def check_free(self, key: AssetKey, quantity: Decimal) -> None:
        """Refuse to let go of more than is free, unless an import says so (DECISIONS 14)."""
        free = self.book.free(key)
        if quantity > free and not self.event.is_imported:
            raise Oversold(asset=key[1], held=max(free, ZERO), asked=quantity, event=self.event)

    def _relieve(self, key: AssetKey, quantity: Decimal) -> tuple[tuple[Match, ...], Decimal]:
        """Take units off a pile; give what was taken of each lot, and what it cost together."""
        if not quantity:
            return (), ZERO
        book, matches, total = self.book, [], ZERO
        touched = book.touched
        for piece, units, part in book.pile(key).take(scaled(quantity)):
            touched[id(piece)] = piece
            cost = unscaled(part)
            total += cost
            matches.append(Match(piece[3], unscaled(units), cost))
        book.costs[key] = book.costs.get(key, ZERO) - total
        return tuple(matches), total

    def _note(
        self,
        asset: str,
        kind: Kind,
        quantity: Decimal,
        cost: Decimal,
        proceeds: Decimal,
        matches: tuple[Match, ...],
        unmatched_quantity: Decimal,
        unmatched_proceeds: Decimal,
    ) -> None:
        account, when = self.event.account, self.event.executed_at
        amounts = (quantity, cost, proceeds, matches, unmatched_quantity, unmatched_proceeds)
        self.disposals.append(Disposal(account, asset, kind, when, *amounts))
        if proceeds != cost:
            key = (self.event.account, asset)
            self.book.gains[key] = self.book.gains.get(key, ZERO) + proceeds - cost


def _share(proceeds: Decimal, matched: Decimal, quantity: Decimal) -> Decimal:
    return proceeds if matched == quantity else pro_rata(total=proceeds, part=matched, whole=quantity)
