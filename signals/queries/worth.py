"""Value what portfolios hold, by sleeve and sector column: float64 decides, the exact quantities stay beside it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.domain.arrays import Bools, Floats, Ints
from signals.domain.costs import counted_for_risk
from signals.queries.reference import Reference

Core = Mapping[int, Mapping[int, Any]]
Manual = Mapping[tuple[int, int], Any]
Positions = Mapping[int, Sequence[tuple[int, Any, Any]]]
Lacking = dict[int, list[int]]
"""Which assets lack a fresh price, by the place of the portfolio that needs it."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Hold rows of (portfolio, venue, asset, quantity) in the order of portfolios, and where each one's begin."""

    rows: Sequence[tuple[Any, ...]]
    starts: Sequence[int]
    place: Ints
    asset: Ints
    quantity: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]], portfolios: Ints) -> Holdings:
        """Arrange rows that are sorted by portfolio; rows of other portfolios are left out."""
        owner = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        starts = np.searchsorted(owner, portfolios)
        ends = np.searchsorted(owner, portfolios, side="right")
        place = np.repeat(np.arange(len(portfolios)), ends - starts)
        mine = np.isin(owner, portfolios)
        asset = np.fromiter((row[2] for row in rows), np.int64, len(rows))[mine]
        quantity = np.fromiter((float(row[3]) for row in rows), np.float64, len(rows))[mine]
        kept = [row for row, is_mine in zip(rows, mine.tolist(), strict=True) if is_mine] if not mine.all() else rows
        return cls(kept, [0, *np.cumsum(ends - starts).tolist()], place, asset, quantity)

    def held_by(self, place: int) -> Sequence[tuple[Any, ...]]:
        """Return one portfolio's rows."""
        return self.rows[self.starts[place] : self.starts[place + 1]]


def valued(
    count: int, reference: Reference, *, held: Holdings, positions: Positions, core: Core, manual: Manual
) -> tuple[dict[str, Any], Lacking]:
    """Return the batch's fields of what `count` portfolios own; a value that is unknown is left out, flagged, named."""
    width = len(reference.sectors)
    worth: dict[str, Any] = {
        **{name: np.zeros((count, width)) for name in ("spot", "margin", "overlay")},
        **{name: np.zeros(count) for name in ("core_hedge", "core", "stable", "stable_risk")},
        **{name: np.zeros(count, np.bool_) for name in ("is_stale", "has_unpriced_pool", "has_unpriced_rest")},
    }
    flagged = {asset for flags in core.values() for asset in flags}
    assets = np.array(sorted({*np.unique(held.asset).tolist(), *flagged}), np.int64)
    quantity = _quantities(count, assets, held)
    locked = np.minimum(quantity, _core(count, assets, core))
    own, lacking = _by_asset(manual), defaultdict(list)
    for column, asset in enumerate(assets.tolist()):
        price = _prices(reference, asset, own.get(asset, {}), count)
        free = quantity[:, column] - locked[:, column]
        unknown = _add(worth, reference, asset, free=free, core=locked[:, column], price=price)
        for place in unknown.nonzero()[0].tolist():
            lacking[place].append(asset)
    for place, opened in positions.items():
        _post(worth, reference, place, opened)
    return worth, lacking


def _quantities(count: int, assets: Ints, held: Holdings) -> Floats:
    """Return what is held as portfolios by assets, accounts added up."""
    cells = held.place * len(assets) + np.searchsorted(assets, held.asset)
    sums: Floats = np.bincount(cells, weights=held.quantity, minlength=count * len(assets)).astype(np.float64)
    return sums.reshape(count, len(assets))


def _core(count: int, assets: Ints, core: Core) -> Floats:
    """Return what is flagged core as portfolios by assets (DOMAIN F22)."""
    flags = np.zeros((count, len(assets)))
    places = {asset: column for column, asset in enumerate(assets.tolist())}
    for place, quantities in core.items():
        for asset, quantity in quantities.items():
            flags[place, places[asset]] = float(quantity)
    return flags


def _by_asset(manual: Manual) -> dict[int, dict[int, float]]:
    """Return people's own prices by asset and portfolio."""
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for (place, asset), price in manual.items():
        found[asset][place] = float(price)
    return found


def _prices(reference: Reference, asset: int, own: Mapping[int, float], count: int) -> Floats:
    """Return each portfolio's price: the market's while fresh, else the person's own, else NaN (DECISIONS 13)."""
    mark = reference.marks.get(asset)
    fresh = math.nan if mark is None or mark.is_stale else float(mark.price)
    prices = np.full(count, fresh)
    if math.isnan(fresh):
        for place, price in own.items():
            prices[place] = price
    return prices


def _add(
    worth: dict[str, Any], reference: Reference, asset: int, *, free: Floats, core: Floats, price: Floats
) -> Bools:
    """Add one asset of every portfolio: core first, the rest to the reserve or its sectors; return who lacks it."""
    shares = reference.shares.get(asset, ())
    is_reserve = asset in reference.reserve
    unknown: Bools = np.isnan(price)
    known = np.where(unknown, 0.0, price)
    worth["core"] += core * known
    if is_reserve:
        worth["stable"] += free * known
        worth["stable_risk"] += free * counted_for_risk(known, haircut=reference.haircuts.get(asset))
    for column, share in shares:
        worth["spot"][:, column] += free * known * share
    if not unknown.any():
        return unknown
    pooled = unknown & (free > 0) & bool(shares)
    rest = unknown & ((core > 0) | ((free > 0) & is_reserve))
    worth["is_stale" if asset in reference.marks else "has_unpriced_pool"] |= pooled
    worth["has_unpriced_rest"] |= rest
    return pooled | rest


def _post(worth: dict[str, Any], reference: Reference, place: int, opened: Sequence[tuple[int, Any, Any]]) -> None:
    """Add one portfolio's positions: longs on a sector are its overlay, shorts on anything else hedge the core.

    Posted margin is among the stablecoins held. That of an overlay counts as carved here; `margin_to_reserve` moves it
    back where the policy takes it from stablecoins.
    """
    for instrument, quantity, margin in opened:
        contract, amount = reference.contracts.get(instrument), float(quantity)
        if not amount:
            continue
        if contract is None:
            worth["is_stale"][place] = True
            continue
        notional, posted = contract.in_usd(amount), contract.margin_in_usd(float(margin))
        shares = reference.shares.get(contract.asset_id)
        if shares and amount > 0:
            worth["overlay"][place, shares[0][0]] += notional
            worth["margin"][place, shares[0][0]] += posted
            worth["stable"][place] -= posted
            worth["stable_risk"][place] -= posted
        else:
            worth["core_hedge"][place] += 0.0 if shares else min(notional, 0.0)


def margin_to_reserve(worth: dict[str, Any], *, carves: Bools) -> None:
    """Count margin posted from stablecoins as reserve (DECISIONS 31); only carved margin stays in its sector."""
    posted = np.where(carves[:, None], 0.0, worth["margin"])
    worth["stable"] += posted.sum(axis=1)
    worth["stable_risk"] += posted.sum(axis=1)
    worth["margin"] -= posted
