"""Measure returns from daily values and flows: time-weighted, Modified Dietz, the drag of costs (DOMAIN 4.6)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from portfolio.domain.figures import DAYS_A_YEAR, Figure, Floats, Ints, Lack, floats, found, missing
from portfolio.domain.money import ZERO, in_context, summed

LEAST_DAYS_TO_ANNUALISE = 30
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFlow:
    """Hold what came in (positive) or went out, in USD, and the share of its day that had passed: 0 at midnight."""

    amount: Decimal
    passed: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DayValue:
    """Hold what was there at a day's close, in USD, and that day's flows; an incomplete value counts as unknown."""

    date: date
    value: Decimal
    flows: tuple[DayFlow, ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Hold T days: each day's return (NaN where none was measured), the days it spans, and the index that follows.

    `opening` is what stood at the start of a measured span. An index of 1 stands before the first day; what cannot
    be measured carries it on. `lack` says why nothing, or nothing that may be linked, was measured.
    """

    dates: tuple[date, ...]
    returns: Floats
    spans: Ints
    opening: Floats
    lack: Lack | None = None

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Tell which days have a return."""
        return ~np.isnan(self.returns)

    @property
    def index(self) -> Floats:
        """Give the index at each close, 1 before the first day."""
        return floats(np.cumprod(1.0 + np.nan_to_num(self.returns)))

    @property
    def days(self) -> int:
        """Count the days that were measured; a span over unpriced days counts each of them."""
        return int(np.sum(self.spans[self.is_measured]))

    @property
    def daily(self) -> Floats:
        """Give the returns of whole single days, the sample of every risk figure."""
        is_whole = self.is_measured & (self.spans == 1) & (self.opening > 0)
        return floats(self.returns[is_whole])


def modified_dietz(*, start: Decimal, end: Decimal, flows: Iterable[DayFlow]) -> float | None:
    """Give (V1 - V0 - CF) / (V0 + sum w CF), where w is the share of the period still to come (DOMAIN 4.6).

    Nothing where the capital it is measured on is not positive.
    """
    known = list(flows)
    gain = end - start - summed(flow.amount for flow in known)
    base = float(start) + sum((1.0 - flow.passed) * float(flow.amount) for flow in known)
    return float(gain) / base if base > 0 else None


def day_return(*, start: Decimal, end: Decimal, flows: Sequence[DayFlow] = ()) -> float | None:
    """Give the return of a day split at its flows, valued at its closes only (DOMAIN 4.6).

    Modified Dietz while less moved than was there. Where more moved, as on the first and the last day, the weights of
    time mislead: then deposits count from the start of the day and withdrawals until its end.
    """
    moved = summed(abs(flow.amount) for flow in flows)
    if moved < start:
        dietz = modified_dietz(start=start, end=end, flows=flows)
        if dietz is not None and dietz > -1.0:
            return dietz
    came = summed(flow.amount for flow in flows if flow.amount > 0)
    went = summed(-flow.amount for flow in flows if flow.amount < 0)
    return float(end + went) / float(start + came) - 1.0 if start + came > 0 else None


@in_context
def daily_returns(*, days: Sequence[DayValue], opening: Decimal | None = ZERO) -> Series:
    """Measure every day; a day whose value is incomplete is left out and the next complete one spans it.

    `opening` is the value at the close before the first day: zero where nothing was there yet, nothing where unknown.
    """
    rows = list(_measured(days, opening))
    returns, spans, starts = (floats([row[part] for row in rows]) for part in range(3))
    is_broken = any(day.is_complete and day.value < 0 for day in days) or (opening is not None and opening < 0)
    lack = Lack.NO_EQUITY if is_broken else None if np.any(~np.isnan(returns)) else _why_nothing(days)
    return Series(tuple(day.date for day in days), returns, spans.astype(np.int64), starts, lack)


def _measured(days: Sequence[DayValue], opening: Decimal | None) -> Iterator[tuple[float, int, float]]:
    """Give each day's return, the days it spans, and what stood at the start."""
    start, waiting, span = opening, list[DayFlow](), 0
    for day in days:
        waiting += [DayFlow(amount=flow.amount, passed=span + flow.passed) for flow in day.flows]
        span += 1
        if not day.is_complete:
            yield NAN, 0, NAN
            continue
        flows = [DayFlow(amount=flow.amount, passed=flow.passed / span) for flow in waiting]
        yield _spanned(start, day.value, flows, span)
        start, waiting, span = day.value, [], 0


def _spanned(start: Decimal | None, end: Decimal, flows: Sequence[DayFlow], span: int) -> tuple[float, int, float]:
    """Give the return of a span of days with their number and the value at its start, NaN where it has none."""
    if start is None or start < 0:
        return NAN, 0, NAN
    result = day_return(start=start, end=end, flows=flows)
    return (NAN, 0, NAN) if result is None else (result, span, float(start))


def _why_nothing(days: Sequence[DayValue]) -> Lack:
    if any(not day.is_complete for day in days):
        return Lack.UNPRICED
    return Lack.NO_EQUITY if len(days) > 1 else Lack.TOO_SHORT


def linked(returns: Floats) -> float:
    """Link returns: prod(1 + r) - 1; what was not measured counts as nothing (DOMAIN 4.6)."""
    return float(np.prod(1.0 + np.nan_to_num(returns)) - 1.0)


def time_weighted(series: Series) -> Figure:
    """Give the time-weighted return of all days together (DOMAIN 4.6)."""
    if series.lack is not None:
        return missing(series.lack, days=series.days)
    return found(linked(series.returns), days=series.days)


def annual_return(*, total: float, years: float) -> float:
    """Give the yearly return that compounds to a total over some years, more than none (DOMAIN 6.2, CAGR)."""
    return float((1.0 + total) ** (1.0 / years) - 1.0)


def annualised(total: Figure) -> Figure:
    """Annualise a return over its days; below 30 days, or beyond what a float holds, that says nothing (DOMAIN 4.6)."""
    if total.value is None:
        return total
    if total.days < LEAST_DAYS_TO_ANNUALISE:
        return missing(Lack.NOT_ANNUALISED, days=total.days)
    try:
        return found(annual_return(total=total.value, years=total.days / DAYS_A_YEAR), days=total.days)
    except OverflowError:
        return missing(Lack.NOT_ANNUALISED, days=total.days)


def fee_drag(*, costs: Decimal, average_capital: Decimal, days: int) -> Figure:
    """Give costs over average capital, annualised by days: fees and the funding paid (DOMAIN 4.7)."""
    if not days:
        return missing(Lack.TOO_SHORT)
    if average_capital <= 0:
        return missing(Lack.NO_EQUITY, days=days)
    return found(float(costs) / float(average_capital) * DAYS_A_YEAR / days, days=days)
