"""Hold the state of a ledger and what an event did to it (DOMAIN 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portfolio.domain.events import USD, Event
from portfolio.domain.futures import Position, PositionSide
from portfolio.domain.lots import EVERYWHERE, Lot, Match, Method, Scope
from portfolio.domain.money import ZERO, Refusal, in_context, summed

AssetKey = tuple[int, str]
PositionKey = tuple[int, int, PositionSide]
"""The account, the instrument, and in hedge mode the side."""


class LedgerError(Refusal):
    """Say why an event does not fit the ledger; it carries the event."""

    def __init__(self, message: str, event: Event) -> None:
        """Keep the event beside the message."""
        super().__init__(message)
        self.event = event


class Oversold(LedgerError):
    """Refuse to let go of more than is free, naming what is held (DECISIONS 14)."""

    def __init__(self, *, asset: str, held: Decimal, asked: Decimal, event: Event) -> None:
        """Name the asset, what is free and what was asked for."""
        self.asset, self.held, self.asked = asset, held, asked
        super().__init__(f"You hold {held.normalize():f} {asset}, and this needs {asked.normalize():f}.", event)


class FeeExceedsTrade(LedgerError):
    """Refuse a fee that eats the whole trade."""


class OutOfOrder(LedgerError):
    """Refuse to append an event that happened before the last one: the ledger must be rebuilt."""


class Kind(StrEnum):
    """Say why units left."""

    SOLD = "sold"
    SPENT = "spent"
    FEE = "fee"
    SETTLED = "settled"
    SENT = "sent"
    MOVED = "moved"
    CONVERTED = "converted"
    RESET = "reset"


class Disposal(NamedTuple):
    """Tell which units left, what they brought and what they had cost, in USD.

    An imported event may let go of more than is held: that part is unmatched, has no cost basis, and stands
    outside the realised totals.
    """

    account: int
    asset: str
    kind: Kind
    disposed_at: datetime
    quantity: Decimal
    cost: Decimal
    proceeds: Decimal
    matches: tuple[Match, ...]
    unmatched_quantity: Decimal = ZERO
    unmatched_proceeds: Decimal = ZERO

    @property
    @in_context
    def realized(self) -> Decimal:
        """Give proceeds less cost: realized PnL of the matched part."""
        return self.proceeds - self.cost


class Outcome(NamedTuple):
    """Tell what one event did; every fee is counted once: in a lot's cost, in proceeds, as fees or perp_fees."""

    event: Event
    disposals: tuple[Disposal, ...] = ()
    acquired: tuple[Lot, ...] = ()
    perp_realized: Decimal = ZERO
    perp_fees: Decimal = ZERO
    funding: Decimal = ZERO
    income: Decimal = ZERO
    flow: Decimal = ZERO
    fees: Decimal = ZERO
    position: Position | None = None

    @property
    def position_key(self) -> PositionKey | None:
        """Name the position that the event changed, if it changed one."""
        if self.position is None:
            return None
        return (self.event.account, getattr(self.event, "instrument"), getattr(self.event, "position_side"))  # noqa: B009

    @property
    @in_context
    def spot_realized(self) -> Decimal:
        """Give the gains on all units that left."""
        return summed(disposal.realized for disposal in self.disposals)

    @property
    @in_context
    def realized(self) -> Decimal:
        """Give all that the event added to the cost of what is held, apart from flows."""
        futures = self.perp_realized - self.perp_fees + self.funding
        return self.spot_realized + futures + self.income - self.fees

    @property
    @in_context
    def unmatched(self) -> Decimal:
        """Give the USD that came in for units whose acquisition is unknown."""
        return summed(disposal.unmatched_proceeds for disposal in self.disposals)

    @property
    def is_cost_assumed(self) -> bool:
        """Tell whether a market value stands in for an unknown cost."""
        return any(lot.is_assumed for lot in self.acquired)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Hold the ledger at a moment: open lots (oldest first), balances and positions, and the method in force.

    Lots and their costs are kept by account and asset, or by asset alone (`EVERYWHERE`) where the scope is the
    portfolio. Balances are always an account's own, posted margin included; gains are what it realised so far.
    """

    lots: Mapping[AssetKey, tuple[Lot, ...]] = field(default_factory=dict)
    balances: Mapping[AssetKey, Decimal] = field(default_factory=dict)
    costs: Mapping[AssetKey, Decimal] = field(default_factory=dict)
    gains: Mapping[AssetKey, Decimal] = field(default_factory=dict)
    positions: Mapping[PositionKey, Position] = field(default_factory=dict)
    last: tuple[datetime, int] | None = None
    method: Method | None = None
    scope: Scope = Scope.ACCOUNT

    @property
    def cash(self) -> dict[int, Decimal]:
        """Give the USD of each account."""
        return {account: balance for (account, asset), balance in self.balances.items() if asset == USD}

    def held(self, account: int, asset: str) -> Decimal:
        """Give the quantity held, posted margin included."""
        return self.balances.get((account, asset), ZERO)

    def lots_of(self, account: int, asset: str) -> tuple[Lot, ...]:
        """Give the open lots that a disposal in an account may relieve."""
        return self.lots.get((account if self.scope is Scope.ACCOUNT else EVERYWHERE, asset), ())

    @in_context
    def locked(self, account: int, asset: str) -> Decimal:
        """Give the quantity posted as margin."""
        return summed(
            position.margin
            for (owner, _, _), position in self.positions.items()
            if owner == account and position.settle == asset
        )
