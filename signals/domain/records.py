"""Write results as plain records that can be stored, and read states back from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from signals.domain.batch import StageCode as Stage
from signals.domain.indicators import CATALOGUE
from signals.domain.normalise import freshness
from signals.domain.params import Params
from signals.domain.regime import Regime, RegimeState
from signals.domain.results import Contribution, DayResult, RegimeResult, SectorResult, StageResult
from signals.domain.stages import StageState, Wanted

Record = dict[str, Any]

READING_OF: Mapping[str, str] = {
    "tvl": "tvl",
    "l2": "l2_share",
    "dex_volume": "dex_volume",
    "sentiment": "fear_greed",
    "fear_greed": "fear_greed",
    "stablecoins": "stablecoins",
}


def contribution_record(item: Contribution) -> Record:
    """Write one contribution with its unit, window and tag (DOMAIN 2.4: explanation object)."""
    spec = CATALOGUE[item.indicator]
    return {
        "indicator": item.indicator,
        "points": item.points,
        "z": item.z,
        "weight": item.weight,
        "freshness": item.freshness,
        "raw": item.raw,
        "unit": spec.unit,
        "window_days": spec.window_days,
        "tag": spec.tag,
        "reason": item.reason,
        "observed_at": _written(item.observed_at),
        "source": item.source,
        "details": dict(item.details),
    }


def contribution_records(items: Iterable[Contribution]) -> list[Record]:
    """Write contributions in their order."""
    return [contribution_record(item) for item in items]


def sector_details(result: SectorResult) -> Record:
    """Write what a sector's day holds beside score, coverage and contributions."""
    return {
        "is_hidden": result.is_hidden,
        "q": result.q,
        "is_q_observed": result.is_q_observed,
        "gap": result.gap,
        "price_share": result.price_share,
        "is_accelerating": result.is_accelerating,
        "rsr": result.rsr,
        "rsm": result.rsm,
        "quadrant": result.quadrant,
        "priced_in": asdict(result.priced_in),
        "funding": {**asdict(result.funding), "flag": result.funding.flag.name},
        "interest": {**asdict(result.interest), "quadrant": result.interest.quadrant.name},
        "z_spread": result.z_spread,
        "sigma_relative": result.sigma_relative,
        "index_level": result.index_level,
        "index_return": result.index_return,
        "weighting": result.weighting.name,
        "is_frozen": result.is_frozen,
    }


def regime_state_record(result: RegimeResult) -> Record:
    """Write what a regime needs to go on."""
    state = result.state
    return {
        "since": _written(state.since),
        "wanted": None if state.wanted is None else state.wanted.name,
        "count": state.count,
        "is_range": result.is_range,
    }


def regime_state(code: str, record: Mapping[str, Any], *, frozen_since: date | None) -> RegimeState:
    """Read a regime's state back."""
    return RegimeState(
        regime=Regime[code],
        since=_day(record["since"]),
        wanted=None if record["wanted"] is None else Regime[record["wanted"]],
        count=record["count"],
        frozen_since=frozen_since,
    )


def stage_state_record(state: StageState) -> Record:
    """Write what the stage machine needs to go on, beside stage, leader, since and reason."""
    return {
        "wanted": None if state.wanted is None else [state.wanted.stage.name, state.wanted.leader],
        "count": state.count,
        "against_high": state.against_high,
        "score_high": state.score_high,
    }


def stage_state(code: str, leader: str | None, record: Mapping[str, Any], *, since: date, reason: str) -> StageState:
    """Read the stage machine's state back."""
    wanted = record["wanted"]
    return StageState(
        stage=Stage[code],
        leader=leader,
        since=since,
        wanted=None if wanted is None else Wanted(Stage[wanted[0]], wanted[1]),
        count=record["count"],
        against_high=record["against_high"],
        score_high=record["score_high"],
        reason=reason,
    )


def stage_evidence(result: StageResult) -> Record:
    """Write what spoke for leaving the stage and what the next ignition lacks; "k of n" (DECISIONS 26)."""
    return {
        "evidences": [evidence._asdict() for evidence in result.evidences],
        "held": result.held_count,
        "observable": result.observable_count,
        "gates": {slug: [gate._asdict() for gate in gates] for slug, gates in result.gates},
        "dwell": result.dwell,
        "is_changed": result.is_changed,
        "is_frozen": result.is_frozen,
    }


def day_record(result: DayResult) -> Record:
    """Write a whole day: everything the engine may rest on."""
    state, regime = result.stage.state, result.regime
    return {
        "day": _written(result.day),
        "decided_at": _written(result.decided_at),
        "params_version": result.params_version,
        "base": result.base,
        "sectors": {
            sector.slug: {
                "score": sector.score,
                "coverage": sector.coverage,
                "contributions": contribution_records(sector.contributions),
                **sector_details(sector),
            }
            for sector in result.sectors
        },
        "regime": {
            "code": regime.state.regime.name,
            "score": regime.score,
            "coverage": regime.coverage,
            "contributions": contribution_records(regime.contributions),
            "frozen_since": _written(regime.state.frozen_since),
            **regime_state_record(regime),
        },
        "stage": {
            "code": state.stage.name,
            "leader": state.leader,
            "since": _written(state.since),
            "reason": state.reason,
            **stage_state_record(state),
            **stage_evidence(result.stage),
        },
    }


def freshness_record(result: DayResult, *, closes_at: datetime, moment: datetime, params: Params) -> Record:
    """Measure at a moment how old the close and the readings behind a day are, in hours (DOMAIN 2.4)."""
    items = {i.indicator: i for sector in result.sectors for i in sector.contributions}
    items |= {i.indicator: i for i in result.regime.contributions}
    age = _hours(closes_at, moment)
    return {
        "measured_at": _written(moment),
        "close": {"age_hours": age, "is_stale": age > params.close_stale_hours},
        "readings": {
            name: _reading_age(items[name].observed_at, moment, params.limits[key])
            for name, key in READING_OF.items()
            if name in items
        },
    }


def _reading_age(observed_at: datetime | None, moment: datetime, limits: tuple[float, float]) -> Record:
    """Measure one reading's age; one nobody had is stale."""
    if observed_at is None:
        return {"age_hours": None, "freshness": 0.0, "is_stale": True}
    age = _hours(observed_at, moment)
    share = float(freshness(age, fresh=limits[0], stale=limits[1]))
    return {"age_hours": age, "freshness": share, "is_stale": share <= 0}


def _hours(start: datetime, end: datetime) -> float:
    """Return the hours between two moments."""
    return (end - start).total_seconds() / 3600.0


def _written(moment: date | None) -> str | None:
    """Write a day or a moment, None for none."""
    return None if moment is None else moment.isoformat()


def _day(text: str | None) -> date | None:
    """Read a day."""
    return None if text is None else date.fromisoformat(text)
