"""Run the signals over two and a half real years: every stage must occur, and none too often."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from portfolio.services.catalogue import ensure_market
from signals.domain.params import Params
from signals.domain.pipeline import compute
from signals.domain.results import DayResult
from signals.models import StageDay
from signals.services.history import load_history
from signals.services.market import refresh_market
from tests.signals.real_panel import FOLDER, real_panel

PARAMS = Params()
IS_ABSENT = not (FOLDER / "daily.csv").exists()

pytestmark = pytest.mark.skipif(
    IS_ABSENT and os.environ.get("CI") != "true", reason="The shared market history is not beside the project."
)


@pytest.fixture(scope="module")
def results() -> list[DayResult]:
    """Return the days from 2021 on; the year before warms the windows up."""
    days = compute(real_panel("2020-01-01", "2023-06-30"), params=PARAMS)
    return [result for result in days if result.day.year >= 2021]


class TestRealHistory:
    def test_reaches_every_stage(self, results: list[DayResult]) -> None:
        days = Counter(result.stage.state.stage.name for result in results)

        assert min(days[stage] for stage in ("SC", "NI", "PR", "RE")) >= 14

    def test_ignites_now_and_then(self, results: list[DayResult]) -> None:
        entered = [result for result in results if result.stage.is_changed and result.stage.state.stage.name == "NI"]

        assert 2 <= len(entered) <= 10
        assert {result.day.year for result in entered} >= {2021, 2023}

    def test_changes_the_stage_about_monthly_at_most(self, results: list[DayResult]) -> None:
        changes = sum(result.stage.is_changed for result in results)

        assert 5 <= changes <= 13.8 * 2.5

    def test_knows_every_regime_and_keeps_each_for_a_while(self, results: list[DayResult]) -> None:
        regimes = [result.regime.state.regime.name for result in results]
        flips = sum(before != after for before, after in pairwise(regimes))

        assert set(regimes) == {"RISK_ON", "CONSOLIDATION", "RISK_OFF"}
        assert flips <= 60

    def test_saw_ai_lead_in_january_2023(self, results: list[DayResult]) -> None:
        found = {result.day.isoformat(): result for result in results}["2023-02-01"]

        assert (found.stage.state.stage.name, found.stage.state.leader) == ("NI", "ai")
        assert found.stage.observable_count == 3

    def test_says_what_it_could_not_know(self, results: list[DayResult]) -> None:
        reasons = {item.indicator: item.reason for item in results[-1].sector("defi").contributions}

        assert reasons["l2"] == "missing"
        assert reasons["regulatory"] == "no source asked"
        assert results[-1].sector("defi").coverage == pytest.approx(0.525, abs=0.01)

    def test_contributions_add_up(self, results: list[DayResult]) -> None:
        for sector in (sector for result in results for sector in result.sectors):
            total = sum(item.points for item in sector.contributions)
            assert total == pytest.approx(sector.score - 50.0, abs=1e-9)

    def test_no_look_ahead(self) -> None:
        panel = real_panel("2021-01-01", "2022-06-30")
        full = compute(panel, params=PARAMS)

        for day in (200, 400, 500):
            known = panel.known_on(panel.dates[day], params=PARAMS)
            assert compute(known, params=PARAMS)[-1] == full[day]
        assert np.all(np.diff(panel.dates) == np.timedelta64(1, "D"))


class TestWithCuratedNews:
    def test_the_base_ignites_too_once_news_is_declared_complete(self) -> None:
        panel = real_panel("2020-01-01", "2023-06-30")
        looked = np.ones(len(panel), np.bool_)
        covered = replace(panel, event_coverage=dict.fromkeys(PARAMS.event_half_lives, looked))

        days = [result for result in compute(covered, params=PARAMS) if result.day.year >= 2021]

        entered = [d.stage.state.leader for d in days if d.stage.is_changed and d.stage.state.stage.name == "NI"]
        assert {"defi", "ai"} == set(entered)
        assert len(entered) <= 15


@pytest.mark.django_db
class TestThroughTheDatabase:
    def test_history_that_was_loaded_tells_the_same_story(self, results: list[DayResult]) -> None:
        now = datetime(2026, 11, 20, tzinfo=UTC)
        market = ensure_market("history")
        for name in ("daily.csv", "fear_greed_daily.csv", "funding_daily_btc.csv"):
            load_history(market=market, path=FOLDER / name, now=now)
        market.refresh_from_db()

        refresh_market(market=market, now=now)

        stages = dict(StageDay.objects.values_list("date", "stage"))
        alike = [stages[result.day] == result.stage.state.stage.name for result in results]
        assert sum(alike) / len(alike) > 0.95
