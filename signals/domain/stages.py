"""Step the stage machine through daily closes: its rules are data, its step is pure (DOMAIN 3.3; DECISIONS 26)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from signals.domain.arrays import TOLERANCE
from signals.domain.batch import FundingFlag
from signals.domain.batch import StageCode as Stage
from signals.domain.open_interest import UNWINDING, Interest
from signals.domain.params import Params
from signals.domain.regime import Regime


class IllegalSwitchError(ValueError):
    """Say that no rule leads from one stage to another."""


@dataclass(frozen=True, slots=True)
class SectorInputs:
    """Hold what one close says about a sector; None is unknown. `against` is its index over the others'."""

    score: float | None = None
    coverage: float = 0.0
    q: float | None = None
    is_q_observed: bool = True
    rsr: float | None = None
    rsm: float | None = None
    against: float | None = None
    funding: FundingFlag = FundingFlag.UNKNOWN
    interest: Interest = Interest.UNKNOWN
    is_priced_in: bool | None = None


@dataclass(frozen=True, slots=True)
class StageInputs:
    """Hold what one close says: the regime and every sector by name; `base` is the most defensive one."""

    day: date
    regime: Regime
    base: str
    sectors: Mapping[str, SectorInputs]


class Wanted(NamedTuple):
    """Name a stage and its leader (None in SC)."""

    stage: Stage
    leader: str | None


@dataclass(frozen=True, slots=True)
class StageState:
    """Hold where the machine stands, since when, what it wants next and for how many closes, and the stage's highs."""

    stage: Stage = Stage.SC
    leader: str | None = None
    since: date | None = None
    wanted: Wanted | None = None
    count: int = 0
    against_high: float | None = None
    score_high: float | None = None
    reason: str = "start"

    def dwell(self, day: date) -> int:
        """Return the days since the last switch, 0 on the day of the switch."""
        return (day - self.since).days if self.since else 0


class Evidence(NamedTuple):
    """Hold one sign that the leader has peaked; None is not observable."""

    code: str
    holds: bool | None


class Gate(NamedTuple):
    """Hold one condition of an ignition: whether it passes, and whether it could be read at all (DECISIONS 20, 26)."""

    code: str
    passes: bool
    is_known: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """Hold what a rule looks at."""

    state: StageState
    inputs: StageInputs
    params: Params

    @property
    def dwell(self) -> int:
        """Return the days in this stage."""
        return self.state.dwell(self.inputs.day)

    @property
    def leader(self) -> SectorInputs:
        """Return what the close says about the leader; nothing where there is none."""
        return self.inputs.sectors.get(self.state.leader or "", SectorInputs())

    @property
    def is_base_leading(self) -> bool:
        """Return whether the leader is the base itself."""
        return self.state.leader == self.inputs.base


def step(state: StageState, inputs: StageInputs, *, params: Params) -> StageState:
    """Take one close into account: freeze, keep, count towards a switch, or switch (DOMAIN 3.3, DECISIONS 26)."""
    state = raised(replace(state, since=state.since or inputs.day), inputs)
    if is_frozen(state, inputs):
        return replace(state, wanted=None, count=0)
    found = wanted(Situation(state, inputs, params))
    if found is None:
        return replace(state, wanted=None, count=0)
    target, reason = found
    count = state.count + 1 if target == state.wanted else 1
    if count < params.stage_confirm:
        return replace(state, wanted=target, count=count)
    return switched(state, target, inputs=inputs, reason=reason)


def switched(state: StageState, target: Wanted, *, inputs: StageInputs, reason: str) -> StageState:
    """Enter a stage with fresh highs. Raises IllegalSwitchError for a pair that no rule knows."""
    if (state.stage, target.stage) not in LEGAL:
        raise IllegalSwitchError(f"No rule leads from {state.stage.name} to {target.stage.name}.")
    return entered(target, inputs=inputs, reason=reason)


def entered(target: Wanted, *, inputs: StageInputs, reason: str) -> StageState:
    """Return a stage on its first day, with its leader's values as highs; also how a person sets a stage by hand."""
    leader = inputs.sectors.get(target.leader or "", SectorInputs())
    return StageState(
        stage=target.stage,
        leader=target.leader,
        since=inputs.day,
        against_high=leader.against,
        score_high=leader.score,
        reason=reason,
    )


def raised(state: StageState, inputs: StageInputs) -> StageState:
    """Return the state with the leader's highs of this stage brought up to date."""
    leader = inputs.sectors.get(state.leader or "", SectorInputs())
    return replace(
        state,
        against_high=_highest(state.against_high, leader.against),
        score_high=_highest(state.score_high, leader.score),
    )


