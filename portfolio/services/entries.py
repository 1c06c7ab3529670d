"""Turn what a person or an import states into ledger rows: fill in what is known, refuse what cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from portfolio.domain.futures import PositionSide, Reason
from portfolio.domain.money import ONE, ZERO, Refusal, exact, in_context
from portfolio.models import Account, Asset, Fill, Instrument, Portfolio, Transfer
from portfolio.queries.prices import price_at

CONVERTING = (Transfer.Kind.MIGRATION, Transfer.Kind.SWAP)
CHARGED = (Transfer.Kind.MOVE, Transfer.Kind.WITHDRAWAL, Transfer.Kind.SWAP)
FIRST_MOMENT = datetime(2009, 1, 3, tzinfo=UTC)


class PriceUnknown(Refusal):
    """Refuse to guess what something was worth."""


class BadMoment(Refusal):
    """Refuse a moment at which nothing can have been traded."""


class BadEnd(Refusal):
    """Refuse a transfer whose other end is missing, is somebody else's, or does not belong to its kind."""


class BadContractFill(Refusal):
    """Refuse a fill that its contract does not know: after its expiry, settled before it, or spot on margin."""


class KeyReused(Refusal):
    """Refuse an id that already names something else."""


@dataclass(frozen=True, kw_only=True)
class NewFill:
    """State one execution; what is left out is filled in from the portfolio and its market's prices.

    `quote_usd` is USD per unit of the quote asset; `fee_usd` is what the whole fee was worth. Of futures the quantity
    counts contracts, and the quote asset is the one they are settled in: the coin itself where they are inverse.
    """

    instrument: Instrument
    side: str
    quantity: Decimal
    price: Decimal
    executed_at: datetime
    quote_asset: Asset | None = None
    quote_usd: Decimal | None = None
    fee_amount: Decimal = ZERO
    fee_asset: Asset | None = None
    fee_usd: Decimal | None = None
    leverage: Decimal | None = None
    account: Account | None = None
    external_id: str = ""
    position_side: str = PositionSide.NET.value
    margin_mode: str = ""
    reason: str = Reason.TRADE.value
    chain: str = ""


@dataclass(frozen=True, kw_only=True)
class NewTransfer:
    """State what came in, went out, moved or changed without a trade; funding and rebases carry their sign.

    A move names the account it goes to; a migration and a swap name what they bring, a migration by its ratio if
    that is easier (new units for one old). `fee_usd` is what a network fee was worth, `value_usd` the whole quantity.
    """

    kind: str
    asset: Asset
    quantity: Decimal
    executed_at: datetime
    cost_usd: Decimal | None = None
    value_usd: Decimal | None = None
    acquired_at: datetime | None = None
    instrument: Instrument | None = None
    position_side: str = PositionSide.NET.value
    to_account: Account | None = None
    into: Asset | None = None
    into_quantity: Decimal | None = None
    ratio: Decimal | None = None
    fee_amount: Decimal = ZERO
    fee_asset: Asset | None = None
    fee_usd: Decimal | None = None
    account: Account | None = None
    external_id: str = ""

    @property
    def received(self) -> Decimal | None:
        """Return what a migration or a swap brings."""
        return exact(self.quantity * self.ratio) if self.ratio is not None else self.into_quantity


