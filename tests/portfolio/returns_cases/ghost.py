"""Answer the cases of ghostfolio about annualised and simple returns; its ROAI method is one that Rotabook lacks.

Translated: what it cannot annualise it writes as 0.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from portfolio.domain.returns import annual_return, day_return
from tests.portfolio.returns_cases.sources import Case, Listed

ROAI = "method: return on average investment (ROAI), average cost over calendar days"
MARKET = "method: a word for a benchmark's distance from its all-time high"
Terms = dict[str, Any]


def answer(case: Case) -> float:
    """Return what the engine says to a case."""
    terms = case.get("input")
    if not isinstance(terms, dict):
        raise Listed(ROAI)
    for names, respond in ANSWERS.items():
        if names <= set(terms):
            return respond(terms)
    raise Listed(MARKET if "performance_since_all_time_high" in terms else f"method: {case['title']}")


def tolerance(case: Case) -> float:
    """Return how near an answer must be: `close(2dp)` is half of the second decimal, everything else exact."""
    text = str(case.get("matcher", ""))
    return 0.5 * 10.0 ** -int(text[6:-3]) if text.startswith("close(") else 1e-12


def _annualised(terms: Terms) -> float:
    days, total = terms["days_in_market"], terms["net_performance_percentage"]
    return annual_return(total=float(total), years=days / 365) if days and days > 0 else 0.0


def _change(terms: Terms) -> float:
    base, current = Decimal(str(terms["base"])), Decimal(str(terms["current"]))
    return day_return(start=base, end=current) or 0.0


ANSWERS: dict[frozenset[str], Callable[[Terms], float]] = {
    frozenset({"days_in_market", "net_performance_percentage"}): _annualised,
    frozenset({"base", "current"}): _change,
}
