"""Compute whole histories: no look-ahead, no dependence on order or units, and the same when resumed."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from signals.domain.activity import turnover_scores
from signals.domain.panel import MarketPanel
from signals.domain.params import Params
from signals.domain.pipeline import Resume, compute
from signals.domain.results import DayResult, SectorResult
from tests.signals.domain.synthetic_panel import synthetic_panel

PARAMS = Params()


def numbers(sector: SectorResult) -> list[float]:
    """Return a sector's figures, NaN for unknown ones."""
    found = [sector.score, sector.coverage, sector.q, sector.gap, sector.rsr, sector.rsm, sector.z_spread]
    found += [sector.sigma_relative, sector.priced_in.t, sector.priced_in.share, sector.funding.annual]
    found += [item.points for item in sector.contributions]
    return [np.nan if value is None else value for value in found]


def assert_alike(left: list[DayResult], right: list[DayResult]) -> None:
    """Hold two histories to be the same but for rounding."""
    for one, other in zip(left, right, strict=True):
        assert one.regime.state == other.regime.state
        assert (one.stage.state.stage, one.stage.state.leader) == (other.stage.state.stage, other.stage.state.leader)
        for slug in (sector.slug for sector in one.sectors):
            np.testing.assert_allclose(numbers(one.sector(slug)), numbers(other.sector(slug)), atol=1e-7)


@pytest.fixture(scope="module")
def panel() -> MarketPanel:
    """Return a market of two sectors."""
    return synthetic_panel()


@pytest.fixture(scope="module")
def results(panel: MarketPanel) -> list[DayResult]:
    """Return its whole history."""
    return compute(panel, params=PARAMS)


class TestResults:
    def test_one_a_day(self, panel: MarketPanel, results: list[DayResult]) -> None:
        assert [result.day for result in results] == panel.dates.tolist()
        assert results[0].decided_at.isoformat() == "2022-01-02T00:05:00+00:00"

    def test_contributions_add_up_exactly(self, results: list[DayResult]) -> None:
        for result in results:
            for sector in result.sectors:
                total = sum(item.points for item in sector.contributions)
                assert total == pytest.approx(sector.score - 50.0, abs=1e-9)
            regime = result.regime
            assert sum(item.points for item in regime.contributions) == pytest.approx(regime.score - 50.0, abs=1e-9)

    def test_coverage_is_what_the_contributions_carried(self, results: list[DayResult]) -> None:
        for sector in results[-1].sectors:
            carried = sum(item.weight * item.freshness for item in sector.contributions)
            assert sector.coverage == pytest.approx(carried)
            assert sector.coverage > 0.6

    def test_whatever_carries_less_says_why(self, results: list[DayResult]) -> None:
        for result in results:
            for item in (item for sector in result.sectors for item in sector.contributions):
                assert item.reason or item.freshness > 0

    def test_the_first_days_are_too_short(self, results: list[DayResult]) -> None:
        first = results[40].sector("s0")

        assert {i.indicator: i.reason for i in first.contributions}["rs"] == "too short"
        assert first.is_hidden

    def test_everything_is_known_in_the_end(self, results: list[DayResult]) -> None:
        last = results[-1].sector("s1")

        assert None not in (last.q, last.gap, last.rsr, last.rsm, last.z_spread, last.sigma_relative, last.index_level)
        assert last.is_q_observed
        assert last.priced_in.t is not None


class TestNoLookAhead:
    @pytest.mark.parametrize("day", [1, 95, 250, 333, 418])
    def test_cutting_off_the_future_changes_nothing(
        self, panel: MarketPanel, results: list[DayResult], day: int
    ) -> None:
        known = panel.known_on(panel.dates[day], params=PARAMS)

        found = compute(known, params=PARAMS)

        assert len(known.events) < len(panel.events) or day > 400
        assert found[-1] == results[day]

    def test_the_whole_past_stays_identical(self, panel: MarketPanel, results: list[DayResult]) -> None:
        found = compute(panel.known_on(panel.dates[300], params=PARAMS), params=PARAMS)

        assert found == results[:301]


