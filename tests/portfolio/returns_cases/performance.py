"""Answer the cases of portfolio-performance about returns, volatility, drawdown and trades.

Translated: it counts deposits from the start of a day and withdrawals until its end; scales a deviation of log returns
by the root of their number; leaves out weekends, holidays and the first day of a period; writes a fall as a positive
number, and a figure that cannot be had as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from portfolio.domain.figures import Floats
from portfolio.domain.returns import DayFlow, DayValue, Series, daily_returns
from portfolio.domain.risk import downside_deviation, drawdown, volatility
from tests.portfolio.returns_cases.sources import Case, Listed
from tests.portfolio.returns_cases.trades import trades

ZERO = Decimal(0)
DAY = timedelta(days=1)
FLOWS = {"DEPOSIT": 1, "REMOVAL": -1, "WITHDRAW": -1, "WITHDRAWAL": -1}
PLUS, MINUS = ("INTEREST", "DIVIDENDS", "FEES_REFUND", "TAX_REFUND"), ("INTEREST_CHARGE", "FEES", "TAXES")
GAINS = dict.fromkeys(PLUS, 1) | dict.fromkeys(MINUS, -1)
HOLIDAYS = {(1, 1), (5, 1), (12, 24), (12, 25), (12, 26)}
Terms = dict[str, Any]


def answer(case: Case) -> Any:
    """Return what the engine says to a case, by the names of its figures."""
    if case["kind"] not in ANSWERS:
        raise Listed(OTHER_KINDS.get(case["kind"], f"kind: {case['kind']}"))
    return ANSWERS[case["kind"]](case["input"])


OTHER_KINDS = {
    "cost": "about lots: answered by the adapters of lots",
    "capital_gains": "about lots: answered by the adapters of lots",
}


def _time_weighted(terms: Terms) -> dict[str, Any]:
    first, last = date.fromisoformat(terms["from"]), date.fromisoformat(terms["to"])
    moves = sorted(_moves(terms["account_transactions"]), key=lambda move: move[0])
    opening = sum((amount for day, amount, _ in moves if day <= first), ZERO)
    days = [first + n * DAY for n in range(1, (last - first).days + 1)]
    series = daily_returns(days=_days(days, moves, opening), opening=opening)
    accumulated = np.concatenate([[0.0], series.index - 1.0])
    return {
        "delta": np.concatenate([[0.0], np.nan_to_num(series.returns)]),
        "accumulated": accumulated,
        "accumulated_last": accumulated[-1],
        "first_data_point": first.isoformat() if opening else _first(series),
    }


def _moves(rows: Sequence[Terms]) -> list[tuple[date, Decimal, bool]]:
    """Return day, signed amount, and whether it is a flow."""
    unknown = {row["type"] for row in rows} - set(FLOWS) - set(GAINS)
    if unknown:
        raise Listed(f"transactions of securities in an index: {', '.join(sorted(unknown))}")
    signs = FLOWS | GAINS
    return [(date.fromisoformat(row["date"]), signs[row["type"]] * _amount(row), row["type"] in FLOWS) for row in rows]


def _amount(row: Terms) -> Decimal:
    return Decimal(str(row["amount"])) if "amount" in row else Decimal(row["amount_cents"]) / 100


def _days(days: list[date], moves: list[tuple[date, Decimal, bool]], opening: Decimal) -> list[DayValue]:
    found, value = [], opening
    for day in days:
        today = [move for move in moves if move[0] == day]
        value += sum((amount for _, amount, _ in today), ZERO)
        flows = [DayFlow(amount=amount, passed=float(amount < 0)) for _, amount, is_flow in today if is_flow]
        found.append(DayValue(date=day, value=value, flows=tuple(flows)))
    return found


def _first(series: Series) -> str:
    return series.dates[int(np.argmax(series.is_measured))].isoformat()


def _fall(terms: Terms) -> dict[str, float]:
    wealth = 1.0 + np.array(terms["accumulated_or_index_values"], np.float64)
    fall = drawdown(wealth[1:] / wealth[:-1] - 1.0)
    if fall is None:
        return {"max_drawdown": 0.0, "max_drawdown_duration_days": 0}
    return {"max_drawdown": -fall.depth, "max_drawdown_duration_days": fall.longest_wait}


def _volatility(terms: Terms) -> dict[str, float]:
    deltas = np.array(terms["delta"], np.float64)
    if "dates" in terms:
        deltas = deltas[[is_open(date.fromisoformat(day)) for day in terms["dates"]]][1:]
    return _deviations(deltas[terms.get("skip_first", 0) :])


def _deviations(deltas: Floats) -> dict[str, float]:
    logs, n = np.log1p(deltas), len(deltas)
    spread = volatility(logs, periods=n).value or 0.0
    if n < 2:
        return {"standard_deviation": spread, "semi_deviation": 0.0}
    below = downside_deviation(logs, required=float(np.mean(logs)), periods=n).value or 0.0
    return {"standard_deviation": spread, "semi_deviation": below * (n / (n - 1)) ** 0.5}


def _held_volatility(terms: Terms) -> dict[str, float]:
    """A security delivered in is an inflow at its amount, one that is sold an outflow; days without it do not count."""
    first, last = date.fromisoformat(terms["from"]), date.fromisoformat(terms["to"])
    begun = min([first, *(date.fromisoformat(row["date"]) for row in terms["transactions"])])
    days = [begun + n * DAY for n in range((last - begun).days + 1)]
    (prices,) = terms["prices"].values()
    held = _delivered(days, terms["transactions"], {date.fromisoformat(day): price for day, price in prices})
    series = daily_returns(days=held)
    is_in = [
        first < day.date and is_open(day.date) and day.value > 0 and start > 0
        for day, start in zip(held, series.opening, strict=True)
    ]
    return {"portfolio_volatility": _deviations(series.returns[is_in])["standard_deviation"]}


def _delivered(days: list[date], rows: Sequence[Terms], closes: dict[date, float]) -> list[DayValue]:
    found, shares, price = [], ZERO, ZERO
    for day in days:
        price, flows = Decimal(str(closes.get(day, price))), list[DayFlow]()
        for row in (row for row in rows if row["date"] == day.isoformat()):
            sign = 1 if row["type"] in {"DELIVERY_IN", "BUY"} else -1
            shares += sign * Decimal(row["shares"])
            flows.append(DayFlow(amount=sign * Decimal(row["amount"]), passed=float(sign < 0)))
        found.append(DayValue(date=day, value=shares * price, flows=tuple(flows)))
    return found


def is_open(day: date) -> bool:
    """Tell whether portfolio-performance's default exchange is open: no weekend and none of its holidays."""
    movable = {easter(day.year) - 2 * DAY, easter(day.year) + DAY}
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS and day not in movable


def easter(year: int) -> date:
    """Return Easter Sunday (Gauss, with the Gregorian corrections of 1900 to 2099)."""
    moon = (19 * (year % 19) + 24) % 30
    week = (2 * (year % 4) + 4 * (year % 7) + 6 * moon + 5) % 7
    after = moon + week - (7 if moon + week == 35 or (moon == 28 and week == 6 and year % 19 > 10) else 0)
    return date(year, 3, 22) + after * DAY


ANSWERS: dict[str, Callable[[Terms], Any]] = {
    "ttwror": _time_weighted,
    "drawdown": _fall,
    "volatility": _volatility,
    "volatility_real": _held_volatility,
    "round_trips": trades,
}
