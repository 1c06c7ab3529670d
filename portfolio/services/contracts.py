"""List futures contracts, and record what ends them: forced closes, settlements and rolls (DOMAIN 4.2 to 4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from portfolio.domain.expiry import Spread, roll_spread, settlement_fee, settlement_price
from portfolio.domain.futures import Reason, contract_value
from portfolio.domain.margin import Tier
from portfolio.domain.money import ONE, ZERO, Refusal, canonical, exact, in_context, pro_rata
from portfolio.models import Asset, Fill, Instrument, Portfolio, Position, PositionChange, Venue
from portfolio.queries.events import domain_position
from portfolio.services.entries import KeyReused, NewFill
from portfolio.services.ledger import Recorded, lock, record_fills
from portfolio.services.repeats import refuse_reversed

BOTH = 2


class BadContract(Refusal):
    """Refuse a contract that cannot be."""


class NotOpen(Refusal):
    """Refuse to close or roll a position that is not open."""


class MoreThanHeld(Refusal):
    """Refuse to roll more of a position than is open: the rest would open the other way."""


class NotRollable(Refusal):
    """Refuse to roll into a contract that does not follow."""


@dataclass(frozen=True, kw_only=True)
class NewContract:
    """State a futures contract; tiers give the maintenance by notional, in the settlement asset."""

    venue: Venue
    asset: Asset
    lot_step: Decimal
    is_inverse: bool = False
    contract_size: Decimal = ONE
    expires_at: datetime | None = None
    settlement_fee_rate: Decimal = ZERO
    closing_fee_rate: Decimal = ZERO
    max_leverage: Decimal | None = None
    tiers: Sequence[Tier] = ()


@dataclass(frozen=True, kw_only=True)
class Close:
    """State the end of a position, or of a part of it: price, fee in the settlement asset, and when.

    The quantity counts contracts; without one all is closed. `settle_usd` is USD per unit of the settlement asset.
    """

    position: Position
    price: Decimal
    executed_at: datetime
    quantity: Decimal | None = None
    fee_amount: Decimal = ZERO
    fee_asset: Asset | None = None
    settle_usd: Decimal | None = None
    external_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Next:
    """State the contract that a position is rolled into: its price, and the fee as that of the close."""

    instrument: Instrument
    price: Decimal
    fee_amount: Decimal = ZERO
    leverage: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Rolled:
    """Give the fill that closed the old contract, the one that opened the next, and what lies between their prices."""

    closing: Fill
    opening: Fill
    spread: Spread | None
    is_repeat: bool = False

    @property
    def chain(self) -> str:
        """Return what joins them."""
        return self.opening.chain


@transaction.atomic
def list_contract(new: NewContract) -> Instrument:
    """List a contract once; what is listed already is returned as it is."""
    if new.contract_size <= 0 or new.lot_step <= 0:
        raise BadContract("A contract has a size and a step above zero.")
    kind = Instrument.Kind.PERP if new.expires_at is None else Instrument.Kind.DATED
    tiers = sorted(new.tiers)
    if tiers and tiers[0].floor != 0:
        raise BadContract("The first tier begins at zero.")
    row, _ = Instrument.objects.get_or_create(
        venue=new.venue,
        asset=new.asset,
        kind=kind,
        is_inverse=new.is_inverse,
        expires_at=new.expires_at,
        defaults={
            "lot_step": new.lot_step,
            "contract_size": new.contract_size,
            "settlement_fee_rate": new.settlement_fee_rate,
            "closing_fee_rate": new.closing_fee_rate,
            "max_leverage": new.max_leverage,
            "maintenance_rate": tiers[0].mmr if tiers else None,
            "maintenance_amount": tiers[0].cum if tiers else ZERO,
            "tiers": [[canonical(amount) for amount in tier] for tier in tiers],
        },
    )
    return row


def record_forced_close(*, portfolio: Portfolio, close: Close, reason: Reason, now: datetime) -> Recorded:
    """Record that the venue liquidated a position or deleveraged it (ADL), wholly or in part."""
    return record_fills(portfolio=portfolio, fills=[_closing(close, reason=reason)], now=now)


def close_position(*, portfolio: Portfolio, close: Close, now: datetime) -> Recorded:
    """Close a position by a trade of one's own, wholly or in part; more than is open is refused."""
    held = pro_rata(total=abs(close.position.quantity), part=ONE, whole=close.position.instrument.contract_size)
    if close.quantity is not None and close.quantity > held:
        raise MoreThanHeld(f"You hold {held.normalize():f} {close.position.instrument}: close at most that.")
    return record_fills(portfolio=portfolio, fills=[_closing(close, reason=Reason.TRADE)], now=now)


