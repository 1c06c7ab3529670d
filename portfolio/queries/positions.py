"""Show a futures position: what it gains, and where it would be liquidated (DOMAIN 4.2, 4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.domain.expiry import days_to_expiry, expiry_alert
from portfolio.domain.exposure import freed_capital
from portfolio.domain.futures import MarginMode, PositionSide, unrealized
from portfolio.domain.margin import (
    Convention,
    Marked,
    Wallet,
    bankruptcy_price,
    cross_wallet,
    distance,
    liquidation_price,
    nearness,
)
from portfolio.domain.money import ZERO, exact, in_context
from portfolio.domain.valuation import Quoted
from portfolio.models import Account, Asset, Instrument, Portfolio, Position
from portfolio.queries.events import domain_position
from portfolio.queries.sectors import Belonging


@dataclass(frozen=True, kw_only=True)
class PositionLine:
    """Show a futures position; prices and margin in the quote asset, the rest in USD. Notional is signed."""

    pk: int
    account: Account
    instrument: Instrument
    quote_asset: Asset
    quantity: Decimal
    entry_price: Decimal
    entry_cost: Decimal
    margin: Decimal
    leverage: Decimal | None
    mark: Decimal | None
    unrealized: Decimal | None
    unrealized_usd: Decimal | None
    notional_usd: Decimal | None
    realized_usd: Decimal
    fees_usd: Decimal
    funding_usd: Decimal
    liquidation_price: Decimal | None
    bankruptcy_price: Decimal | None
    opened_at: datetime | None
    settle_quoted: Quoted | None
    asset_quoted: Quoted | None
    belonging: Belonging
    position_side: str
    margin_mode: str
    chain: str
    expires_at: datetime | None
    days_left: Decimal | None
    expiry_alert: int | None

    @property
    def side(self) -> str:
        """Return LONG or SHORT."""
        return "LONG" if self.quantity > 0 else "SHORT"

    @property
    @in_context
    def liquidation_distance(self) -> Decimal | None:
        """Return how far the mark is from liquidation, as a fraction of the mark (DOMAIN 4.3)."""
        return None if self.mark is None else distance(mark=self.mark, price=self.liquidation_price)

    @property
    def is_plain(self) -> bool:
        """Tell whether a leg of a rotation can trade it: a linear perpetual of one unit, not in hedge mode."""
        its = self.instrument
        is_linear = not its.is_inverse and its.expires_at is None and its.contract_size == 1
        return is_linear and self.position_side == PositionSide.NET

    @property
    def nearness(self) -> str:
        """Return `near` or `very near` where liquidation is, else nothing."""
        return nearness(self.liquidation_distance)

    @property
    @in_context
    def margin_usd(self) -> Decimal | None:
        """Return what the margin is worth."""
        return None if self.settle_quoted is None else exact(self.margin * self.settle_quoted.price)

    @property
    @in_context
    def freed_usd(self) -> Decimal | None:
        """Return what the position need not be paid with: its entry value less its margin (F47)."""
        if self.settle_quoted is None or not self.leverage:
            return None
        return freed_capital(notional=exact(self.entry_cost * self.settle_quoted.price), leverage=self.leverage)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Hold what stands behind cross positions: every balance and every open position, by account."""

    held: Mapping[tuple[int, int], Decimal]
    rows: Sequence[Position]

    def wallet(self, row: Position, quotes: Mapping[int, Quoted]) -> Wallet | None:
        """Return what stands behind a position: its own margin, or in cross mode all that the others leave.

        The other side of the same contract is no other position at a fixed gain: it moves with this one.
        """
        if row.margin_mode != MarginMode.CROSS:
            return None
        others = [other for other in self.rows if other.pk != row.pk and _shares_wallet(row, other)]
        isolated = sum((other.margin for other in others if other.margin_mode != MarginMode.CROSS), ZERO)
        balance = self.held.get((row.account_id, row.quote_asset_id), ZERO) - isolated
        crossed = [other for other in others if other.margin_mode == MarginMode.CROSS]
        return cross_wallet(
            balance=balance,
            others=[_marked(other, quotes) for other in crossed if other.instrument_id != row.instrument_id],
            beside=[domain_position(other) for other in crossed if other.instrument_id == row.instrument_id],
        )


