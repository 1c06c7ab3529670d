"""Name lots and the methods that relieve them (DOMAIN 4.1)."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

LotKey = tuple[str, int, int]
"""An asset, the sequence of the event that brought the lot, and which of that event's lots it is."""

EVERYWHERE = 0
"""Stands for every account where lots are kept for the whole portfolio."""


class Method(StrEnum):
    """Name the order in which open lots are relieved."""

    FIFO = "FIFO"
    LIFO = "LIFO"
    HIFO = "HIFO"
    AVG = "AVG"


class Scope(StrEnum):
    """Say which lots a disposal may relieve: those of its own account, or the portfolio's."""

    ACCOUNT = "account"
    PORTFOLIO = "portfolio"


class Lot(NamedTuple):
    """Hold units acquired together; the cost in USD includes the fees that were capitalised.

    Sequence and ordinal name the lot: the event that brought it, and which of that event's lots it is.
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
    ordinal: int = 0

    @property
    def key(self) -> LotKey:
        """Name the lot within its portfolio."""
        return (self.asset, self.sequence, self.ordinal)

    def age(self) -> tuple[datetime, int, int]:
        """Order lots from the oldest to the newest."""
        return (self.acquired_at, self.sequence, self.ordinal)


class Match(NamedTuple):
    """Tell which part of which lot a disposal relieved, and what that part had cost; the lot is as it was opened."""

    lot: Lot
    quantity: Decimal
    cost: Decimal
