"""Carry a futures position, linear or inverse, through adds, partial closes and flips (DOMAIN 4.2)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portfolio.domain.money import CONTEXT, ONE, ZERO, AmountError, exact, in_context, pro_rata


class PositionSide(StrEnum):
    """Say which book a fill belongs to: the one net position, or in hedge mode the long or the short apart."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


class MarginMode(StrEnum):
    """Say what stands behind a position: its own margin only, or all that is free in the account."""

    ISOLATED = "isolated"
    CROSS = "cross"


class Reason(StrEnum):
    """Say why a futures fill came about; all but a trade are forced, and can only close."""

    TRADE = "trade"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Hold a signed size; entry cost and margin are in the settlement asset.

    A linear size is in base units and its entry cost in quote; an inverse size is its face in USD and its entry cost
    in coin. The cost of entry is stored instead of the average price, so that nothing is rounded twice.
    """

    settle: str
    quantity: Decimal = ZERO
    entry_cost: Decimal = ZERO
    margin: Decimal = ZERO
    realized_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    opened_at: datetime | None = None
    is_inverse: bool = False
    margin_mode: MarginMode = MarginMode.ISOLATED
    chain: str = ""

    @property
    def side(self) -> int:
        """Give 1 for long, -1 for short, 0 for flat."""
        return (self.quantity > 0) - (self.quantity < 0)

    @property
    def polarity(self) -> int:
        """Give 1 where a growing contract value is a gain, -1 where it is a loss, 0 for flat.

        An inverse contract is worth less coin as the price rises, so that its long gains when its value falls.
        """
        return -self.side if self.is_inverse else self.side

    @property
    def entry_price(self) -> Decimal | None:
        """Give the average entry price, harmonic for inverse contracts, or nothing when flat."""
        if not self.quantity:
            return None
        parts = (abs(self.quantity), self.entry_cost) if self.is_inverse else (self.entry_cost, abs(self.quantity))
        return pro_rata(total=parts[0], part=ONE, whole=parts[1])

    @property
    def leverage(self) -> Decimal | None:
        """Give entry notional over margin, or nothing when no margin is posted."""
        return pro_rata(total=self.entry_cost, part=ONE, whole=self.margin) if self.margin else None


class Traded(NamedTuple):
    """Give the position after a fill and what the fill did, in the settlement asset."""

    position: Position
    realized: Decimal
    margin_released: Decimal
    margin_posted: Decimal


@in_context
def contract_value(*, quantity: Decimal, price: Decimal, is_inverse: bool = False) -> Decimal:
    """Give the notional of a size at a price in the settlement asset: q x p, or face / p in coin (DOMAIN 4.2)."""
    if is_inverse:
        return pro_rata(total=abs(quantity), part=ONE, whole=price)
    return exact(abs(quantity) * price)


@in_context
def trade(*, position: Position, quantity: Decimal, price: Decimal, leverage: Decimal) -> Traded:
    """Add to, reduce or flip a position by a signed quantity (DOMAIN 4.2, E13, E14)."""
    closing = min(abs(quantity), abs(position.quantity)) if quantity * position.quantity < 0 else ZERO
    reduced, realized, released = _reduce(position, closing, price)
    opening = abs(quantity) - closing
    opened, posted = _add(reduced, opening if quantity > 0 else -opening, price, leverage)
    return Traded(opened, realized, released, posted)


@in_context
def unrealized(*, position: Position, mark: Decimal) -> Decimal:
    """Give what closing at the mark would realise, in the settlement asset (DOMAIN 4.2)."""
    if not position.quantity:
        return ZERO
    value = contract_value(quantity=position.quantity, price=mark, is_inverse=position.is_inverse)
    return position.polarity * (value - position.entry_cost)


@in_context
def with_margin(*, position: Position, amount: Decimal) -> Position:
    """Post more margin to an isolated position, or take some back: its size and entry stay (DOMAIN 4.3)."""
    return replace(position, margin=position.margin + amount)


@in_context
def return_on_margin(*, gain: Decimal, margin: Decimal) -> Decimal | None:
    """Give the gain as a fraction of what was put up for it, or nothing where nothing was."""
    return pro_rata(total=gain, part=ONE, whole=margin) if margin else None


def _reduce(position: Position, closing: Decimal, price: Decimal) -> tuple[Position, Decimal, Decimal]:
    if not closing:
        return position, ZERO, ZERO
    size = abs(position.quantity)
    cost = pro_rata(total=position.entry_cost, part=closing, whole=size)
    margin = pro_rata(total=position.margin, part=closing, whole=size)
    value = contract_value(quantity=closing, price=price, is_inverse=position.is_inverse)
    reduced = replace(
        position,
        quantity=position.quantity - position.side * closing,
        entry_cost=position.entry_cost - cost,
        margin=position.margin - margin,
    )
    return reduced, position.polarity * (value - cost), margin


def _add(position: Position, quantity: Decimal, price: Decimal, leverage: Decimal) -> tuple[Position, Decimal]:
    if not quantity:
        return position, ZERO
    notional = contract_value(quantity=quantity, price=price, is_inverse=position.is_inverse)
    if position.is_inverse and not notional:
        raise AmountError("This size is worth nothing at this price: fewer than 18 digits after the point.")
    margin = exact(CONTEXT.divide(notional, leverage))
    added = replace(
        position,
        quantity=position.quantity + quantity,
        entry_cost=position.entry_cost + notional,
        margin=position.margin + margin,
    )
    return added, margin
