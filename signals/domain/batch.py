"""Hold what the engine reads and writes: portfolios as arrays, one market, one answer each (DOMAIN 3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any

import numpy as np

from signals.domain.arrays import Bools, Floats, Ints

IC_PRIOR = 0.05
MONTHLY_TURNOVER = 1.2
CODES = 16


class StageCode(IntEnum):
    """Number the four stages for arrays (DOMAIN 3.3); the names are the codes that are stored."""

    SC = 0
    NI = 1
    PR = 2
    RE = 3


class FundingFlag(IntEnum):
    """Number the funding labels for arrays (DOMAIN 2.6); UNKNOWN is a gate that nobody could read."""

    UNKNOWN = -1
    NORMAL = 0
    COLD = 1
    EXTREME_LOW = 2
    HOT = 3
    EXTREME_HIGH = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """Describe N portfolios over K sectors. Arrays are [N] or [N, K]; amounts in USD, rates and weights are fractions.

    `margin` is what was carved out of a sleeve; `stable` includes margin posted from the reserve (DECISIONS 31), and
    `stable_risk` is what that counts for as margin: never above par, less a haircut that grows off the peg (F64).
    `core_hedge` is at most zero. `leader` and `base` are sector columns, -1 where there is none. `leader_share`,
    `futures_ratio` and `leverage` are those of the row's own stage: a positive ratio is an overlay, a negative
    one a hedge.
    """

    spot: Floats
    margin: Floats
    overlay: Floats
    policy_split: Floats
    core_hedge: Floats
    core: Floats
    stable: Floats
    stable_risk: Floats
    stage: Ints
    leader: Ints
    base: Ints
    leader_share: Floats
    futures_ratio: Floats
    leverage: Floats
    carves: Bools
    stable_floor: Floats
    band: Floats
    max_turnover: Floats
    min_notional: Floats
    safety: Floats
    horizon_days: Floats
    stop_rate: Floats
    max_leverage: Floats
    max_overlay: Floats
    max_risk: Floats
    spot_fee: Floats
    futures_fee: Floats
    is_changed: Bools
    turned_30d: Floats
    is_stopped: Bools
    is_cost_aware: Bools
    is_stale: Bools
    has_unpriced_pool: Bools
    has_unpriced_rest: Bools

    def __len__(self) -> int:
        """Count the portfolios."""
        return int(self.core.shape[0])

    @property
    def sector_count(self) -> int:
        """Count the sectors."""
        return int(self.spot.shape[1])

    def take(self, rows: Any) -> Batch:
        """Return the selected portfolios, in that order."""
        return Batch(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, slots=True)
class MarketState:
    """Describe the market at one moment, by sector [K]; unknown numbers are NaN.

    `has_known_gates` tells that funding, open interest and priced-in could all be read (DECISIONS 20).
    `funding_8h`, `slippage` inputs and maintenance rates are fractions; `adv` is USD a day over the default basket.
    """

    defensiveness: Floats
    score: Floats
    coverage: Floats
    z_spread: Floats
    sigma_relative: Floats
    funding_flag: Ints
    has_known_gates: Bools
    has_perp: Bools
    funding_8h: Floats
    adv: Floats
    half_spread: Floats
    sigma_daily: Floats
    maintenance: Floats
    atr_rate: Floats
    is_risk_off: bool = False
    ic: float = IC_PRIOR
    has_known_core_gates: bool = True
    core_maintenance: float = 0.01
    core_atr_rate: float = float("nan")
    calibration: tuple[tuple[float, ...], tuple[float, ...]] | None = None


class SpotVerdict(IntEnum):
    """Say what became of the spot legs of a row."""

    NONE = 0
    REDUCES_RISK = 1
    PAYS = 2
    BELOW_HURDLE = 3
    LOW_COVERAGE = 4


class OverlayVerdict(IntEnum):
    """Say what became of the overlay; from BELOW_HURDLE on a wanted long stays unopened or is closed."""

    NONE = 0
    REDUCES_RISK = 1
    PAYS = 2
    BELOW_HURDLE = 3
    LOW_COVERAGE = 4
    WAITS_FOR_SPOT = 5
    UNKNOWN_GATE = 6
    EXTREME_FUNDING = 7
    NOT_OPTED_IN = 8
    NO_PERP = 9
    NO_MARGIN = 10
    STOPPED_OUT = 11
    UNPRICED = 12


class HedgeVerdict(IntEnum):
    """Say what became of the core hedge."""

    NONE = 0
    OPENED = 1
    REDUCED = 2
    UNKNOWN_GATE = 3
    NOT_OPTED_IN = 4
    UNPRICED = 5


class Outcome(IntEnum):
    """Say in one word what the engine answers; everything but TRADE is a refusal, and a refusal is an answer."""

    TRADE = 0
    NOTHING_TO_DO = 1
    BELOW_HURDLE = 2
    LOW_COVERAGE = 3
    BLOCKED_GATE = 4
    NO_MARGIN = 5
    STALE_INPUT = 6
    UNPRICED_HOLDING = 7
    EMPTY_POOL = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold the trades a stage asks for, [K, N] or [N], before anything is judged (DOMAIN 3.5 steps 1-2)."""

    pool: Floats
    equity: Floats
    weights: Floats
    sell: Floats
    buy: Floats
    overlay: Floats
    margin: Floats
    overlay_change: Floats
    hedge: Floats
    hedge_change: Floats
    target: Ints
    leverage: Floats
    stop: Floats
    liquidation: Floats
    overlay_block: Ints
    hedge_block: Ints


