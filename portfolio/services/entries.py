"""Turn what a person or an import states into ledger rows: fill in what is known, refuse what cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from portfolio.domain.money import ONE, ZERO, Refusal, exact, in_context
from portfolio.models import Account, Asset, Fill, Instrument, Portfolio, Transfer
from portfolio.queries.prices import price_at

FIRST_MOMENT = datetime(2009, 1, 3, tzinfo=UTC)


class PriceUnknown(Refusal):
    """Refuse to guess what something was worth."""


class BadMoment(Refusal):
    """Refuse a moment at which nothing can have been traded."""


class KeyReused(Refusal):
    """Refuse an id that already names something else."""


@dataclass(frozen=True, kw_only=True)
class NewFill:
    """State one execution; what is left out is filled in from the portfolio and its market's prices.

    `quote_usd` is USD per unit of the quote asset; `fee_usd` is what the whole fee was worth.
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


@dataclass(frozen=True, kw_only=True)
class NewTransfer:
    """State one deposit, withdrawal, income or funding payment; funding carries its sign in the quantity."""

    kind: str
    asset: Asset
    quantity: Decimal
    executed_at: datetime
    cost_usd: Decimal | None = None
    value_usd: Decimal | None = None
    acquired_at: datetime | None = None
    instrument: Instrument | None = None
    account: Account | None = None
    external_id: str = ""


@in_context
def fill_row(*, portfolio: Portfolio, new: NewFill, account: Account, now: datetime, is_imported: bool) -> Fill:
    """Return the unsaved row of a fill, its quote and fee valued in USD."""
    check_moment(portfolio=portfolio, moment=new.executed_at, now=now)
    quote = new.quote_asset or portfolio.reserve_asset
    quote_usd = new.quote_usd or _price(portfolio, quote, new.executed_at)
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
    )


@in_context
def transfer_row(
    *, portfolio: Portfolio, new: NewTransfer, account: Account, now: datetime, is_imported: bool
) -> Transfer:
    """Return the unsaved row of a transfer, at its market value where that is known."""
    check_moment(portfolio=portfolio, moment=new.executed_at, now=now)
    value = new.quantity if new.asset.kind == Asset.Kind.FIAT else new.value_usd
    if value is None:
        price = price_at(portfolio=portfolio, asset=new.asset.pk, moment=new.executed_at)
        value = None if price is None else exact(new.quantity * price)
    if value is None and new.kind == Transfer.Kind.FUNDING:
        raise PriceUnknown(f"Say what the funding was worth in USD: no price of {new.asset} is known at that time.")
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
        value_usd=value,
        acquired_at=new.acquired_at,
        instrument=new.instrument,
    )


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
