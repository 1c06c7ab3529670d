"""Follow what to compare with: HOLD, had nothing ever been rotated; ANCHOR, the policy's weights; core only (F02)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np

from portfolio.domain.figures import Floats, floats
from portfolio.domain.money import ZERO, exact, in_context, pro_rata, summed


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Hold what came in (positive) or went out (negative), and its worth in USD, with the same sign."""

    asset: str
    quantity: Decimal
    value: Decimal


@in_context
def held_after(
    *, units: Mapping[str, Decimal], flows: Iterable[Flow], prices: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Give the units after some flows: deposits are kept as they came, withdrawals take a share of everything."""
    kept = dict(units)
    for flow in flows:
        if flow.quantity > 0:
            kept[flow.asset] = kept.get(flow.asset, ZERO) + flow.quantity
        else:
            kept = _less(kept, -flow.value, held_value(units=kept, prices=prices))
    return kept


@in_context
def held_value(*, units: Mapping[str, Decimal], prices: Mapping[str, Decimal]) -> Decimal:
    """Value the units that have a price."""
    return summed(exact(quantity * prices[asset]) for asset, quantity in units.items() if asset in prices)


def _less(units: Mapping[str, Decimal], taken: Decimal, whole: Decimal) -> dict[str, Decimal]:
    """Scale units down by the share taken; who takes all leaves nothing."""
    if whole <= taken:
        return {}
    return {asset: pro_rata(total=quantity, part=whole - taken, whole=whole) for asset, quantity in units.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Rebalanced:
    """Hold a benchmark that keeps its weights: what it held at the start of each of T days, and each day's return."""

    weights: Floats
    returns: Floats


def rebalanced(*, targets: Floats, moves: Floats, resets: Sequence[bool]) -> Rebalanced:
    """Follow target weights [T, K] through the parts' returns, set anew on some days and drifting between (DOMAIN F02).

    The first day always sets them. A part whose return is not known on a day makes that day's return unknown, unless
    nothing is held of it.
    """
    weights = np.zeros_like(targets)
    starts = [day for day, is_set in enumerate(resets) if day == 0 or is_set]
    for start, end in pairwise([*starts, len(resets)]):
        weights[start:end] = _drifted(targets[start], moves[start : end - 1])
    return Rebalanced(weights, np.sum(np.where(weights == 0.0, 0.0, weights * moves), axis=1))


def first_of_month(dates: Sequence[date]) -> list[bool]:
    """Tell on which days a benchmark is set anew: the first of each month (DOMAIN F02)."""
    return [place == 0 or day.month != dates[place - 1].month for place, day in enumerate(dates)]


def basket_returns(*, quantities: Floats, prices: Floats) -> Floats:
    """Give a basket's return on each of T days: its units [T, A] at the prices before [T + 1, A] and after.

    What is not priced at either end is left out; a basket without anything priced has no return (NaN).
    """
    before, after = prices[:-1], prices[1:]
    is_priced = ~(np.isnan(before) | np.isnan(after))
    start = np.sum(np.where(is_priced, quantities * before, 0.0), axis=1)
    end = np.sum(np.where(is_priced, quantities * after, 0.0), axis=1)
    return np.where(start > 0, end / np.where(start > 0, start, 1.0) - 1.0, np.nan)


def _drifted(weights: Floats, moves: Floats) -> Floats:
    """Give weights before each of some moves and after the last [T + 1, K]; what loses everything keeps its weights."""
    grown = weights * np.cumprod(np.vstack([np.ones_like(weights), 1.0 + np.nan_to_num(moves)]), axis=0)
    whole = np.sum(grown, axis=1)
    lost = np.flatnonzero(whole[1:] <= 0)
    if not len(lost):
        return floats(grown / whole[:, None]) if whole[0] > 0 else floats(np.repeat(weights[None], len(grown), axis=0))
    day = int(lost[0]) + 1
    before = _drifted(weights, moves[: day - 1])
    return floats(np.vstack([before, _drifted(before[-1], moves[day:])]))
