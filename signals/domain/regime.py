"""Tell risk-on, consolidation and risk-off apart, with hysteresis and two closes (DOMAIN 2.5; DECISIONS 25)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

import numpy as np

from signals.domain.activity import fear_greed_indicator, market_breadth, stablecoin_indicator
from signals.domain.alignment import AssetReadings
from signals.domain.arrays import NAN, TOLERANCE, Bools, Codes, Floats
from signals.domain.funding import weighted_mean, weights_in_dollars
from signals.domain.indicators import Indicator, Reason, indicator
from signals.domain.normalise import Standardised, percentile, robust_z
from signals.domain.open_interest import Interest, grouped_interest
from signals.domain.panel import MarketPanel
from signals.domain.params import Params
from signals.domain.windows import (
    finite,
    log_change,
    mean_and_deviation,
    mean_of,
    rolling_mean,
    shifted,
    trailing,
)

NEUTRAL = 50.0


class Regime(IntEnum):
    """Number the regimes for arrays; the names are the codes that are stored."""

    CONSOLIDATION = 0
    RISK_ON = 1
    RISK_OFF = 2


@dataclass(frozen=True, slots=True)
class RegimeState:
    """Hold where the regime stands: since when, what it wants to become, and for how many closes it has wanted that."""

    regime: Regime = Regime.CONSOLIDATION
    since: date | None = None
    wanted: Regime | None = None
    count: int = 0
    frozen_since: date | None = None


@dataclass(frozen=True, slots=True)
class RegimeInputs:
    """Hold what one close says: the score R, its coverage, BTC_RANGE, and whether the market asset has no price."""

    day: date
    score: float
    coverage: float = 1.0
    is_range: bool = False
    is_halted: bool = False


@dataclass(frozen=True, slots=True)
class RegimeReadings:
    """Hold R over T days with its coverage, components and points; points add up to R - 50."""

    score: Floats
    coverage: Floats
    components: Mapping[str, Indicator]
    points: Mapping[str, Floats]
    is_range: Bools
    is_halted: Bools


def step(state: RegimeState, inputs: RegimeInputs, *, params: Params) -> RegimeState:
    """Take one close into account: freeze, count, or switch (DOMAIN 2.5, DECISIONS 25)."""
    if inputs.is_halted or inputs.coverage < params.regime_coverage - TOLERANCE:
        return replace(state, wanted=None, count=0, frozen_since=state.frozen_since or inputs.day)
    state = replace(state, since=state.since or inputs.day, frozen_since=None)
    wanted = wanted_regime(state.regime, inputs, params=params)
    if wanted == state.regime:
        return replace(state, wanted=None, count=0)
    count = state.count + 1 if wanted == state.wanted else 1
    if count < params.regime_confirm:
        return replace(state, wanted=wanted, count=count)
    return RegimeState(regime=wanted, since=inputs.day)


def wanted_regime(current: Regime, inputs: RegimeInputs, *, params: Params) -> Regime:
    """Return what one close asks for, given where the regime stands (DECISIONS 25)."""
    score = inputs.score
    if inputs.is_range and params.range_risk_off < score < params.range_risk_on:
        return Regime.CONSOLIDATION
    if score >= params.enter_risk_on:
        return Regime.RISK_ON
    if score <= params.enter_risk_off:
        return Regime.RISK_OFF
    stays_on = current == Regime.RISK_ON and score >= params.leave_risk_on
    stays_off = current == Regime.RISK_OFF and score <= params.leave_risk_off
    return current if stays_on or stays_off else Regime.CONSOLIDATION


def regime_readings(
    panel: MarketPanel, *, rates: AssetReadings, interest: AssetReadings, params: Params
) -> RegimeReadings:
    """Compute R = 50 + 50/3 sum v f z from every component (DOMAIN 2.5)."""
    components = {
        "trend": _trend(panel, params=params),
        "breadth": market_breadth(panel, params=params),
        "derivatives": _derivatives(panel, interest, params=params),
        "stablecoins": stablecoin_indicator(panel, params=params),
        "fear_greed": fear_greed_indicator(panel, params=params, centre=NEUTRAL),
        "funding": _funding(panel, rates, interest, params=params),
    }
    weights = params.regime_weights
    points = {n: params.points_per_z * weights[n] * c.freshness * c.z for n, c in components.items()}
    return RegimeReadings(
        score=NEUTRAL + np.sum(list(points.values()), axis=0),
        coverage=np.sum([weights[name] * c.freshness for name, c in components.items()], axis=0),
        components=components,
        points=points,
        is_range=is_market_range(panel.close_of(params.market_asset), params=params),
        is_halted=np.isnan(panel.close_of(params.market_asset)),
    )


def _trend(panel: MarketPanel, *, params: Params) -> Indicator:
    """Return ln(P / SMA50) of the market asset, about zero."""
    close = panel.close_of(params.market_asset)
    mean = rolling_mean(close, days=params.trend_days, minimum=params.trend_days_minimum)
    trend = finite(np.log(close / mean))
    reason = np.where(np.isnan(close), Reason.MISSING, Reason.TOO_SHORT).astype(np.int8)
    return indicator(trend, robust_z(trend, params=params, centre=0.0), reason=reason)


def is_market_range(close: Floats, *, params: Params) -> Bools:
    """Return BTC_RANGE: little net movement for its path, at low volatility for the year (DOMAIN F11)."""
    path = np.abs(close - shifted(close, days=1))
    walked = np.sum(trailing(path, width=params.range_days), axis=1)
    gone = np.abs(close - shifted(close, days=params.range_days))
    efficiency = np.divide(gone, walked, out=np.full(len(close), NAN), where=walked > 0)
    windows = trailing(log_change(close, days=1), width=params.range_volatility_days)
    volatility = mean_and_deviation(windows, minimum=params.range_volatility_days)[1]
    rank = percentile(volatility, window=params.percentile_window, minimum=params.percentile_minimum)
    is_calm = rank < params.range_volatility_percentile
    return np.asarray((efficiency < params.range_efficiency) & is_calm, np.bool_)


def _is_core(panel: MarketPanel, params: Params) -> Bools:
    """Return [T, A], the two assets whose derivatives stand for the market."""
    core = np.isin(np.array(panel.assets, dtype=str), (params.market_asset, params.collateral_asset))
    return np.broadcast_to(core, panel.closes.shape)


def _derivatives(panel: MarketPanel, interest: AssetReadings, *, params: Params) -> Indicator:
    """Return the points of the core's open-interest quadrant; already a z (DOMAIN 2.5)."""
    is_core = _is_core(panel, params)
    names, _, grown = grouped_interest(panel, interest.values, is_core, params=params)
    points = np.zeros(len(panel))
    for quadrant in Interest:
        points[names == quadrant] = params.quadrant_points.get(quadrant.name, 0.0)
    scored = Standardised(np.where(names == Interest.UNKNOWN, NAN, points), np.zeros(len(panel), np.bool_))
    fresh = _core_freshness(interest, is_core)
    details = {"quadrant": names.astype(np.float64)}
    return indicator(grown, scored, reason=_reason(fresh), freshness=np.nan_to_num(fresh), details=details)


