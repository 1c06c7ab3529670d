"""Carry a linear perpetual position and say where it would be liquidated (DOMAIN 4.2, 4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.money import CONTEXT, ONE, ZERO, exact, in_context, pro_rata

MAX_TIER_LOOPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Hold a signed quantity in base units; entry cost and margin are in the settlement asset.

    The cost of entry is stored instead of the average price, so that nothing is rounded twice.
    """

    settle: str
    quantity: Decimal = ZERO
    entry_cost: Decimal = ZERO
    margin: Decimal = ZERO
    realized_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    opened_at: datetime | None = None

    @property
    def side(self) -> int:
        """Give 1 for long, -1 for short, 0 for flat."""
        return (self.quantity > 0) - (self.quantity < 0)

    @property
    def entry_price(self) -> Decimal | None:
        """Give the average entry price, or nothing when flat."""
        return pro_rata(total=self.entry_cost, part=ONE, whole=abs(self.quantity)) if self.quantity else None

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


class Tier(NamedTuple):
    """Give the maintenance rate and cumulative deduction that apply from a notional on."""

    floor: Decimal
    mmr: Decimal
    cum: Decimal = ZERO


@in_context
def trade(*, position: Position, quantity: Decimal, price: Decimal, leverage: Decimal) -> Traded:
    """Add to, reduce or flip a position by a signed quantity (DOMAIN 4.2, E13)."""
    closing = min(abs(quantity), abs(position.quantity)) if quantity * position.quantity < 0 else ZERO
    reduced, realized, released = _reduce(position, closing, price)
    opening = abs(quantity) - closing
    opened, posted = _add(reduced, opening if quantity > 0 else -opening, price, leverage)
    return Traded(opened, realized, released, posted)


@in_context
def unrealized(*, position: Position, mark: Decimal) -> Decimal:
    """Give quantity x mark less the signed cost of entry, in the settlement asset (DOMAIN 4.2)."""
    return exact(position.quantity * mark) - position.side * position.entry_cost


@in_context
def bankruptcy_price(position: Position) -> Decimal | None:
    """Give the price at which the margin is gone, or nothing when that is not above zero (DOMAIN 4.3)."""
    if not position.quantity:
        return None
    return _above_zero((position.side * position.entry_cost - position.margin) / position.quantity)


@in_context
def liquidation_price_at_mark(*, position: Position, mmr: Decimal, cum: Decimal = ZERO) -> Decimal | None:
    """Solve equity = maintenance with the maintenance taken at the mark, as Binance does (DOMAIN 4.3, E03)."""
    if not position.quantity:
        return None
    size = abs(position.quantity)
    return _above_zero((position.margin + cum - position.side * position.entry_cost) / (size * (mmr - position.side)))


@in_context
def liquidation_price_at_entry(*, position: Position, mmr: Decimal, cum: Decimal = ZERO) -> Decimal | None:
    """Solve equity = maintenance with the maintenance taken at entry, as Bybit's older article does (E03)."""
    if not position.quantity:
        return None
    maintenance = position.entry_cost * mmr - cum
    return _above_zero((position.side * position.entry_cost + maintenance - position.margin) / position.quantity)


@in_context
def liquidation_price(*, position: Position, tiers: Sequence[Tier]) -> Decimal | None:
    """Give the nearer, that is the worse, of both conventions, or nothing if it cannot be liquidated."""
    prices = [
        price
        for price in (
            _through_tiers(position, tiers),
            liquidation_price_at_entry(position=position, **_terms(_tier_at(position.entry_cost, tiers))),
        )
        if price is not None
    ]
    if not prices:
        return None
    return max(prices) if position.side > 0 else min(prices)


def _reduce(position: Position, closing: Decimal, price: Decimal) -> tuple[Position, Decimal, Decimal]:
    if not closing:
        return position, ZERO, ZERO
    size = abs(position.quantity)
    cost = pro_rata(total=position.entry_cost, part=closing, whole=size)
    margin = pro_rata(total=position.margin, part=closing, whole=size)
    realized = position.side * (exact(closing * price) - cost)
    reduced = replace(
        position,
        quantity=position.quantity - position.side * closing,
        entry_cost=position.entry_cost - cost,
        margin=position.margin - margin,
    )
    return reduced, realized, margin


def _add(position: Position, quantity: Decimal, price: Decimal, leverage: Decimal) -> tuple[Position, Decimal]:
    if not quantity:
        return position, ZERO
    notional = exact(abs(quantity) * price)
    margin = exact(CONTEXT.divide(notional, leverage))
    added = replace(
        position,
        quantity=position.quantity + quantity,
        entry_cost=position.entry_cost + notional,
        margin=position.margin + margin,
    )
    return added, margin


def _through_tiers(position: Position, tiers: Sequence[Tier]) -> Decimal | None:
    """Pick the tier of the notional at the price found, until it no longer changes (DOMAIN 4.3, E15)."""
    tier = _tier_at(position.entry_cost, tiers)
    price = liquidation_price_at_mark(position=position, **_terms(tier))
    for _ in range(MAX_TIER_LOOPS):
        if price is None or _tier_at(abs(position.quantity) * price, tiers) == tier:
            break
        tier = _tier_at(abs(position.quantity) * price, tiers)
        price = liquidation_price_at_mark(position=position, **_terms(tier))
    return price


def _tier_at(notional: Decimal, tiers: Sequence[Tier]) -> Tier:
    return max((tier for tier in tiers if tier.floor <= notional), key=lambda tier: tier.floor)


def _terms(tier: Tier) -> dict[str, Decimal]:
    return {"mmr": tier.mmr, "cum": tier.cum}


def _above_zero(price: Decimal) -> Decimal | None:
    return exact(price) if price > 0 else None