@in_context
def fill_row(*, portfolio: Portfolio, new: NewFill, account: Account, now: datetime, is_imported: bool) -> Fill:
    """Return the unsaved row of a fill, its quote and fee valued in USD."""
    check_moment(portfolio=portfolio, moment=new.executed_at, now=now)
    check_contract(new)
    quote = new.quote_asset or (new.instrument.asset if new.instrument.is_inverse else portfolio.reserve_asset)
    in_usd = new.price if new.instrument.is_inverse and quote == new.instrument.asset else None
    quote_usd = new.quote_usd or in_usd or _price(portfolio, quote, new.executed_at)
    fee_asset = new.fee_asset or quote
    return Fill(
        portfolio=portfolio,
        account=account,
        executed_at=new.executed_at,
        recorded_at=now,
        external_id=new.external_id or None,
        is_imported=is_imported,
        instrument=new.instrument,
        side=new.side,
        quantity=new.quantity,
        price=new.price,
        quote_asset=quote,
        quote_usd=quote_usd,
        fee_amount=new.fee_amount,
        fee_asset=fee_asset,
        fee_usd=_fee_usd(portfolio, new, quote, quote_usd, fee_asset),
        leverage=new.leverage,
        position_side=new.position_side,
        margin_mode=new.margin_mode,
        reason=new.reason,
        chain=new.chain,
    )


def check_contract(new: NewFill) -> None:
    """Refuse to trade a contract after its expiry, and futures terms on a spot fill."""
    instrument = new.instrument
    has_terms = new.reason != Reason.TRADE or new.position_side != PositionSide.NET or new.margin_mode or new.chain
    if not instrument.is_futures and has_terms:
        raise BadContractFill(f"{instrument} is bought and sold; only futures have a side, a margin and a reason.")
    expires = instrument.expires_at
    if expires is not None and new.executed_at > expires and new.reason != Reason.SETTLEMENT:
        raise BadContractFill(f"{instrument} expired on {expires:%d %B %Y}: what is left of it is settled.")
    if new.reason == Reason.SETTLEMENT and (expires is None or new.executed_at < expires):
        raise BadContractFill(f"{instrument} has not expired at that time.")


@in_context
def transfer_row(
    *, portfolio: Portfolio, new: NewTransfer, account: Account, now: datetime, is_imported: bool
) -> Transfer:
    """Return the unsaved row of a transfer, at its market value where that is known."""
    check_moment(portfolio=portfolio, moment=new.executed_at, now=now)
    _check_ends(portfolio, new, account)
    if new.acquired_at is not None and new.acquired_at > new.executed_at:
        raise BadMoment("It cannot have been acquired after it arrived.")
    return Transfer(
        portfolio=portfolio,
        account=account,
        executed_at=new.executed_at,
        recorded_at=now,
        external_id=new.external_id or None,
        is_imported=is_imported,
        kind=new.kind,
        asset=new.asset,
        quantity=new.quantity,
        cost_usd=new.cost_usd,
        value_usd=_value(portfolio, new),
        acquired_at=new.acquired_at,
        instrument=new.instrument,
        position_side=new.position_side,
        to_account=new.to_account,
        into_asset=new.into,
        into_quantity=new.received,
        fee_amount=new.fee_amount,
        fee_asset=new.fee_asset or (new.asset if new.fee_amount else None),
        fee_usd=_network_fee_usd(portfolio, new),
    )


def _check_ends(portfolio: Portfolio, new: NewTransfer, account: Account) -> None:
    """Refuse accounts of somebody else, and a kind whose other end is missing or does not belong."""
    if any(one.portfolio_id != portfolio.pk for one in (account, new.to_account) if one is not None):
        raise BadEnd("That account is not one of this portfolio's.")
    if (new.kind == Transfer.Kind.MOVE) != (new.to_account is not None):
        raise BadEnd("A move names the account it goes to, and nothing else does.")
    has_new = new.into is not None and new.received is not None
    if has_new != (new.kind in CONVERTING) or (new.into is None) != (new.received is None):
        raise BadEnd("A migration and a swap name what they bring, and nothing else does.")
    if new.kind == Transfer.Kind.MARGIN and new.instrument is None:
        raise BadEnd("Say which contract the margin belongs to.")
    if new.fee_amount and new.kind not in CHARGED:
        raise BadEnd("Only what leaves an account or is swapped costs a fee.")


