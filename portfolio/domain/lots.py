"""Keep lots and relieve them, first in first out or otherwise (DOMAIN 4.1)."""

from bisect import insort
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portfolio.domain.money import ZERO, in_context, pro_rata


class Method(StrEnum):
    """Name the order in which open lots are relieved."""

    FIFO = "FIFO"
    LIFO = "LIFO"
    HIFO = "HIFO"
    AVG = "AVG"


class Lot(NamedTuple):
    """Hold units acquired together; the cost in USD includes the fees that were capitalised.

    The sequence is that of the event that brought the lot: an event brings at most one lot of an asset.
    """

    account: int
    asset: str
    acquired_at: datetime
    sequence: int
    quantity: Decimal
    cost: Decimal
    remaining_quantity: Decimal
    remaining_cost: Decimal
    is_assumed: bool = False

    def age(self) -> tuple[datetime, int]:
        """Order lots from the oldest to the newest."""
        return (self.acquired_at, self.sequence)

    def cost_of(self, quantity: Decimal) -> Decimal:
        """Price a part of the lot; the last part takes whatever cost remains (DECISIONS 11)."""
        if quantity == self.remaining_quantity:
            return self.remaining_cost
        return pro_rata(total=self.remaining_cost, part=quantity, whole=self.remaining_quantity)

    def less(self, quantity: Decimal, cost: Decimal) -> "Lot":
        """Give the lot without the part that was relieved."""
        return self._replace(
            remaining_quantity=self.remaining_quantity - quantity, remaining_cost=self.remaining_cost - cost
        )

    def joined_by(self, other: "Lot") -> "Lot":
        """Pool another acquisition into this lot, for the average method."""
        return self._replace(
            quantity=self.quantity + other.quantity,
            cost=self.cost + other.cost,
            remaining_quantity=self.remaining_quantity + other.quantity,
            remaining_cost=self.remaining_cost + other.cost,
            is_assumed=self.is_assumed or other.is_assumed,
        )


class Match(NamedTuple):
    """Tell which part of which lot a disposal relieved, and what that part had cost."""

    lot: Lot
    quantity: Decimal
    cost: Decimal


class Relief(NamedTuple):
    """Give the matches of a disposal, the lots still open, and every lot that changed."""

    matches: list[Match]
    open: list[Lot]
    changed: list[Lot]


@in_context
def add_lot(*, lots: list[Lot], lot: Lot, method: Method) -> Lot:
    """Put a lot among the open ones, oldest first, and give the lot as it is kept."""
    if method is Method.AVG and lots:
        lots[-1] = lots[-1].joined_by(lot)
        return lots[-1]
    if not lots or lots[-1].age() < lot.age():
        lots.append(lot)
    else:
        insort(lots, lot, key=Lot.age)
    return lot


@in_context
def relieve(*, lots: Sequence[Lot], quantity: Decimal, method: Method) -> Relief:
    """Relieve a quantity, at most what the lots hold, in the order of the method (DOMAIN 4.1, E11)."""
    if method is Method.AVG:
        return _relieve_evenly(lots, quantity)
    order = _ORDERS[method](lots)
    matches, changed, closed = _relieve_in_order(order, quantity)
    still_open = [lot for lot in changed if lot.remaining_quantity] + order[closed:]
    if method is not Method.FIFO:
        still_open.sort(key=Lot.age)
    return Relief(matches, still_open, changed)


def _relieve_in_order(order: Sequence[Lot], quantity: Decimal) -> tuple[list[Match], list[Lot], int]:
    matches, changed, left = [], [], quantity
    for lot in order:
        if not left:
            break
        take = min(left, lot.remaining_quantity)
        cost = lot.cost_of(take)
        matches.append(Match(lot, take, cost))
        changed.append(lot.less(take, cost))
        left -= take
    return matches, changed, len(changed)


def _relieve_evenly(lots: Sequence[Lot], quantity: Decimal) -> Relief:
    """Take the same fraction of every open lot, which costs exactly the average."""
    matches, changed, left = [], [], quantity
    whole = sum((lot.remaining_quantity for lot in lots), ZERO)
    for lot in lots:
        take = pro_rata(total=lot.remaining_quantity, part=left, whole=whole)
        cost = lot.cost_of(take)
        matches.append(Match(lot, take, cost))
        changed.append(lot.less(take, cost))
        left, whole = left - take, whole - lot.remaining_quantity
    return Relief([match for match in matches if match.quantity], _still_open(changed), changed)


def _still_open(lots: list[Lot]) -> list[Lot]:
    return [lot for lot in lots if lot.remaining_quantity]


def _oldest_first(lots: Sequence[Lot]) -> list[Lot]:
    return list(lots)


def _newest_first(lots: Sequence[Lot]) -> list[Lot]:
    return list(reversed(lots))


def _dearest_first(lots: Sequence[Lot]) -> list[Lot]:
    """Order by unit cost including capitalised fees, ties oldest first."""
    return sorted(lots, key=lambda lot: (-lot.remaining_cost / lot.remaining_quantity, lot.age()))


_ORDERS: dict[Method, Callable[[Sequence[Lot]], list[Lot]]] = {
    Method.FIFO: _oldest_first,
    Method.LIFO: _newest_first,
    Method.HIFO: _dearest_first,
}
