"""Answer the cases of pyxirr, numpy-financial and portfolio-performance about money-weighted rates.

Translated: a case's flows and its day count become years, which is all the solver knows. Rotabook counts Act/365.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from datetime import date

from portfolio.domain.xirr import DatedFlow, present_value, xirr
from tests.portfolio.returns_cases.sources import Case, Listed

DEFAULT_DAY_COUNT = "act/365F"
METHODS = {"mirr": "method: the modified rate with two rates of its own (MIRR)"}


def answer(case: Case) -> float | None:
    """Return the rate of a case, or its present value; nothing where no rate exists."""
    name = case["function"]
    if name in METHODS or name not in ANSWERS:
        raise Listed(METHODS.get(name, f"method: {name}"))
    return ANSWERS[name](case)


def _dated(case: Case) -> list[DatedFlow]:
    """Return flows with years since the first one, by the case's day count."""
    count = DAY_COUNTS.get(case.get("day_count", DEFAULT_DAY_COUNT))
    if count is None:
        raise Listed(f"day count: {case['day_count']}")
    flows = [(date.fromisoformat(day), float(amount)) for day, amount in case["cashflows"]]
    first = min((day for day, _ in flows), default=date.min)
    return [DatedFlow(years=count(first, day), amount=amount) for day, amount in flows]


def _rate(flows: list[DatedFlow]) -> float | None:
    root = xirr(flows)
    return None if root is None else root.rate


def _periodic(case: Case) -> float | None:
    return _rate([DatedFlow(years=place, amount=amount) for place, amount in enumerate(case["cashflows"])])


def _present(case: Case) -> float:
    """A present value is measured from the first flow that is listed."""
    return present_value(rate=case["rate"], flows=_dated(case))


def _thirties(*, is_european: bool) -> Callable[[date, date], float]:
    def years(first: date, day: date) -> float:
        start = min(first.day, 30)
        end = min(day.day, 30) if is_european or start == 30 else day.day
        return ((day.year - first.year) * 360 + (day.month - first.month) * 30 + end - start) / 360

    return years


def _actual(days_a_year: float) -> Callable[[date, date], float]:
    return lambda first, day: (day - first).days / days_a_year


def _by_calendar_year(first: date, day: date) -> float:
    """Count the days of each year over the length of that year."""
    begun, ended = ((one - date(one.year, 1, 1)).days / (365 + isleap(one.year)) for one in (first, day))
    return day.year - first.year + ended - begun


def _without_leap_days(days_a_year: float) -> Callable[[date, date], float]:
    def years(first: date, day: date) -> float:
        leaps = [date(year, 2, 29) for year in range(first.year, day.year + 1) if isleap(year)]
        return ((day - first).days - sum(first < leap <= day for leap in leaps)) / days_a_year

    return years


DAY_COUNTS: dict[str, Callable[[date, date], float]] = {
    "act/365F": _actual(365),
    "act/365": _actual(365),
    "act/360": _actual(360),
    "act/364": _actual(364),
    "act/365.25": _actual(365.25),
    "act/act": _by_calendar_year,
    "act/act ISDA": _by_calendar_year,
    "nl/365": _without_leap_days(365),
    "nl/360": _without_leap_days(360),
    "30/360": _thirties(is_european=False),
    "30/360 ISDA": _thirties(is_european=False),
    "30E/360": _thirties(is_european=True),
}
ANSWERS: dict[str, Callable[[Case], float | None]] = {
    "xirr": lambda case: _rate(_dated(case)),
    "xnpv": _present,
    "irr_periodic": _periodic,
}