def open_positions(*, portfolio: Portfolio) -> list[Position]:
    """Return the positions that are open, with what names them. One query."""
    rows = Position.objects.filter(portfolio=portfolio).exclude(quantity=ZERO).order_by("pk")
    return list(rows.select_related("account", "instrument__asset", "instrument__venue", "quote_asset"))


@in_context
def position_lines(
    *,
    rows: Sequence[Position],
    held: Mapping[tuple[int, int], Decimal],
    quotes: Mapping[int, Quoted],
    where: Mapping[int, Belonging],
    moment: datetime,
) -> tuple[PositionLine, ...]:
    """Return open positions at the market's prices; `held` gives balances by account and asset."""
    accounts = Accounts(held=held, rows=[row for row in rows if row.quantity])
    return tuple(
        _line(row, quotes, where[row.instrument.asset_id], accounts.wallet(row, quotes), moment)
        for row in accounts.rows
    )


def mark_of(*, is_inverse: bool, of_asset: Quoted | None, of_settle: Quoted | None) -> Decimal | None:
    """Return the market's price of a contract's asset: in USD where it is inverse, else in what it settles in."""
    if of_asset is None or of_settle is None:
        return None
    return of_asset.price if is_inverse else exact(of_asset.price / of_settle.price)


def _line(
    row: Position, quotes: Mapping[int, Quoted], belonging: Belonging, wallet: Wallet | None, moment: datetime
) -> PositionLine:
    position, instrument, expires = domain_position(row), row.instrument, row.instrument.expires_at
    of_asset, of_quote = quotes.get(instrument.asset_id), quotes.get(row.quote_asset_id)
    mark = mark_of(is_inverse=row.is_inverse, of_asset=of_asset, of_settle=of_quote)
    gain = None if mark is None else unrealized(position=position, mark=mark)
    return PositionLine(
        pk=row.pk,
        account=row.account,
        instrument=instrument,
        quote_asset=row.quote_asset,
        quantity=row.quantity,
        entry_price=row.entry_price,
        entry_cost=row.entry_cost,
        margin=row.margin,
        leverage=position.leverage,
        mark=mark,
        unrealized=gain,
        unrealized_usd=None if gain is None or of_quote is None else exact(gain * of_quote.price),
        notional_usd=_notional(row, of_asset),
        realized_usd=row.realized_pnl_usd,
        fees_usd=row.fees_usd,
        funding_usd=row.funding_usd,
        liquidation_price=_liquidation(row, wallet),
        bankruptcy_price=bankruptcy_price(position),
        opened_at=row.opened_at,
        settle_quoted=of_quote,
        asset_quoted=of_asset,
        belonging=belonging,
        position_side=row.position_side,
        margin_mode=row.margin_mode,
        chain=row.chain,
        expires_at=expires,
        days_left=None if expires is None else days_to_expiry(expires_at=expires, now=moment),
        expiry_alert=expiry_alert(expires_at=expires, now=moment),
    )


def _liquidation(row: Position, wallet: Wallet | None) -> Decimal | None:
    """Return where a position is liquidated, by the venue's convention if that is known (DOMAIN 4.3)."""
    stated = row.instrument.venue.liquidation_convention
    return liquidation_price(
        position=domain_position(row),
        tiers=row.instrument.maintenance_tiers(),
        wallet=wallet,
        convention=Convention(stated) if stated else None,
        closing_fee=row.instrument.closing_fee_rate,
    )


def _notional(row: Position, of_asset: Quoted | None) -> Decimal | None:
    """Return the signed notional in USD: an inverse contract's size is in USD already."""
    quantity: Decimal = row.quantity
    if row.is_inverse:
        return quantity
    return None if of_asset is None else exact(quantity * of_asset.price)


def _shares_wallet(one: Position, other: Position) -> bool:
    return (one.account_id, one.quote_asset_id) == (other.account_id, other.quote_asset_id)


def _marked(row: Position, quotes: Mapping[int, Quoted]) -> Marked:
    """Return another position at its mark; without one it neither gains nor loses."""
    settle = quotes.get(row.quote_asset_id)
    mark = mark_of(is_inverse=row.is_inverse, of_asset=quotes.get(row.instrument.asset_id), of_settle=settle)
    tiers = row.instrument.maintenance_tiers()
    return Marked(domain_position(row), row.entry_price if mark is None else mark, tiers)
