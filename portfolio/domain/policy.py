"""Say what a portfolio aims for: weights, stages and the split of the pool (DOMAIN 1.6, 3.2, 3.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from portfolio.domain.money import ONE, ZERO, Refusal, exact, in_context, shares, summed

HIGHEST_LEADER_SHARE = Decimal("0.875")


class WeightGap(Refusal):
    """Say by how much weights miss 100%; the gap is the sum less one."""

    def __init__(self, gap: Decimal) -> None:
        """Keep the gap beside the message."""
        self.gap = gap
        points = (abs(gap) * 100).normalize()
        total = ((ONE + gap) * 100).normalize()
        unit = "point" if points == 1 else "points"
        way = "over" if gap > 0 else "short"
        super().__init__(f"These weights add up to {total:f}%: {points:f} {unit} {way}.")


class SplitError(Refusal):
    """Say why the pool cannot be split."""


class StageCode(StrEnum):
    """Name the four stages: stable consolidation, ignition, peak and rotation, re-emergence."""

    SC = "SC"
    NI = "NI"
    PR = "PR"
    RE = "RE"


class MarginSource(StrEnum):
    """Say where the margin of an overlay comes from (I-03, I-16)."""

    STABLES = "stables"
    CARVE_OUT = "carve_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """Hold what a stage asks for: the leader's share, and futures beside it as a ratio of the pool.

    No leader share means the policy's own split; a negative ratio is a short against the core.
    """

    leader_share: Decimal | None = None
    futures_ratio: Decimal = ZERO
    leverage: Decimal = ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Hold a named set of policy parameters (DOMAIN 3.2); weights and rates are fractions."""

    name: str
    core_weight: Decimal
    reserve_weight: Decimal
    pool_weight: Decimal
    margin_source: MarginSource
    reserve_floor: Decimal
    stages: Mapping[StageCode, StageRule]
    band: Decimal = Decimal("0.02")
    max_turnover: Decimal = Decimal("0.60")
    min_notional_usd: Decimal = Decimal(10)
    safety: Decimal = ONE
    horizon_days: int = 14
    stop_rate: Decimal = Decimal("0.15")

    @property
    def weights(self) -> dict[str, Decimal]:
        """Give the weights of the three sleeves in equity."""
        return {"core": self.core_weight, "reserve": self.reserve_weight, "pool": self.pool_weight}


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Hold what a stage asks of an equity, in USD; futures are signed notionals, margin is what they need."""

    core: Decimal
    reserve: Decimal
    sectors: Mapping[str, Decimal]
    overlay: Mapping[str, Decimal] = field(default_factory=dict)
    core_hedge: Decimal = ZERO
    margin: Decimal = ZERO


LEADER_SHARES: Mapping[StageCode, Decimal] = MappingProxyType(
    {StageCode.NI: Decimal("0.75"), StageCode.PR: Decimal("0.20"), StageCode.RE: Decimal("0.125")}
)


def _stages(overlay: str) -> Mapping[StageCode, StageRule]:
    """Give the rules of DOMAIN 3.2; only the overlay of an ignition differs between the presets."""
    futures = {
        StageCode.NI: (Decimal(overlay), Decimal(3)),
        StageCode.PR: (Decimal("-0.25"), Decimal(2)),
        StageCode.RE: (Decimal("0.25"), Decimal(2)),
    }
    rules = {
        stage: StageRule(leader_share=LEADER_SHARES[stage], futures_ratio=ratio, leverage=leverage)
        for stage, (ratio, leverage) in futures.items()
    }
    return MappingProxyType({StageCode.SC: StageRule(), **rules})


ANCHOR = Preset(
    name="ANCHOR",
    core_weight=Decimal("0.50"),
    reserve_weight=Decimal("0.20"),
    pool_weight=Decimal("0.30"),
    margin_source=MarginSource.STABLES,
    reserve_floor=Decimal("0.05"),
    stages=_stages("0.30"),
)
TABLE = Preset(
    name="TABLE",
    core_weight=Decimal("0.60"),
    reserve_weight=ZERO,
    pool_weight=Decimal("0.40"),
    margin_source=MarginSource.CARVE_OUT,
    reserve_floor=ZERO,
    stages=_stages("0.375"),
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in (ANCHOR, TABLE)})


@in_context
def check_weights(weights: Mapping[str, Decimal]) -> None:
    """Raise `WeightGap` unless the weights add up to exactly 1, `SplitError` if one is negative."""
    if any(weight < 0 for weight in weights.values()):
        raise SplitError("A weight must not be negative.")
    gap = summed(weights.values()) - ONE
    if gap:
        raise WeightGap(gap)


@in_context
def normalised_row(*, core: Decimal, sectors: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Read a row of the stage table: core stays, the rest is split as the row splits its sectors (I-13, E08)."""
    parts = _proportions(sectors, total=ONE - core)
    return {"core": core, **parts}


