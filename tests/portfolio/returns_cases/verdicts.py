"""Say of each case about returns and risk whether the engine agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.portfolio.returns_cases import ghost, performance, rates, statistics
from tests.portfolio.returns_cases.sources import Case, Listed, cases, differences

EXACT = 1e-9
MOST_LISTED = 0.4
CONVENTIONS: dict[str, str] = {}
"""Cases by id whose documented convention differs from Rotabook's, each with the convention."""


def _rates(case: Case) -> list[str]:
    tolerance, relative = case.get("tolerance") or EXACT, case.get("rtol") or 0.0
    return differences(rates.answer(case), case["expected"], tolerance=tolerance, relative=relative)


def _statistics(case: Case) -> list[str]:
    wanted = case["expected"]["values"] if isinstance(case["expected"], dict) else case["expected"]
    return differences(statistics.answer(case), wanted, tolerance=1.5 * 10.0 ** -statistics.places(case))


def _performance(case: Case) -> list[str]:
    given, wanted = performance.answer(case), _measured(case["expected"])
    if not wanted:
        return ["nothing is compared"]
    tolerance = case.get("tolerance") or EXACT
    return differences(_asked(given, wanted), wanted, tolerance=tolerance)


def _ghost(case: Case) -> list[str]:
    return differences(ghost.answer(case), case.get("expected"), tolerance=ghost.tolerance(case))


def _measured(wanted: Any) -> Any:
    """Leave out what is a remark in words."""
    if isinstance(wanted, dict):
        return {name: _measured(value) for name, value in wanted.items() if not _is_remark(value)}
    return [_measured(value) for value in wanted] if isinstance(wanted, list) else wanted


def _is_remark(value: Any) -> bool:
    return isinstance(value, str) and " " in value


def _asked(given: Any, wanted: Any) -> Any:
    """Return of an answer the figures that a case asks for."""
    if isinstance(wanted, dict):
        return {name: _asked(given[name], value) for name, value in wanted.items()}
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        return [_asked(mine, theirs) for mine, theirs in zip(given, wanted, strict=True)]
    return given


CHECKS: dict[str, Callable[[Case], list[str]]] = {
    "xirr": _rates,
    "empyrical": _statistics,
    "portfolio_performance": _performance,
    "ghostfolio": _ghost,
}
ALL = [(source, case) for source in CHECKS for case in cases(source)]


def outcome(source: str, case: Case) -> str:
    """Return passed, why a case is listed, or what is wrong with it."""
    if case["id"] in CONVENTIONS:
        return f"convention: {CONVENTIONS[case['id']]}"
    try:
        wrong = CHECKS[source](case)
    except Listed as listed:
        return str(listed)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return f"wrong: {type(error).__name__}: {error}"
    return f"wrong: {'; '.join(wrong)}" if wrong else "passed"
