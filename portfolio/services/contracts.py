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
from portfolio.models import Asset, Fill, Instrument, Portfolio, Position, Venue
from portfolio.queries.events import domain_position
from portfolio.services.entries import NewFill
from portfolio.services.ledger import Recorded, record_fills

BOTH = 2


class BadContract(Refusal):
    """Refuse a contract that cannot be."""


class NotOpen(Refusal):
    """Refuse to close or roll a position that is not open."""


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


@in_context
def roll_position(*, portfolio: Portfolio, close: Close, into: Next, now: datetime, client_key: str = "") -> Rolled:
    """Close a contract and open the next one as one deed; both fills carry the chain (DOMAIN 4.4, E18).

    The next one opens with as many units, at the same leverage unless another is given. A key that was used gives the
    roll that it recorded. Raises `NotOpen`, `NotRollable` and what `record_fills` raises.
    """
    position = close.position
    known = list(Fill.objects.filter(account=position.account, external_id__in=_ids(client_key)).order_by("sequence"))
    if len(known) == len(_ids(client_key)) == BOTH:
        return _rolled(known, is_repeat=True)
    _check_next(position.instrument, into.instrument)
    closing = _closing(close, reason=Reason.TRADE)
    chain = position.chain or f"{position.instrument_id}-{portfolio.ledger_version + 1}"
    fills = [replace(closing, chain=chain), _opening(close, closing, into, chain)]
    done = record_fills(portfolio=portfolio, fills=fills, now=now, client_key=client_key)
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
        external_id="",
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


def _ids(client_key: str) -> list[str]:
    """Return the ids under which a roll's two fills are recorded."""
    return [f"{client_key}:{place}" for place in range(BOTH)] if client_key else []
