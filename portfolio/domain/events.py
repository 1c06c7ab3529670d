"""Describe what happened to a portfolio, as typed events that refuse impossible amounts (DOMAIN 4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from portfolio.domain.money import ONE, ZERO, AmountError, Refusal, exact

USD = "USD"


class EventError(Refusal):
    """Say why an event cannot have happened."""


class Side(StrEnum):
    """Say which way a fill went."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Hold what all events share; the sequence names the event and breaks ties of time."""

    sequence: int
    account: int
    executed_at: datetime
    reverses: int | None = None
    is_imported: bool = False

    def order(self) -> tuple[datetime, int]:
        """Order events as the ledger folds them."""
        return (self.executed_at, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotFill(Event):
    """Buy or sell a quantity of base at a price in quote; quote_usd is the quote asset's price in USD.

    A fee in a third asset needs fee_usd, its worth in USD at that moment.
    """

    side: Side
    base: str
    quote: str
    quantity: Decimal
    price: Decimal
    quote_usd: Decimal = ONE
    fee: Decimal = ZERO
    fee_asset: str = USD
    fee_usd: Decimal = ZERO

    def __post_init__(self) -> None:
        """Refuse amounts that no fill can have."""
        _check_positive(quantity=self.quantity, price=self.price, quote_usd=self.quote_usd)
        _check_not_negative(fee=self.fee, fee_usd=self.fee_usd)
        _check_quote(self.quote, self.quote_usd)
        if self.base in (self.quote, USD):
            raise EventError(f"{self.base} cannot be traded against {self.quote}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpFill(Event):
    """Buy or sell a linear perpetual settled in an asset; the leverage counts for what the fill opens."""

    side: Side
    instrument: int
    settle: str
    quantity: Decimal
    price: Decimal
    leverage: Decimal = ONE
    settle_usd: Decimal = ONE
    fee: Decimal = ZERO
    fee_asset: str = USD
    fee_usd: Decimal = ZERO

    def __post_init__(self) -> None:
        """Refuse amounts that no fill can have."""
        _check_positive(quantity=self.quantity, price=self.price, settle_usd=self.settle_usd, leverage=self.leverage)
        _check_not_negative(fee=self.fee, fee_usd=self.fee_usd)
        _check_quote(self.settle, self.settle_usd)
        if self.leverage < 1:
            raise EventError("The leverage must be at least 1.")

    @property
    def signed_quantity(self) -> Decimal:
        """Give the quantity with the sign of the side."""
        return self.quantity if self.side is Side.BUY else -self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferIn(Event):
    """Receive an asset: a deposit with known or unknown cost, or income at its market value.

    Without a cost the market value stands in and the lot is flagged as assumed.
    """

    asset: str
    quantity: Decimal
    cost: Decimal | None = None
    value: Decimal | None = None
    acquired_at: datetime | None = None
    is_income: bool = False

    def __post_init__(self) -> None:
        """Refuse amounts that no transfer can have, and a cost that nobody knows."""
        _check_positive(quantity=self.quantity)
        for name, amount in (("cost", self.cost), ("value", self.value)):
            if amount is not None:
                _check_not_negative(**{name: amount})
        if self.asset != USD and self.cost is None and self.value is None:
            raise EventError(f"Give a cost or a price for {self.asset}: its cost basis is unknown.")
        if self.is_income and self.asset != USD and self.value is None:
            raise EventError(f"Give a price for {self.asset}: income counts at its market value.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOut(Event):
    """Send an asset away at its cost: nothing is realised."""

    asset: str
    quantity: Decimal

    def __post_init__(self) -> None:
        """Refuse amounts that no transfer can have."""
        _check_positive(quantity=self.quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment(Event):
    """Receive (positive) or pay (negative) funding on a perpetual position; value is what it was worth in USD."""

    instrument: int
    settle: str
    amount: Decimal
    value: Decimal

    def __post_init__(self) -> None:
        """Refuse amounts that no payment can have."""
        _check_amount("amount", self.amount)
        _check_amount("value", self.value)
        if self.amount * self.value < 0 or (self.settle == USD and self.amount != self.value):
            raise EventError("The value of a funding payment does not fit its amount.")


def assets_touched(event: Event) -> set[str]:
    """Name the assets whose holdings an event may change."""
    names = ("base", "quote", "fee_asset", "settle", "asset")
    return {getattr(event, name) for name in names if hasattr(event, name)}


def assets_given(event: Event) -> set[str]:
    """Name the assets that an event may let go of: their open lots must be known to post it."""
    if isinstance(event, SpotFill):
        return {event.quote if event.side is Side.BUY else event.base, event.fee_asset}
    return set() if isinstance(event, TransferIn) else assets_touched(event)


Standing = TypeVar("Standing", bound=Event)


def standing(events: Iterable[Standing]) -> list[Standing]:
    """Leave out every reversed event and its reversal, and order the rest as the ledger folds them."""
    known: dict[int, Standing] = {}
    for event in events:
        if known.setdefault(event.sequence, event) is not event:
            raise EventError(f"Two events share the sequence {event.sequence}.")
    gone: set[int] = set()
    for event in known.values():
        if event.reverses is None:
            continue
        if event.reverses in gone or event.reverses not in known or known[event.reverses].reverses is not None:
            raise EventError(f"Event {event.sequence} reverses {event.reverses}, which does not stand.")
        gone.update((event.sequence, event.reverses))
    return sorted((event for event in known.values() if event.sequence not in gone), key=Event.order)


def _check_positive(**amounts: Decimal) -> None:
    for name, amount in amounts.items():
        _check_amount(name, amount)
        if amount <= 0:
            raise EventError(f"The {_spoken(name)} must be greater than zero.")


def _check_not_negative(**amounts: Decimal) -> None:
    for name, amount in amounts.items():
        _check_amount(name, amount)
        if amount < 0:
            raise EventError(f"The {_spoken(name)} must not be negative.")


def _check_amount(name: str, amount: Decimal) -> None:
    try:
        is_exact = exact(amount) == amount
    except AmountError as error:
        raise EventError(f"The {_spoken(name)} is not an exact amount: {error}") from error
    if not is_exact:
        raise EventError(f"The {_spoken(name)} has more than 18 digits after the point.")


def _check_quote(asset: str, price: Decimal) -> None:
    if asset == USD and price != 1:
        raise EventError("One USD is worth 1 USD.")


def _spoken(name: str) -> str:
    return name.replace("_", " ")
