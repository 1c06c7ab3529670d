"""Build sector indices from member prices, and the market they are measured against (DOMAIN F01; DECISIONS 23-24)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np

from signals.domain.arrays import NAN, Bools, Codes, Floats, Ints
from signals.domain.panel import MarketPanel
from signals.domain.params import Params
from signals.domain.windows import first_true, mean_of, shifted


class Weighting(IntEnum):
    """Say how an index is weighted on a day."""

    NONE = 0
    CAPPED = 1
    EQUAL = 2


@dataclass(frozen=True, slots=True)
class SectorIndices:
    """Hold K sector indices over T days; levels start at 1 and are NaN before the sector has enough members.

    `relative` is I_k / benchmark, `against` is I_k / the equal-weight index of the other sectors, `others` that index's
    daily return. On a frozen day a sector's return is 0.
    """

    returns: Floats
    levels: Floats
    is_frozen: Bools
    weighting: Codes
    benchmark: Floats
    relative: Floats
    others: Floats
    against: Floats


def sector_indices(panel: MarketPanel, *, params: Params) -> SectorIndices:
    """Compute every sector's index and the equal-weight benchmark of all (DECISIONS 23-24)."""
    known = carried(panel.closes, days=params.price_gap_days)
    moves = asset_returns(panel.closes, known)
    columns = [_sector(panel, moves, known, sector=k, params=params) for k in range(len(panel.sectors))]
    returns, frozen, weighting = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
    started = np.where(frozen, NAN, returns)
    shared = _benchmark_returns(started, needed=min(2, len(panel.sectors)))
    levels = np.stack([level(returns[:, k]) for k in range(returns.shape[1])], axis=1)
    others = np.stack([mean_of(np.delete(started, k, axis=1), axis=1) for k in range(returns.shape[1])], axis=1)
    benchmark = level(shared)
    return SectorIndices(
        returns=returns,
        levels=levels,
        is_frozen=frozen,
        weighting=weighting,
        benchmark=benchmark,
        relative=levels / benchmark[:, None],
        others=others,
        against=_against(returns, others),
    )


def carried(closes: Floats, *, days: int) -> Floats:
    """Return each asset's close, or the last one up to `days` days before."""
    known = closes
    for gap in range(1, days + 1):
        known = np.where(np.isnan(known), shifted(closes, days=gap), known)
    return known


def asset_returns(closes: Floats, known: Floats) -> Floats:
    """Return P_t / P_last known - 1, NaN on a day without a close: a gap's move falls on the day it ends."""
    return closes / shifted(known, days=1) - 1.0


def rebalance_days(panel: MarketPanel) -> Ints:
    """Return the first day that has a predecessor, and the first day of every month after it."""
    months = panel.dates.astype("datetime64[M]")
    turns = np.flatnonzero(months[1:] != months[:-1]) + 1
    return np.union1d(turns, [1]) if len(panel) > 1 else np.zeros(0, np.int64)


def index_weights(shares: Floats, caps: Floats, is_priced: Bools, *, params: Params) -> tuple[Floats, Weighting]:
    """Weight members by capped market cap, or equally while too many caps are unknown (DECISIONS 23).

    `shares` is each asset's membership, its cap in `caps`; an asset without a price does not count.
    """
    shares = np.where(is_priced, shares, 0.0)
    members = shares > 0
    if np.count_nonzero(members) < params.index_minimum:
        return np.zeros(len(shares)), Weighting.NONE
    with_cap = members & (caps > 0)
    if np.count_nonzero(with_cap) < params.caps_needed * np.count_nonzero(members):
        return shares / shares.sum(), Weighting.EQUAL
    return capped(np.where(with_cap, caps * shares, 0.0), cap=params.index_cap), Weighting.CAPPED


def capped(sizes: Floats, *, cap: float) -> Floats:
    """Return weights in proportion to sizes, none above max(cap, 1/n); what is cut off goes to the others (F01)."""
    limit = max(cap, 1.0 / np.count_nonzero(sizes))
    at_limit = np.zeros(len(sizes), np.bool_)
    while True:
        free = np.where(at_limit, 0.0, sizes)
        left = max(1.0 - limit * np.count_nonzero(at_limit), 0.0)
        weights = np.where(at_limit, limit, free * (left / free.sum() if free.any() else 0.0))
        over = weights > limit * (1.0 + 1e-12)
        if not over.any():
            return weights
        at_limit |= over


def level(returns: Floats) -> Floats:
    """Compound returns to a level that is 1 on the day before the first return, NaN earlier; later gaps count as 0."""
    start = first_true(~np.isnan(returns))
    path = np.asarray(np.cumprod(1.0 + np.nan_to_num(returns)), np.float64)
    path[: max(start - 1, 0)] = NAN
    return path if start < len(returns) else np.full(len(returns), NAN)


def _sector(
    panel: MarketPanel, moves: Floats, known: Floats, *, sector: int, params: Params
) -> tuple[Floats, Bools, Codes]:
    """Return one sector's daily return, frozen days and weighting."""
    weights, weighting = _held_weights(panel, known, sector=sector, params=params)
    counts = (weights > 0) & ~np.isnan(moves)
    held = np.where(counts, weights, 0.0)
    frozen = np.sum(counts, axis=1) < params.index_minimum
    total = np.where(frozen, 1.0, np.sum(held, axis=1))
    returns = np.where(frozen, 0.0, np.sum(held * np.nan_to_num(moves), axis=1) / total)
    returns[: first_true(~frozen)] = NAN
    return returns, frozen, weighting


def _held_weights(panel: MarketPanel, known: Floats, *, sector: int, params: Params) -> tuple[Floats, Codes]:
    """Return the weights of each day: set from the day before a rebalance, constant until the next."""
    weights = np.zeros(panel.closes.shape)
    weighting = np.zeros(len(panel), np.int8)
    days = rebalance_days(panel).tolist()
    for start, end in pairwise([*days, len(panel)]):
        before = start - 1
        shares, caps = panel.memberships[before, :, sector], panel.market_caps[before]
        row, kind = index_weights(shares, caps, ~np.isnan(known[before]), params=params)
        weights[start:end], weighting[start:end] = row, kind
    return weights, weighting


def _benchmark_returns(started: Floats, *, needed: int) -> Floats:
    """Return the mean return of the running sectors, from the first day on which enough of them run (DECISIONS 24)."""
    shared = mean_of(started, axis=1)
    shared[: first_true(np.sum(~np.isnan(started), axis=1) >= needed)] = NAN
    return shared


def _against(returns: Floats, others: Floats) -> Floats:
    """Return I_k over the equal-weight index of the others (DECISIONS 26)."""
    ratio = (1.0 + returns) / (1.0 + others) - 1.0
    return np.stack([level(column) for column in ratio.T], axis=1)
