"""Price a plan, state its hurdle, and say how sure anybody can be (DOMAIN 3.5 step 3, 3.6, 3.7; DECISIONS 29, 33)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from portfolio.domain import valuation
from signals.domain.allocation import share_of
from signals.domain.arrays import TOLERANCE, Floats
from signals.domain.batch import Batch, Costs, MarketState, Plan, total
from signals.domain.normal import normal_cdf

IMPACT = 2.0 / 3.0
INTERVALS_PER_DAY = 3.0
REACHABLE_Z = 3.0
DEPEG_BAND, DEPEG_MULTIPLIER = (float(limit) for limit in (valuation.DEPEG_BAND, valuation.DEPEG_MULTIPLIER))
RATE_MAX = Decimal("0.01")
CONFIDENCE_MIN, CONFIDENCE_MAX = 0.05, 0.95
LABELS = ((0.52, "coin flip"), (0.57, "slight edge"), (0.65, "moderate"))
STRONG = "strong (rare, check inputs)"
NOT_REACHABLE = "not reachable at these costs"


class FeeRateError(ValueError):
    """A fee rate that cannot be a fraction of notional: some sources print percent (DOMAIN 2.1 trap 4)."""


@dataclass(frozen=True, slots=True)
class Discount:
    """Take a share off a fee rate from `starts_at` on, up to but not including `ends_at` (DOMAIN F60)."""

    share: Decimal
    starts_at: datetime
    ends_at: datetime | None = None

    def is_active(self, moment: datetime) -> bool:
        """Return whether the discount counts at that moment."""
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


def effective_rate(rate: Decimal, *, discounts: Iterable[Discount], moment: datetime) -> Decimal:
    """Return rate x prod(1 - d) over the active discounts (DOMAIN 3.6); raise `FeeRateError` above 1%."""
    if not Decimal(0) <= rate <= RATE_MAX:
        raise FeeRateError(f"A fee rate of {rate} is more than 1% of notional; it is probably in percent.")
    for discount in discounts:
        if discount.is_active(moment):
            rate *= 1 - discount.share
    return rate


def slippage(size: Floats, *, adv: Floats, half_spread: Floats, sigma_daily: Floats) -> Floats:
    """Return half the spread plus two thirds of the square-root impact, as a rate (DOMAIN 3.6).

    Without a known turnover or volatility the impact is unknown: twice the half-spread stands in (DOMAIN F19).
    """
    is_known = (adv > 0) & (sigma_daily >= 0)
    depth = np.where(is_known, adv, 1.0)
    return np.where(is_known, half_spread + IMPACT * sigma_daily * np.sqrt(size / depth), 2.0 * half_spread)


def counted_for_risk(price: Floats, *, haircut: float | None) -> Floats:
    """Return what a unit of the reserve counts for as margin (DOMAIN F64, E30); fiat has no haircut.

    Never above par, less the issuer's haircut, or twice the distance once it has left its peg by half a percent.
    """
    if haircut is None:
        return price
    distance = np.abs(1.0 - price)
    cut = np.where(distance > DEPEG_BAND + TOLERANCE, np.maximum(haircut, DEPEG_MULTIPLIER * distance), haircut)
    return np.minimum(price, 1.0) * np.maximum(1.0 - cut, 0.0)


def bounded_funding(current: Floats, *, low: Floats, high: Floats) -> Floats:
    """Return the current rate within its own 90-day 10-90% band (DOMAIN 3.6)."""
    return np.clip(current, low, high)


def priced(plan: Plan, batch: Batch, market: MarketState) -> Costs:
    """Return what a plan costs and what it has to earn; spot and overlay each against their own legs."""
    sell_rate = batch.spot_fee + _slip(plan.sell, market)
    buy_rate = batch.spot_fee + _slip(plan.buy, market)
    sold, bought = total(plan.sell), total(plan.buy)
    sale_cost = total(plan.sell * sell_rate)
    paid = np.maximum(bought - sale_cost, 0.0)
    spend = plan.buy * share_of(paid, bought, otherwise=0.0)
    spot_cost = sale_cost + total(spend * buy_rate)
    opened = total(np.maximum(plan.overlay_change, 0.0))
    traded = total(np.abs(plan.overlay_change))
    per_day = INTERVALS_PER_DAY * batch.horizon_days
    carry = total(market.funding_8h[:, None] * np.maximum(plan.overlay_change, 0.0)) * per_day
    funding = total(market.funding_8h[:, None] * plan.overlay) * per_day
    futures_cost = batch.futures_fee * (traded + np.abs(plan.hedge_change))
    moved = np.maximum(sold, bought)
    return Costs(
        sell_rate=sell_rate,
        buy_rate=buy_rate,
        spend=spend,
        spot_cost=spot_cost,
        futures_cost=futures_cost,
        funding=funding,
        spot_hurdle=_over(2.0 * spot_cost, moved),
        overlay_hurdle=_over(2.0 * batch.futures_fee * opened + np.maximum(carry, 0.0), opened),
        hurdle=_over(2.0 * spot_cost + 2.0 * futures_cost + np.maximum(funding, 0.0), moved + traded),
    )


def _slip(size: Floats, market: MarketState) -> Floats:
    """Return each sector's slippage rate for [K, N] order sizes."""
    return slippage(
        size,
        adv=market.adv[:, None],
        half_spread=market.half_spread[:, None],
        sigma_daily=market.sigma_daily[:, None],
    )


