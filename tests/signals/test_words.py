"""Raw values are written in the unit they are in."""

from __future__ import annotations

import pytest

from signals.views.words import raw_text


class TestUnits:
    @pytest.mark.parametrize(
        ("code", "raw", "text"),
        [("l2", 1.917, "+1.9 points"), ("tvl", 0.025, "+2.5%"), ("rs", 101.84, "101.8"), ("trend", None, "")],
    )
    def test_each_in_its_own(self, code: str, raw: float | None, text: str) -> None:
        assert raw_text(code, raw) == text
