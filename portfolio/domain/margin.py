"""Say where a futures position would be liquidated, and where its margin is gone (DOMAIN 4.3)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portfolio.domain.futures import Position, contract_value, unrealized
from portfolio.domain.money import ONE, ZERO, AmountError, exact, in_context, pro_rata, summed

MAX_TIER_LOOPS = 6
NEAR, VERY_NEAR = Decimal("0.15"), Decimal("0.08")


class Tier(NamedTuple):
    """Give the maintenance rate and cumulative deduction that apply from a notional on, in the settlement asset."""

    floor: Decimal
    mmr: Decimal
    cum: Decimal = ZERO


Side = tuple[Position, Tier]
"""A position that moves with the price, and the tier that its notional is in."""


class Convention(StrEnum):
    """Say how a venue takes the maintenance: at the mark, at entry, or at the mark with the fee to close."""

    MARK = "mark"
    ENTRY = "entry"
    MARK_AND_FEE = "mark_and_fee"


CONVENTIONS: Mapping[str, Convention] = {
    "binance": Convention.MARK,
    "bybit": Convention.ENTRY,
    "gate": Convention.MARK_AND_FEE,
    "mexc": Convention.ENTRY,
    "okx": Convention.MARK_AND_FEE,
}
"""What a venue publishes; of one that is not named here the nearer of mark and entry is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """Hold what stands behind a position: its balance, and in cross mode what the other positions gain and need.

    `beside` are the other sides of the same contract, under the same tiers: they move with it instead.
    """

    balance: Decimal
    others_gain: Decimal = ZERO
    others_maintenance: Decimal = ZERO
    beside: tuple[Position, ...] = ()

    @property
    @in_context
    def free(self) -> Decimal:
        """Give WB - TMM1 + UPNL1 of DOMAIN 4.3."""
        return self.balance - self.others_maintenance + self.others_gain


class Marked(NamedTuple):
    """Give another position of a cross account, its mark and its tiers."""

    position: Position
    mark: Decimal
    tiers: Sequence[Tier]


@in_context
def cross_wallet(*, balance: Decimal, others: Iterable[Marked] = (), beside: Iterable[Position] = ()) -> Wallet:
    """Give what stands behind one cross position that shares its wallet: what the others gain and need (E15)."""
    gain = need = ZERO
    for other in others:
        value = contract_value(quantity=other.position.quantity, price=other.mark, is_inverse=other.position.is_inverse)
        gain += unrealized(position=other.position, mark=other.mark)
        need += maintenance_margin(value=value, tiers=other.tiers)
    return Wallet(balance=balance, others_gain=gain, others_maintenance=need, beside=tuple(beside))


@in_context
def maintenance_margin(*, value: Decimal, tiers: Sequence[Tier]) -> Decimal:
    """Give notional x mmr - cum of the notional's tier (DOMAIN 4.3)."""
    tier = tier_at(value=value, tiers=tiers)
    return exact(value * tier.mmr) - tier.cum


@in_context
def with_deductions(brackets: Iterable[tuple[Decimal, Decimal]]) -> tuple[Tier, ...]:
    """Work the deductions out from floors and rates: cum = floor (mmr - previous mmr) + previous cum (DOMAIN 4.3)."""
    tiers: list[Tier] = []
    for floor, mmr in sorted(brackets):
        before = tiers[-1] if tiers else Tier(ZERO, mmr)
        tiers.append(Tier(floor, mmr, next_deduction(floor=floor, mmr=mmr, before=before)))
    return tuple(tiers)


@in_context
def next_deduction(*, floor: Decimal, mmr: Decimal, before: Tier) -> Decimal:
    """Give the deduction that keeps the maintenance continuous where one tier meets the next (DOMAIN 4.3)."""
    return exact(floor * (mmr - before.mmr)) + before.cum


def tier_at(*, value: Decimal, tiers: Sequence[Tier]) -> Tier:
    """Give the tier that a notional falls into; its floor is included."""
    return max(tier for tier in tiers if tier.floor <= value)


@in_context
def bankruptcy_price(position: Position) -> Decimal | None:
    """Give the price at which the margin is gone, or nothing when that is not above zero (DOMAIN 4.3)."""
    return _price(position, position.entry_cost - position.polarity * position.margin)


@in_context
def liquidation_price_at_mark(
    *,
    position: Position,
    mmr: Decimal,
    cum: Decimal = ZERO,
    wallet: Wallet | None = None,
    closing_fee: Decimal = ZERO,
) -> Decimal | None:
    """Solve equity = maintenance with the maintenance taken at the mark, as Binance does (DOMAIN 4.3, E03, E16)."""
    tier = Tier(ZERO, mmr + closing_fee, cum)
    return _price(position, _value_at_mark(position, wallet, [(one, tier) for one in _moving(position, wallet)]))


@in_context
def liquidation_price_at_entry(
    *, position: Position, mmr: Decimal, cum: Decimal = ZERO, wallet: Wallet | None = None
) -> Decimal | None:
    """Solve equity = maintenance with the maintenance taken at entry, as Bybit's older article does (E03, E16)."""
    tier = Tier(ZERO, mmr, cum)
    return _price(position, _value_at_entry(position, wallet, [(one, tier) for one in _moving(position, wallet)]))


