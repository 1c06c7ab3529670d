"""Turn arrays over days into one result a day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from signals.domain.arrays import Codes, Floats, Instants
from signals.domain.batch import FundingFlag
from signals.domain.funding import FundingHistory
from signals.domain.indicators import Indicator, Reason
from signals.domain.indices import SectorIndices, Weighting
from signals.domain.momentum import Momentum
from signals.domain.open_interest import Interest
from signals.domain.panel import MarketPanel
from signals.domain.params import Params, Table
from signals.domain.priced_in import PricedIn
from signals.domain.regime import RegimeReadings, RegimeState
from signals.domain.results import (
    Contribution,
    DayResult,
    FundingResult,
    InterestResult,
    PricedInResult,
    RegimeResult,
    SectorResult,
    StageResult,
)
from signals.domain.stages import (
    SectorInputs,
    StageInputs,
    StageState,
    ignition_gates,
    is_frozen,
    peak_evidences,
    raised,
)
from signals.domain.strength import Standing, Strength


@dataclass(frozen=True, slots=True)
class DayArrays:
    """Hold all that is computed over T days, before it is cut up; `regimes` starts at the first day to return."""

    days: list[date]
    decided_at: Instants
    indices: SectorIndices
    momentum: Momentum
    readings: RegimeReadings
    regimes: list[RegimeState]
    strengths: list[Strength]
    standing: Standing
    funding: FundingHistory
    interest: tuple[Codes, Floats, Floats]
    priced_in: PricedIn


def known(value: float) -> float | None:
    """Return the number as a plain float, None for NaN."""
    return None if math.isnan(value) else float(value)


def instant(value: np.datetime64) -> datetime | None:
    """Return an aware UTC datetime, None for NaT."""
    return None if np.isnat(value) else datetime.fromtimestamp(int(value.astype("datetime64[s]").astype(int)), UTC)


def stage_inputs(panel: MarketPanel, arrays: DayArrays, *, first: int) -> list[StageInputs]:
    """Return what each close from `first` on says to the stage machine."""
    base = panel.slugs[panel.base]
    return [
        StageInputs(
            day=arrays.days[t],
            regime=arrays.regimes[t - first].regime,
            base=base,
            sectors={slug: _sector_inputs(arrays, t, k) for k, slug in enumerate(panel.slugs)},
        )
        for t in range(first, len(arrays.days))
    ]


def _sector_inputs(arrays: DayArrays, t: int, k: int) -> SectorInputs:
    """Return what one close says about one sector."""
    gate = arrays.priced_in
    has_gate = not (np.isnan(gate.t[t, k]) and np.isnan(gate.share[t, k]))
    return SectorInputs(
        score=known(arrays.standing.scores[t, k]),
        coverage=float(arrays.strengths[k].coverage[t]),
        q=known(arrays.standing.q[t, k]),
        is_q_observed=bool(arrays.standing.is_observed[t, k]),
        rsr=known(arrays.momentum.rsr[t, k]),
        rsm=known(arrays.momentum.rsm[t, k]),
        against=known(arrays.indices.against[t, k]),
        funding=FundingFlag(int(arrays.funding.flags[t, k])),
        interest=Interest(int(arrays.interest[0][t, k])),
        is_priced_in=bool(gate.blocks[t, k]) if has_gate else None,
    )


def day_results(
    panel: MarketPanel,
    arrays: DayArrays,
    states: list[StageState],
    inputs: list[StageInputs],
    *,
    first: int,
    params: Params,
) -> list[DayResult]:
    """Cut the arrays into days; `states` holds one more than `inputs`, the state before the first close."""
    return [
        DayResult(
            day=close.day,
            decided_at=_moment(arrays.decided_at[first + i]),
            base=close.base,
            sectors=tuple(_sector(panel, arrays, first + i, k, params=params) for k in range(len(panel.sectors))),
            regime=_regime(arrays, first + i, arrays.regimes[i], params=params),
            stage=_stage(states[i], states[i + 1], close, params=params),
            params_version=params.version,
        )
        for i, close in enumerate(inputs)
    ]


def _moment(value: np.datetime64) -> datetime:
    """Return an aware UTC datetime."""
    return datetime.fromtimestamp(int(value.astype("datetime64[s]").astype(int)), UTC)


def _sector(panel: MarketPanel, arrays: DayArrays, t: int, k: int, *, params: Params) -> SectorResult:
    """Return one sector's day."""
    item, compared, moves, indices = arrays.strengths[k], arrays.standing, arrays.momentum, arrays.indices
    score = float(item.score[t])
    return SectorResult(
        slug=panel.slugs[k],
        score=score,
        coverage=float(item.coverage[t]),
        is_hidden=bool(np.isnan(compared.scores[t, k])),
        contributions=_contributions(item.indicators, item.points, params.weights[panel.sectors[k].profile], t),
        q=known(compared.q[t, k]),
        is_q_observed=bool(compared.is_observed[t, k]),
        gap=known(compared.gap[t, k]),
        price_share=_share(compared.price_gap[t, k], compared.gap[t, k]),
        is_accelerating=bool(compared.is_accelerating[t, k]),
        rsr=known(moves.rsr[t, k]),
        rsm=known(moves.rsm[t, k]),
        priced_in=_priced_in(panel, arrays.priced_in, t, k),
        funding=_funding(arrays.funding, t, k),
        interest=_interest(arrays.interest, t, k),
        z_spread=known(compared.z_spread[t, k]),
        sigma_relative=known(moves.sigma_relative[t, k]),
        index_level=known(indices.levels[t, k]),
        index_return=known(indices.returns[t, k]),
        weighting=Weighting(int(indices.weighting[t, k])),
        is_frozen=bool(indices.is_frozen[t, k]),
    )