def _highest(*values: float | None) -> float | None:
    """Return the largest known value, None where none is known."""
    return max((value for value in values if value is not None), default=None)


def is_frozen(state: StageState, inputs: StageInputs) -> bool:
    """Return whether a hidden score stops the machine: the base's, the leader's, or all but one (DECISIONS 26)."""
    visible = {slug for slug, sector in inputs.sectors.items() if sector.score is not None}
    needed = {inputs.base, state.leader or inputs.base}
    return len(visible) < 2 or not needed <= visible


def peak_evidences(state: StageState, inputs: StageInputs, *, params: Params) -> tuple[Evidence, ...]:
    """Return the five signs that the leader has peaked, those that cannot be observed as None (DOMAIN 3.3)."""
    leader = inputs.sectors.get(state.leader or "", SectorInputs())
    return (
        Evidence("FUNDING_EXTREME", _unless(FundingFlag.UNKNOWN, leader.funding, (FundingFlag.EXTREME_HIGH,))),
        Evidence("WEAKENING", _is_weakening(leader)),
        Evidence("DRAWDOWN", _has_fallen(state.against_high, leader.against, params.peak_drawdown)),
        Evidence("OPEN_INTEREST", _unless(Interest.UNKNOWN, leader.interest, UNWINDING)),
        Evidence("SCORE_FALL", _has_dropped(state.score_high, leader.score, params.peak_score_fall)),
    )


def _unless(unknown: int, value: int, signs: tuple[int, ...]) -> bool | None:
    """Return whether a label is one of the signs, None where it is unknown."""
    return None if value == unknown else value in signs


def _is_weakening(leader: SectorInputs) -> bool | None:
    """Return whether the leader is ahead but losing momentum."""
    if leader.rsr is None or leader.rsm is None:
        return None
    return leader.rsr >= 100.0 and leader.rsm < 100.0


def _has_fallen(high: float | None, now: float | None, share: float) -> bool | None:
    """Return whether a value lies at least a share below its high."""
    if high is None or now is None:
        return None
    return 1.0 - now / high >= share - TOLERANCE


def _has_dropped(high: float | None, now: float | None, points: float) -> bool | None:
    """Return whether a value lies at least some points below its high."""
    if high is None or now is None:
        return None
    return high - now >= points - TOLERANCE


def count_of(evidences: tuple[Evidence, ...]) -> int:
    """Count the evidences that hold."""
    return sum(evidence.holds is True for evidence in evidences)


def ignition_gates(inputs: StageInputs, slug: str, *, params: Params) -> tuple[Gate, ...]:
    """Return every condition under which a sector may ignite.

    A missing q, score or RSM fails; missing funding or priced-in passes, and is said (DECISIONS 20, 26, 27).
    """
    sector = inputs.sectors[slug]
    fits = inputs.regime == Regime.RISK_ON or (slug == inputs.base and inputs.regime == Regime.CONSOLIDATION)
    q = sector.q if sector.is_q_observed else None
    return (
        _at_least("LEAD", q, params.ignition_percentile),
        _at_least("SCORE", sector.score, params.ignition_score),
        _at_least("MOMENTUM", sector.rsm, params.ignition_momentum),
        _at_least("COVERAGE", sector.coverage, params.coverage_ignition),
        Gate("REGIME", passes=fits, is_known=True),
        Gate("FUNDING", sector.funding != FundingFlag.EXTREME_HIGH, sector.funding != FundingFlag.UNKNOWN),
        Gate("PRICED_IN", not sector.is_priced_in, sector.is_priced_in is not None),
    )


def _at_least(code: str, value: float | None, limit: float) -> Gate:
    """Return a gate that a value must reach; an unknown value does not."""
    return Gate(code, value is not None and value >= limit - TOLERANCE, value is not None)


