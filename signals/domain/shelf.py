"""Describe what orders are made of: listings on a venue, what a portfolio holds, and a finished leg (DOMAIN 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

ZERO = Decimal(0)


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
    YIELD = "YIELD"


class Reason(StrEnum):
    """Say what asks for a leg."""

    STAGE = "STAGE"
    DRIFT = "DRIFT"
    FUNDING = "FUNDING"
    STOPPED_OUT = "STOPPED_OUT"
    LIMITS = "LIMITS"


class Listing(NamedTuple):
    """Describe an instrument as an order sees it: price in USD, quantity step, the venue's smallest order, depth.

    `adv` is USD a day, `half_spread` and `sigma_daily` are fractions; unknown numbers are NaN. `atr_rate` is ATR14 over
    price. Maintenance terms count for perps only.
    """

    instrument_id: int
    asset_id: int
    price: Decimal
    step: Decimal
    min_notional: Decimal
    adv: float
    half_spread: float
    sigma_daily: float
    atr_rate: float
    maintenance_rate: Decimal = ZERO
    maintenance_amount: Decimal = ZERO


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
    stop_rate: float
    spot_fee: Decimal
    futures_fee: Decimal
    min_notional: Decimal
    is_carved: bool
    reason: Reason
    cut_reason: Reason
    trim: Action
    held: Sequence[Held]
    longs: Sequence[OpenPosition]
    shorts: Sequence[OpenPosition]
    core: Sequence[CoreAsset]


class Leg(NamedTuple):
    """Hold one side of a recommendation, exact, in order of execution (DOMAIN 3.4). Amounts and prices in USD."""

    position: int
    action: Action
    purpose: Purpose
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
    reason: Reason