@in_context
def liquidation_price(
    *,
    position: Position,
    tiers: Sequence[Tier],
    wallet: Wallet | None = None,
    convention: Convention | None = None,
    closing_fee: Decimal = ZERO,
) -> Decimal | None:
    """Give the price under a venue's convention; of one unknown the nearer, that is the worse, of mark and entry.

    Nothing means that the position cannot be liquidated.
    """
    if not position.quantity:
        return None
    if convention is None:
        found = [solve(position, tiers, wallet, ZERO) for solve in (_through_tiers, _at_entry)]
        net = summed(one.quantity for one in _moving(position, wallet))
        return nearer(prices=found, is_long=net > 0)
    fee = closing_fee if convention is Convention.MARK_AND_FEE else ZERO
    return _SOLVERS[convention](position, tiers, wallet, fee)


def nearer(*, prices: Iterable[Decimal | None], is_long: bool) -> Decimal | None:
    """Give the price that is reached first: the highest for a long, the lowest for a short."""
    known = [price for price in prices if price is not None]
    if not known:
        return None
    return max(known) if is_long else min(known)


@in_context
def distance(*, mark: Decimal, price: Decimal | None) -> Decimal | None:
    """Give how far the mark is from liquidation, as a fraction of the mark (DOMAIN 4.3)."""
    return None if price is None else pro_rata(total=abs(mark - price), part=ONE, whole=mark)


def nearness(away: Decimal | None) -> str:
    """Name a distance: `near` within 15%, `very near` within 8%, else nothing (DOMAIN 4.3)."""
    if away is None or away > NEAR:
        return ""
    return "near" if away > VERY_NEAR else "very near"


def _behind(position: Position, wallet: Wallet | None) -> Decimal:
    return position.margin if wallet is None else wallet.free


def _moving(position: Position, wallet: Wallet | None) -> list[Position]:
    """Give all sides of a contract that move with its price: the position, and in cross mode those beside it."""
    return [position, *(() if wallet is None else wallet.beside)]


def _ratio(one: Position, position: Position) -> Decimal:
    """Give how many times a position's contract value that of another side is, at any price."""
    return abs(one.quantity) / abs(position.quantity) if position.quantity else ONE


def _value_at_mark(position: Position, wallet: Wallet | None, sides: Iterable[Side]) -> Decimal:
    """Give the contract value at which equity is maintenance; zero where there is no such value.

    DOMAIN 4.3; the joint form of all sides that move is Binance's.
    """
    slope, level = ZERO, -_behind(position, wallet)
    for one, tier in sides:
        slope += (one.polarity - tier.mmr) * _ratio(one, position)
        level += one.polarity * one.entry_cost - tier.cum
    return level / slope if slope else ZERO


def _value_at_entry(position: Position, wallet: Wallet | None, sides: Iterable[Side]) -> Decimal:
    """Give the contract value at which equity is the maintenance at entry; zero where there is no such value."""
    slope, level = ZERO, -_behind(position, wallet)
    for one, tier in sides:
        slope += one.polarity * _ratio(one, position)
        level += one.polarity * one.entry_cost + one.entry_cost * tier.mmr - tier.cum
    return level / slope if slope else ZERO


def _through_tiers(
    position: Position, tiers: Sequence[Tier], wallet: Wallet | None, closing_fee: Decimal
) -> Decimal | None:
    """Pick the tier of each side's notional at the price found, until it no longer changes (DOMAIN 4.3, E15)."""
    sides = _moving(position, wallet)
    picked = [(one, tier_at(value=one.entry_cost, tiers=tiers)) for one in sides]
    for _ in range(MAX_TIER_LOOPS):
        charged = [(one, tier._replace(mmr=tier.mmr + closing_fee)) for one, tier in picked]
        value = _value_at_mark(position, wallet, charged)
        again = [(one, tier_at(value=max(value, ZERO) * _ratio(one, position), tiers=tiers)) for one in sides]
        if again == picked:
            break
        picked = again
    return _price(position, value)


def _at_entry(position: Position, tiers: Sequence[Tier], wallet: Wallet | None, _fee: Decimal) -> Decimal | None:
    picked = [(one, tier_at(value=one.entry_cost, tiers=tiers)) for one in _moving(position, wallet)]
    return _price(position, _value_at_entry(position, wallet, picked))


def _price(position: Position, value: Decimal) -> Decimal | None:
    """Give the price at which a position has a contract value; nothing where no price is: not above zero, or too long.

    Dust before a full wallet would be liquidated at a price of more digits than any amount has: that is never reached.
    """
    size = abs(position.quantity)
    if not size or value <= 0:
        return None
    try:
        return exact(size / value if position.is_inverse else value / size) or None
    except AmountError:
        return None


_SOLVERS: Mapping[Convention, Callable[[Position, Sequence[Tier], Wallet | None, Decimal], Decimal | None]] = {
    Convention.MARK: _through_tiers,
    Convention.ENTRY: _at_entry,
    Convention.MARK_AND_FEE: _through_tiers,
}
