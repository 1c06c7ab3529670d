"""Compute every day's scores, regime and stage from a panel: live, back-filled or replayed alike (DOMAIN 2-3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from signals.domain.arrays import NAN, Bools, Codes, Floats, Ints
from signals.domain.assembly import DayArrays, day_results, stage_inputs
from signals.domain.funding import asset_funding, sector_funding
from signals.domain.indices import sector_indices
from signals.domain.momentum import momentum
from signals.domain.open_interest import asset_interest, grouped_interest
from signals.domain.panel import MarketPanel
from signals.domain.params import Params
from signals.domain.priced_in import priced_in
from signals.domain.regime import Regime, RegimeReadings, RegimeState, regime_readings
from signals.domain.regime import run as run_regime
from signals.domain.results import DayResult
from signals.domain.sector_indicators import Sources, sector_indicators, sources
from signals.domain.stages import StageState
from signals.domain.stages import step as stage_step
from signals.domain.strength import Strength, standing, strength, tilts


@dataclass(frozen=True, slots=True)
class Resume:
    """Hold where an earlier run ended: the day, both states after it, and the regime of each day up to it."""

    day: date
    regime: RegimeState
    stage: StageState
    regimes: Mapping[date, Regime]


def compute(panel: MarketPanel, *, params: Params, resume: Resume | None = None) -> list[DayResult]:
    """Return the results of every day of the panel, or of the days after `resume`, in order.

    Windows always look back over the panel; only regime and stage remember. A day's result depends on nothing that was
    dated or ingested after its decision time.
    """
    days: list[date] = panel.dates.astype("datetime64[D]").tolist()
    first = 0 if resume is None else sum(day <= resume.day for day in days)
    if first >= len(days):
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        arrays = _arrays(panel, days, first=first, params=params, resume=resume)
        return _staged(panel, arrays, first=first, params=params, resume=resume)


def _arrays(panel: MarketPanel, days: list[date], *, first: int, params: Params, resume: Resume | None) -> DayArrays:
    """Compute everything that needs no stage."""
    indices = sector_indices(panel, params=params)
    moves = momentum(indices, params=params)
    rates, interest = asset_funding(panel, params=params), asset_interest(panel, params=params)
    readings = regime_readings(panel, rates=rates, interest=interest, params=params)
    states = _regime_states(readings, days, first=first, params=params, resume=resume)
    shared = sources(panel, indices=indices, momentum=moves, params=params, first=first)
    strengths = _strengths(shared, _regime_codes(states, days, first=first, resume=resume))
    dollars = interest.values * panel.closes
    return DayArrays(
        days=days,
        decided_at=panel.decision_times(params),
        indices=indices,
        momentum=moves,
        readings=readings,
        regimes=states,
        strengths=strengths,
        standing=standing(strengths, params=params),
        funding=sector_funding(panel, rates.values, dollars, params=params),
        interest=_sector_interest(panel, interest.values, params=params),
        priced_in=priced_in(panel, _running_returns(indices.returns, indices.is_frozen), params=params),
    )


def _running_returns(returns: Floats, is_frozen: Bools) -> Floats:
    """Return index returns without the days on which the index stood still for want of members."""
    return np.where(is_frozen, NAN, returns)


def _regime_states(
    readings: RegimeReadings, days: list[date], *, first: int, params: Params, resume: Resume | None
) -> list[RegimeState]:
    """Step the regime through the days to be computed."""
    state = RegimeState() if resume is None else resume.regime
    return run_regime(readings, days, first=first, state=state, params=params)


def _regime_codes(states: list[RegimeState], days: list[date], *, first: int, resume: Resume | None) -> Ints:
    """Return the regime of every day: as it was stored, then as it was stepped."""
    stored = resume.regimes if resume is not None else {}
    past = [int(stored.get(day, Regime.CONSOLIDATION)) for day in days[:first]]
    return np.array([*past, *(int(state.regime) for state in states)], np.int64)


def _strengths(shared: Sources, regimes: Ints) -> list[Strength]:
    """Compute every sector's score."""
    params = shared.params
    return [
        strength(
            sector_indicators(shared, k),
            params.weights[sector.profile],
            tilt=tilts(regimes, params.tilts[sector.profile]),
            params=params,
        )
        for k, sector in enumerate(shared.panel.sectors)
    ]


def _sector_interest(panel: MarketPanel, interest: Floats, *, params: Params) -> tuple[Codes, Floats, Floats]:
    """Return every sector's open-interest quadrant and the changes behind it, [T, K] each."""
    columns = [
        grouped_interest(panel, interest, panel.memberships[:, :, k] > 0, params=params)
        for k in range(len(panel.sectors))
    ]
    codes, prices, grown = zip(*columns, strict=True)
    return np.stack(codes, axis=1), np.stack(prices, axis=1), np.stack(grown, axis=1)


def _staged(
    panel: MarketPanel, arrays: DayArrays, *, first: int, params: Params, resume: Resume | None
) -> list[DayResult]:
    """Step the stage machine through the days and assemble their results."""
    state = StageState() if resume is None else _reread(panel, arrays, resume)
    inputs = stage_inputs(panel, arrays, first=first)
    states = [state]
    for close in inputs:
        states.append(stage_step(states[-1], close, params=params))
    return day_results(panel, arrays, states, inputs, first=first, params=params)


def _reread(panel: MarketPanel, arrays: DayArrays, resume: Resume) -> StageState:
    """Return the stored stage with its price high read again from the history: its scale is the panel's."""
    state = resume.stage
    if state.leader is None or state.leader not in panel.slugs or state.since is None:
        return state
    path = arrays.indices.against[:, panel.slugs.index(state.leader)]
    span = [x for day, x in zip(arrays.days, path.tolist(), strict=True) if state.since <= day <= resume.day]
    return replace(state, against_high=max((x for x in span if not math.isnan(x)), default=None))
