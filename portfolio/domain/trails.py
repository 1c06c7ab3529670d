"""Follow what entries acquired through moves, pools and changes of method until it is sold (DOMAIN 4.1, 5.1)."""

from collections import deque
from collections.abc import Iterable, Set
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.events import MethodChange, SpotFill
from portfolio.domain.lots import EVERYWHERE, Lot, LotKey, Match, Method, Scope
from portfolio.domain.money import ZERO, exact, in_context
from portfolio.domain.outcomes import AssetKey, Disposal, Kind, Outcome, State

CARRIED = (Kind.MOVED, Kind.RESET)
"""Units that leave for these reasons arrive in lots of the same entry, in the same order."""

Parts = dict[int, Decimal]
"""How much of a lot came from which of the entries followed."""


class Sold(NamedTuple):
    """Tell what of an entry's units was sold, and what it brought in USD."""

    origin: int
    asset: str
    quantity: Decimal
    proceeds: Decimal
    sold_at: datetime


@in_context
def sales_of(*, opening: State, outcomes: Iterable[Outcome], origins: Set[int]) -> list[Sold]:
    """Return the later sales of what some spot purchases brought, by the lots that the ledger relieved.

    Units of a pool are alike: a sale takes the same share of everybody's. What became another token is not followed.
    """
    trail = _Trail(opening, origins)
    return [sold for outcome in outcomes for sold in trail.step(outcome)]


class _Trail:
    """Hold what is left in each lot, and how much of it came from the entries followed."""

    def __init__(self, opening: State, origins: Set[int]) -> None:
        """Begin with the lots that are open already: nothing of them is followed."""
        self.origins, self.method, self.scope = origins, opening.method, opening.scope
        self.left: dict[LotKey, Decimal] = {}
        self.piles: dict[LotKey, tuple[int, str]] = {}
        self.parts: dict[LotKey, Parts] = {}
        self.pools: dict[AssetKey, LotKey] = {}
        for lot in (lot for lots in opening.lots.values() for lot in lots):
            self._keep(lot.key, lot, lot.remaining_quantity)
        self._pool()

    def step(self, outcome: Outcome) -> list[Sold]:
        """Take what an event relieved and put what it brought; returns what it sold."""
        event, found = outcome.event, []
        carried: deque[tuple[Decimal, Parts]] = deque()
        for disposal in outcome.disposals:
            taken = [(match.quantity, self._taken(match)) for match in disposal.matches]
            if disposal.kind in CARRIED:
                carried.extend(taken)
            elif disposal.kind is Kind.SOLD and isinstance(event, SpotFill):
                found += [sold for _, parts in taken for sold in _sold(disposal, parts)]
        if isinstance(event, MethodChange):
            self.method, self.scope = event.method, event.scope
            self._pool()
        for lot in outcome.acquired:
            is_origin = event.sequence in self.origins and isinstance(event, SpotFill) and lot.asset == event.base
            self._put(lot, {event.sequence: lot.quantity} if is_origin else _arrived(carried, lot.quantity))
        return found

    def _put(self, lot: Lot, parts: Parts) -> None:
        """Add a lot; under the average it joins the pool."""
        key = lot.key
        if self.method is Method.AVG:
            pile = self._pile(lot.account, lot.asset)
            pool = self.pools.get(pile)
            key = pool if pool is not None and self.left[pool] else key
            self.pools[pile] = key
        self._keep(key, lot, lot.quantity)
        own = self.parts.setdefault(key, {}) if parts else {}
        for origin, quantity in parts.items():
            own[origin] = own.get(origin, ZERO) + quantity

    def _keep(self, key: LotKey, lot: Lot, quantity: Decimal) -> None:
        self.left[key] = self.left.get(key, ZERO) + quantity
        self.piles.setdefault(key, (lot.account, lot.asset))

    def _taken(self, match: Match) -> Parts:
        """Take a match's share of what is followed in its lot."""
        key = match.lot.key
        before, own = self.left[key], self.parts.get(key, {})
        self.left[key] = before - match.quantity
        return _cut(own, match.quantity, before)

    def _pool(self) -> None:
        """Name the pools: under the average a pile holds one lot."""
        is_pooled = self.method is Method.AVG
        self.pools = {self._pile(*self.piles[key]): key for key, left in self.left.items() if left and is_pooled}

    def _pile(self, account: int, asset: str) -> AssetKey:
        return (account if self.scope is Scope.ACCOUNT else EVERYWHERE, asset)


def _cut(parts: Parts, part: Decimal, whole: Decimal) -> Parts:
    """Take a share of every part, and leave the rest."""
    taken = {origin: exact(units * part / whole) for origin, units in parts.items()}
    for origin, units in taken.items():
        parts[origin] -= units
    return taken


def _arrived(carried: deque[tuple[Decimal, Parts]], quantity: Decimal) -> Parts:
    """Take as much as a lot holds from what an event carries on, oldest first."""
    found: Parts = {}
    while quantity and carried:
        units, parts = carried.popleft()
        part = min(units, quantity)
        for origin, taken in _cut(parts, part, units).items():
            found[origin] = found.get(origin, ZERO) + taken
        if part < units:
            carried.appendleft((units - part, parts))
        quantity -= part
    return found


def _sold(disposal: Disposal, parts: Parts) -> list[Sold]:
    price = disposal.proceeds / disposal.quantity if parts else ZERO
    return [
        Sold(origin, disposal.asset, units, exact(units * price), disposal.disposed_at)
        for origin, units in parts.items()
        if units
    ]
