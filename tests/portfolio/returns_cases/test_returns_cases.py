"""Returns, rates and risk agree with what other systems print, but for methods and conventions that are listed."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from tests.portfolio.returns_cases.sources import FOLDER, Case, cases
from tests.portfolio.returns_cases.verdicts import ALL, CHECKS, MOST_LISTED, outcome

pytestmark = [pytest.mark.cases, pytest.mark.once]


@pytest.mark.skipif(
    not FOLDER.exists() and os.environ.get("CI") != "true", reason="The cases are not beside the project."
)
class TestCases:
    def test_the_folder_is_there(self) -> None:
        assert ALL

    @pytest.mark.parametrize(("source", "case"), ALL, ids=[case["id"] for _, case in ALL])
    def test_a_case_passes_or_is_listed(self, source: str, case: Case) -> None:
        said = outcome(source, case)

        assert not said.startswith("wrong"), said

    @pytest.mark.parametrize("source", CHECKS)
    def test_few_cases_are_listed_for_their_convention(self, source: str, capsys: Any) -> None:
        outcomes = Counter(outcome(source, case) for case in cases(source))

        with capsys.disabled():
            print(f"\n{source}: {outcomes.pop('passed', 0)} passed")
            for why, count in sorted(outcomes.items()):
                print(f"  {count} listed, {why}")
        listed = sum(count for why, count in outcomes.items() if not why.startswith(("method", "about")))
        assert listed <= MOST_LISTED * len(cases(source))
