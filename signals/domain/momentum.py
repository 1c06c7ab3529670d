"""Measure sectors against each other: relative strength, its momentum, 28-day return (DOMAIN 2.8; DECISIONS 22, 24)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from signals.domain.arrays import NAN, Bools, Floats
from signals.domain.indices import SectorIndices
from signals.domain.normalise import robust_z
from signals.domain.params import Params
from signals.domain.windows import by_column, finite, mean_and_deviation, mean_of, shifted, trailing

_FLAT = 1e-12
_DAYS_A_YEAR = 365.0


class Quadrant(StrEnum):
    """Name where a sector stands on the rotation map."""

    LEADING = "LEADING"
    WEAKENING = "WEAKENING"
    LAGGING = "LAGGING"
    IMPROVING = "IMPROVING"


@dataclass(frozen=True, slots=True)
class Momentum:
    """Hold RSR, RSM (100 is neutral), the 28-day return and its z over T days and K sectors.

    `sigma_relative` is the annualised deviation of ln(I_k / the others), NaN before there are enough days.
    """

    rsr: Floats
    rsm: Floats
    cross: Floats
    cross_return: Floats
    sigma_relative: Floats


def momentum(indices: SectorIndices, *, params: Params) -> Momentum:
    """Compute every measure of relative price of all sectors (DOMAIN 2.8)."""
    rsr = by_column(lambda ratio: ratio_score(ratio, params=params), indices.relative)
    rsm = by_column(lambda ratio: ratio_momentum(ratio, params=params), rsr)
    excess = excess_return(indices.levels, params=params)
    return Momentum(
        rsr=rsr,
        rsm=rsm,
        cross=cross_score(indices.levels, params=params),
        cross_return=excess,
        sigma_relative=sigma_relative(indices, params=params),
    )


def ratio_score(ratio: Floats, *, params: Params) -> Floats:
    """Return 100 + z of the ratio over the 90 values ending that day, all required (DOMAIN 2.8, DECISIONS 24)."""
    width = params.ratio_window
    mean, deviation = mean_and_deviation(trailing(ratio, width=width), minimum=width)
    moves = deviation > _FLAT * np.abs(mean)
    z = np.where(moves, (ratio - mean) / np.where(moves, deviation, 1.0), 0.0)
    return np.where(np.isnan(deviation), NAN, 100.0 + z)


def ratio_momentum(rsr: Floats, *, params: Params) -> Floats:
    """Return 100 + z of RSR's relative change over 7 days (DOMAIN 2.8)."""
    width = params.ratio_window
    change = finite(rsr / shifted(rsr, days=params.ratio_step) - 1.0)
    mean, deviation = mean_and_deviation(trailing(change, width=width), minimum=width)
    z = np.where(deviation > _FLAT, (change - mean) / np.where(deviation > _FLAT, deviation, 1.0), 0.0)
    return np.where(np.isnan(deviation), NAN, 100.0 + z)


def map_quadrant(rsr: float | None, rsm: float | None) -> Quadrant | None:
    """Return where a sector stands on the map, None while either axis is unknown (DOMAIN 2.8)."""
    if rsr is None or rsm is None:
        return None
    if rsr >= 100.0:
        return Quadrant.LEADING if rsm >= 100.0 else Quadrant.WEAKENING
    return Quadrant.IMPROVING if rsm >= 100.0 else Quadrant.LAGGING


def formation_return(levels: Floats, *, params: Params) -> Floats:
    """Return the 28-day return that ends the day before (DOMAIN 2.8: skipping the last day)."""
    last = shifted(levels, days=params.momentum_skip)
    return last / shifted(last, days=params.momentum_window) - 1.0


def excess_return(levels: Floats, *, params: Params) -> Floats:
    """Return each sector's 28-day return minus the mean of the others' (DECISIONS 22)."""
    return minus_others(formation_return(levels, params=params))


def minus_others(values: Floats) -> Floats:
    """Return each column minus the mean of the other columns that have a value."""
    others = [mean_of(np.delete(values, k, axis=1), axis=1) for k in range(values.shape[1])]
    return values - np.stack(others, axis=1)


def cross_score(levels: Floats, *, params: Params) -> Floats:
    """Standardise the 28-day return: by ranks from five sectors on, else by its own history (DECISIONS 22)."""
    if levels.shape[1] >= params.ranks_from:
        return rank_scores(formation_return(levels, params=params))
    excess = excess_return(levels, params=params)
    return by_column(lambda column: robust_z(column, params=params).z, excess)


def rank_scores(values: Floats) -> Floats:
    """Return (rank - mean rank) / population deviation of ranks in each row, ties sharing their mean rank."""
    known = ~np.isnan(values)
    below = np.sum(known[:, None, :] & (values[:, None, :] < values[:, :, None]), axis=2)
    equal = np.sum(known[:, None, :] & (values[:, None, :] == values[:, :, None]), axis=2)
    ranks = np.where(known, below + (equal + 1) / 2.0, NAN)
    mean = mean_of(ranks, axis=1)
    deviation = np.sqrt(mean_of((ranks - mean[:, None]) ** 2, axis=1))[:, None]
    return np.where(known, (ranks - mean[:, None]) / np.where(deviation > 0, deviation, 1.0), NAN)


def sigma_relative(indices: SectorIndices, *, params: Params) -> Floats:
    """Return the annualised deviation of 90 daily log changes of I_k over the others, from 60 on (DECISIONS 24)."""
    change = finite(np.log1p(indices.returns) - np.log1p(indices.others))
    width, minimum = params.relative_window, params.relative_minimum
    return by_column(
        lambda column: mean_and_deviation(trailing(column, width=width), minimum=minimum)[1] * np.sqrt(_DAYS_A_YEAR),
        change,
    )


def is_usable(known: Floats, is_frozen: Bools) -> Bools:
    """Return where a measure of relative price may be used: known, and the index not frozen (DECISIONS 23)."""
    return ~np.isnan(known) & ~is_frozen
