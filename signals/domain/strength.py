"""Add indicators up to a sector's score: contributions sum to its distance from 50 (DOMAIN 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from signals.domain.arrays import NAN, TOLERANCE, Bools, Floats, Ints
from signals.domain.indicators import Indicator
from signals.domain.momentum import minus_others
from signals.domain.normalise import percentile, robust_z
from signals.domain.params import Params, Table
from signals.domain.regime import Regime
from signals.domain.windows import by_column, shifted

TILT, LIMIT = "tilt", "limit"
NEUTRAL = 50.0
PRICE_INDICATORS = ("rs", "xs_mom")


@dataclass(frozen=True, slots=True)
class Strength:
    """Hold one sector's score over T days, and each contribution's points, which add up to score - 50."""

    score: Floats
    coverage: Floats
    points: Mapping[str, Floats]
    indicators: Mapping[str, Indicator]

    def is_hidden(self, params: Params) -> Bools:
        """Return on which days too little fresh data stands behind the score (DOMAIN 2.4)."""
        return is_below(self.coverage, params.coverage_visible)


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold how the sectors' visible scores stand to one another over T days and K sectors (DOMAIN 2.4, 3.3).

    `gap` is the score minus the mean of the others, `price_gap` the part of it that is relative price, `q` its
    percentile (a fallback by points while `is_observed` is false), `z_spread` its robust z.
    """

    scores: Floats
    gap: Floats
    price_gap: Floats
    q: Floats
    is_observed: Bools
    z_spread: Floats
    is_accelerating: Bools


def is_below(coverage: Floats, limit: float) -> Bools:
    """Compare coverage with a limit, with a tolerance for rounding (DECISIONS 21)."""
    return coverage < limit - TOLERANCE


def strength(indicators: Mapping[str, Indicator], weights: Table, *, tilt: Floats, params: Params) -> Strength:
    """Compute score, coverage and contributions: 50/3 w f z each; a missing one adds nothing (DOMAIN 2.4).

    What the regime adds stands as `tilt`, what keeps the score within 0 and 100 as `limit`.
    """
    points = {name: params.points_per_z * weights[name] * item.freshness * item.z for name, item in indicators.items()}
    points[TILT] = tilt
    raw = NEUTRAL + np.sum(list(points.values()), axis=0)
    score = np.clip(raw, 0.0, 100.0)
    points[LIMIT] = score - raw
    coverage = np.sum([weights[name] * item.freshness for name, item in indicators.items()], axis=0)
    return Strength(score, coverage, points, indicators)


def tilts(regimes: Ints, table: Table) -> Floats:
    """Return the points a profile gets in each day's regime."""
    by_code = np.array([table.get(regime.name, 0.0) for regime in Regime])
    return by_code[regimes]


def standing(strengths: list[Strength], *, params: Params) -> Standing:
    """Compare the sectors' scores; a hidden score is unknown (DOMAIN 2.4, 3.3; DECISIONS 24, 35)."""
    hidden = np.stack([item.is_hidden(params) for item in strengths], axis=1)
    scores = np.where(hidden, NAN, np.stack([item.score for item in strengths], axis=1))
    price = np.where(hidden, NAN, np.stack([_price_points(item) for item in strengths], axis=1))
    gap = minus_others(scores)
    window, minimum = params.percentile_window, params.percentile_minimum
    ranked = by_column(lambda column: percentile(column, window=window, minimum=minimum), gap)
    return Standing(
        scores=scores,
        gap=gap,
        price_gap=minus_others(price),
        q=np.where(np.isnan(ranked), gap_fallback(gap, params=params), ranked),
        is_observed=~np.isnan(ranked),
        z_spread=by_column(lambda column: robust_z(column, params=params).z, gap),
        is_accelerating=is_accelerating(scores, ranked, params=params),
    )


def _price_points(item: Strength) -> Floats:
    """Return the points that come from relative price (DECISIONS 35)."""
    parts = [item.points[name] for name in PRICE_INDICATORS if name in item.points]
    return np.sum(parts, axis=0) if parts else np.zeros(len(item.score))


def gap_fallback(gap: Floats, *, params: Params) -> Floats:
    """Return q from the gap in points while there are fewer than 90 observations (DOMAIN 3.3)."""
    low, even, high = params.gap_percentiles
    fallback = np.where(gap >= params.gap_high, high, np.where(gap <= -params.gap_high, low, even))
    return np.where(np.isnan(gap), NAN, fallback)


def is_accelerating(scores: Floats, ranked: Floats, *, params: Params) -> Bools:
    """Return where a score rose by 5 points in 7 days and its lead is large for the year (DOMAIN F31)."""
    rise = scores - shifted(scores, days=params.acceleration_days)
    return (rise >= params.acceleration_points) & (ranked >= params.acceleration_percentile)
