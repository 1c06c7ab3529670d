"""Hold what was computed for one day: scores with contributions, regime, stage, and what the engine needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from signals.domain.batch import FundingFlag
from signals.domain.indices import Weighting
from signals.domain.momentum import Quadrant, map_quadrant
from signals.domain.open_interest import Interest
from signals.domain.regime import RegimeState
from signals.domain.stages import Evidence, Gate, StageInputs, StageState


@dataclass(frozen=True, slots=True)
class Contribution:
    """Hold one indicator's part in a score: points = 50/3 x weight x freshness x z. None is unknown.

    `reason` says why it carries less than its weight, empty when it does not. Instants are UTC.
    """

    indicator: str
    raw: float | None
    z: float
    freshness: float
    weight: float
    points: float
    reason: str
    observed_at: datetime | None
    details: tuple[tuple[str, float], ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class PricedInResult:
    """Hold how much of the expected move has happened; without a matching event only `t` speaks (DOMAIN 2.9)."""

    share: float | None
    t: float | None
    car: float | None
    expected: float | None
    event_id: str | None
    is_leaked: bool
    blocks: bool
    warns: bool


@dataclass(frozen=True, slots=True)
class FundingResult:
    """Hold a sector's funding: annualised rate, 90-day percentile, label (DOMAIN 2.6)."""

    annual: float | None
    percentile: float | None
    flag: FundingFlag


@dataclass(frozen=True, slots=True)
class InterestResult:
    """Hold a sector's open interest against price over 7 days (DOMAIN 2.7)."""

    quadrant: Interest
    price_change: float | None
    interest_change: float | None


@dataclass(frozen=True, slots=True)
class SectorResult:
    """Hold one sector's day. `score` counts even while hidden; `gap` is to the mean of the other visible scores.

    `price_share` is the part of the gap that relative price alone explains (DECISIONS 35); `z_spread` and
    `sigma_relative` (annualised) are those of a move into this sector out of the others. None is unknown.
    """

    slug: str
    score: float
    coverage: float
    is_hidden: bool
    contributions: tuple[Contribution, ...]
    q: float | None
    is_q_observed: bool
    gap: float | None
    price_share: float | None
    is_accelerating: bool
    rsr: float | None
    rsm: float | None
    priced_in: PricedInResult
    funding: FundingResult
    interest: InterestResult
    z_spread: float | None
    sigma_relative: float | None
    index_level: float | None
    index_return: float | None
    weighting: Weighting
    is_frozen: bool

    @property
    def visible_score(self) -> float | None:
        """Return the score, None while too little fresh data stands behind it."""
        return None if self.is_hidden else self.score

    @property
    def quadrant(self) -> Quadrant | None:
        """Return where the sector stands on the rotation map."""
        return map_quadrant(self.rsr, self.rsm)


@dataclass(frozen=True, slots=True)
class RegimeResult:
    """Hold the regime's day: R, its coverage and components, and the state it left behind."""

    state: RegimeState
    score: float
    coverage: float
    contributions: tuple[Contribution, ...]
    is_range: bool


@dataclass(frozen=True, slots=True)
class StageResult:
    """Hold the stage's day: the state after the close, what moved it, and what a next ignition still lacks.

    `evidences` are those of the leader that stood at the open of the day; "k of n" counts the observable ones.
    """

    state: StageState
    dwell: int
    is_changed: bool
    is_frozen: bool
    evidences: tuple[Evidence, ...]
    gates: tuple[tuple[str, tuple[Gate, ...]], ...]
    inputs: StageInputs

    @property
    def observable_count(self) -> int:
        """Count the evidences that could be observed."""
        return sum(evidence.holds is not None for evidence in self.evidences)

    @property
    def held_count(self) -> int:
        """Count the evidences that hold."""
        return sum(evidence.holds is True for evidence in self.evidences)


@dataclass(frozen=True, slots=True)
class DayResult:
    """Hold everything computed for the row dated `day`, which closes at the next midnight, UTC."""

    day: date
    decided_at: datetime
    base: str
    sectors: tuple[SectorResult, ...]
    regime: RegimeResult
    stage: StageResult
    params_version: str

    def sector(self, slug: str) -> SectorResult:
        """Return a sector's part. Raises KeyError for a stranger."""
        for result in self.sectors:
            if result.slug == slug:
                return result
        raise KeyError(slug)
