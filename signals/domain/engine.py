"""Decide for any number of portfolios in one vectorised pass; one portfolio takes the same path (DOMAIN 3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from signals.domain.acceptance import OVERLAY_REFUSED, SPOT_REFUSED, Edge, Verdicts, edge_of, judged, outcome_of
from signals.domain.allocation import (
    ATR_FLOOR,
    ATR_MULTIPLE,
    draft,
    one_r_rate,
)
from signals.domain.arrays import Bools, Floats, Ints
from signals.domain.batch import (
    Batch,
    Costs,
    Decision,
    MarketState,
    Outcome,
    Plan,
    SpotVerdict,
    is_any,
    largest,
    major,
    total,
)
from signals.domain.costs import confidence, priced, z_needed

LAMBDA_MIN, LAMBDA_SPAN = 0.25, 0.1
BLOCK = 10_240


def decide(batch: Batch, market: MarketState) -> Decision:
    """Answer every row of the batch: what to trade, at which cost, or why nothing (DOMAIN 3.5; DECISIONS 20, 26-33).

    Rows do not depend on each other, so they are answered in blocks that fit a processor's cache.
    """
    if len(batch) <= BLOCK:
        return _decided(batch, market)
    starts = range(0, len(batch), BLOCK)
    parts = [_decided(batch.take(slice(start, start + BLOCK)), market) for start in starts]
    names = [f.name for f in fields(Decision) if f.init]
    return Decision(**{name: _joined([getattr(part, name).T for part in parts]) for name in names})


def _joined(parts: Sequence[Any]) -> Any:
    """Join blocks along their rows; those by sector are laid out sector by sector, as they were computed."""
    return np.concatenate(parts, axis=-1).T


def _decided(batch: Batch, market: MarketState) -> Decision:
    """Answer a block: plan, judge, and plan again without what was refused."""
    edge = edge_of(batch, market)
    aim = _aim(batch, market, edge)
    everywhere = np.ones(len(batch), dtype=np.bool_)
    plan = draft(batch, market, may_open=everywhere, aim=aim)
    costs = priced(plan, batch, market)
    verdicts = judged(plan, costs, batch, edge)
    opening = total(np.maximum(plan.overlay_change, 0.0))
    refused = is_any(verdicts.overlay, OVERLAY_REFUSED)
    if refused.any():
        plan, verdicts = _without_opening(batch, market, edge, plan=plan, verdicts=verdicts, refused=refused, aim=aim)
    outcome_plan = _accepted(plan, verdicts)
    outcome = outcome_of(outcome_plan, batch, verdicts)
    final = _only(outcome_plan, outcome == Outcome.TRADE)
    wanted = _Wanted.of(plan, opening=opening)
    return _decision(batch, market, edge, plan=final, verdicts=verdicts, outcome=outcome, wanted=wanted)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Hold what a row's stage asked for before it was judged."""

    spot: Floats
    overlay: Floats
    source: Ints
    destination: Ints

    @classmethod
    def of(cls, plan: Plan, *, opening: Floats) -> _Wanted:
        """Read it off a plan: the largest sale is the source, the largest buy, else the overlay, the destination."""
        sold, bought = total(plan.sell), total(plan.buy)
        return cls(
            spot=np.maximum(sold, bought),
            overlay=opening,
            source=np.where(sold > 0, largest(plan.sell), -1),
            destination=np.where(bought > 0, largest(plan.buy), plan.target),
        )


def _aim(batch: Batch, market: MarketState, edge: Edge) -> Floats:
    """Return how much of the way each row goes: all of it, or lambda for cost-aware rows (DOMAIN 3.2 profile)."""
    aim = np.ones(len(batch))
    rows = batch.is_cost_aware.nonzero()[0]
    if not rows.size:
        return aim
    some, its = batch.take(rows), edge.take(rows)
    plan = draft(some, market, may_open=some.is_cost_aware, aim=aim[rows])
    costs = priced(plan, some, market)
    adds = judged(plan, costs, some, its).spot == SpotVerdict.PAYS
    chance = _confidence(market, its, hurdle=costs.hurdle)
    part = np.clip(2.0 * (chance - 0.5) / LAMBDA_SPAN, LAMBDA_MIN, 1.0)
    aim[rows] = np.where(adds, part, 1.0)
    return aim


