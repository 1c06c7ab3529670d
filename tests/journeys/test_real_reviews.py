"""Twelve decisions on real prices, logged through the form: every figure of their reviews follows from the raw file.

The figures are worked out in tests/journeys/decisions.py from the CSV; neither it nor this file imports the product.
Another span is tried with REAL_WINDOWS="2022-01-10 2022-06-01" (their first days). Where the file ends before twelve
decisions 47 days apart are over, they stand closer together, and fewer of them have their 90 days behind them.
"""

from __future__ import annotations

import csv
import os
from datetime import date, timedelta
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.journeys.decisions import Decision, closes_of, lessons, reviews, window
from tests.journeys.raw import money

PAIRS = (("UNI", "FET"), ("AAVE", "NEAR"))
COUNT, EVERY, AFTER = 12, 47, 20
WINDOWS = [date.fromisoformat(day) for day in os.environ.get("REAL_WINDOWS", "2021-02-01").split()]
EXACT = Fraction(1, 10**14)
"""Amounts are kept to 18 places; ratios of lots are the only ones that are rounded on the way."""


@pytest.mark.once
@pytest.mark.django_db
class TestRealReviews:
    @pytest.mark.parametrize("first", WINDOWS, ids=str)
    def test_every_figure_follows_from_the_raw_file(self, first: date, history: Path, desk: Any) -> None:
        closes = closes_of(history / "daily.csv", [asset for pair in PAIRS for asset in pair])
        end = min(max(day for asset, day in closes if asset == each) for pair in PAIRS for each in pair)
        every = min(EVERY, (date.fromisoformat(end) - first - timedelta(days=AFTER)).days // (COUNT - 1))
        decisions = window(closes, first, count=COUNT, every=every, pairs=PAIRS)
        last = decisions[-1].day + timedelta(days=AFTER)
        desk.open(history, first=first - timedelta(days=2), last=last, assets=[a for pair in PAIRS for a in pair])
        logged = [desk.log(decision) for decision in decisions]
        expected = reviews(closes, decisions, last)

        desk.stand_at(last + timedelta(days=1))
        desk.review()

        for pk, wanted in zip(logged, expected, strict=True):
            answered = {row["horizon_days"]: row for row in desk.api(f"/rotations/{pk}/")["reviews"]}
            assert {days for days, row in answered.items() if row["status"] == "ok"} == set(wanted)
            for days, figures in wanted.items():
                for name, amount in figures.items():
                    assert abs(Fraction(answered[days][name]) - amount) <= EXACT, (pk, days, name)
        assert len([1 for wanted in expected if 90 in wanted]) >= (COUNT - 3 if every == EVERY else COUNT // 4)
        assert any(row[0]["freeze_usd"] != row[0]["actual_usd"] for row in expected)
        self.taught(desk, decisions, expected)
        self.shown(desk.client, logged, expected)

    def taught(self, desk: Any, decisions: list[Decision], expected: list[Any]) -> None:
        """Compare what all of them teach together."""
        found, wanted = desk.api(f"/learning/?portfolio={desk.portfolio}"), lessons(decisions, expected)
        assert (found["known"], found["hits"]["count"]) == (wanted["known"], wanted["ahead"])
        assert found["calibration"]["brier"] == pytest.approx(float(wanted["brier"]))
        assert found["expectancy"]["mean"] == pytest.approx(float(wanted["expectancy"]))
        assert Fraction(found["fees_usd"]) == wanted["fees"]
        for name in ("gross", "net"):
            assert abs(Fraction(found["costs"][name]) - wanted[name]) <= COUNT * EXACT

    def shown(self, client: Client, logged: list[int], expected: list[Any]) -> None:
        """Compare what the list of rotations says after 30 days, as a page writes it."""
        table = b"".join(client.get("/journal/rotations.csv").streaming_content).decode()  # type: ignore[attr-defined]
        rows = {int(row["id"]): row for row in csv.DictReader(StringIO(table))}
        for pk, wanted in zip(logged, expected, strict=True):
            ahead = Fraction(rows[pk]["alpha_30_usd"] or 0)
            assert money(ahead) == money(wanted[30]["total_alpha_usd"] if 30 in wanted else Fraction(0))