@in_context
def pool_split(
    *,
    stage: StageCode,
    leader: str | None,
    base: str,
    policy_split: Mapping[str, Decimal],
    defensiveness: Mapping[str, Decimal],
    score_ok: Mapping[str, bool],
    leader_share: Decimal | None = None,
    held_share: Decimal = ZERO,
) -> dict[str, Decimal]:
    """Split the pool over any number of sectors; the shares add up to exactly 1 (DOMAIN 3.3, DECISIONS 26).

    `leader_share` replaces the stage's own; `held_share` is the leader's share now, which an ignition does not cut.
    """
    check_weights(policy_split)
    if stage is StageCode.SC:
        return dict(policy_split)
    if leader is None or leader not in policy_split or base not in policy_split:
        raise SplitError("The leader and the base must be sectors of the pool.")
    share = LEADER_SHARES[stage] if leader_share is None else leader_share
    others = {sector: part for sector, part in policy_split.items() if sector != leader}
    if stage is StageCode.NI:
        share = max(share, min(held_share, HIGHEST_LEADER_SHARE))
        weights = others
    else:
        weights = {k: part * defensiveness.get(k, ZERO) * int(score_ok.get(k, False)) for k, part in others.items()}
    return {leader: share, **_others(weights, total=ONE - share, base=base)}


@in_context
def stage_targets(
    *, preset: Preset, stage: StageCode, equity: Decimal, split: Mapping[str, Decimal], leader: str, base: str
) -> Targets:
    """Turn a stage into dollars: core and reserve as the policy says, the pool as it is split (E07, E09, E10)."""
    pool = exact(equity * preset.pool_weight)
    rule = preset.stages[stage]
    core = exact(equity * preset.core_weight)
    notional = max(exact(pool * rule.futures_ratio), -core)
    margin = exact(abs(notional) / rule.leverage)
    spot = _proportions(split, total=pool)
    longed = leader if stage is StageCode.NI else base
    if notional > 0 and preset.margin_source is MarginSource.CARVE_OUT:
        spot[longed] -= margin
    return Targets(
        core=core,
        reserve=equity - core - pool,
        sectors=spot,
        overlay={longed: notional} if notional > 0 else {},
        core_hedge=min(notional, ZERO),
        margin=margin,
    )


def _others(weights: Mapping[str, Decimal], *, total: Decimal, base: str) -> dict[str, Decimal]:
    """Share out what the leader leaves; if nobody is eligible, all of it goes to the base."""
    if any(weights.values()):
        return _proportions(weights, total=total)
    if base not in weights:
        raise SplitError("Nobody but the leader is left to take the rest of the pool.")
    return {sector: total if sector == base else ZERO for sector in weights}


def _proportions(weights: Mapping[str, Decimal], *, total: Decimal) -> dict[str, Decimal]:
    return dict(zip(weights, shares(total=total, weights=weights.values()), strict=True))
