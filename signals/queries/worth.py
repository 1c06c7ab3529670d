"""Value what portfolios hold, by sleeve and sector column: float64 decides, the exact quantities stay beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from portfolio.domain.money import ZERO
from signals.queries.reference import Reference

Holdings = Mapping[int, Sequence[tuple[int, int, Decimal]]]
Positions = Mapping[int, Sequence[tuple[int, Decimal, Decimal]]]
Core = Mapping[int, Mapping[int, Decimal]]
Manual = Mapping[tuple[int, int], Decimal]


def valued(
    count: int,
    reference: Reference,
    *,
    holdings: Holdings,
    positions: Positions,
    core: Core,
    manual: Manual,
    carves: Sequence[bool],
) -> dict[str, Any]:
    """Return the batch's fields of what `count` rows own; a value that is unknown is left out and flagged."""
    value = _Values(count, reference)
    for row, held in holdings.items():
        value.hold(row, held, core.get(row, {}), manual)
    for row, opened in positions.items():
        value.post(row, opened, is_carved=carves[row])
    return value.arrays()


class _Values:
    """Add up values row by row in plain lists, which is quicker than touching arrays one number at a time."""

    def __init__(self, count: int, reference: Reference) -> None:
        width = len(reference.sectors)
        self.reference = reference
        self.prices = {asset: float(mark.price) for asset, mark in reference.marks.items()}
        self.shares = reference.shares
        self.spot, self.margin, self.overlay = ([[0.0] * width for _ in range(count)] for _ in range(3))
        self.core_hedge, self.core, self.stable = ([0.0] * count for _ in range(3))
        self.is_stale, self.has_unpriced_pool, self.has_unpriced_rest = ([False] * count for _ in range(3))

    def arrays(self) -> dict[str, Any]:
        """Return the sums as arrays."""
        names = ("spot", "margin", "overlay", "core_hedge", "core", "stable")
        flags = ("is_stale", "has_unpriced_pool", "has_unpriced_rest")
        return {
            **{name: np.array(getattr(self, name), np.float64) for name in names},
            **{name: np.array(getattr(self, name), np.bool_) for name in flags},
        }

    def hold(
        self, row: int, held: Sequence[tuple[int, int, Decimal]], core: Mapping[int, Decimal], manual: Manual
    ) -> None:
        """Add a row's holdings: core first, the rest to the reserve or to its sectors."""
        left = dict(core)
        for _, asset, quantity in held:
            if not quantity:
                continue
            locked = min(left.get(asset, ZERO), quantity) if left else ZERO
            if locked:
                left[asset] -= locked
            shares = self.shares.get(asset, ())
            is_reserve = asset in self.reference.reserve
            price = self._price(row, asset, manual)
            if math.isnan(price):
                self._flag(row, asset, is_pooled=bool(shares) and quantity > locked, is_rest=is_reserve or locked > 0)
                continue
            self.core[row] += float(locked) * price
            worth = float(quantity - locked if locked else quantity) * price
            if is_reserve:
                self.stable[row] += worth
            for column, share in shares:
                self.spot[row][column] += worth * share

    def _price(self, row: int, asset: int, manual: Manual) -> float:
        """Return a price to value with, NaN where it is unknown or stale."""
        mark = self.reference.marks.get(asset)
        if mark is not None and not mark.is_stale:
            return self.prices[asset]
        own = manual.get((row, asset))
        return math.nan if own is None else float(own)

    def _flag(self, row: int, asset: int, *, is_pooled: bool, is_rest: bool) -> None:
        """Flag what cannot be valued: recommendations that need it are refused (DECISIONS 13)."""
        is_stale = asset in self.reference.marks
        self.is_stale[row] = self.is_stale[row] or (is_pooled and is_stale)
        self.has_unpriced_pool[row] = self.has_unpriced_pool[row] or (is_pooled and not is_stale)
        self.has_unpriced_rest[row] = self.has_unpriced_rest[row] or is_rest

    def post(self, row: int, opened: Sequence[tuple[int, Decimal, Decimal]], *, is_carved: bool) -> None:
        """Add a row's positions: longs on a sector are its overlay, shorts on anything else hedge the core."""
        for instrument, quantity, margin in opened:
            listing = self.reference.perps.get(instrument)
            if listing is None or not quantity:
                self.is_stale[row] = self.is_stale[row] or bool(quantity)
                continue
            shares = self.shares.get(listing.asset_id)
            worth = float(quantity) * float(listing.price)
            if shares and worth > 0:
                self.overlay[row][shares[0][0]] += worth
            elif not shares:
                self.core_hedge[row] += min(worth, 0.0)
            if shares and worth > 0 and is_carved:
                self.margin[row][shares[0][0]] += float(margin)
            else:
                self.stable[row] += float(margin)
