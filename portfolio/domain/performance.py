"""Sum up what a portfolio, or what it is compared with, did over a span of days (DOMAIN 4.6, 6.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

import numpy as np

from portfolio.domain.figures import DAYS_A_YEAR, Figure, Floats, Lack, found, missing
from portfolio.domain.money import ZERO, in_context, summed
from portfolio.domain.returns import (
    LEAST_DAYS_TO_ANNUALISE,
    DayFlow,
    DayValue,
    Series,
    annualised,
    modified_dietz,
    time_weighted,
)
from portfolio.domain.risk import calmar, drawdown, falls, sharpe, sortino, volatility
from portfolio.domain.xirr import DatedFlow, xirr


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """Hold the deepest fall with its closes; `recovered` is nothing while the peak is not regained."""

    depth: float
    peak: date
    trough: date
    recovered: date | None
    longest_wait_days: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """Hold a series under its name and every figure that follows from it."""

    name: str
    series: Series

    @cached_property
    def total(self) -> Figure:
        """Give the time-weighted return."""
        return time_weighted(self.series)

    @cached_property
    def annual(self) -> Figure:
        """Give the time-weighted return a year."""
        return annualised(self.total)

    @cached_property
    def volatility(self) -> Figure:
        """Give the volatility of daily returns a year."""
        return self._of_sample(volatility(self.series.daily))

    @cached_property
    def sharpe(self) -> Figure:
        """Give the Sharpe ratio; the riskless rate is 0 (DOMAIN 4.6)."""
        return self._of_sample(sharpe(self.series.daily))

    @cached_property
    def sortino(self) -> Figure:
        """Give the Sortino ratio."""
        return self._of_sample(sortino(self.series.daily))

    @cached_property
    def calmar(self) -> Figure:
        """Give the annual return over the depth of the deepest fall."""
        return calmar(annual=self.annual, depth=self.drawdown.value)

    @cached_property
    def fall(self) -> Fall | None:
        """Give the deepest fall of the index, with its days."""
        deepest = None if self.series.lack else drawdown(np.nan_to_num(self.series.returns))
        if deepest is None:
            return None
        recovered = None if deepest.recovery is None else self._close(deepest.recovery)
        return Fall(
            depth=deepest.depth,
            peak=self._close(deepest.peak),
            trough=self._close(deepest.trough),
            recovered=recovered,
            longest_wait_days=deepest.longest_wait,
        )

    @cached_property
    def drawdown(self) -> Figure:
        """Give the depth of the deepest fall of the time-weighted index, never of the value (DOMAIN 4.6)."""
        return self.total if self.fall is None else found(self.fall.depth, days=self.series.days)

    @property
    def falls(self) -> Floats:
        """Give how far below its high the index stood at each close."""
        return falls(np.nan_to_num(self.series.returns))[1:]

    def _close(self, position: int) -> date:
        """Give the day whose close a position of the index is; before the first day is its eve."""
        return self.series.dates[0] + timedelta(days=-1) if position == 0 else self.series.dates[position - 1]

    def _of_sample(self, figure: Figure) -> Figure:
        return figure if self.series.lack is None else missing(self.series.lack, days=figure.days)


def benchmark_track(*, name: str, dates: Sequence[date], returns: Floats) -> Track:
    """Follow a benchmark over the same days; a day whose return is not known leaves it without figures."""
    lack = Lack.TOO_SHORT if not len(returns) else Lack.NO_BENCHMARK if np.any(np.isnan(returns)) else None
    ones = np.ones(len(returns))
    return Track(name=name, series=Series(tuple(dates), returns, ones.astype(np.int64), ones, lack))


def ahead(*, track: Track, benchmark: Track) -> Figure:
    """Give the time-weighted return less the benchmark's (DOMAIN F02: alpha)."""
    own, other = track.total.value, benchmark.total.value
    if own is None or other is None:
        return track.total if own is None else benchmark.total
    return found(own - other, days=track.total.days)


@in_context
def money_weighted(*, days: Sequence[DayValue], opening: Decimal) -> Figure:
    """Give the XIRR (Act/365) of what was put in and what is there at the last complete close (DOMAIN 4.6).

    Below 30 days nothing is annualised; of several roots one is given and flagged.
    """
    known = _until_known(days)
    if not known:
        return missing(Lack.UNPRICED if days else Lack.TOO_SHORT)
    flows = [DatedFlow(years=at / DAYS_A_YEAR, amount=-float(flow.amount)) for at, flow in _dated(known)]
    flows += [
        DatedFlow(years=0.0, amount=-float(opening)),
        DatedFlow(years=len(known) / DAYS_A_YEAR, amount=float(known[-1].value)),
    ]
    if len(known) < LEAST_DAYS_TO_ANNUALISE:
        return missing(Lack.NOT_ANNUALISED, days=len(known))
    root = xirr([flow for flow in flows if flow.amount])
    if root is None:
        return missing(Lack.NO_ROOT, days=len(known))
    return found(root.rate, days=len(known), is_flagged=not root.is_only)


@in_context
def dietz(*, days: Sequence[DayValue], opening: Decimal) -> Figure:
    """Give the Modified Dietz return of the whole span; it starts with its first flow where nothing was there (4.6)."""
    known = _until_known(days)
    if not known:
        return missing(Lack.UNPRICED if days else Lack.TOO_SHORT)
    dated = _dated(known)
    start = 0.0 if opening > 0 or not dated else dated[0][0]
    span = len(known) - start
    flows = [DayFlow(amount=flow.amount, passed=(at - start) / span) for at, flow in dated]
    result = modified_dietz(start=opening, end=known[-1].value, flows=flows)
    return missing(Lack.NO_EQUITY, days=len(known)) if result is None else found(result, days=len(known))


@in_context
def average_capital(*, days: Sequence[DayValue]) -> Decimal:
    """Give the mean of the values at complete closes."""
    values = [day.value for day in days if day.is_complete]
    return summed(values) / len(values) if values else ZERO


def _until_known(days: Sequence[DayValue]) -> Sequence[DayValue]:
    """Give the days up to the last complete one."""
    last = max((place for place, day in enumerate(days) if day.is_complete), default=-1)
    return days[: last + 1]


def _dated(days: Sequence[DayValue]) -> list[tuple[float, DayFlow]]:
    """Give each flow with the days that had passed since the span began."""
    dated = [(place + flow.passed, flow) for place, day in enumerate(days) for flow in day.flows]
    return sorted(dated, key=lambda pair: pair[0])