def _value(portfolio: Portfolio, new: NewTransfer) -> Decimal | None:
    """Value what moved: stated, else in fiat, else at the market; what was swapped must have a value."""
    if new.kind in (Transfer.Kind.REBASE, Transfer.Kind.MARGIN):
        return None
    value = _worth(portfolio, new.asset, new.quantity, new)
    if value is None and new.kind == Transfer.Kind.SWAP and new.into is not None and new.received is not None:
        value = _worth(portfolio, new.into, new.received, new)
    if value is None and new.kind in (Transfer.Kind.FUNDING, Transfer.Kind.SWAP):
        raise PriceUnknown(f"Say what the {new.kind} was worth in USD: no price of {new.asset} is known at that time.")
    return value


def _worth(portfolio: Portfolio, asset: Asset, quantity: Decimal, new: NewTransfer) -> Decimal | None:
    if asset.kind == Asset.Kind.FIAT:
        return quantity
    if new.into is not None and new.into.kind == Asset.Kind.FIAT:
        return new.received
    if new.value_usd is not None:
        return new.value_usd
    price = price_at(portfolio=portfolio, asset=asset.pk, moment=new.executed_at)
    return None if price is None else exact(quantity * price)


def _network_fee_usd(portfolio: Portfolio, new: NewTransfer) -> Decimal:
    if not new.fee_amount:
        return ZERO
    if new.fee_usd is not None:
        return new.fee_usd
    return exact(new.fee_amount * _price(portfolio, new.fee_asset or new.asset, new.executed_at))


def check_moment(*, portfolio: Portfolio, moment: datetime, now: datetime) -> None:
    """Refuse a moment without a time zone, before there was a market, or in the future."""
    if moment.tzinfo is None:
        raise BadMoment("Give the time zone of this execution.")
    if moment < FIRST_MOMENT:
        raise BadMoment("Nothing was traded before 3 January 2009.")
    if moment > portfolio.clock(now):
        raise BadMoment("This is in the future: log it once it has happened.")


def opposite(fill: Fill, *, now: datetime) -> Fill:
    """Return the unsaved reversal of a fill: the same, the other way, at the same moment, linked to it."""
    return Fill(
        portfolio_id=fill.portfolio_id,
        account_id=fill.account_id,
        executed_at=fill.executed_at,
        recorded_at=now,
        is_imported=fill.is_imported,
        instrument_id=fill.instrument_id,
        side=Fill.Side.SELL if fill.side == Fill.Side.BUY else Fill.Side.BUY,
        quantity=fill.quantity,
        price=fill.price,
        quote_asset_id=fill.quote_asset_id,
        quote_usd=fill.quote_usd,
        fee_amount=fill.fee_amount,
        fee_asset_id=fill.fee_asset_id,
        fee_usd=fill.fee_usd,
        leverage=fill.leverage,
        position_side=fill.position_side,
        margin_mode=fill.margin_mode,
        reason=fill.reason,
        chain=fill.chain,
        reverses=fill,
    )


def _price(portfolio: Portfolio, asset: Asset, moment: datetime) -> Decimal:
    price = ONE if asset.kind == Asset.Kind.FIAT else price_at(portfolio=portfolio, asset=asset.pk, moment=moment)
    if price is None:
        raise PriceUnknown(f"Give the price of {asset} in USD: none is known at that time.")
    return price


def _fee_usd(portfolio: Portfolio, new: NewFill, quote: Asset, quote_usd: Decimal, fee_asset: Asset) -> Decimal:
    """Value the fee: stated, else at the price of the quote, of the fill itself, or of the fee's own asset."""
    if not new.fee_amount:
        return ZERO
    if new.fee_usd is not None:
        return new.fee_usd
    if fee_asset == quote:
        return exact(new.fee_amount * quote_usd)
    if fee_asset == new.instrument.asset and new.instrument.kind == Instrument.Kind.SPOT:
        return exact(exact(new.fee_amount * new.price) * quote_usd)
    return exact(new.fee_amount * _price(portfolio, fee_asset, new.executed_at))
