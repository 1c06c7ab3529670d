"""Judge a plan group by group: what reduces risk passes, what adds risk has to pay (DOMAIN 3.7; DECISIONS 28-29)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from signals.domain.arrays import Bools, Floats, Ints
from signals.domain.batch import (
    Batch,
    Costs,
    HedgeVerdict,
    MarketState,
    Outcome,
    OverlayVerdict,
    Plan,
    SpotVerdict,
    StageCode,
    any_of,
    is_any,
    is_at,
    total,
)
from signals.domain.costs import expected_alpha, sigma_horizon

COVERAGE_SHOWN = 0.4
COVERAGE_TOLERANCE = 1e-9
SPOT_REFUSED = (SpotVerdict.BELOW_HURDLE, SpotVerdict.LOW_COVERAGE)
OVERLAY_REFUSED = (OverlayVerdict.BELOW_HURDLE, OverlayVerdict.LOW_COVERAGE, OverlayVerdict.WAITS_FOR_SPOT)


@dataclass(frozen=True, slots=True)
class Edge:
    """Hold what the model expects of each row's destination over the horizon."""

    alpha: Floats
    z: Floats
    sigma: Floats
    coverage: Floats
    is_hidden: Bools

    def take(self, rows: Ints) -> Edge:
        """Return the selected rows."""
        return Edge(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Hold what became of each group of legs, and the alpha the groups that add risk need."""

    spot: Ints
    overlay: Ints
    hedge: Ints
    needed: Floats


def edge_of(batch: Batch, market: MarketState) -> Edge:
    """Return alpha for the row's destination: the leader in NI, else the base (DOMAIN 3.7, DECISIONS 26)."""
    destination = np.where(batch.stage == StageCode.NI, batch.leader, batch.base)
    column = np.maximum(destination, 0)
    sigma = sigma_horizon(market.sigma_relative[column], batch.horizon_days)
    z, coverage = market.z_spread[column], market.coverage[column]
    alpha = expected_alpha(ic=market.ic, z=z, sigma=sigma)
    hidden = np.isnan(alpha) | ~(coverage >= COVERAGE_SHOWN - COVERAGE_TOLERANCE) | (destination < 0)
    return Edge(alpha=alpha, z=z, sigma=sigma, coverage=coverage, is_hidden=hidden)


def judged(plan: Plan, costs: Costs, batch: Batch, edge: Edge) -> Verdicts:
    """Test spot alone, then the overlay where spot passed or was not needed."""
    into_leader = total(np.where(is_at(batch.leader, batch.sector_count), plan.buy, 0.0)) > 0
    adds_spot = (batch.stage == StageCode.NI) & into_leader
    has_spot = (total(plan.sell) > 0) | (total(plan.buy) > 0)
    spot = np.select(
        [~has_spot, ~adds_spot, edge.is_hidden, edge.alpha < batch.safety * costs.spot_hurdle],
        [SpotVerdict.NONE, SpotVerdict.REDUCES_RISK, SpotVerdict.LOW_COVERAGE, SpotVerdict.BELOW_HURDLE],
        default=SpotVerdict.PAYS,
    )
    opens = total(np.maximum(plan.overlay_change, 0.0)) > 0
    overlay = np.select(
        [opens & is_any(spot, SPOT_REFUSED), opens & edge.is_hidden, opens, plan.overlay_block > 0],
        [
            np.full(len(batch), OverlayVerdict.WAITS_FOR_SPOT, dtype=np.int64),
            np.full(len(batch), OverlayVerdict.LOW_COVERAGE, dtype=np.int64),
            _pays(edge.alpha >= batch.safety * costs.overlay_hurdle),
            plan.overlay_block,
        ],
        default=np.where(total(plan.overlay_change) < 0, OverlayVerdict.REDUCES_RISK, OverlayVerdict.NONE),
    )
    tested_spot = np.where(adds_spot, costs.spot_hurdle, 0.0)
    tested_overlay = np.where(opens & ~is_any(spot, SPOT_REFUSED), costs.overlay_hurdle, 0.0)
    needed = batch.safety * np.maximum(tested_spot, tested_overlay)
    return Verdicts(spot=spot, overlay=overlay, hedge=_hedge_verdict(plan), needed=needed)


def _pays(passes: Bools) -> Ints:
    """Return the overlay verdict of the alpha test."""
    return np.where(passes, OverlayVerdict.PAYS, OverlayVerdict.BELOW_HURDLE)


def _hedge_verdict(plan: Plan) -> Ints:
    """Return the hedge's verdict: a hedge that the stage requires needs no alpha, only known gates."""
    change = plan.hedge_change
    moved = np.where(change < 0, HedgeVerdict.OPENED, np.where(change > 0, HedgeVerdict.REDUCED, HedgeVerdict.NONE))
    return np.where(plan.hedge_block > 0, plan.hedge_block, moved)


def outcome_of(plan: Plan, batch: Batch, verdicts: Verdicts) -> Ints:
    """Return one word a row: a hard refusal first, then whether anything is left to trade, then why not."""
    moves = any_of(plan.sell > 0) | any_of(plan.buy > 0) | any_of(plan.overlay_change != 0) | (plan.hedge_change != 0)
    spot, overlay, hedge = verdicts.spot, verdicts.overlay, verdicts.hedge
    gates = (OverlayVerdict.UNKNOWN_GATE, OverlayVerdict.EXTREME_FUNDING)
    below = (spot == SpotVerdict.BELOW_HURDLE) | (overlay == OverlayVerdict.BELOW_HURDLE)
    hidden = (spot == SpotVerdict.LOW_COVERAGE) | (overlay == OverlayVerdict.LOW_COVERAGE)
    unpriced = (overlay == OverlayVerdict.UNPRICED) | (hedge == HedgeVerdict.UNPRICED)
    rules = [
        (batch.has_unpriced_pool, Outcome.UNPRICED_HOLDING),
        (batch.is_stale, Outcome.STALE_INPUT),
        (~(plan.pool > 0), Outcome.EMPTY_POOL),
        (moves, Outcome.TRADE),
        (below, Outcome.BELOW_HURDLE),
        (hidden, Outcome.LOW_COVERAGE),
        (is_any(overlay, gates) | (hedge == HedgeVerdict.UNKNOWN_GATE), Outcome.BLOCKED_GATE),
        (unpriced, Outcome.UNPRICED_HOLDING),
        (overlay == OverlayVerdict.NO_MARGIN, Outcome.NO_MARGIN),
    ]
    return np.select([when for when, _ in rules], [int(code) for _, code in rules], default=int(Outcome.NOTHING_TO_DO))
