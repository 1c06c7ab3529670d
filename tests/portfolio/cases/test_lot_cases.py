"""Lots, costs, fees and realized PnL agree with the cases of other systems, or differ by a documented convention."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.portfolio.cases.listed import CONVENTIONS, LISTED, METHODS, SUBJECTS
from tests.portfolio.cases.reading import FOLDER, Kind, document, is_other
from tests.portfolio.cases.sources import SOURCES, count, listed_names, verdicts

pytestmark = [pytest.mark.cases, pytest.mark.once]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "cases.md"
ALL = [(source, name) for source in SOURCES for name in verdicts(source)]
TABLES = {Kind.METHOD: METHODS, Kind.DIFFERS: CONVENTIONS, Kind.ELSEWHERE: SUBJECTS}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    """A source whose cases lie beside the project; in CI they must."""
    name: str = request.param
    if not document(name):
        assert os.environ.get("CI") != "true", "The cases must be there in CI."
        pytest.skip(f"{FOLDER / name}.json does not lie beside the project.")
    return name


@pytest.fixture
def own_source(source: str) -> str:
    """A source whose file is the one that the tables and the page are about."""
    if is_other(source):
        pytest.skip("The tables and the page are about the cases beside the project.")
    return source


class TestCases:
    @pytest.mark.parametrize(("source_name", "name"), ALL)
    def test_the_ledger_agrees_or_the_case_is_listed(self, source_name: str, name: str) -> None:
        verdict = verdicts(source_name)[name]

        if is_other(source_name):
            assert verdict.kind not in (Kind.WRONG, Kind.UNREAD), verdict.detail
        elif name in LISTED[source_name]:
            assert verdict.kind in (Kind.DIFFERS, Kind.WRONG), f"{name} is listed, but ended as {verdict.kind}."
            assert verdict.kind is Kind.WRONG or verdict.key == LISTED[source_name][name]
        else:
            assert verdict.kind in (Kind.PASSED, Kind.METHOD, Kind.ELSEWHERE), verdict.detail
        assert not verdict.key or verdict.key in TABLES[verdict.kind]


class TestCounts:
    def test_what_is_listed_is_a_case_and_has_a_reason(self, own_source: str) -> None:
        assert set(LISTED[own_source]) <= set(verdicts(own_source))
        assert set(LISTED[own_source].values()) <= set(CONVENTIONS)

    def test_at_most_two_fifths_are_listed(self, source: str, capsys: pytest.CaptureFixture[str]) -> None:
        found, said = count(source), verdicts(source)
        why = {name: LISTED[source].get(name, said[name].key) for name in sorted(listed_names(source))}

        with capsys.disabled():
            print(f"\n{source}: {found.passed} passed, {found.listed} listed {why}", end="")
        assert found.listed_share <= 0.4
        assert found.failed == 0

    def test_the_page_states_the_counts(self, own_source: str) -> None:
        found = count(own_source)
        row = (
            f"| {own_source} | {found.cases} | {found.passed} | {found.listed} | {found.lacking} | {found.elsewhere} |"
        )

        assert row in PAGE.read_text()

    def test_the_page_names_what_is_listed(self, own_source: str) -> None:
        page = PAGE.read_text()

        assert all(f"`{name}`" in page for name in LISTED[own_source])
        assert {verdict.key for verdict in verdicts(own_source).values() if verdict.key} <= set(
            re.findall(r"`(\w+)`", page)
        )