@in_context
def settle_contract(*, portfolio: Portfolio, close: Close, now: datetime, samples: Sequence[Decimal] = ()) -> Recorded:
    """Settle an expired contract at a price, or at the mean of index samples; its fee is worked out if not given.

    Raises `NotOpen`, and what `record_fills` raises: before it expires a contract is not settled.
    """
    instrument = close.position.instrument
    price = settlement_price(samples) if samples else close.price
    units = abs(close.position.quantity) if close.quantity is None else close.quantity * instrument.contract_size
    value = contract_value(quantity=units, price=price, is_inverse=instrument.is_inverse)
    fee = close.fee_amount or settlement_fee(value=value, rate=instrument.settlement_fee_rate)
    fill = _closing(replace(close, price=price, fee_amount=fee), reason=Reason.SETTLEMENT)
    return record_fills(portfolio=portfolio, fills=[fill], now=now)


@transaction.atomic
@in_context
def roll_position(*, portfolio: Portfolio, close: Close, into: Next, now: datetime, client_key: str = "") -> Rolled:
    """Close a contract and open the next one as one deed; both fills carry the chain (DOMAIN 4.4, E18).

    The next one opens with as many units, at the same leverage unless another is given. The position is read again
    once the portfolio is locked, so that of two rolls at once the second finds what the first left. A key that was used
    gives the roll that it recorded. Raises `NotOpen`, `MoreThanHeld`, `NotRollable` and what `record_fills` raises.
    """
    locked = lock(portfolio)
    ids = _ids(close, client_key)
    known = _rolled_before(close, into, ids)
    if known:
        return _rolled(known, is_repeat=True)
    _check_next(close.position.instrument, into.instrument)
    current = replace(close, position=_read_again(close.position))
    chain = current.position.chain or f"{current.position.instrument_id}-{locked.ledger_version + 1}"
    closing = replace(_closing(current, reason=Reason.TRADE), chain=chain, external_id=ids[0] if ids else "")
    _check_held(current.position, closing.quantity)
    opening = replace(_opening(current, closing, into, chain), external_id=ids[1] if ids else "")
    done = record_fills(portfolio=locked, fills=[closing, opening], now=now)
    _check_held_then(done.fills[0])
    return _rolled(done.fills, is_repeat=done.is_repeat)


def _closing(close: Close, *, reason: Reason) -> NewFill:
    """State the fill that ends a position, or a part of it."""
    position, instrument = close.position, close.position.instrument
    if not position.quantity:
        raise NotOpen(f"You hold no {instrument}.")
    held = pro_rata(total=abs(position.quantity), part=ONE, whole=instrument.contract_size)
    return NewFill(
        instrument=instrument,
        side=Fill.Side.SELL if position.quantity > 0 else Fill.Side.BUY,
        quantity=held if close.quantity is None else close.quantity,
        price=close.price,
        executed_at=close.executed_at,
        quote_asset=position.quote_asset,
        quote_usd=close.settle_usd,
        fee_amount=close.fee_amount,
        fee_asset=close.fee_asset,
        account=position.account,
        external_id=close.external_id,
        position_side=position.position_side,
        reason=reason.value,
    )