class TestInvariance:
    def test_of_the_order_of_assets(self, panel: MarketPanel, results: list[DayResult]) -> None:
        order = np.random.default_rng(7).permutation(len(panel.assets))
        mixed = replace(
            panel,
            assets=tuple(panel.assets[i] for i in order),
            closes=panel.closes[:, order],
            market_caps=panel.market_caps[:, order],
            volumes=panel.volumes[:, order],
            volume_scopes=panel.volume_scopes[:, order],
            memberships=panel.memberships[:, order],
            is_stable=panel.is_stable[order],
        )

        assert_alike(compute(mixed, params=PARAMS), results)

    def test_of_the_order_of_sectors(self, panel: MarketPanel, results: list[DayResult]) -> None:
        mixed = replace(
            panel,
            sectors=panel.sectors[::-1],
            memberships=panel.memberships[:, :, ::-1],
            events=replace(panel.events, sectors=panel.events.sectors[:, ::-1]),
        )

        assert_alike(compute(mixed, params=PARAMS), results)

    def test_of_units(self, panel: MarketPanel, results: list[DayResult]) -> None:
        units = np.random.default_rng(8).uniform(0.01, 100.0, len(panel.assets))
        interest = {key: series for key, series in panel.readings.items() if key[0] == "open_interest"}
        rescaled = {
            key: replace(series, values=series.values / units[panel.assets.index(key[1])])
            for key, series in interest.items()
        }
        scaled = replace(panel, closes=panel.closes * units, readings={**panel.readings, **rescaled})

        assert_alike(compute(scaled, params=PARAMS), results)


class TestResume:
    @pytest.mark.parametrize("day", [0, 200, 390])
    def test_equals_the_full_history(self, panel: MarketPanel, results: list[DayResult], day: int) -> None:
        last = results[day]
        resume = Resume(
            day=last.day,
            regime=last.regime.state,
            stage=last.stage.state,
            regimes={result.day: result.regime.state.regime for result in results[: day + 1]},
        )

        assert compute(panel, params=PARAMS, resume=resume) == results[day + 1 :]

    def test_nothing_new_is_nothing(self, panel: MarketPanel, results: list[DayResult]) -> None:
        last = results[-1]
        resume = Resume(last.day, last.regime.state, last.stage.state, {})

        assert compute(panel, params=PARAMS, resume=resume) == []


class TestSizes:
    @pytest.mark.parametrize("sectors", [1, 3, 6])
    def test_any_number_of_sectors(self, sectors: int) -> None:
        found = compute(synthetic_panel(days=300, sectors=sectors, seed=sectors), params=PARAMS)

        assert len(found[-1].sectors) == sectors

    def test_nine_hundred_days_take_seconds(self) -> None:
        large = synthetic_panel(days=900, sectors=4, members=10)
        started = time.perf_counter()

        found = compute(large, params=PARAMS)

        assert len(found) == 900
        assert time.perf_counter() - started < 20.0

    def test_an_empty_market_hides_every_score(self) -> None:
        panel = synthetic_panel(days=120)
        nothing = np.full(panel.closes.shape, np.nan)
        bare = replace(panel, closes=nothing, volumes=nothing, readings={}, event_coverage={})

        last = compute(bare, params=PARAMS)[-1]

        assert [sector.coverage for sector in last.sectors] == [0.0, 0.0]
        assert all(sector.is_hidden for sector in last.sectors)
        assert last.regime.state.frozen_since == panel.dates[0].item()

    @pytest.mark.once
    def test_after_years_it_looks_back_as_far_as_it_must(self) -> None:
        """Turnover is standardised only for the days that ranks look back on: 600 days in, the result is the same."""
        panel = synthetic_panel(days=640, seed=3)
        results = compute(panel, params=PARAMS)
        before = results[599]
        regimes = {result.day: result.regime.state.regime for result in results}
        resume = Resume(before.day, before.regime.state, before.stage.state, regimes)

        assert compute(panel, params=PARAMS, resume=resume) == results[600:]

        for start in (0, 181, 400):
            whole, part = (turnover_scores(panel, params=PARAMS, first=first)[0] for first in (0, start))
            assert np.array_equal(whole[start:], part[start:], equal_nan=True)
