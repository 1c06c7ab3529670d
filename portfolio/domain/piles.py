"""Pile up open lots and relieve them in integers of 1e-18: first in first out, or otherwise (DOMAIN 4.1)."""

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from heapq import heappop, heappush
from typing import Any

from portfolio.domain.lots import Lot, Method
from portfolio.domain.money import CONTEXT, PLACES, ZERO

Piece = list[Any]
"""What the hot loop moves: the order, the units and the cost that are left, and the lot as it was opened."""

Taken = tuple[Piece, int, int]
"""A piece, the units taken from it, and their cost."""

MILLIONTH = 10**12
_UNITS, _FINE, _COARSE = Decimal(10**PLACES), Decimal(1).scaleb(-PLACES), Decimal(1).scaleb(-6)
UNIT_COST_DIGITS = 10**78
"""Two unit costs of amounts with 38 digits differ by 1e-76 at least: this many digits tell them apart."""


def scaled(amount: Decimal) -> int:
    """Give an exact amount in units of 1e-18."""
    return int(CONTEXT.multiply(amount, _UNITS))


def unscaled(units: int) -> Decimal:
    """Give units of 1e-18 as an amount, in few digits where few are enough."""
    short, rest = divmod(units, MILLIONTH)
    return CONTEXT.multiply(units, _FINE) if rest else CONTEXT.multiply(short, _COARSE)


def lot_of(piece: Piece) -> Lot:
    """Give the lot with what is left of it."""
    opened: Lot
    _, left, cost, opened = piece
    if not left:
        return Lot(*opened[:6], ZERO, ZERO, *opened[8:])
    return Lot(*opened[:6], unscaled(left), unscaled(cost), *opened[8:])


class Pile:
    """Keep the open lots of one asset so that the next to be relieved is at hand."""

    __slots__ = ("_drop", "_first", "_is_heap", "_order", "method", "pieces")

    def __init__(self, method: Method, lots: Iterable[Lot] = ()) -> None:
        """Pile up lots that are open already."""
        pieces: Any = deque() if method is Method.FIFO else []
        self.method, self.pieces = method, pieces
        self._first = -1 if method is Method.LIFO else 0
        self._is_heap = method is Method.HIFO
        self._order = _dearest if method is Method.HIFO else Lot.age
        self._drop: Callable[[], Piece]
        if method is Method.FIFO:
            self._drop = pieces.popleft
        elif method is Method.HIFO:
            self._drop = partial(heappop, pieces)
        else:
            self._drop = partial(pieces.pop, self._first)
        for lot in lots:
            opened = lot._replace(remaining_quantity=lot.quantity, remaining_cost=lot.cost)
            self.put([self._order(lot), scaled(lot.remaining_quantity), scaled(lot.remaining_cost), opened])

    def add(self, lot: Lot) -> Piece:
        """Add a new lot; under the average it joins the pool. Give the piece that now holds it."""
        pieces = self.pieces
        if pieces and self.method is Method.AVG:
            return _joined(pieces[0], lot)
        piece = [self._order(lot), scaled(lot.quantity), scaled(lot.cost), lot]
        self.put(piece)
        return piece

    def put(self, piece: Piece) -> None:
        """Put a piece where the method will look for it; it is not pooled."""
        pieces = self.pieces
        if self._is_heap:
            heappush(pieces, piece)
        elif not pieces or pieces[-1][0] < piece[0]:
            pieces.append(piece)
        else:
            insort(pieces, piece)

    def put_anew(self, piece: Piece) -> None:
        """Put a piece that comes from a pile of another method."""
        piece[0] = self._order(piece[3])
        self.put(piece)

    def take(self, quantity: int) -> list[Taken]:
        """Relieve units, at most what the pile holds: a whole lot takes its rest, a part its rounded share.

        A share is round(cost x part / whole), half to even (DECISIONS 11).
        """
        pieces, first, drop = self.pieces, self._first, self._drop
        taken = []
        while quantity:
            piece = pieces[first]
            left, cost = piece[1], piece[2]
            if left <= quantity:
                taken.append((piece, left, cost))
                piece[1] = piece[2] = 0
                quantity -= left
                drop()
            else:
                part, rest = divmod(cost * quantity, left)
                rest += rest
                if rest > left or (rest == left and part & 1):
                    part += 1
                piece[1] = left - quantity
                piece[2] = cost - part
                taken.append((piece, quantity, part))
                break
        return taken

    def total(self) -> int:
        """Give the units that are left in all lots."""
        return sum(piece[1] for piece in self.pieces)

    def lots(self) -> tuple[Lot, ...]:
        """Give the open lots, oldest first."""
        return tuple(sorted(map(lot_of, self.pieces), key=Lot.age))


def _joined(pool: Piece, lot: Lot) -> Piece:
    """Add a lot to the average pool, which keeps the name and the date of its first."""
    first: Lot = pool[3]
    pool[1] += scaled(lot.quantity)
    pool[2] += scaled(lot.cost)
    quantity, cost = first.quantity + lot.quantity, first.cost + lot.cost
    pool[3] = first._replace(
        quantity=quantity,
        cost=cost,
        remaining_quantity=quantity,
        remaining_cost=cost,
        is_assumed=first.is_assumed or lot.is_assumed,
    )
    return pool


def _dearest(lot: Lot) -> tuple[int, tuple[Any, ...]]:
    """Order by unit cost as acquired, capitalised fees included, dearest first; ties oldest first."""
    return (-(scaled(lot.cost) * UNIT_COST_DIGITS // scaled(lot.quantity)), lot.age())
