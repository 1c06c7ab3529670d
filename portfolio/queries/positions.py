"""Show a futures position: what it gains, and where it would be liquidated (DOMAIN 4.2, 4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.domain.futures import unrealized
from portfolio.domain.margin import Tier, bankruptcy_price, distance, liquidation_price
from portfolio.domain.money import ZERO, exact, in_context
from portfolio.domain.valuation import Quoted
from portfolio.models import Account, Asset, Instrument, Position
from portfolio.queries.events import domain_position
from portfolio.queries.sectors import Belonging


@dataclass(frozen=True, kw_only=True)
class PositionLine:
    """Show a futures position; prices and margin in the quote asset, the rest in USD. Notional is signed."""

    account: Account
    instrument: Instrument
    quote_asset: Asset
    quantity: Decimal
    entry_price: Decimal
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
    belonging: Belonging

    @property
    def side(self) -> str:
        """Return LONG or SHORT."""
        return "LONG" if self.quantity > 0 else "SHORT"

    @property
    @in_context
    def liquidation_distance(self) -> Decimal | None:
        """Return how far the mark is from liquidation, as a fraction of the mark (DOMAIN 4.3)."""
        return None if self.mark is None else distance(mark=self.mark, price=self.liquidation_price)


@in_context
def position_line(*, row: Position, quotes: Mapping[int, Quoted], where: Mapping[int, Belonging]) -> PositionLine:
    """Return a position at the market's prices."""
    position, instrument = domain_position(row), row.instrument
    of_asset, of_quote = quotes.get(instrument.asset_id), quotes.get(row.quote_asset_id)
    mark = None if of_asset is None or of_quote is None else exact(of_asset.price / of_quote.price)
    gain = None if mark is None else unrealized(position=position, mark=mark)
    tier = Tier(ZERO, instrument.maintenance_rate or ZERO, instrument.maintenance_amount)
    return PositionLine(
        account=row.account,
        instrument=instrument,
        quote_asset=row.quote_asset,
        quantity=row.quantity,
        entry_price=row.entry_price,
        margin=row.margin,
        leverage=position.leverage,
        mark=mark,
        unrealized=gain,
        unrealized_usd=None if gain is None or of_quote is None else exact(gain * of_quote.price),
        notional_usd=None if of_asset is None else exact(row.quantity * of_asset.price),
        realized_usd=row.realized_pnl_usd,
        fees_usd=row.fees_usd,
        funding_usd=row.funding_usd,
        liquidation_price=liquidation_price(position=position, tiers=[tier]),
        bankruptcy_price=bankruptcy_price(position),
        opened_at=row.opened_at,
        settle_quoted=of_quote,
        belonging=where[instrument.asset_id],
    )