def _over(cost: Floats, added: Floats) -> Floats:
    """Return cost per unit added, 0 where nothing is added (DECISIONS 31)."""
    return share_of(cost, added, otherwise=0.0)


def sigma_horizon(sigma_relative: Floats, horizon_days: Floats) -> Floats:
    """Return the volatility of the relative price over the horizon (DOMAIN 3.7)."""
    return sigma_relative * np.sqrt(horizon_days / 365.0)


def expected_alpha(*, ic: float, z: Floats, sigma: Floats) -> Floats:
    """Return Grinold's IC x z x volatility (DOMAIN 3.7)."""
    return ic * z * sigma


def z_needed(needed: Floats, *, ic: float, sigma: Floats) -> Floats:
    """Return the z of the score gap at which alpha meets the need; infinite where no z does (DECISIONS 29)."""
    per_z = ic * sigma
    reachable = np.divide(needed, per_z, out=np.full(needed.shape, np.inf), where=per_z > 0)
    return np.where(needed > 0, reachable, 0.0)


def confidence(
    *,
    alpha: Floats,
    hurdle: Floats,
    sigma: Floats,
    ic: float,
    coverage: Floats,
    calibration: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
) -> Floats:
    """Return the chance that the move beats its costs, shrunk by coverage, calibrated, clamped (DOMAIN 3.7)."""
    spread = sigma * math.sqrt(1.0 - ic * ic)
    edge = np.divide(alpha - hurdle, spread, out=np.zeros(alpha.shape), where=spread > 0)
    chance = normal_cdf(np.nan_to_num(edge))
    chance = 0.5 + (chance - 0.5) * np.clip(np.nan_to_num(coverage), 0.0, 1.0)
    if calibration is not None:
        chance = np.interp(chance, *calibration)
    return np.clip(chance, CONFIDENCE_MIN, CONFIDENCE_MAX)


def confidence_label(chance: float) -> str:
    """Return the word for a confidence (DOMAIN 3.7)."""
    return next((word for below, word in LABELS if chance < below), STRONG)


def reach_label(needed_z: float) -> str:
    """Return "not reachable at these costs" above a z of 3, else nothing (DECISIONS 29)."""
    return NOT_REACHABLE if needed_z > REACHABLE_Z else ""


def shrunk_ic(*, estimate: float, count: int, prior: float = 0.05, prior_count: int = 200) -> float:
    """Return the IC re-estimated from resolved recommendations, shrunk to the prior, never below 0 (DOMAIN 3.7)."""
    return max((count * estimate + prior_count * prior) / (count + prior_count), 0.0)


def break_even(rate: float) -> tuple[float, float]:
    """Return the one-way and round-trip return that two, and four, legs at this cost rate must earn (DOMAIN 3.7)."""
    kept = 1.0 - rate
    return 1.0 / kept**2 - 1.0, 1.0 / kept**4 - 1.0
