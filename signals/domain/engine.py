"""Decide for any number of portfolios in one vectorised pass; one portfolio takes the same path (DOMAIN 3.5)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

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
    major,
    total,
)
from signals.domain.costs import confidence, priced, z_needed

LAMBDA_MIN, LAMBDA_SPAN = 0.25, 0.1


def decide(batch: Batch, market: MarketState) -> Decision:
    """Answer every row of the batch: what to trade, at which cost, or why nothing (DOMAIN 3.5; DECISIONS 20, 26-33)."""
    edge = edge_of(batch, market)
    aim = _aim(batch, market, edge)
    everywhere = np.ones(len(batch), dtype=np.bool_)
    plan = draft(batch, market, may_open=everywhere, aim=aim)
    costs = priced(plan, batch, market)
    verdicts = judged(plan, costs, batch, edge)
    opening = total(np.maximum(plan.overlay_change, 0.0))
    refused = np.isin(verdicts.overlay, OVERLAY_REFUSED)
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
            source=np.where(sold > 0, plan.sell.argmax(axis=0), -1),
            destination=np.where(bought > 0, plan.buy.argmax(axis=0), plan.target),
        )


def _aim(batch: Batch, market: MarketState, edge: Edge) -> Floats:
    """Return how much of the way each row goes: all of it, or lambda for cost-aware rows (DOMAIN 3.2 profile)."""
    full = np.ones(len(batch))
    if not batch.is_cost_aware.any():
        return full
    plan = draft(batch, market, may_open=full > 0, aim=full)
    costs = priced(plan, batch, market)
    adds = judged(plan, costs, batch, edge).spot == SpotVerdict.PAYS
    chance = _confidence(market, edge, hurdle=costs.hurdle)
    part = np.clip(2.0 * (chance - 0.5) / LAMBDA_SPAN, LAMBDA_MIN, 1.0)
    return np.where(batch.is_cost_aware & adds, part, full)


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
    again = draft(batch, market, may_open=~refused, aim=aim)
    second = judged(again, priced(again, batch, market), batch, edge)
    needed = np.where(np.isin(second.spot, SPOT_REFUSED), second.needed, np.maximum(verdicts.needed, second.needed))
    return _merged(plan, again, refused), Verdicts(
        spot=np.where(refused, second.spot, verdicts.spot),
        overlay=verdicts.overlay,
        hedge=verdicts.hedge,
        needed=np.where(refused, needed, verdicts.needed),
    )


def _merged(first: Plan, second: Plan, takes_second: Bools) -> Plan:
    """Take the marked rows from the second plan."""
    return Plan(
        **{f.name: np.where(takes_second, getattr(second, f.name), getattr(first, f.name)) for f in fields(Plan)}
    )


def _accepted(plan: Plan, verdicts: Verdicts) -> Plan:
    """Drop the spot legs that were refused; futures that reduce risk stay."""
    stays = ~np.isin(verdicts.spot, SPOT_REFUSED)
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
