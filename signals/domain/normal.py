"""Give the normal distribution's cumulative probability for whole arrays, to the last digit (Cody 1969)."""

from __future__ import annotations

import numpy as np

from signals.domain.arrays import Floats

SMALL, LARGEST = 0.46875, 6.0
NEAR = (
    (3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
    1.85777706184603153e-1,
)
FAR = (
    (
        5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
        8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
    ),
    (
        1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
    2.15311535474403846e-8,
)  # fmt: skip
Terms = tuple[tuple[float, ...], tuple[float, ...], float]


def normal_cdf(x: Floats) -> Floats:
    """Return Phi(x) of every value."""
    size = np.minimum(np.abs(x) / np.sqrt(2.0), LARGEST)
    close = np.minimum(size, SMALL)
    near = close * _quotient(close * close, NEAR)
    wide = np.maximum(size, SMALL)
    far = 1.0 - np.exp(-wide * wide) * _quotient(wide, FAR)
    found: Floats = 0.5 + 0.5 * np.sign(x) * np.where(size <= SMALL, near, far)
    return found


def _quotient(x: Floats, terms: Terms) -> Floats:
    """Return a quotient of two polynomials of one degree."""
    over, under, first = terms
    top, bottom = first * x, x.copy()
    for a, b in zip(over[:-1], under[:-1], strict=True):
        top, bottom = (top + a) * x, (bottom + b) * x
    found: Floats = (top + over[-1]) / (bottom + under[-1])
    return found
