"""Compute the indicators that each sector's profile weighs (DOMAIN 2.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from signals.domain.activity import (
    dex_indicator,
    fear_greed_indicator,
    l2_indicator,
    member_breadth,
    turnover_indicator,
    turnover_scores,
    tvl_indicator,
)
from signals.domain.arrays import Floats
from signals.domain.events import event_indicator, event_points
from signals.domain.indicators import Indicator, Reason, bounded, composite, indicator
from signals.domain.indices import SectorIndices
from signals.domain.momentum import Momentum, is_usable
from signals.domain.panel import MarketPanel
from signals.domain.params import Params


@dataclass(frozen=True, slots=True)
class Sources:
    """Hold what several sectors' indicators share: indices, momentum, event weights and turnover of every asset."""

    panel: MarketPanel
    params: Params
    indices: SectorIndices
    momentum: Momentum
    event_points: Floats
    turnover_z: Floats
    turnover_rate: Floats


def sources(
    panel: MarketPanel, *, indices: SectorIndices, momentum: Momentum, params: Params, first: int = 0
) -> Sources:
    """Compute once what the sectors share, for scores from day `first` on and what these are ranked against."""
    ranked = max(params.percentile_window, params.z_window) + params.acceleration_days + 1
    scores, rates = turnover_scores(panel, params=params, first=max(first - ranked, 0))
    points = event_points(panel.events, panel.decision_times(params), params=params)
    return Sources(panel, params, indices, momentum, points, scores, rates)


def sector_indicators(shared: Sources, sector: int) -> dict[str, Indicator]:
    """Return a sector's indicators by name, in the order of its profile's weights."""
    weights = shared.params.weights[shared.panel.sectors[sector].profile]
    return {name: BUILDERS[name](shared, sector) for name in weights}


def _events_of(*kinds: str) -> Callable[[Sources, int], Indicator]:
    """Return how to score a sector's events of some kinds."""

    def build(shared: Sources, sector: int) -> Indicator:
        """Score them."""
        return event_indicator(shared.panel, shared.event_points, sector=sector, kinds=kinds, params=shared.params)

    return build


def _all_events(shared: Sources, sector: int) -> Indicator:
    """Score a sector's events of every kind."""
    return _events_of(*shared.params.event_half_lives)(shared, sector)


def _sentiment(shared: Sources, sector: int) -> Indicator:
    """Combine the market's fear and greed with the sector's technical milestones (DOMAIN F29)."""
    share = shared.params.sentiment_market_part
    mood = fear_greed_indicator(shared.panel, params=shared.params)
    return composite([(share, mood), (1.0 - share, _events_of("TECH_MILESTONE")(shared, sector))])


def _turnover(shared: Sources, sector: int) -> Indicator:
    """Return the sector's turnover."""
    return turnover_indicator(
        shared.panel, shared.turnover_z, shared.turnover_rate, sector=sector, params=shared.params
    )


def _relative_strength(shared: Sources, sector: int) -> Indicator:
    """Return RSR - 100, clipped (DOMAIN 2.8)."""
    rsr = shared.momentum.rsr[:, sector]
    return _relative(shared, rsr, rsr - 100.0, sector=sector)


def _cross_momentum(shared: Sources, sector: int) -> Indicator:
    """Return the standardised 28-day return over the other sectors (DECISIONS 22)."""
    score = shared.momentum.cross[:, sector]
    return _relative(shared, shared.momentum.cross_return[:, sector], score, sector=sector)


def _relative(shared: Sources, raw: Floats, z: Floats, *, sector: int) -> Indicator:
    """Assemble an indicator of relative price: f = 0 while the index is frozen (DECISIONS 23)."""
    frozen = shared.indices.is_frozen[:, sector]
    known = is_usable(z, frozen)
    reason = np.where(frozen, Reason.FROZEN, Reason.TOO_SHORT).astype(np.int8)
    return indicator(raw, bounded(z, is_known=known, params=shared.params), reason=reason)


BUILDERS: Mapping[str, Callable[[Sources, int], Indicator]] = MappingProxyType(
    {
        "tvl": lambda shared, k: tvl_indicator(shared.panel, sector=k, params=shared.params),
        "l2": lambda shared, _: l2_indicator(shared.panel, params=shared.params),
        "regulatory": _events_of("REGULATORY"),
        "partnership": _events_of("PARTNERSHIP"),
        "events": _all_events,
        "turnover": _turnover,
        "sentiment": _sentiment,
        "rs": _relative_strength,
        "xs_mom": _cross_momentum,
        "dex_volume": lambda shared, k: dex_indicator(shared.panel, sector=k, params=shared.params),
        "breadth": lambda shared, k: member_breadth(shared.panel, sector=k, params=shared.params),
    }
)
