"""Answer the cases of empyrical about returns and risk.

Translated: its year of 252 days, 52 weeks or 12 months becomes the number of periods in a year; a table is answered
column by column; a row without a return is a period that passed without one; what Rotabook leaves out for want of a
loss or of any variation is written as the infinity it tends to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

from portfolio.domain.figures import Figure, Floats, Lack, found, missing
from portfolio.domain.returns import annual_return, day_return, linked
from portfolio.domain.risk import calmar, downside_deviation, drawdown, sharpe, sortino, volatility
from tests.portfolio.returns_cases.sources import Case, Listed

PERIODS = {"daily": 252, "weekly": 52, "monthly": 12, "quarterly": 4, "yearly": 1}
PRINTED_PLACES = {"roll_max_drawdown": 4, "cum_returns": 4}
"""Functions whose expected figures their own tests print, and compare, to fewer places."""
UNBOUNDED = {Lack.NO_LOSS, Lack.NO_VARIATION}
Terms = dict[str, Any]


def answer(case: Case) -> Any:
    """Return what the engine says to a case."""
    name, terms = case["function"], case["input"]
    if name not in ANSWERS:
        raise Listed(f"method: {name}")
    if name in ROLLING:
        return _rolled(ANSWERS[name], terms)
    return _by_column(ANSWERS[name], terms)


def places(case: Case) -> int:
    """Return to how many decimals a case is to be met."""
    return int(PRINTED_PLACES.get(case["function"], case["decimal_places"]))


def _by_column(function: Callable[[Floats, Terms], Any], terms: Terms) -> Any:
    table = terms.get("returns", terms.get("prices"))
    rows = _floats(table["values"])
    if rows.ndim < 2:
        return function(rows, terms)
    answers = [function(rows[:, column], terms) for column in range(rows.shape[1])]
    return np.transpose(answers) if np.ndim(answers[0]) else answers


def _rolled(function: Callable[[Floats, Terms], Any], terms: Terms) -> list[Any]:
    rows, window = _floats(terms["returns"]["values"]), int(terms["window"])
    return [function(rows[end - window : end], terms) for end in range(window, len(rows) + 1)]


def _floats(values: Any) -> Floats:
    return np.array([np.nan if v is None else v for v in values] if _is_plain(values) else values, np.float64)


def _is_plain(values: Any) -> bool:
    return not values or not isinstance(values[0], list)


def _periods(terms: Terms) -> float:
    return float(terms.get("annualization") or PERIODS[terms.get("period", "daily")])


def _beside(returns: Floats, terms: Terms, name: str) -> tuple[Floats, Floats]:
    """Return the returns that are known, and beside each what is required or riskless then."""
    other = terms.get(name, 0.0)
    required = _floats(other["values"]) if isinstance(other, dict) else np.full(len(returns), float(other or 0.0))
    is_known = ~(np.isnan(returns) | np.isnan(required))
    return returns[is_known], required[is_known]


def _said(figure: Figure, mean: float) -> float:
    if figure.value is None:
        return math.copysign(math.inf, mean) if figure.lack in UNBOUNDED and mean else math.nan
    return figure.value


def _known(returns: Floats) -> Floats:
    return returns[~np.isnan(returns)]


def _simple(prices: Floats, _: Terms) -> list[float]:
    amounts = [Decimal(repr(float(price))) for price in prices]
    moves = [day_return(start=before, end=after) for before, after in pairwise(amounts)]
    return [math.inf if move is None else move for move in moves]


def _cumulative(returns: Floats, terms: Terms) -> Floats:
    index, start = np.cumprod(1.0 + np.nan_to_num(returns)), float(terms.get("starting_value") or 0.0)
    return np.asarray(index * start if start else index - 1.0, np.float64)


def _final(returns: Floats, terms: Terms) -> float:
    start = float(terms.get("starting_value") or 0.0)
    return (1.0 + linked(returns)) * start if start else linked(returns)


def _annual(returns: Floats, terms: Terms) -> float:
    if not len(returns):
        return math.nan
    return annual_return(total=linked(returns), years=len(returns) / _periods(terms))


def _depth(returns: Floats, _: Terms) -> float:
    fall = drawdown(_known(returns))
    return math.nan if fall is None else fall.depth


def _calmar(returns: Floats, terms: Terms) -> float:
    rate = _annual(returns, terms)
    annual = missing(Lack.TOO_SHORT) if math.isnan(rate) else found(rate, days=len(returns))
    ratio = calmar(annual=annual, depth=_depth(returns, terms)).value
    return math.nan if ratio is None else ratio


def _volatility(returns: Floats, terms: Terms) -> float:
    value = volatility(_known(returns), periods=_periods(terms)).value
    return math.nan if value is None else value


def _sharpe(returns: Floats, terms: Terms) -> float:
    known, riskless = _beside(returns, terms, "risk_free")
    figure = sharpe(known, risk_free=riskless, periods=_periods(terms))
    return _said(figure, float(np.mean(known - riskless)) if len(known) else 0.0)


def _downside(returns: Floats, terms: Terms) -> float:
    known, required = _beside(returns, terms, "required_return")
    value = downside_deviation(known, required=required, periods=_periods(terms)).value
    return math.nan if value is None else value


def _sortino(returns: Floats, terms: Terms) -> float:
    known, required = _beside(returns, terms, "required_return")
    figure = sortino(known, required=required, periods=_periods(terms))
    return _said(figure, float(np.mean(known - required)) if len(known) else 0.0)


ROLLING = {"roll_max_drawdown", "roll_sharpe_ratio", "roll_annual_volatility"}
ANSWERS: dict[str, Callable[[Floats, Terms], Any]] = {
    "simple_returns": _simple,
    "cum_returns": _cumulative,
    "cum_returns_final": _final,
    "annual_ret": _annual,
    "annual_return": _annual,
    "cagr": _annual,
    "annual_volatility": _volatility,
    "max_drawdown": _depth,
    "calmar": _calmar,
    "sharpe_ratio": _sharpe,
    "downside_risk": _downside,
    "sortino": _sortino,
    "roll_max_drawdown": _depth,
    "roll_sharpe_ratio": _sharpe,
    "roll_annual_volatility": _volatility,
}
