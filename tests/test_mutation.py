"""The mutation run reads decorated functions too, and counts as killed only what a test failed on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import mutation
from tests.mutation import DOMAIN, bared, report

SOURCE = """
from functools import cached_property, wraps

class Figures:
    @property
    @wraps(len)
    def size(self):
        return 3

    @cached_property
    def twice(self):
        return 2 * self.size
"""


class TestBared:
    def test_decorators_keep_their_meaning(self) -> None:
        names: dict[str, type] = {}
        exec(compile(bared(SOURCE), "bared", "exec"), names)

        figures = names["Figures"]()

        assert (figures.size, figures.twice, figures.__dict__) == (3, 6, {"twice": 6})
        assert names["Figures"].__dict__["size"].fget.__doc__ == len.__doc__

    def test_no_function_is_decorated_any_more(self) -> None:
        paths = sorted((mutation.ROOT / DOMAIN).glob("*.py"))

        assert paths
        assert [path.name for path in paths if "\n    @" in bared(path.read_text())] == []


class TestReport:
    @pytest.fixture
    def told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A room whose last run tells of ten mutants."""
        folder = tmp_path / "mutants" / DOMAIN
        folder.mkdir(parents=True)
        monkeypatch.setattr(mutation, "ROOM", tmp_path)
        return folder / "fees.py.meta"

    @pytest.mark.parametrize(
        ("last", "told_of"), [(0, "survived"), (33, "no tests"), (36, "timeout"), (-9, "suspicious"), (None, "not run")]
    )
    def test_nine_of_ten_are_enough_and_nothing_but_a_failure_counts(
        self, told: Path, capsys: pytest.CaptureFixture[str], last: int | None, told_of: str
    ) -> None:
        codes = {f"portfolio.domain.fees.x_one__mutmut_{number}": 1 for number in range(9)}
        told.write_text(json.dumps({"exit_code_by_key": {**codes, "portfolio.domain.fees.x_two__mutmut_1": last}}))

        assert report(["fees"]) == 0
        assert f"all: 9 of 10 killed, 90.0% (1 {told_of})" in capsys.readouterr().out

        told.write_text(told.read_text().replace('mutmut_0": 1', f'mutmut_0": {json.dumps(last)}'))
        assert report(["fees"]) == 1

    def test_a_run_of_nothing_proves_nothing(self, told: Path) -> None:
        assert report(["fees"]) == 1
