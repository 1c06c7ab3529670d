"""Measure a rotation against having held, at a horizon or to date (DOMAIN 5.1, DECISIONS 34). Amounts in USD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from portfolio.domain.money import ZERO, exact, in_context

TOLERANCE = timedelta(hours=36)
DAY = timedelta(days=1)


class Status(StrEnum):
    """What is known at a horizon."""

    PENDING = "pending"
    OK = "ok"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Units sold or bought of one asset, after fees, and the decision's price in USD."""

    asset: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterSale:
    """Bought units that were sold again: FREEZE holds them in USD at these net proceeds from then on."""

    asset: str
    quantity: Decimal
    proceeds: Decimal
    sold_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesFill:
    """A futures leg's fill, signed (long > 0); `is_closing` undoes a position that was there before the decision."""

    asset: str
    contract: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_closing: bool = False

    @property
    def side(self) -> int:
        """Give 1 for long, -1 for short."""
        return 1 if self.quantity > 0 else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What later happened to a long (1) or short (-1) position, told per unit, so that decisions can share it.

    `closed` is the share of all that was open then; `fee` is per unit closed, `funding` per unit open.
    """

    contract: str
    side: int
    happened_at: datetime
    closed: Decimal = ZERO
    price: Decimal = ZERO
    fee: Decimal = ZERO
    funding: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """All that the comparison needs of one rotation.

    `cash` is what the spot legs left in reserves, negative where they took from them. `changes` are what happened to
    the same contracts after the decision, oldest first.
    """

    decided_at: datetime
    sold: tuple[Side, ...] = ()
    bought: tuple[Side, ...] = ()
    cash: Decimal = ZERO
    fees: Decimal = ZERO
    futures: tuple[FuturesFill, ...] = ()
    changes: tuple[Change, ...] = ()
    later_sales: tuple[LaterSale, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Daily closes of the assets concerned, oldest first, and when an asset stopped being priced for good."""

    closes: Mapping[str, Sequence[tuple[datetime, Decimal]]]
    delisted_at: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a horizon says; amounts are None unless the status is OK."""

    status: Status
    priced_at: datetime | None = None
    hold: Decimal | None = None
    actual: Decimal | None = None
    freeze: Decimal | None = None
    overlay: Decimal | None = None
    alpha: Decimal | None = None
    total_alpha: Decimal | None = None
    gross_alpha: Decimal | None = None
    flags: tuple[str, ...] = ()


def first_close(moment: datetime) -> datetime:
    """Round up to the next daily close, 00:00 UTC (DECISIONS 34)."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == moment else midnight + DAY


@in_context
def measure(*, decision: Decision, horizon_days: int, prices: Prices, clock: datetime) -> Measured:
    """Compare with having held, `horizon_days` closes after the decision's (DOMAIN 5.1; E21)."""
    return _measure_at(decision, first_close(decision.decided_at) + horizon_days * DAY, prices, clock)


@in_context
def measure_to_date(*, decision: Decision, prices: Prices, clock: datetime) -> Measured:
    """Compare with having held, at the last close at which everything concerned has a price; `priced_at` says which.

    Pending before the first one after the decision.
    """
    newest, first = clock.replace(hour=0, minute=0, second=0, microsecond=0), first_close(decision.decided_at)
    if newest < first:
        return Measured(status=Status.PENDING)
    found = _measure_at(decision, newest, prices, clock)
    if found.status is Status.OK:
        return found
    seen = {at for asset in _assets(decision) for at, _ in prices.closes.get(asset, ()) if first <= at < newest}
    earlier = (_measure_at(decision, moment, prices, clock) for moment in sorted(seen, reverse=True))
    return next((each for each in earlier if each.status is Status.OK), found)


@in_context
def closes_at(*, decision: Decision, moment: datetime, prices: Prices, clock: datetime) -> dict[str, Decimal]:
    """Return the closes that a comparison at a moment uses; nothing where one is missing."""
    return _prices_at(decision, moment, prices, clock)[0]


def _measure_at(decision: Decision, moment: datetime, prices: Prices, clock: datetime) -> Measured:
    if moment > clock:
        return Measured(status=Status.PENDING)
    found, flags, status = _prices_at(decision, moment, prices, clock)
    if status is not Status.OK:
        return Measured(status=status, flags=tuple(flags))
    hold = sum((side.quantity * found[side.asset] for side in decision.sold), ZERO)
    kept = sum((side.quantity * found[side.asset] for side in decision.bought), ZERO)
    gross = sum((_without_fees(decision, side) * found[side.asset] for side in decision.bought), ZERO)
    actual = kept + decision.cash
    overlay = _overlay(decision, moment, found)
    gross_cash = decision.cash if decision.bought else decision.cash + decision.fees
    return Measured(
        status=Status.OK,
        priced_at=moment,
        hold=exact(hold),
        actual=exact(actual),
        freeze=exact(actual + _frozen(decision, moment, found)),
        overlay=exact(overlay),
        alpha=exact(actual - hold),
        total_alpha=exact(actual - hold + overlay),
        gross_alpha=exact(gross + gross_cash - hold),
        flags=tuple(flags),
    )