def _opening(close: Close, closing: NewFill, into: Next, chain: str) -> NewFill:
    """State the fill that opens the next contract with as many units."""
    position = close.position
    units = exact(closing.quantity * position.instrument.contract_size)
    leverage = into.leverage or domain_position(position).leverage
    return replace(
        closing,
        instrument=into.instrument,
        side=Fill.Side.BUY if closing.side == Fill.Side.SELL else Fill.Side.SELL,
        quantity=pro_rata(total=units, part=ONE, whole=into.instrument.contract_size),
        price=into.price,
        quote_usd=close.settle_usd,
        fee_amount=into.fee_amount,
        leverage=None if leverage is None else max(leverage, ONE),
        margin_mode=position.margin_mode,
        chain=chain,
    )


def _check_next(near: Instrument, following: Instrument) -> None:
    """Refuse a contract of another asset, another kind, or one that does not expire later."""
    same = ("venue_id", "asset_id", "is_inverse")
    if near == following or any(getattr(near, name) != getattr(following, name) for name in same):
        raise NotRollable(f"{near} rolls into a later contract of the same kind on the same venue.")
    if near.expires_at is None:
        raise NotRollable(f"{near} never expires.")
    if following.expires_at is not None and following.expires_at <= near.expires_at:
        raise NotRollable(f"{following} expires no later than {near}.")


def _rolled(fills: Sequence[Fill], *, is_repeat: bool) -> Rolled:
    closing, opening = fills
    near, following = closing.instrument.expires_at, opening.instrument.expires_at
    spread = None
    if near is not None and following is not None:
        spread = roll_spread(near=closing.price, following=opening.price, between=following - near)
    return Rolled(closing=closing, opening=opening, spread=spread, is_repeat=is_repeat)


def _ids(close: Close, client_key: str) -> list[str]:
    """Return the ids under which a roll's two fills are recorded."""
    key = client_key or close.external_id
    return [close.external_id or f"{key}:0", f"{key}:1"] if key else []


def _rolled_before(close: Close, into: Next, ids: Sequence[str]) -> list[Fill]:
    """Return the two fills of the roll that the ids name; a key that rolled something else, or undone, is refused."""
    rows = Fill.objects.filter(account=close.position.account, external_id__in=ids).order_by("sequence")
    found = list(rows.select_related("instrument__asset", "reversed_by"))
    if len(found) < BOTH:
        return []
    closing, opening = found
    said = (close.executed_at, close.position.instrument, close.position.position_side, close.price, close.fee_amount)
    was = (closing.executed_at, closing.instrument, closing.position_side, closing.price, closing.fee_amount)
    says_next, was_next = (_next_terms(one) for one in (into, opening))
    if said != was or says_next != was_next or close.quantity not in (None, closing.quantity):
        raise KeyReused(f"The id {closing.external_id} was used before for something else.")
    for row in found:
        refuse_reversed(row)
    return found


def _next_terms(into: Next | Fill) -> tuple[Instrument, Decimal, Decimal]:
    return into.instrument, into.price, into.fee_amount


def _read_again(position: Position) -> Position:
    """Return the position as it is now that the portfolio is locked."""
    return Position.objects.select_related("instrument__asset", "quote_asset", "account").get(pk=position.pk)


def _check_held(position: Position, wanted: Decimal) -> None:
    """Refuse to roll more contracts than the position has."""
    held = pro_rata(total=abs(position.quantity), part=ONE, whole=position.instrument.contract_size)
    if wanted > held:
        raise MoreThanHeld(f"You hold {held.normalize():f} {position.instrument}: roll at most that.")


def _check_held_then(closing: Fill) -> None:
    """Refuse a roll in the past of more than was open at that time; what it recorded is undone with it."""
    left = PositionChange.objects.filter(fill=closing).values_list("quantity_after", flat=True).first()
    if left is not None and left * (1 if closing.side == Fill.Side.SELL else -1) < 0:
        raise MoreThanHeld(f"You held less of {closing.instrument} then: roll at most what was open at that time.")
