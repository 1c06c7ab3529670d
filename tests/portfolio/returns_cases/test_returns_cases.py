"""Returns, rates and risk agree with what other systems print, but for methods and conventions that are listed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.portfolio.returns_cases import ghost, performance, rates, statistics
from tests.portfolio.returns_cases.sources import FOLDER, Case, Listed, cases, differences

pytestmark = [pytest.mark.cases, pytest.mark.once]

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
    return f"wrong: {'; '.join(wrong)}" if wrong else "passed"


@pytest.mark.skipif(
    not FOLDER.exists() and os.environ.get("CI") != "true", reason="The cases are not beside the project."
)
class TestCases:
    def test_the_folder_is_there(self) -> None:
        assert ALL

    @pytest.mark.parametrize(("source", "case"), ALL, ids=[case["id"] for _, case in ALL])
    def test_a_case_passes_or_is_listed(self, source: str, case: Case) -> None:
        assert not outcome(source, case).startswith("wrong")

    @pytest.mark.parametrize("source", CHECKS)
    def test_few_cases_are_listed_for_their_convention(self, source: str, capsys: Any) -> None:
        outcomes = Counter(outcome(source, case) for case in cases(source))

        with capsys.disabled():
            print(f"\n{source}: {outcomes.pop('passed', 0)} passed")
            for why, count in sorted(outcomes.items()):
                print(f"  {count} listed, {why}")
        listed = sum(count for why, count in outcomes.items() if not why.startswith(("method", "about")))
        assert listed <= MOST_LISTED * len(cases(source))
