"""Turn raw histories into comparable numbers: robust z, percentile, freshness (DOMAIN 2.4)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from signals.domain.arrays import NAN, Bools, Codes, Floats
from signals.domain.params import Params
from signals.domain.windows import middle, quantile, trailing

_MAD_TO_SIGMA = 0.6745
_IQR_TO_SIGMA = 1.349
_ZERO = 1e-12


class Standardised(NamedTuple):
    """Hold z-scores and the days on which the window did not move at all (z = 0, flagged)."""

    z: Floats
    is_constant: Bools


def robust_scores(
    values: Floats, windows: Floats, *, minimum: int, clip: float, centre: float | None = None
) -> Standardised:
    """Standardise values [N] against windows [N, W] by median and MAD, clipped (DOMAIN 2.4, DECISIONS 25).

    With a `centre` the deviations are taken about it instead of the median. Where the MAD is 0 the interquartile range
    stands in, then the standard deviation; where that is 0 too, z = 0 and the day is flagged constant.
    """
    count = np.sum(~np.isnan(windows), axis=1)
    ordered = np.sort(windows, axis=1)
    middles = middle(ordered, count) if centre is None else np.full(len(values), centre)
    scale = _scale(windows, ordered=ordered, middles=middles)
    known = (count >= minimum) & ~np.isnan(values)
    constant = known & (scale <= 0)
    with np.errstate(invalid="ignore"):
        z = np.clip((values - middles) / np.where(scale > 0, scale, np.inf), -clip, clip)
    return Standardised(np.where(known, z, NAN), constant)


def _scale(windows: Floats, *, ordered: Floats, middles: Floats) -> Floats:
    """Return each window's sigma: MAD / .6745, else IQR / 1.349, else standard deviation, else 0."""
    count = np.sum(~np.isnan(windows), axis=1)
    distance = np.abs(windows - middles[:, None])
    zero = _ZERO * np.max(np.where(np.isnan(windows), 0.0, np.abs(windows)), axis=1, initial=0.0)
    scale = middle(np.sort(distance, axis=1), count) / _MAD_TO_SIGMA
    flat = scale <= zero
    if not flat.any():
        return scale
    spread = (quantile(ordered, count, 0.75) - quantile(ordered, count, 0.25)) / _IQR_TO_SIGMA
    deviation = np.sqrt(np.nansum(distance**2, axis=1) / np.maximum(count - 1, 1))
    spread = np.where(spread > zero, spread, np.where(deviation > zero, deviation, 0.0))
    return np.where(flat, spread, scale)


def robust_z(
    values: Floats, *, params: Params, centre: float | None = None, kinds: Codes | None = None
) -> Standardised:
    """Standardise each day of [T] against the window that ends the day before (DOMAIN 2.4).

    Where `kinds` is given, a day is compared only with days of the same kind (DECISIONS 23).
    """
    windows = trailing(values, width=params.z_window, lag=1)
    if kinds is not None:
        kind = kinds.astype(np.float64)
        windows = np.where(trailing(kind, width=params.z_window, lag=1) == kind[:, None], windows, NAN)
    return robust_scores(values, windows, minimum=params.z_minimum, clip=params.z_clip, centre=centre)


def percentiles(values: Floats, windows: Floats, *, minimum: int) -> Floats:
    """Return the mid-rank share of each window [N, W] that lies below its value, NaN below `minimum` (DOMAIN 2.4)."""
    count = np.sum(~np.isnan(windows), axis=1)
    less = np.sum(windows < values[:, None], axis=1)
    equal = np.sum(windows == values[:, None], axis=1)
    share = (less + 0.5 * equal) / np.maximum(count, 1)
    return np.where((count >= minimum) & ~np.isnan(values), share, NAN)


def percentile(values: Floats, *, window: int, minimum: int) -> Floats:
    """Return each day's mid-rank percentile in the window that ends the day before."""
    return percentiles(values, trailing(values, width=window, lag=1), minimum=minimum)


def freshness(age_hours: Floats | float, *, fresh: Floats | float, stale: Floats | float) -> Floats:
    """Return 1 up to `fresh`, falling linearly to 0 at `stale`; an unknown age is 0 (DOMAIN 2.4)."""
    span = np.maximum(np.subtract(stale, fresh), _ZERO)
    return np.where(np.isnan(age_hours), 0.0, np.clip((stale - age_hours) / span, 0.0, 1.0))
