"""Name every number the signals depend on, in one frozen and versioned place (DOMAIN 2; DECISIONS 19-27)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DEFI, AI, OTHER = "defi", "ai", "other"

Table = Mapping[str, float]
Tables = Mapping[str, Table]


def _table(**values: float) -> Table:
    """Freeze a table of numbers."""
    return MappingProxyType(values)


def _weights() -> Tables:
    """Return the weights of each profile's indicators (DOMAIN 2.4)."""
    return MappingProxyType(
        {
            DEFI: _table(tvl=0.25, l2=0.15, regulatory=0.15, rs=0.25, xs_mom=0.10, dex_volume=0.10),
            AI: _table(partnership=0.20, turnover=0.20, sentiment=0.20, rs=0.25, xs_mom=0.15),
            OTHER: _table(events=0.30, turnover=0.20, rs=0.25, xs_mom=0.15, breadth=0.10),
        }
    )


def _tilts() -> Tables:
    """Return the points each regime adds to a profile (DOMAIN 2.4)."""
    return MappingProxyType(
        {
            DEFI: _table(CONSOLIDATION=3.0, RISK_OFF=1.0),
            AI: _table(RISK_ON=3.0, RISK_OFF=-3.0),
            OTHER: _table(),
        }
    )


def _half_lives() -> Table:
    """Return in how many days an event of each type loses half its weight (DOMAIN 2.3)."""
    return _table(
        REGULATORY=14.0,
        PARTNERSHIP=5.0,
        TECH_MILESTONE=7.0,
        L2_MILESTONE=10.0,
        EXPLOIT=10.0,
        LISTING=3.0,
        UNLOCK=7.0,
    )


def _regime_weights() -> Table:
    """Return the weights of the regime's components (DOMAIN 2.5)."""
    return _table(trend=0.20, breadth=0.20, derivatives=0.20, stablecoins=0.15, fear_greed=0.15, funding=0.10)


def _quadrant_points() -> Table:
    """Return what each open-interest quadrant says about the regime, in z (DOMAIN 2.5)."""
    return _table(LONG_BUILDUP=2.0, SHORT_COVERING=0.5, SHORT_BUILDUP=-1.0, LONG_LIQUIDATION=-2.0)


def _limits() -> Mapping[str, tuple[float, float]]:
    """Return the age in hours up to which a reading is fresh, and from which it is stale (DOMAIN 2.1)."""
    return MappingProxyType(
        {
            "tvl": (36.0, 96.0),
            "l2_share": (36.0, 96.0),
            "dex_volume": (36.0, 96.0),
            "stablecoins": (36.0, 96.0),
            "fear_greed": (30.0, 54.0),
            "open_interest": (3.0, 12.0),
        }
    )


def profile_of(slug: str) -> str:
    """Return which weights apply to a sector: its own where it has some, else those of any other."""
    return slug if slug in _weights() else OTHER


@dataclass(frozen=True, slots=True)
class Params:
    """Hold the parameters of one version; windows are days, shares are fractions, ages are hours."""

    version: str = "2026.1"

    decision_delay_minutes: int = 5
    market_asset: str = "BTC"
    collateral_asset: str = "ETH"

    z_window: int = 180
    z_minimum: int = 60
    z_clip: float = 3.0
    percentile_window: int = 365
    percentile_minimum: int = 90
    limits: Mapping[str, tuple[float, float]] = field(default_factory=_limits)

    index_cap: float = 0.25
    index_minimum: int = 3
    caps_needed: float = 0.80
    price_gap_days: int = 3

    ratio_window: int = 90
    ratio_step: int = 7
    momentum_window: int = 28
    momentum_skip: int = 1
    ranks_from: int = 5
    relative_window: int = 90
    relative_minimum: int = 60

    growth_days: int = 30
    tvl_price_share: float = 0.6
    tvl_growth_part: float = 0.7
    tvl_protocols: int = 20
    tvl_protocols_minimum: int = 5
    sentiment_market_part: float = 0.5
    turnover_days: int = 7
    turnover_days_minimum: int = 5
    turnover_members: int = 5
    dex_days: int = 30
    dex_days_minimum: int = 20
    breadth_days: int = 30
    breadth_assets: int = 50
    breadth_minimum: int = 20
    member_breadth_minimum: int = 5

    event_half_lives: Table = field(default_factory=_half_lives)
    event_scale: float = 1.5
    rumour_confidence: float = 0.4

    points_per_z: float = 50.0 / 3.0
    weights: Tables = field(default_factory=_weights)
    tilts: Tables = field(default_factory=_tilts)
    coverage_visible: float = 0.4
    coverage_ignition: float = 0.6
    acceleration_days: int = 7
    acceleration_points: float = 5.0
    acceleration_percentile: float = 0.8

    regime_weights: Table = field(default_factory=_regime_weights)
    quadrant_points: Table = field(default_factory=_quadrant_points)
    trend_days: int = 50
    trend_days_minimum: int = 45
    enter_risk_on: float = 60.0
    leave_risk_on: float = 52.0
    enter_risk_off: float = 40.0
    leave_risk_off: float = 48.0
    range_risk_on: float = 70.0
    range_risk_off: float = 35.0
    regime_confirm: int = 2
    regime_coverage: float = 0.5
    range_days: int = 20
    range_efficiency: float = 0.25
    range_volatility_days: int = 30
    range_volatility_percentile: float = 0.5

    funding_readings: int = 3
    funding_window: int = 90
    funding_minimum: int = 20
    funding_extreme: float = 0.95
    funding_extreme_annual: float = 0.30
    funding_hot: float = 0.90
    funding_hot_annual: float = 0.20
    funding_cold: float = 0.10
    funding_cold_annual: float = 0.0
    funding_low: float = 0.05
    funding_low_annual: float = -0.1095

    interest_days: int = 7
    interest_band: float = 0.05
    interest_price_band: float = 0.02

    ignition_percentile: float = 0.80
    ignition_score: float = 55.0
    ignition_momentum: float = 100.0
    stage_confirm: int = 2
    stage_dwell: int = 7
    stage_timeout: int = 45
    peak_evidences: int = 2
    peak_drawdown: float = 0.10
    peak_score_fall: float = 10.0
    false_start_percentile: float = 0.60
    emergence_score: float = 50.0
    emergence_percentile: float = 0.5
    calm_low: float = 0.3
    calm_high: float = 0.7
    gap_high: float = 10.0
    gap_percentiles: tuple[float, float, float] = (0.2, 0.5, 0.8)

    estimation_first: int = 120
    estimation_last: int = 11
    estimation_minimum: int = 60
    event_before: int = 5
    event_after: int = 30
    prior_events: float = 10.0
    prior_move: float = 0.06
    prior_floor: float = 0.25
    priced_in_cap: float = 1.5
    priced_in_limit: float = 0.6
    priced_in_t: float = 2.0

    close_stale_hours: float = 36.0

    def __post_init__(self) -> None:
        """Refuse weights that do not add up to 1."""
        for name, table in [*self.weights.items(), ("regime", self.regime_weights)]:
            if abs(sum(table.values()) - 1.0) > 1e-9:
                raise ValueError(f"The weights of {name!r} add up to {sum(table.values())}, not to 1.")


DEFAULTS = Params()
