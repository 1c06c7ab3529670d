"""Measure risk on daily returns: drawdown, volatility, Sharpe, Sortino, Calmar (DOMAIN 4.6, 6.2)."""

from dataclasses import dataclass

import numpy as np

from portfolio.domain.figures import DAYS_A_YEAR, Figure, Floats, Lack, floats, found, missing

_STILL = 1e-12
"""A deviation below this share of the largest return is rounding, not variation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """Hold the deepest fall of an index; positions count from 0, where the index stood before the first return.

    `recovery` is the first position back at the peak, nothing while it is not regained. `longest_wait` is the longest
    time from one high to the next that is higher, or to the end.
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None
    longest_wait: int


def falls(returns: Floats) -> Floats:
    """Give I_t / max I_s - 1 for the index before the first return and after each (DOMAIN 4.6)."""
    path = _path(returns)
    high = np.maximum.accumulate(path)
    return floats(path / high - 1.0)


def drawdown(returns: Floats) -> Drawdown | None:
    """Give the deepest fall of the index that returns make; nothing without a return (DOMAIN 4.6)."""
    if not len(returns):
        return None
    path, fall = _path(returns), falls(returns)
    trough = int(np.argmin(fall))
    peak = int(np.argmax(path[: trough + 1]))
    back = np.flatnonzero(path[trough:] >= path[peak])
    return Drawdown(
        depth=float(fall[trough]),
        peak=peak,
        trough=trough,
        recovery=trough + int(back[0]) if len(back) else None,
        longest_wait=_longest_wait(path),
    )


def volatility(returns: Floats, *, periods: float = DAYS_A_YEAR) -> Figure:
    """Give the sample standard deviation times the root of the periods in a year (DOMAIN 4.6)."""
    if len(returns) < 2:
        return missing(Lack.TOO_SHORT, days=len(returns))
    return found(float(np.std(returns, ddof=1)) * periods**0.5, days=len(returns))


def sharpe(returns: Floats, *, risk_free: Floats | float = 0.0, periods: float = DAYS_A_YEAR) -> Figure:
    """Give the mean over the standard deviation of what exceeds the riskless return of a period, annualised (4.6)."""
    if len(returns) < 2:
        return missing(Lack.TOO_SHORT, days=len(returns))
    excess = returns - risk_free
    deviation = float(np.std(excess, ddof=1))
    if deviation <= _STILL * float(np.max(np.abs(returns))):
        return missing(Lack.NO_VARIATION, days=len(returns))
    return found(float(np.mean(excess)) / deviation * periods**0.5, days=len(returns))


def downside_deviation(returns: Floats, *, required: Floats | float = 0.0, periods: float = DAYS_A_YEAR) -> Figure:
    """Give the root mean square of what falls short of the required return of a period, annualised (DOMAIN 4.6)."""
    if not len(returns):
        return missing(Lack.TOO_SHORT)
    short = np.minimum(returns - required, 0.0)
    return found(float(np.sqrt(np.mean(short**2))) * periods**0.5, days=len(returns))


def sortino(returns: Floats, *, required: Floats | float = 0.0, periods: float = DAYS_A_YEAR) -> Figure:
    """Give the mean excess over the downside deviation, both annualised; nothing without a loss (DOMAIN 4.6)."""
    if len(returns) < 2:
        return missing(Lack.TOO_SHORT, days=len(returns))
    downside = downside_deviation(returns, required=required, periods=periods).value or 0.0
    if not downside:
        return missing(Lack.NO_LOSS, days=len(returns))
    return found(float(np.mean(returns - required)) * periods / downside, days=len(returns))


def calmar(*, annual: Figure, depth: float | None) -> Figure:
    """Give the annual return over the depth of the deepest fall; nothing where nothing fell (DOMAIN 6.2)."""
    if annual.value is None:
        return annual
    if not depth:
        return missing(Lack.NO_LOSS, days=annual.days)
    return found(annual.value / abs(depth), days=annual.days)


def _path(returns: Floats) -> Floats:
    return np.concatenate([[1.0], np.cumprod(1.0 + returns)])


def _longest_wait(path: Floats) -> int:
    high = np.maximum.accumulate(path)
    highs = np.flatnonzero(np.concatenate([[True], high[1:] > high[:-1]]))
    return int(np.max(np.diff(np.append(highs, len(path) - 1))))
