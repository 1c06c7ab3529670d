"""Say what a policy asks for at a stage: the split of the pool, and the playbook's table with live numbers (F53)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from portfolio.domain.money import ZERO, in_context
from portfolio.domain.policy import (
    PRESETS,
    MarginSource,
    Preset,
    SplitError,
    StageCode,
    StageRule,
    Targets,
    pool_split,
    stage_targets,
)
from portfolio.domain.valuation import Drift
from portfolio.models import Policy, PolicyStage, Sector, Stage
from portfolio.provided import StageNow

GOALS: Mapping[StageCode, str] = {
    StageCode.SC: "Wait: hold the policy's own split, without futures.",
    StageCode.NI: "Attack: move the pool into the leader, with a futures long on top.",
    StageCode.PR: "Defend: take the gains back to the base, and hedge the core with a short.",
    StageCode.RE: "Build: hold the base, with a cautious long on it.",
}


@dataclass(frozen=True, kw_only=True)
class StageAim:
    """Hold one row of the stage table: targets in USD of the equity given, and whether the market stands there now."""

    stage: StageCode
    name: str
    goal: str
    leader: str
    targets: Targets
    rule: StageRule
    is_now: bool

    @property
    @in_context
    def net_notional(self) -> Decimal:
        """Return the signed sum of futures notional (F53)."""
        return sum(self.targets.overlay.values(), ZERO) + self.targets.core_hedge


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Name who leads and who is the base: sector slugs."""

    leader: str
    base: str


def preset_of(policy: Policy) -> Preset:
    """Return a stored policy as the domain knows it."""
    usual = PRESETS.get(policy.preset, PRESETS["ANCHOR"]).stages
    rules = {StageCode(row.stage): _rule(row) for row in policy.rules}
    return Preset(
        name=policy.preset,
        core_weight=policy.core_weight,
        reserve_weight=policy.reserve_weight,
        pool_weight=policy.pool_weight,
        margin_source=MarginSource(policy.margin_source),
        reserve_floor=policy.reserve_floor,
        stages={stage: rules.get(stage, usual[stage]) for stage in StageCode},
        band=policy.band,
        max_turnover=policy.max_turnover,
        min_notional_usd=policy.min_notional_usd,
        safety=policy.safety,
        horizon_days=policy.horizon_days,
        stop_rate=policy.stop_rate,
    )


def own_split(policy: Policy) -> dict[str, Decimal]:
    """Return the policy's split of the pool while nothing leads."""
    return {row.sector.slug: row.share for row in policy.split}


def stage_drifts(*, policy: Policy, drifts: Mapping[str, Drift], stage: StageNow | None) -> dict[str, Drift]:
    """Return the sectors' drifts against what the stage asks for; without a stage they are returned as they are."""
    if stage is None:
        return dict(drifts)
    leading = drifts.get(stage.leader or "")
    split = stage_split(policy=policy, stage=stage, held_share=leading.actual if leading else ZERO)
    return {slug: replace(drift, target=split.get(slug, ZERO)) for slug, drift in drifts.items()}


def stage_split(*, policy: Policy, stage: StageNow, held_share: Decimal = ZERO) -> dict[str, Decimal]:
    """Return the split of the pool that a stage asks of a policy; one it cannot be asked of keeps its own."""
    code = StageCode(stage.stage)
    try:
        return pool_split(
            stage=code,
            leader=stage.leader,
            base=stage.base,
            policy_split=own_split(policy),
            defensiveness=stage.defensiveness,
            score_ok=stage.score_ok,
            leader_share=preset_of(policy).stages[code].leader_share,
            held_share=held_share,
        )
    except SplitError:
        return own_split(policy)


def stage_table(
    *, policy: Policy, equity: Decimal, sectors: Sequence[Sector], stage: StageNow | None
) -> list[StageAim]:
    """Return the four stages with what each asks of an equity; empty where the pool has less than two sectors."""
    pool = own_split(policy)
    roles = roles_of(sectors=[sector for sector in sectors if sector.slug in pool], stage=stage)
    if roles is None or equity <= 0:
        return []
    return [_aim(policy, equity, code, roles, sectors, stage) for code in StageCode]


def roles_of(*, sectors: Sequence[Sector], stage: StageNow | None) -> Roles | None:
    """Return the stage's leader and base, else the least and the most defensive narrative."""
    ranked = sorted(sectors, key=lambda sector: sector.defensiveness)
    if len(ranked) < 2:
        return None
    base = stage.base if stage is not None else ranked[-1].slug
    attack = next(sector.slug for sector in ranked if sector.slug != base)
    return Roles(leader=(stage.leader if stage is not None else None) or attack, base=base)


def _aim(
    policy: Policy, equity: Decimal, code: StageCode, roles: Roles, sectors: Sequence[Sector], stage: StageNow | None
) -> StageAim:
    """Return one row; every sector is taken for eligible, as the playbook's table does."""
    preset = preset_of(policy)
    split = pool_split(
        stage=code,
        leader=roles.leader,
        base=roles.base,
        policy_split=own_split(policy),
        defensiveness={sector.slug: sector.defensiveness for sector in sectors},
        score_ok={sector.slug: True for sector in sectors},
        leader_share=preset.stages[code].leader_share,
    )
    return StageAim(
        stage=code,
        name=str(Stage(code.value).label),
        goal=GOALS[code],
        leader=roles.leader if code in (StageCode.NI, StageCode.PR) else "",
        targets=stage_targets(
            preset=preset, stage=code, equity=equity, split=split, leader=roles.leader, base=roles.base
        ),
        rule=preset.stages[code],
        is_now=stage is not None and stage.stage == code.value,
    )


def _rule(row: PolicyStage) -> StageRule:
    return StageRule(leader_share=row.leader_share, futures_ratio=row.futures_ratio, leverage=row.leverage)
