"""Describe what orders are made of: listings on a venue, what a portfolio holds, and a finished leg (DOMAIN 3.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from enum import StrEnum
from typing import NamedTuple

from portfolio.domain.money import ONE, QUANTUM, ZERO, in_context
from signals.domain.allocation import ATR_FLOOR, ATR_MULTIPLE
from signals.domain.costs import IMPACT

LIMIT_BAND = Decimal("0.005")
_TEN_DIGITS = Context(prec=10)
_SMALLEST_TEN_DIGITS = Decimal("0.0000001")


class Action(StrEnum):
    """Name what a leg does."""

    SELL_SPOT = "SELL_SPOT"
    BUY_SPOT = "BUY_SPOT"
    OPEN_LONG = "OPEN_LONG"
    REDUCE_LONG = "REDUCE_LONG"
    TRIM_OVERLAY = "TRIM_OVERLAY"
    CLOSE_LONG = "CLOSE_LONG"
    OPEN_SHORT_HEDGE = "OPEN_SHORT_HEDGE"
    CLOSE_HEDGE = "CLOSE_HEDGE"


class Purpose(StrEnum):
    """Say why a futures leg exists (DOMAIN F15)."""

    NONE = ""
    AMPLIFY = "AMPLIFY"
    CORE_HEDGE = "CORE_HEDGE"
    RESIDUAL_SPOT_HEDGE = "RESIDUAL_SPOT_HEDGE"
    PREMATURE_ROTATION_INSURANCE = "PREMATURE_ROTATION_INSURANCE"
    YIELD = "YIELD"


class Reason(StrEnum):
    """Say what asks for a leg."""

    STAGE = "STAGE"
    DRIFT = "DRIFT"
    FUNDING = "FUNDING"
    STOPPED_OUT = "STOPPED_OUT"
    LIMITS = "LIMITS"


class Listing(NamedTuple):
    """Describe an instrument as an order sees it; prices in USD, rates are fractions, maintenance counts for perps."""

    instrument_id: int
    asset_id: int
    price: Decimal
    step: Decimal
    min_notional: Decimal
    half_spread: float
    maintenance_rate: Decimal
    maintenance_amount: Decimal
    low: Decimal
    high: Decimal
    swing: Decimal | None
    impact: float


@in_context
def listed(
    *,
    instrument_id: int,
    asset_id: int,
    price: Decimal,
    step: Decimal,
    min_notional: Decimal,
    adv: float,
    half_spread: float,
    sigma_daily: float,
    atr_rate: float,
    maintenance_rate: Decimal = ZERO,
    maintenance_amount: Decimal = ZERO,
) -> Listing:
    """Return a listing with all that its orders have in common worked out once.

    The limit band is half a percent around the price, or the half-spread if that is wider; the swing is 2.5 ATR14 or
    8%, unknown without a range; the impact is what the root of an order's size is multiplied with (DOMAIN 3.4, 3.6).
    """
    band = max(LIMIT_BAND, exactly(half_spread))
    is_deep = adv > 0 and sigma_daily >= 0
    return Listing(
        instrument_id,
        asset_id,
        price,
        step,
        min_notional,
        half_spread,
        maintenance_rate,
        maintenance_amount,
        near(price, ONE - band),
        near(price, ONE + band),
        None if math.isnan(atr_rate) else exactly(max(ATR_MULTIPLE * atr_rate, ATR_FLOOR)),
        IMPACT * sigma_daily / math.sqrt(adv) if is_deep else math.nan,
    )


def exactly(amount: float) -> Decimal:
    """Return a float64 amount or rate as an exact number of 1e-8."""
    return Decimal(round(amount * 1e8)).scaleb(-8)


def near(price: Decimal, factor: Decimal) -> Decimal:
    """Return price x factor with ten significant digits, at most 18 places."""
    found = _TEN_DIGITS.multiply(price, factor)
    return found if found >= _SMALLEST_TEN_DIGITS else found.quantize(QUANTUM)


class Shelf(NamedTuple):
    """Hold a venue's listings and what each sector column is bought with there."""

    spot: Mapping[int, Listing]
    perp: Mapping[int, Listing]
    baskets: Sequence[Sequence[tuple[int, Decimal]]]
    overlay_assets: Sequence[int | None]


class Held(NamedTuple):
    """Hold a free quantity of an asset in a sector column, core already taken out, and the listing that sells it."""

    column: int
    quantity: Decimal
    value: Decimal
    listing: Listing


class OpenPosition(NamedTuple):
    """Hold an open perp: quantity is unsigned, the sign is the side's; column is -1 for a hedge on core."""

    column: int
    quantity: Decimal
    value: Decimal
    listing: Listing


class CoreAsset(NamedTuple):
    """Hold what of an asset is core, in USD, for sharing out a hedge; no leg ever sells it."""

    asset_id: int
    value: Decimal


class Task(NamedTuple):
    """Hold what one accepted decision asks of one portfolio: amounts in USD by sector column, decided in float64."""

    sells: Sequence[float]
    buys: Sequence[float]
    overlay_change: Sequence[float]
    overlay: Sequence[float]
    margin_change: float
    hedge_change: float
    hedge: float
    stage: int
    leverage: Decimal
    stop: float
    stop_rate: Decimal
    spot_fee: Decimal
    futures_fee: Decimal
    min_notional: Decimal
    is_carved: bool
    reason: str
    cut_reason: str
    trim: str
    held: Sequence[Held]
    longs: Sequence[OpenPosition]
    shorts: Sequence[OpenPosition]
    core: Sequence[CoreAsset]


class Leg(NamedTuple):
    """Hold one side of a recommendation, exact, in order of execution (DOMAIN 3.4). Amounts and prices in USD.

    Action, purpose and reason are plain text, the values of their enums: so they are stored as they are.
    """

    position: int
    action: str
    purpose: str
    column: int
    instrument_id: int
    quantity: Decimal
    price: Decimal
    low: Decimal
    high: Decimal
    notional: Decimal
    fee: Decimal
    slippage: Decimal
    margin: Decimal
    leverage: Decimal
    liquidation: Decimal | None
    stop: Decimal | None
    risk: Decimal
    depends_on: int | None
    reason: str