def _share(part: float, whole: float) -> float | None:
    """Return a part over a whole, None where there is nothing to share."""
    return None if not abs(whole) > 1e-9 else known(part / whole)


def _contributions(
    indicators: Mapping[str, Indicator], points: Mapping[str, Floats], weights: Table, t: int
) -> tuple[Contribution, ...]:
    """Return a day's contributions; what has no indicator behind it (tilt, limit) only if it adds something."""
    measured = [
        _contribution(name, item, float(points[name][t]), weights[name], t) for name, item in indicators.items()
    ]
    others = [
        Contribution(name, None, 0.0, 1.0, 0.0, float(series[t]), "", None)
        for name, series in points.items()
        if name not in indicators and series[t] != 0
    ]
    return (*measured, *others)


def _contribution(name: str, item: Indicator, points: float, weight: float, t: int) -> Contribution:
    """Return one indicator's part of a day."""
    return Contribution(
        indicator=name,
        raw=known(item.raw[t]),
        z=float(item.z[t]),
        freshness=float(item.freshness[t]),
        weight=weight,
        points=points,
        reason=Reason(int(item.reason[t])).label,
        observed_at=instant(item.observed_at[t]),
        details=tuple((key, float(series[t])) for key, series in item.details.items() if not math.isnan(series[t])),
        source=item.source,
    )


def _priced_in(panel: MarketPanel, found: PricedIn, t: int, k: int) -> PricedInResult:
    """Return a sector's priced-in measures of a day."""
    event = int(found.event[t, k])
    return PricedInResult(
        share=known(found.share[t, k]),
        t=known(found.t[t, k]),
        car=known(found.car[t, k]),
        expected=known(found.expected[t, k]),
        event_id=panel.events.ids[event] if event >= 0 else None,
        is_leaked=bool(found.is_leaked[t, k]),
        blocks=bool(found.blocks[t, k]),
        warns=bool(found.warns[t, k]),
    )


def _funding(history: FundingHistory, t: int, k: int) -> FundingResult:
    """Return a sector's funding of a day."""
    flag = FundingFlag(int(history.flags[t, k]))
    return FundingResult(known(history.annual[t, k]), known(history.percentile[t, k]), flag)


def _interest(history: tuple[Codes, Floats, Floats], t: int, k: int) -> InterestResult:
    """Return a sector's open interest of a day."""
    names, prices, grown = history
    return InterestResult(Interest(int(names[t, k])), known(prices[t, k]), known(grown[t, k]))


def _regime(arrays: DayArrays, t: int, state: RegimeState, *, params: Params) -> RegimeResult:
    """Return the regime's day."""
    readings = arrays.readings
    return RegimeResult(
        state=state,
        score=float(readings.score[t]),
        coverage=float(readings.coverage[t]),
        contributions=_contributions(readings.components, readings.points, params.regime_weights, t),
        is_range=bool(readings.is_range[t]),
    )


def _stage(before: StageState, after: StageState, close: StageInputs, *, params: Params) -> StageResult:
    """Return the stage's day."""
    watched = raised(before, close) if before.leader is not None else after
    return StageResult(
        state=after,
        dwell=after.dwell(close.day),
        is_changed=(before.stage, before.leader) != (after.stage, after.leader),
        is_frozen=is_frozen(before, close),
        evidences=peak_evidences(watched, close, params=params) if watched.leader is not None else (),
        gates=tuple((slug, ignition_gates(close, slug, params=params)) for slug in close.sectors),
        inputs=close,
    )
