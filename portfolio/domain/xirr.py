"""Find the money-weighted return: the yearly rate at which dated flows are worth nothing together (DOMAIN 4.6)."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portfolio.domain.figures import Floats, floats

NEAR = 0.1
"""Of several roots that make sense, the one nearest to this rate is given, and flagged."""

LOWEST, HIGHEST = -0.8, 100.0
"""A rate beyond these is set aside where there is another."""

_HALVINGS = 70
_STEPS = 400
_FINEST, _WIDEST, _GROWTH = 1e-4, 25.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedFlow:
    """Hold a flow: years since the first one (Act/365: days / 365) and its amount; paid in is negative."""

    years: float
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """Hold the yearly rate, and whether it is the only one."""

    rate: float
    is_only: bool


def present_value(*, rate: float, flows: Iterable[DatedFlow]) -> float:
    """Give sum CF / (1 + rate)^years (DOMAIN 4.6); the rate is above -1."""
    amounts, years = _arrays(flows)
    return float(np.sum(amounts * np.exp(-np.log1p(rate) * years)))


def xirr(flows: Iterable[DatedFlow]) -> Root | None:
    """Give the root of the present value, of several the sensible one near 10%; nothing where there is none (4.6).

    With x = ln(1 + rate) the value is a sum of exponentials. It is bracketed on a grid around 10%, finest there, and
    each bracket is halved until nothing is left of it.
    """
    amounts, years = _arrays(flows)
    if not np.any(amounts) or np.ptp(years) <= 0:
        return None
    years = years - np.min(years)
    grid = _grid(float(np.max(years)))
    signs = _signs(grid, amounts, years)
    at = np.flatnonzero(signs == 0)
    turns = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    halved = _halved(grid[turns], grid[turns + 1], signs[turns], amounts, years)
    with np.errstate(over="ignore"):
        rates = np.expm1(np.concatenate([grid[at], halved]))
    rates = rates[np.isfinite(rates) & (rates > -1.0)]
    return Root(rate=_chosen(rates, float(np.sum(amounts))), is_only=len(rates) == 1) if len(rates) else None


def _chosen(rates: Floats, gain: float) -> float:
    """Choose between roots: within reason first, then with the sign of the gain, then nearest to 10%.

    Who got back more than was put in earned something: a negative rate for a gain would say the opposite.
    """
    sensible = _narrowed(rates, (rates >= LOWEST) & (rates <= HIGHEST))
    consistent = _narrowed(sensible, sensible * gain >= 0)
    return float(consistent[np.argmin(np.abs(consistent - NEAR))])


def _narrowed(rates: Floats, is_kept: NDArray[np.bool_]) -> Floats:
    """Keep some rates, or all where none would be left."""
    return rates[is_kept] if np.any(is_kept) else rates


def _arrays(flows: Iterable[DatedFlow]) -> tuple[Floats, Floats]:
    known = list(flows)
    return floats([flow.amount for flow in known]), floats([flow.years for flow in known])


def _grid(longest: float) -> Floats:
    """Give x around ln 1.1, closer together near it; wide enough for what grew or shrank e^60 times in all."""
    widest = max(_WIDEST, _GROWTH / longest)
    offsets = np.geomspace(_FINEST, widest, _STEPS)
    return floats(np.log1p(NEAR) + np.concatenate([-offsets[::-1], [0.0], offsets]))


def _signs(x: Floats, amounts: Floats, years: Floats) -> Floats:
    """Give the sign of the present value at each x; scaled by its largest term, so that nothing overflows."""
    exponents = -np.outer(x, years)
    terms = amounts * np.exp(exponents - np.max(exponents, axis=1, keepdims=True))
    return floats(np.sign(np.sum(terms, axis=1)))


def _halved(low: Floats, high: Floats, sign_low: Floats, amounts: Floats, years: Floats) -> Floats:
    """Halve every bracket, all at once."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        is_below = _signs(middle, amounts, years) == sign_low
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return floats((low + high) / 2.0)