def _prices_at(
    decision: Decision, moment: datetime, prices: Prices, clock: datetime
) -> tuple[dict[str, Decimal], list[str], Status]:
    """Return the first close within 36 h of every asset concerned; a delisted asset keeps its last price, flagged."""
    found: dict[str, Decimal] = {}
    flags: list[str] = []
    for asset in _assets(decision):
        closes = prices.closes.get(asset, ())
        price = next((price for at, price in closes if moment <= at < moment + TOLERANCE), None)
        if price is None and asset in prices.delisted_at and prices.delisted_at[asset] <= moment + TOLERANCE:
            price = next((price for at, price in reversed(closes) if at <= moment), None)
            flags.append(f"DELISTED_LAST_PRICE {asset}")
        if price is None:
            is_waiting = clock < moment + TOLERANCE
            return {}, [f"NO_PRICE {asset}"], Status.PENDING if is_waiting else Status.MISSING
        found[asset] = price
    return found, flags, Status.OK


def _assets(decision: Decision) -> Iterable[str]:
    """Return every asset whose price the comparison needs, once."""
    sides = (*decision.sold, *decision.bought)
    return dict.fromkeys([*(side.asset for side in sides), *(fill.asset for fill in decision.futures)])


def _without_fees(decision: Decision, side: Side) -> Decimal:
    """Return the units that the same decision would have bought at its own prices, had nothing been charged."""
    value = sum((each.quantity * each.price for each in decision.bought), ZERO)
    return side.quantity * (value + decision.fees) / value if value else side.quantity


def _frozen(decision: Decision, moment: datetime, found: Mapping[str, Decimal]) -> Decimal:
    """Return what FREEZE differs by: units sold again count at their proceeds instead of at the horizon's price."""
    left = {side.asset: side.quantity for side in decision.bought}
    difference = ZERO
    for sale in decision.later_sales:
        if sale.sold_at > moment or not left.get(sale.asset):
            continue
        quantity = min(sale.quantity, left[sale.asset])
        left[sale.asset] -= quantity
        difference += quantity * (sale.proceeds / sale.quantity - found[sale.asset])
    return difference


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayParts:
    """What futures legs made by price, cost in fees, and were paid (or paid, < 0) in funding."""

    gain: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO

    @property
    @in_context
    def total(self) -> Decimal:
        """Return all of it."""
        return self.gain - self.fees + self.funding


@in_context
def overlay_parts(*, decision: Decision, moment: datetime, closes: Mapping[str, Decimal]) -> OverlayParts:
    """Return what the futures legs made by a close: realised and unrealised, fees, funding (DOMAIN 5.1)."""
    changes = [change for change in decision.changes if change.happened_at <= moment]
    made = [_made(fill, changes, closes[fill.asset]) for fill in decision.futures]
    return OverlayParts(
        gain=sum((each.gain for each in made), ZERO),
        fees=sum((each.fees for each in made), ZERO),
        funding=sum((each.funding for each in made), ZERO),
    )


def _overlay(decision: Decision, moment: datetime, found: Mapping[str, Decimal]) -> Decimal:
    """Return what the futures legs made by then: realised, unrealised, fees and funding (DOMAIN 5.1)."""
    return overlay_parts(decision=decision, moment=moment, closes=found).total


def _made(fill: FuturesFill, changes: Iterable[Change], price: Decimal) -> OverlayParts:
    """Return what one fill made: its part of every later closing and funding, and the rest at the price."""
    left, gain, fees, funding = abs(fill.quantity), ZERO, fill.fee, ZERO
    for change in () if fill.is_closing else changes:
        if (change.contract, change.side) == (fill.contract, fill.side):
            closed = left * change.closed
            funding += left * change.funding
            gain += _gain(fill, closed, change.price)
            fees += closed * change.fee
            left -= closed
    return OverlayParts(gain=gain + _gain(fill, left, price), fees=fees, funding=funding)


def _gain(fill: FuturesFill, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what a quantity of the fill made from its price to another."""
    return quantity * (price - fill.price) * fill.side
