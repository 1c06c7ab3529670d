"""Turn a stage into targets and self-financing trades for many portfolios at once (DOMAIN 3.3, 3.5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from signals.domain.arrays import Bools, Floats, Ints
from signals.domain.batch import (
    MONTHLY_TURNOVER,
    Batch,
    FundingFlag,
    HedgeVerdict,
    MarketState,
    OverlayVerdict,
    Plan,
    StageCode,
    any_of,
    is_any,
    is_at,
    major,
    total,
)

LEADER_SHARE_MAX = 0.875
ELIGIBLE_SCORE = 40.0
DEAD_BAND = 0.10
ATR_MULTIPLE, ATR_FLOOR = 2.5, 0.08
STOP_BEFORE_LIQUIDATION = 0.66
FREEZING = (OverlayVerdict.UNKNOWN_GATE, OverlayVerdict.UNPRICED)


@dataclass(frozen=True, slots=True)
class _Overlay:
    """Hold the long overlay of each row: on which sector, how much, with which margin, and what stood in its way."""

    target: Ints
    notional: Floats
    margin: Floats
    change: Floats
    held: Floats
    kept: Floats
    leverage: Floats
    stop: Floats
    liquidation: Floats
    block: Ints


def share_of(part: Floats, whole: Floats, *, otherwise: float = 1.0) -> Floats:
    """Divide, with `otherwise` where the whole is not positive (DECISIONS 31: 0/0 is 1 in scalings)."""
    result: Floats = np.full(np.broadcast(part, whole).shape, otherwise)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def pool_weights(batch: Batch, market: MarketState, *, pool: Floats, invested: Floats) -> Floats:
    """Split the pool by stage; columns of the [K, N] result add to 1 (DOMAIN 3.3, DECISIONS 26)."""
    is_leader = is_at(batch.leader, batch.sector_count)
    is_base = is_at(batch.base, batch.sector_count)
    policy = major(batch.policy_split)
    held = share_of(_at(invested, batch.leader), pool, otherwise=0.0)
    ignition = np.maximum(batch.leader_share, np.minimum(held, LEADER_SHARE_MAX))
    lead = np.where(batch.stage == StageCode.NI, ignition, batch.leader_share)
    shelter = (market.defensiveness * (market.score >= ELIGIBLE_SCORE))[:, None]
    rest = np.where(batch.stage == StageCode.NI, policy, policy * shelter) * ~is_leader
    mass = total(rest)
    rest = np.where(mass > 0, share_of(rest, mass), is_base)
    rests = (batch.stage == StageCode.SC) | (batch.leader < 0) | (batch.base < 0)
    return np.where(rests, policy, lead * is_leader + (1.0 - lead) * rest)


def draft(batch: Batch, market: MarketState, *, may_open: Bools, aim: Floats) -> Plan:
    """Plan every row's trades without judging them; `aim` is the share of the way that a move goes."""
    spot, held_margin, held = major(batch.spot), major(batch.margin), major(batch.overlay)
    pool = total(spot + held_margin)
    equity = batch.core + batch.stable + pool
    weights = pool_weights(batch, market, pool=pool, invested=spot + held_margin)
    wanted = _overlay(batch, market, pool=pool, equity=equity, weights=weights, may_open=may_open, aim=aim)
    is_target = is_at(wanted.target, batch.sector_count)
    margin = np.where(is_target, wanted.margin, 0.0)
    gap = total(margin - held_margin)
    raw = aim * (pool * weights - held_margin - spot) - (margin - held_margin)
    sell, buy = _spot(batch, market, raw=raw, pool=pool, gap=gap)
    funded = _funded(wanted, short=np.maximum(gap - (total(sell) - total(buy)), 0.0), floor=batch.min_notional)
    overlay = np.where(is_target, funded.notional, 0.0)
    hedge, hedge_block = _hedge(batch, market, pool=pool, leader_gates=_gates(market, batch.leader))
    return Plan(
        pool=pool,
        equity=equity,
        weights=weights,
        sell=sell,
        buy=buy,
        overlay=overlay,
        margin=np.where(is_target, funded.margin, 0.0),
        overlay_change=np.where(is_target, funded.change, -held),
        hedge=hedge,
        hedge_change=hedge - batch.core_hedge,
        target=wanted.target,
        leverage=wanted.leverage,
        stop=wanted.stop,
        liquidation=wanted.liquidation,
        overlay_block=funded.block,
        hedge_block=hedge_block,
    )


def _at(values: Floats, target: Ints) -> Floats:
    """Return each row's value at its target sector, 0 where it has none."""
    found: Floats = np.where(target >= 0, values[np.maximum(target, 0), np.arange(values.shape[1])], 0.0)
    return found


def _gates(market: MarketState, target: Ints) -> Bools:
    """Return whether every gate of the row's sector could be read (DECISIONS 20); true where there is none."""
    known = market.has_known_gates & (market.funding_flag != FundingFlag.UNKNOWN)
    passes: Bools = known[np.maximum(target, 0)] | (target < 0)
    return passes