Guard = Callable[[Situation], "str | None"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Lead from one stage to another when the guard names a leader; "" names none (SC)."""

    source: Stage
    target: Stage
    guard: Guard
    reason: str


def _on_risk_off(at: Situation) -> str | None:
    """Seek shelter: the leader stays if it is no shelter itself, else the strongest attack sector leads."""
    if at.inputs.regime != Regime.RISK_OFF:
        return None
    if at.state.leader is not None and not at.is_base_leading:
        return at.state.leader
    return _strongest(at, [slug for slug in at.inputs.sectors if slug != at.inputs.base])


def _on_ignition(at: Situation) -> str | None:
    """Return the strongest sector that passes every gate; the same leader again only after the dwell in PR."""
    passing = [
        slug
        for slug in at.inputs.sectors
        if all(gate.passes for gate in ignition_gates(at.inputs, slug, params=at.params))
    ]
    if at.state.stage == Stage.PR and at.dwell < at.params.stage_dwell:
        passing = [slug for slug in passing if slug != at.state.leader]
    return _strongest(at, passing)


def _strongest(at: Situation, slugs: list[str]) -> str | None:
    """Return the sector with the highest visible score, the first of equals; None without one."""
    visible = [slug for slug in slugs if at.inputs.sectors[slug].score is not None]
    return max(visible, key=lambda slug: at.inputs.sectors[slug].score or 0.0, default=None)


def _has_peaked(at: Situation) -> bool:
    """Return whether enough evidences of a peak hold."""
    return count_of(peak_evidences(at.state, at.inputs, params=at.params)) >= at.params.peak_evidences


def _on_peak(at: Situation) -> str | None:
    """Leave a leader that has peaked, unless it is the base."""
    return at.state.leader if _has_peaked(at) and not at.is_base_leading else None


def _on_base_peak(at: Situation) -> str | None:
    """Leave a base that has peaked: nothing safer is left to rotate into."""
    return "" if _has_peaked(at) and at.is_base_leading else None


def _on_false_start(at: Situation) -> str | None:
    """Undo an ignition whose lead went away."""
    q = at.leader.q
    return "" if q is not None and q < at.params.false_start_percentile - TOLERANCE else None


def _on_emergence(at: Situation) -> str | None:
    """Let the base come forward once the leader has cooled down."""
    base, params = at.inputs.sectors[at.inputs.base], at.params
    ready = (
        at.dwell >= params.stage_dwell
        and at.inputs.regime == Regime.CONSOLIDATION
        and base.score is not None
        and base.score >= params.emergence_score
        and base.q is not None
        and base.q >= params.emergence_percentile
        and at.leader.score is not None
        and at.leader.score < params.emergence_score
    )
    return at.state.leader if ready else None


def _on_calm(at: Situation) -> str | None:
    """Return to the policy split when no sector stands out."""
    low, high = at.params.calm_low, at.params.calm_high
    calm = all(sector.q is not None and low <= sector.q <= high for sector in at.inputs.sectors.values())
    dwelt = at.dwell >= at.params.stage_dwell
    return "" if dwelt and calm and at.inputs.regime == Regime.CONSOLIDATION else None


def _on_recovery(at: Situation) -> str | None:
    """Return to the policy split when the market is risk-on again (DECISIONS 26)."""
    return "" if at.dwell >= at.params.stage_dwell and at.inputs.regime == Regime.RISK_ON else None


def _on_timeout(at: Situation) -> str | None:
    """Return to the policy split after 45 days."""
    return "" if at.dwell >= at.params.stage_timeout and at.inputs.regime != Regime.RISK_OFF else None


RULES: tuple[Rule, ...] = (
    Rule(Stage.SC, Stage.PR, _on_risk_off, "The market turned risk-off."),
    Rule(Stage.NI, Stage.PR, _on_risk_off, "The market turned risk-off."),
    Rule(Stage.RE, Stage.PR, _on_risk_off, "The market turned risk-off."),
    Rule(Stage.SC, Stage.NI, _on_ignition, "A sector took the lead."),
    Rule(Stage.PR, Stage.NI, _on_ignition, "A sector took the lead."),
    Rule(Stage.RE, Stage.NI, _on_ignition, "A sector took the lead."),
    Rule(Stage.NI, Stage.PR, _on_peak, "The leader shows signs of a peak."),
    Rule(Stage.PR, Stage.RE, _on_emergence, "The base came forward again."),
    Rule(Stage.NI, Stage.SC, _on_base_peak, "The base shows signs of a peak."),
    Rule(Stage.NI, Stage.SC, _on_false_start, "The lead went away."),
    Rule(Stage.PR, Stage.SC, _on_calm, "No sector stands out."),
    Rule(Stage.RE, Stage.SC, _on_calm, "No sector stands out."),
    Rule(Stage.PR, Stage.SC, _on_recovery, "The market is risk-on again."),
    Rule(Stage.PR, Stage.SC, _on_timeout, "The stage lasted 45 days."),
    Rule(Stage.RE, Stage.SC, _on_timeout, "The stage lasted 45 days."),
)
LEGAL = frozenset((rule.source, rule.target) for rule in RULES)


def wanted(at: Situation) -> tuple[Wanted, str] | None:
    """Return what the first rule in order of priority asks for, with its reason; None to stay."""
    for rule in RULES:
        leader = rule.guard(at) if rule.source == at.state.stage else None
        if leader is not None:
            return Wanted(rule.target, leader or None), rule.reason
    return None