def _funding(panel: MarketPanel, rates: AssetReadings, interest: AssetReadings, *, params: Params) -> Indicator:
    """Return z of the core's funding, weighted by open interest, else by volume (DOMAIN 2.5)."""
    is_core = _is_core(panel, params)
    weights = weights_in_dollars(panel, np.where(is_core, interest.values * panel.closes, NAN))
    funding = weighted_mean(np.where(is_core, rates.values, NAN), weights)
    fresh = _core_freshness(rates, is_core)
    scored = robust_z(funding, params=params)
    return indicator(funding, scored, reason=_reason(fresh), freshness=np.nan_to_num(fresh))


def _core_freshness(readings: AssetReadings, is_core: Bools) -> Floats:
    """Return the mean freshness of the core assets that have a reading, NaN where none has."""
    return mean_of(np.where(is_core & ~np.isnan(readings.values), readings.freshness, NAN), axis=1)


def _reason(fresh: Floats) -> Codes:
    """Say whether nothing is there or too little of it."""
    return np.where(np.isnan(fresh), Reason.MISSING, Reason.TOO_SHORT).astype(np.int8)


def run(
    readings: RegimeReadings, days: list[date], *, first: int, state: RegimeState, params: Params
) -> list[RegimeState]:
    """Step through the closes from `first` on and return the state after each."""
    states: list[RegimeState] = []
    for t in range(first, len(days)):
        inputs = RegimeInputs(
            day=days[t],
            score=float(readings.score[t]),
            coverage=float(readings.coverage[t]),
            is_range=bool(readings.is_range[t]),
            is_halted=bool(readings.is_halted[t]),
        )
        state = step(state, inputs, params=params)
        states.append(state)
    return states
