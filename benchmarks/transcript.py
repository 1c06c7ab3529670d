"""Transcribe the algorithm of DOMAIN 3.5 into plain numpy, line by line: the floor that the engine is measured by.

It knows none of the later rules (acceptance by group, gates, caps by experience, the monthly cap, cost-aware moves): it
is what the specification printed. Arrays are [K, N] or [N]; `of` holds the inputs by the specification's names.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

SC, NI, PR, RE = range(4)


def transcript(of: SimpleNamespace) -> SimpleNamespace:
    """Return every number of the algorithm."""
    count, width = of.S.shape[1], of.S.shape[0]
    rows = np.arange(count)
    pool = (of.S + of.M).sum(axis=0)
    weights = split(of)
    # 1 overlay
    ignites, emerges, peaks = of.stage == NI, of.stage == RE, of.stage == PR
    long = np.zeros((width, count))
    long[of.leader[ignites], rows[ignites]] = (of.k_ign * pool)[ignites]
    long[of.base[emerges], rows[emerges]] = (of.k_re * pool)[emerges]
    long *= of.lev_max >= 1
    leverage = np.minimum(np.where(ignites, of.lev_ign, of.lev_re), of.lev_max)
    reserve = np.maximum(of.stable - of.stable_floor * (of.core + of.stable + pool), 0)
    room = np.where(of.carve, (pool * weights * (long > 0)).sum(axis=0), reserve)
    long *= np.minimum(1, ratio(room, long.sum(axis=0) / np.maximum(leverage, 1)))
    margin = np.where(of.carve, long / np.maximum(leverage, 1), 0)
    hedge = np.where(peaks, -np.minimum(of.k_hedge * pool, of.core), 0)
    # 2 spot
    raw = pool * weights - margin - of.S
    band = of.band * pool
    move = np.where(of.changed, raw, np.sign(raw) * np.maximum(np.abs(raw) - band, 0))
    sell, buy, gain = np.maximum(-move, 0), np.maximum(move, 0), (margin - of.M).sum(axis=0)
    sell, buy = balance(sell, buy, gain)
    scale = np.minimum(1, ratio(of.max_turn * pool, sell.sum(axis=0)))
    sell, buy = sell * scale, buy * scale
    for _ in range(3):
        sell, buy = np.where(sell < of.min_notional, 0, sell), np.where(buy < of.min_notional, 0, buy)
        sell, buy = balance(sell, buy, gain)
    small = ((sell > 0) & (sell < of.min_notional)) | ((buy > 0) & (buy < of.min_notional))
    sell, buy = sell * ~small.any(axis=0), buy * ~small.any(axis=0)
    short = np.maximum(gain - (sell.sum(axis=0) - buy.sum(axis=0)), 0)
    kept = np.clip(1 - np.where(margin.sum(axis=0) > 0, ratio(short, margin.sum(axis=0)), 0), 0, 1)
    long, margin = long * kept, margin * kept
    d_long = long - of.F
    d_long = np.where(np.abs(d_long) < 0.1 * np.maximum(long, of.F), 0, d_long)
    d_hedge = hedge - of.Hc
    # 3 costs
    sold, bought = sell.sum(axis=0), buy.sum(axis=0)
    sale, purchase = of.spot_fee + slip(of, sell), of.spot_fee + slip(of, buy)
    spend = buy * np.where(bought > 0, ratio(np.maximum(bought - (sell * sale).sum(axis=0), 0), bought), 0)
    spot_cost = (sell * sale).sum(axis=0) + (spend * purchase).sum(axis=0)
    futures_cost = of.fut_fee * (np.abs(d_long).sum(axis=0) + np.abs(d_hedge))
    funding = (long * of.f8h[:, None]).sum(axis=0) * 3 * of.horizon
    # 4 risk
    liquidation = (1 - 1 / np.maximum(leverage, 1)) / (1 - of.mmr)
    stop = np.minimum(of.stop_pct, 0.66 * (1 - liquidation))
    risk = long.sum(axis=0) * stop + futures_cost
    # 5 decision
    added = sold + np.abs(d_long).sum(axis=0)
    hurdle = np.where(added > 0, ratio(2 * spot_cost + 2 * futures_cost + np.maximum(funding, 0), added), 0)
    target = np.where(ignites, of.leader, of.base)
    alpha = of.ic * of.z_spread[target] * of.sigma_rel[target] * np.sqrt(of.horizon / 365)
    any_leg = (sold > 0) | (bought > 0) | (d_long != 0).any(axis=0) | (d_hedge != 0)
    accept = any_leg & (peaks | of.regime_off | (alpha >= of.safety * hurdle))
    return SimpleNamespace(
        weights=weights, sell=sell, buy=buy, spend=spend, long=long, margin=margin, d_long=d_long, d_hedge=d_hedge,
        spot_cost=spot_cost, futures_cost=futures_cost, funding=funding, liquidation=liquidation, stop=stop, risk=risk,
        hurdle=hurdle, alpha=alpha, accept=accept,
    )  # fmt: skip


def split(of: SimpleNamespace) -> np.ndarray:
    """Return the pool's split by stage; columns add to 1 (DOMAIN 3.3)."""
    places = np.arange(of.S.shape[0])[:, None]
    is_leader, is_base = places == of.leader, places == of.base
    shelter = np.where(of.stage == NI, 1.0, (of.defens * (of.score >= 40))[:, None])
    rest = of.policy * shelter * ~is_leader
    mass = rest.sum(axis=0)
    rest = np.where(mass > 0, ratio(rest, mass), is_base)
    lead = np.choose(of.stage, [0.0, 0.75, 0.20, 0.125])
    return np.where(of.stage == SC, of.policy, lead * is_leader + (1 - lead) * rest)


