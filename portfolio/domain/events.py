"""Describe what happened to a portfolio, as typed events that refuse impossible amounts (DOMAIN 4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from portfolio.domain.futures import MarginMode, PositionSide, Reason
from portfolio.domain.lots import Method, Scope
from portfolio.domain.money import ONE, ZERO, AmountError, Refusal, exact, in_context

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
    """Buy or sell futures settled in an asset; leverage and margin mode count for what the fill opens.

    The quantity counts contracts of `contract_size` units each: base units, or USD of face where it is inverse.
    A chain joins what was rolled; a reason other than a trade can only close.
    """

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
    contract_size: Decimal = ONE
    is_inverse: bool = False
    position_side: PositionSide = PositionSide.NET
    margin_mode: MarginMode | None = None
    reason: Reason = Reason.TRADE
    chain: str = ""

    def __post_init__(self) -> None:
        """Refuse amounts that no fill can have."""
        _check_positive(quantity=self.quantity, price=self.price, settle_usd=self.settle_usd, leverage=self.leverage)
        _check_positive(contract_size=self.contract_size)
        _check_not_negative(fee=self.fee, fee_usd=self.fee_usd)
        _check_quote(self.settle, self.settle_usd)
        if self.leverage < 1:
            raise EventError("The leverage must be at least 1.")

    @property
    def signed_quantity(self) -> Decimal:
        """Give the size in units with the sign of the side."""
        size = exact(self.quantity * self.contract_size)
        return size if self.side is Side.BUY else -size


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
    """Send an asset away at its cost: nothing is realised, except that a network fee is spent beside it.

    The value in USD is what an import sends without holding it: that part came in unseen.
    """

    asset: str
    quantity: Decimal
    value: Decimal | None = None
    fee: Decimal = ZERO
    fee_asset: str = USD
    fee_usd: Decimal = ZERO

    def __post_init__(self) -> None:
        """Refuse amounts that no transfer can have."""
        _check_positive(quantity=self.quantity)
        _check_not_negative(value=self.value or ZERO, fee=self.fee, fee_usd=self.fee_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Event):
    """Bring a quantity to another account of one's own; the fee comes on top, from the account that sends.

    The value in USD stands in for the cost of what an import moves without holding it.
    """

    asset: str
    quantity: Decimal
    to_account: int
    value: Decimal | None = None
    fee: Decimal = ZERO
    fee_asset: str = USD
    fee_usd: Decimal = ZERO

    def __post_init__(self) -> None:
        """Refuse amounts that no transfer can have."""
        _check_positive(quantity=self.quantity)
        _check_not_negative(value=self.value or ZERO, fee=self.fee, fee_usd=self.fee_usd)
        if self.to_account == self.account:
            raise EventError("A transfer needs two accounts.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion(Event):
    """Turn units of one token into units of another, as in a token migration: dates and cost stay (DOMAIN F63)."""

    asset: str
    quantity: Decimal
    into: str
    received: Decimal
    value: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse amounts that no migration can have."""
        _check_positive(quantity=self.quantity, received=self.received)
        _check_not_negative(value=self.value or ZERO)
        if USD in (self.asset, self.into) or self.asset == self.into:
            raise EventError(f"{self.asset} cannot become {self.into}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebase(Event):
    """Change how many units are held, at unchanged cost and dates: every lot by the same fraction (DOMAIN 4.1)."""

    asset: str
    change: Decimal

    def __post_init__(self) -> None:
        """Refuse amounts that no rebase can have."""
        _check_amount("change", self.change)
        if not self.change or self.asset == USD:
            raise EventError("A rebase changes the quantity of a token.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap(Event):
    """Give units of one asset for units of another, both worth the same in USD: a dust conversion, a swap on a DEX.

    What is received is net of a fee charged in it; another fee is as that of a sale.
    """

    asset: str
    quantity: Decimal
    into: str
    received: Decimal
    value: Decimal
    fee: Decimal = ZERO
    fee_asset: str = USD
    fee_usd: Decimal = ZERO

    def __post_init__(self) -> None:
        """Refuse amounts that no swap can have."""
        _check_positive(quantity=self.quantity, received=self.received)
        _check_not_negative(value=self.value, fee=self.fee, fee_usd=self.fee_usd)
        if self.asset == self.into:
            raise EventError(f"{self.asset} cannot be swapped for itself.")
        for asset, amount in ((self.asset, self.quantity), (self.into, self.received)):
            if asset == USD and amount != self.value:
                raise EventError("One USD is worth 1 USD.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodChange(Event):
    """Relieve lots by another method, or in another scope, from here on (DOMAIN 4.1)."""

    method: Method
    scope: Scope = Scope.ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment(Event):
    """Receive (positive) or pay (negative) funding on a perpetual position; value is what it was worth in USD."""

    instrument: int
    settle: str
    amount: Decimal
    value: Decimal
    position_side: PositionSide = PositionSide.NET

    def __post_init__(self) -> None:
        """Refuse amounts that no payment can have."""
        _check_amount("amount", self.amount)
        _check_amount("value", self.value)
        if self.amount * self.value < 0 or (self.settle == USD and self.amount != self.value):
            raise EventError("The value of a funding payment does not fit its amount.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginChange(Event):
    """Post more margin to an open isolated position (positive), or take some of it back (negative)."""

    instrument: int
    settle: str
    amount: Decimal
    position_side: PositionSide = PositionSide.NET

    def __post_init__(self) -> None:
        """Refuse an amount that changes nothing."""
        _check_amount("amount", self.amount)
        if not self.amount:
            raise EventError("The amount must not be zero.")


def assets_touched(event: Event) -> set[str]:
    """Name the assets whose holdings an event may change."""
    names = ("base", "quote", "fee_asset", "settle", "asset", "into")
    return {getattr(event, name) for name in names if hasattr(event, name)}


@in_context
def quantities_given(event: Event) -> dict[str, Decimal | None]:
    """Name the assets that an event may let go of, and how much at most; nothing where only the ledger can tell."""
    if isinstance(event, TransferIn):
        return {}
    if isinstance(event, SpotFill):
        is_buy = event.side is Side.BUY
        main = (event.quote, exact(event.quantity * event.price)) if is_buy else (event.base, event.quantity)
    elif isinstance(event, TransferOut | Move | Swap | Conversion):
        main = (event.asset, event.quantity)
    else:
        return dict.fromkeys(assets_touched(event))
    given: dict[str, Decimal | None] = dict([main])
    fee = getattr(event, "fee", ZERO)
    if fee:
        paid_in = getattr(event, "fee_asset", USD)
        given[paid_in] = (given.get(paid_in) or ZERO) + fee
    return given


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