def _risk(batch: Batch, market: MarketState, column: Ints, is_short: Bools) -> tuple[Floats, Floats, Floats]:
    """Return leverage, stop distance and liquidation ratio to entry (DOMAIN 3.5 step 4, DECISIONS 32)."""
    leverage = np.maximum(np.minimum(batch.leverage, batch.max_leverage), 1.0)
    rate = np.where(is_short, market.core_maintenance, market.maintenance[column])
    side = np.where(is_short, -1.0, 1.0)
    liquidation = (1.0 - side / leverage) / (1.0 - side * rate)
    atr = np.where(is_short, market.core_atr_rate, market.atr_rate[column])
    swing = np.where(np.isnan(atr), np.inf, np.maximum(ATR_MULTIPLE * atr, ATR_FLOOR))
    distance = np.abs(1.0 - liquidation) * STOP_BEFORE_LIQUIDATION
    return leverage, np.minimum(np.minimum(swing, batch.stop_rate), distance), liquidation


def one_r_rate(stop: Floats, fee: Floats, *, side: float = 1.0) -> Floats:
    """Return 1R as a share of notional: the way to the stop and both fees (DOMAIN E03)."""
    return stop + fee * (2.0 - side * stop)


def _overlay(
    batch: Batch,
    market: MarketState,
    *,
    pool: Floats,
    equity: Floats,
    weights: Floats,
    may_open: Bools,
    aim: Floats,
) -> _Overlay:
    """Size the overlay within leverage, risk, overlay cap and the margin that exists (DOMAIN 3.5 step 1)."""
    ignites = batch.stage == StageCode.NI
    target = np.where(batch.futures_ratio > 0, np.where(ignites, batch.leader, batch.base), -1)
    column = np.maximum(target, 0)
    leverage, stop, liquidation = _risk(batch, market, column, batch.futures_ratio < 0)
    held = _at(major(batch.overlay), target)
    wanted = np.where(target >= 0, batch.futures_ratio * pool, 0.0)
    wanted = np.where(market.funding_flag[column] == FundingFlag.HOT, 0.5 * wanted, wanted)
    ceiling = np.minimum(batch.max_overlay * equity, batch.max_risk * equity / one_r_rate(stop, batch.futures_fee))
    reserve = np.maximum(batch.stable_risk - batch.stable_floor * equity, 0.0)
    room = leverage * np.where(batch.carves, pool * _at(weights, target), reserve)
    notional = np.minimum(np.minimum(wanted, ceiling), room)
    notional = np.where(notional > held, held + aim * (notional - held), notional)
    block = _overlay_block(batch, market, target=target, column=column)
    block = np.where((block == 0) & (room < batch.min_notional), OverlayVerdict.NO_MARGIN, block)
    notional = _unblocked(notional, held=held, block=block, may_open=may_open)
    free = np.minimum(wanted, ceiling)
    matters = settled(free - held, size=free, floor=batch.min_notional, is_closed=free <= 0) > 0
    change = settled(
        notional - held, size=np.maximum(notional, held), floor=batch.min_notional, is_closed=notional <= 0
    )
    kept = _at(major(batch.margin), target)
    carved = np.where(change < 0, np.minimum(notional / leverage, kept), notional / leverage)
    margin = np.where(change == 0, kept, np.where(batch.carves, carved, 0.0))
    block = np.where(matters | ((held > 0) & ~is_any(block, FREEZING)), block, 0)
    return _Overlay(target, held + change, margin, change, held, kept, leverage, stop, liquidation, block)


def _overlay_block(batch: Batch, market: MarketState, *, target: Ints, column: Ints) -> Ints:
    """Name what forbids a long on the row's sector, 0 for nothing (DECISIONS 20, 31; DOMAIN 2.6, F05)."""
    reasons = [
        (batch.max_leverage < 1.0, OverlayVerdict.NOT_OPTED_IN),
        (batch.is_stopped, OverlayVerdict.STOPPED_OUT),
        (~market.has_perp[column], OverlayVerdict.NO_PERP),
        (market.funding_flag[column] == FundingFlag.EXTREME_HIGH, OverlayVerdict.EXTREME_FUNDING),
        (batch.has_unpriced_rest, OverlayVerdict.UNPRICED),
        (~_gates(market, target), OverlayVerdict.UNKNOWN_GATE),
    ]
    found = np.select([when for when, _ in reasons], [int(code) for _, code in reasons], default=0)
    return np.where(target >= 0, found, 0)


def _unblocked(notional: Floats, *, held: Floats, block: Ints, may_open: Bools) -> Floats:
    """Keep what a block allows: nothing after a stop or at extreme funding, no increase at an unknown gate."""
    freezes = is_any(block, FREEZING) | ~may_open
    forbids = (block != 0) & ~is_any(block, FREEZING)
    return np.where(forbids, 0.0, np.where(freezes, np.minimum(notional, held), notional))


