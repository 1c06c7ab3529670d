"""Rotabook, beancount and rp2 book one file of fills to the same totals."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.beside import compared

SAID = {"seconds": 1.0, "realized": "5.000000000000000001", "cost": "7", "units": {"A1": "0.500"}}


@pytest.mark.once
def test_three_systems_agree() -> None:
    words = [sys.executable, "-m", "benchmarks.beside", "--fills", "200"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"\n{system} " in done.stdout for system in ("rotabook", "beancount", "rp2"))
    assert done.stdout.endswith("differ by more than 1E-9: none\n")


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"realized": "5", "units": {"A1": "0.5"}}, 0),
        ({"realized": "5.00000001"}, 1),
        ({"cost": "6.99"}, 1),
        ({"units": {"A1": "0.499"}}, 1),
        ({"units": {}}, 1),
    ],
)
def test_a_total_that_differs_is_named(other: dict[str, object], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(3, {"rotabook": SAID, "beancount": {**SAID, **other}}) == code
    assert capsys.readouterr().out.endswith("beancount\n" if code else "none\n")
