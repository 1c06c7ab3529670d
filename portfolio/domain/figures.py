"""Hold a statistic beside the days it was measured on, and say why where it cannot be had (DOMAIN 4.6)."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAYS_A_YEAR = 365.0


class Lack(StrEnum):
    """Say why a figure is missing."""

    TOO_SHORT = "too_short"
    UNPRICED = "unpriced"
    NO_EQUITY = "no_equity"
    NO_ROOT = "no_root"
    NO_VARIATION = "no_variation"
    NO_LOSS = "no_loss"
    NOT_ANNUALISED = "not_annualised"
    NO_BENCHMARK = "no_benchmark"
    NO_MARKS = "no_marks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Hold a figure as a fraction, the days behind it, and why it is missing; a flagged one has rivals as good."""

    value: float | None
    days: int
    lack: Lack | None = None
    is_flagged: bool = False


def floats(numbers: ArrayLike) -> Floats:
    """Give numbers as an array of 64-bit floats."""
    return np.asarray(numbers, np.float64)


def found(value: float, *, days: int, is_flagged: bool = False) -> Figure:
    """Give a figure that is known."""
    return Figure(value=float(value), days=int(days), is_flagged=is_flagged)


def missing(lack: Lack, *, days: int = 0) -> Figure:
    """Give a figure that cannot be had, and why."""
    return Figure(value=None, days=int(days), lack=lack)