def settled(change: Floats, *, size: Floats, floor: Floats, is_closed: Bools) -> Floats:
    """Return the change, or 0 inside the dead band of 10% or under the smallest order; closing always counts."""
    too_small = (np.abs(change) < DEAD_BAND * size) | (np.abs(change) < floor)
    return np.where(too_small & ~(is_closed & (change != 0)), 0.0, change)


def _funded(wanted: _Overlay, *, short: Floats, floor: Floats) -> _Overlay:
    """Shrink an opening overlay whose carved margin the sales did not bring in (DOMAIN 3.5 step 2)."""
    scale = np.clip(1.0 - share_of(short, wanted.margin, otherwise=0.0), 0.0, 1.0)
    grown = wanted.notional * scale - wanted.held
    opens = wanted.change > 0
    change = np.where(opens, np.where(grown < floor, 0.0, grown), wanted.change)
    margin = np.where(opens, np.where(change > 0, wanted.margin * scale, wanted.kept), wanted.margin)
    block = np.where(opens & (change <= 0), OverlayVerdict.NO_MARGIN, wanted.block)
    return replace(wanted, notional=wanted.held + change, change=change, margin=margin, block=block)


def _hedge(batch: Batch, market: MarketState, *, pool: Floats, leader_gates: Bools) -> tuple[Floats, Ints]:
    """Return the short on core that the stage requires, never above the core, and what stood in its way."""
    wanted = -np.minimum(np.maximum(-batch.futures_ratio, 0.0) * pool, batch.core)
    asks = batch.core_hedge - wanted >= np.maximum(batch.min_notional, -DEAD_BAND * wanted)
    reasons = [
        (asks & (batch.max_leverage < 1.0), HedgeVerdict.NOT_OPTED_IN),
        (asks & batch.has_unpriced_rest, HedgeVerdict.UNPRICED),
        (asks & ~(leader_gates & market.has_known_core_gates), HedgeVerdict.UNKNOWN_GATE),
    ]
    block = np.select([when for when, _ in reasons], [int(code) for _, code in reasons], default=0)
    freezes = is_any(block, (HedgeVerdict.UNKNOWN_GATE, HedgeVerdict.UNPRICED))
    wanted = np.where(block == HedgeVerdict.NOT_OPTED_IN, 0.0, wanted)
    wanted = np.where(freezes, np.maximum(wanted, batch.core_hedge), wanted)
    size = np.maximum(np.abs(wanted), np.abs(batch.core_hedge))
    change = settled(wanted - batch.core_hedge, size=size, floor=batch.min_notional, is_closed=wanted >= 0)
    return batch.core_hedge + change, block


def _spot(batch: Batch, market: MarketState, *, raw: Floats, pool: Floats, gap: Floats) -> tuple[Floats, Floats]:
    """Trade to the target after a change, to half the band on drift, never inside the band; capped (DECISIONS 31)."""
    band = batch.band * pool
    is_out = np.abs(raw) > band
    drift = is_out * np.copysign(np.abs(raw) - band / 2.0, raw)
    move = np.where(batch.is_changed & any_of(is_out), raw, drift)
    sell, buy = balanced(np.maximum(-move, 0.0), np.maximum(move, 0.0), gap=gap)
    scale = np.minimum(share_of(_turnover_room(batch, market, pool=pool), total(sell)), 1.0)
    return _over_minimum(sell * scale, buy * scale, gap=gap, floor=batch.min_notional)


def _turnover_room(batch: Batch, market: MarketState, *, pool: Floats) -> Floats:
    """Return what may still be sold: per rotation, and per rolling 30 days except in PR and RISK_OFF (DECISIONS 32)."""
    left = np.maximum(MONTHLY_TURNOVER * pool - batch.turned_30d, 0.0)
    is_free = (batch.stage == StageCode.PR) | market.is_risk_off
    return np.minimum(batch.max_turnover * pool, np.where(is_free, np.inf, left))


def balanced(sell: Floats, buy: Floats, *, gap: Floats) -> tuple[Floats, Floats]:
    """Scale down until sales pay for buys and for the margin `gap`; a negative gap is margin that comes back."""
    buy = buy * np.clip(share_of(total(sell) - gap, total(buy)), 0.0, 1.0)
    sell = sell * np.clip(share_of(total(buy) + gap, total(sell)), 0.0, 1.0)
    return sell, buy


def _over_minimum(sell: Floats, buy: Floats, *, gap: Floats, floor: Floats) -> tuple[Floats, Floats]:
    """Drop legs under the smallest order, rebalance, three times; a row that still has one trades no spot."""
    for _ in range(3):
        sell, buy = balanced(sell * (sell >= floor), buy * (buy >= floor), gap=gap)
    fits = ~any_of(((sell > 0) & (sell < floor)) | ((buy > 0) & (buy < floor)))
    return sell * fits, buy * fits