def balance(sell: np.ndarray, buy: np.ndarray, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale down until sales pay for buys and margin."""
    buy = buy * np.clip(ratio(sell.sum(axis=0) - gain, buy.sum(axis=0)), 0, 1)
    sell = sell * np.clip(ratio(buy.sum(axis=0) + gain, sell.sum(axis=0)), 0, 1)
    return sell, buy


def slip(of: SimpleNamespace, size: np.ndarray) -> np.ndarray:
    """Return half the spread and two thirds of the root of size over turnover (DOMAIN 3.6)."""
    return of.half_spread[:, None] + 2 / 3 * of.sigma_d[:, None] * np.sqrt(size / of.adv[:, None])


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide, 1 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.ones(np.broadcast(part, whole).shape), where=whole > 0)


def inputs_of(batch: object, market: object) -> SimpleNamespace:
    """Name the engine's own inputs as the specification does, sector-major."""
    b, m = batch, market
    positive = np.maximum(b.futures_ratio, 0)
    return SimpleNamespace(
        S=np.ascontiguousarray(b.spot.T), M=np.ascontiguousarray(b.margin.T), F=np.ascontiguousarray(b.overlay.T),
        policy=np.ascontiguousarray(b.policy_split.T), Hc=b.core_hedge, core=b.core, stable=b.stable_risk,
        stage=b.stage, leader=b.leader, base=b.base, changed=b.is_changed, k_ign=positive, k_re=positive,
        k_hedge=np.maximum(-b.futures_ratio, 0), lev_ign=b.leverage, lev_re=b.leverage, lev_max=b.max_leverage,
        carve=b.carves, stable_floor=b.stable_floor, band=b.band, max_turn=b.max_turnover, safety=b.safety,
        min_notional=b.min_notional, horizon=b.horizon_days, stop_pct=b.stop_rate, spot_fee=b.spot_fee,
        fut_fee=b.futures_fee, defens=m.defensiveness, score=m.score, z_spread=m.z_spread, sigma_rel=m.sigma_relative,
        f8h=m.funding_8h, adv=m.adv, half_spread=m.half_spread, sigma_d=m.sigma_daily, mmr=0.01, ic=m.ic,
        regime_off=m.is_risk_off,
    )  # fmt: skip
