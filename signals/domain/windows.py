"""Look back over trailing windows of daily values, whole histories at once; NaN is a day without a value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from signals.domain.arrays import NAN, Bools, Floats, Ints


def trailing(values: Floats, *, width: int, lag: int = 0) -> Floats:
    """Return a [T, width, ...] view whose row t holds the `width` values that end at day t - lag."""
    padding = np.full((width + lag - 1, *values.shape[1:]), NAN)
    padded = np.concatenate([padding, values])
    view = sliding_window_view(padded, width, axis=0)[: len(values)]
    return np.moveaxis(view, -1, 1)


def shifted(values: Floats, *, days: int) -> Floats:
    """Return the values of `days` days before, NaN at the start."""
    start = np.full((min(days, len(values)), *values.shape[1:]), NAN)
    return np.concatenate([start, values[: max(len(values) - days, 0)]])


def log_change(values: Floats, *, days: int) -> Floats:
    """Return ln(x_t / x_{t - days})."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return finite(np.log(values / shifted(values, days=days)))


def finite(values: Floats) -> Floats:
    """Return the values with every infinity turned into NaN."""
    return np.where(np.isfinite(values), values, NAN)


def mean_of(values: Floats, *, axis: int, minimum: int = 1) -> Floats:
    """Average what is there along an axis, NaN where fewer than `minimum` values are."""
    count = np.sum(~np.isnan(values), axis=axis)
    total = np.nansum(values, axis=axis)
    return np.where(count >= minimum, total / np.maximum(count, 1), NAN)


def added_in_order(values: Floats) -> Floats:
    """Add up each row of [T, N] from left to right: zeros in between leave the result identical to the last bit."""
    if values.shape[1] == 0:
        return np.zeros(len(values))
    return np.asarray(np.cumsum(values, axis=1)[:, -1], np.float64)


def rolling_mean(values: Floats, *, days: int, minimum: int) -> Floats:
    """Average the `days` values that end at t."""
    return mean_of(trailing(values, width=days), axis=1, minimum=minimum)


def mean_and_deviation(windows: Floats, *, minimum: int) -> tuple[Floats, Floats]:
    """Return mean and sample standard deviation along axis 1, NaN below `minimum` values."""
    count = np.sum(~np.isnan(windows), axis=1)
    mean = mean_of(windows, axis=1, minimum=minimum)
    squares = np.nansum((windows - mean[:, None]) ** 2, axis=1)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    return mean, np.where(count >= max(minimum, 2), deviation, NAN)


def middle(ordered: Floats, count: Ints) -> Floats:
    """Return the median along axis 1 of ascending rows whose first `count` entries are values."""
    rows = np.arange(len(ordered))
    low, high = np.maximum((count - 1) // 2, 0), count // 2
    high = np.minimum(np.where(count % 2 == 1, low, high), ordered.shape[1] - 1)
    return np.asarray((ordered[rows, low] + ordered[rows, high]) / 2.0, np.float64)


def quantile(ordered: Floats, count: Ints, share: float) -> Floats:
    """Return the linearly interpolated quantile along axis 1 of ascending rows."""
    rows = np.arange(len(ordered))
    position = share * np.maximum(count - 1, 0)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    step = ordered[rows, high] - ordered[rows, low]
    return np.asarray(ordered[rows, low] + step * (position - low), np.float64)


def median_of(values: Floats, *, minimum: int) -> Floats:
    """Return the median of each row of [T, N], NaN where fewer than `minimum` values are."""
    count = np.sum(~np.isnan(values), axis=1)
    if values.shape[1] == 0:
        return np.full(len(values), NAN)
    return np.where(count >= max(minimum, 1), middle(np.sort(values, axis=1), count), NAN)


def by_column(function: Callable[[Floats], Floats], values: Floats) -> Floats:
    """Apply a function of one history to each column of [T, N]."""
    if values.shape[1] == 0:
        return values.copy()
    return np.stack([function(column) for column in values.T], axis=1)


def first_true(flags: Bools) -> int:
    """Return the first day that is true, the length where none is."""
    return int(np.argmax(flags)) if flags.any() else len(flags)
