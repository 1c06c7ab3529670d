"""Measure how deep and how restless an asset's market is, from its daily closes (DECISIONS 32-33)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any, NamedTuple

VOLUME_DAYS = 30
ATR_DAYS = 14
STRENGTH_DAYS = 28
RETURNS_MIN = 20
NAN = math.nan


class Depth(NamedTuple):
    """Hold 30-day mean volume in USD, daily volatility, ATR14 over price, and the 28-day return; NaN is unknown.

    Daily closes have no high and low: the range of a day is the move from close to close.
    """

    adv: float
    sigma: float
    atr: float
    strength: float


UNKNOWN_DEPTH = Depth(NAN, NAN, NAN, NAN)


def depth_of(closes: Sequence[Sequence[Any]]) -> Depth:
    """Return the depth of an asset from rows of (price, volume, scope, …), oldest first."""
    prices = [float(row[0]) for row in closes]
    returns = [after / before - 1.0 for before, after in pairwise(prices)][-VOLUME_DAYS:]
    moves = [abs(after - before) for before, after in pairwise(prices)][-ATR_DAYS:]
    return Depth(
        adv=_mean_volume(closes[-VOLUME_DAYS:]),
        sigma=stdev(returns) if len(returns) >= RETURNS_MIN else NAN,
        atr=fmean(moves) / prices[-1] if len(moves) == ATR_DAYS else NAN,
        strength=prices[-1] / prices[-1 - STRENGTH_DAYS] - 1.0 if len(prices) > STRENGTH_DAYS else NAN,
    )


def _mean_volume(closes: Sequence[Sequence[Any]]) -> float:
    """Return the mean volume of the newest scope: volumes of different scope are not mixed (DECISIONS 19)."""
    scope = closes[-1][2] if closes else ""
    volumes = [float(row[1]) for row in closes if row[1] is not None and row[2] == scope]
    return fmean(volumes) if volumes else NAN