def _without_opening(
    batch: Batch,
    market: MarketState,
    edge: Edge,
    *,
    plan: Plan,
    verdicts: Verdicts,
    refused: Bools,
    aim: Floats,
) -> tuple[Plan, Verdicts]:
    """Plan the rows whose overlay was refused again without it: their spot then needs no carved margin."""
    rows = refused.nonzero()[0]
    some = batch.take(rows)
    again = draft(some, market, may_open=np.zeros(len(some), np.bool_), aim=aim[rows])
    second = judged(again, priced(again, some, market), some, edge.take(rows))
    asked = verdicts.needed[rows]
    needed = np.where(is_any(second.spot, SPOT_REFUSED), second.needed, np.maximum(asked, second.needed))
    return _merged(plan, again, rows), Verdicts(
        spot=_placed(verdicts.spot, second.spot, rows),
        overlay=verdicts.overlay,
        hedge=verdicts.hedge,
        needed=_placed(verdicts.needed, needed, rows),
    )


def _placed(values: Any, some: Any, rows: Ints) -> Any:
    """Return the values with others in the last axis's places."""
    merged = values.copy()
    merged[..., rows] = some
    return merged


def _merged(first: Plan, second: Plan, rows: Ints) -> Plan:
    """Take some rows from a second plan that was made of them alone."""
    return Plan(**{f.name: _placed(getattr(first, f.name), getattr(second, f.name), rows) for f in fields(Plan)})


def _accepted(plan: Plan, verdicts: Verdicts) -> Plan:
    """Drop the spot legs that were refused; futures that reduce risk stay."""
    stays = ~is_any(verdicts.spot, SPOT_REFUSED)
    return replace(plan, sell=plan.sell * stays, buy=plan.buy * stays)


def _only(plan: Plan, trades: Bools) -> Plan:
    """Empty the rows that do not trade."""
    zeroed = ("sell", "buy", "overlay_change", "hedge_change")
    return replace(plan, **{name: np.where(trades, getattr(plan, name), 0.0) for name in zeroed})


def _confidence(market: MarketState, edge: Edge, *, hurdle: Floats) -> Floats:
    """Return the rows' confidence against a hurdle."""
    return confidence(
        alpha=edge.alpha,
        hurdle=hurdle,
        sigma=edge.sigma,
        ic=market.ic,
        coverage=edge.coverage,
        calibration=market.calibration,
    )


def _decision(
    batch: Batch,
    market: MarketState,
    edge: Edge,
    *,
    plan: Plan,
    verdicts: Verdicts,
    outcome: Ints,
    wanted: _Wanted,
) -> Decision:
    """Put the accepted plan and its numbers together."""
    costs = priced(plan, batch, market)
    trades = outcome == Outcome.TRADE
    hurdle = np.where(trades, costs.hurdle, verdicts.needed / np.maximum(batch.safety, 1e-12))
    one_r, spot_one_r = _at_risk(plan, costs, batch, market)
    margin_change = np.where(trades, plan.margin - major(batch.margin), 0.0)
    return Decision(
        weights=plan.weights.T,
        sell=plan.sell.T,
        buy=plan.buy.T,
        spend=costs.spend.T,
        overlay=plan.overlay.T,
        overlay_change=plan.overlay_change.T,
        margin_change=margin_change.T,
        hedge_change=plan.hedge_change,
        pool=plan.pool,
        equity=plan.equity,
        target=plan.target,
        leverage=plan.leverage,
        stop=plan.stop,
        liquidation=plan.liquidation,
        spot_cost=costs.spot_cost,
        futures_cost=costs.futures_cost,
        funding=costs.funding,
        hurdle=hurdle,
        alpha=edge.alpha,
        needed_alpha=verdicts.needed,
        z_now=edge.z,
        needed_z=z_needed(verdicts.needed, ic=market.ic, sigma=edge.sigma),
        confidence=_confidence(market, edge, hurdle=hurdle),
        one_r=one_r,
        spot_one_r=spot_one_r,
        wanted_spot=wanted.spot,
        wanted_overlay=wanted.overlay,
        source=wanted.source,
        destination=wanted.destination,
        outcome=outcome,
        spot_verdict=verdicts.spot,
        overlay_verdict=verdicts.overlay,
        hedge_verdict=verdicts.hedge,
    )


def _at_risk(plan: Plan, costs: Costs, batch: Batch, market: MarketState) -> tuple[Floats, Floats]:
    """Return 1R of the futures legs, and of the spot bought, which is shown but not capped (DECISIONS 32)."""
    opened = total(np.maximum(plan.overlay_change, 0.0))
    hedged = np.maximum(-plan.hedge_change, 0.0)
    futures = opened * one_r_rate(plan.stop, batch.futures_fee)
    futures += hedged * one_r_rate(plan.stop, batch.futures_fee, side=-1.0)
    swing = np.maximum(ATR_MULTIPLE * market.atr_rate, ATR_FLOOR)
    swing = np.where(np.isnan(market.atr_rate), np.inf, swing)[:, None]
    stop = np.minimum(swing, batch.stop_rate)
    spot = total(costs.spend * one_r_rate(stop, batch.spot_fee))
    return futures, spot