@dataclass(frozen=True, slots=True)
class Costs:
    """Hold what a plan costs, sector-major [K, N] or [N] (DOMAIN 3.5 step 3, 3.7; DECISIONS 29)."""

    sell_rate: Floats
    buy_rate: Floats
    spend: Floats
    spot_cost: Floats
    futures_cost: Floats
    funding: Floats
    spot_hurdle: Floats
    overlay_hurdle: Floats
    hurdle: Floats


@dataclass(frozen=True, slots=True)
class Decision:
    """Hold one answer a portfolio: accepted legs by sector [N, K], the numbers behind them [N], and the verdicts.

    `needed_alpha` is safety times the hurdle of the group that had to pay; `needed_z` is the z that would clear it.
    Hurdles and alpha are returns over the horizon; `one_r` sums the futures legs, `spot_one_r` is only shown. What the
    stage wanted before anybody judged it stays visible in `wanted_*`, `source` and `destination` (-1 for none).
    """

    weights: Floats
    sell: Floats
    buy: Floats
    spend: Floats
    overlay: Floats
    overlay_change: Floats
    margin_change: Floats
    hedge_change: Floats
    pool: Floats
    equity: Floats
    target: Ints
    leverage: Floats
    stop: Floats
    liquidation: Floats
    spot_cost: Floats
    futures_cost: Floats
    funding: Floats
    hurdle: Floats
    alpha: Floats
    needed_alpha: Floats
    z_now: Floats
    needed_z: Floats
    confidence: Floats
    one_r: Floats
    spot_one_r: Floats
    wanted_spot: Floats
    wanted_overlay: Floats
    source: Ints
    destination: Ints
    outcome: Ints
    spot_verdict: Ints
    overlay_verdict: Ints
    hedge_verdict: Ints
    is_trade: Bools = field(init=False)

    def __post_init__(self) -> None:
        """Derive which rows trade."""
        object.__setattr__(self, "is_trade", self.outcome == Outcome.TRADE)

    def __len__(self) -> int:
        """Count the portfolios."""
        return int(self.outcome.shape[0])


def major(values: Floats) -> Floats:
    """Return an [N, K] array as a contiguous [K, N] one."""
    return np.ascontiguousarray(values.T)


def total(values: Floats) -> Floats:
    """Add the rows of [K, N] one after the other, so that a portfolio's sum does not depend on its company."""
    result: Floats = values[0].copy()
    for row in values[1:]:
        result += row
    return result


def is_at(index: Ints, count: int) -> Bools:
    """Return [K, N], true where the sector is the row's `index`; nowhere for -1."""
    found: Bools = np.arange(count)[:, None] == index
    return found


def is_any(codes: Ints, members: Sequence[int]) -> Bools:
    """Return where a verdict or an outcome is one of some; codes are small."""
    table = np.zeros(CODES, np.bool_)
    table[list(members)] = True
    found: Bools = table[codes]
    return found


def largest(values: Floats) -> Ints:
    """Return the sector of the largest value of each portfolio, the first of equals; quicker than argmax on [K, N]."""
    best, place = values[0].copy(), np.zeros(values.shape[1], np.int64)
    for sector, row in enumerate(values[1:], start=1):
        is_larger = row > best
        best[is_larger], place[is_larger] = row[is_larger], sector
    return place


def any_of(flags: Bools) -> Bools:
    """Return whether a portfolio's flag is set in any sector, [K, N] to [N]."""
    found: Bools = flags[0].copy()
    for row in flags[1:]:
        found |= row
    return found
