"""What decisions taught, to the digit: the examples of DOMAIN 5, and what must hold whatever was decided."""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal.domain.learning import (
    LEAST,
    Mean,
    Move,
    Verdict,
    bin_of,
    blocks,
    calibration,
    compare,
    costs_of,
    expectancy,
    mean,
    round_trips,
    share,
    student,
    worth_learning,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = Path(__file__).resolve().parents[3] / "shared/domain_examples.json"
predictions = st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=40)


def days(*numbers: float) -> list[datetime]:
    """Return moments, by days from the start."""
    return [START + timedelta(days=number) for number in numbers]


def spaced(n: int, apart: int = 30) -> list[datetime]:
    """Return moments that do not overlap."""
    return days(*(number * apart for number in range(n)))


@pytest.fixture(scope="module")
def e24() -> dict[str, Any]:
    """Brier, Wilson and expectancy as the specification works them out."""
    if not EXAMPLES.exists():
        assert not os.environ.get("CI"), "the examples of the specification are missing"
        pytest.skip("the examples of the specification are not here")
    found: dict[str, Any] = next(row for row in json.loads(EXAMPLES.read_text())["examples"] if row["id"] == "E24")
    return found


class TestExampleE24:
    def test_brier_and_its_parts(self, e24: dict[str, Any]) -> None:
        pairs = [(float(chance), number < came) for chance, n, came in e24["inputs"]["groups"] for number in range(n)]
        found, expected = calibration(pairs), e24["expected"]
        assert found is not None
        for name in ("brier", "reliability", "resolution", "uncertainty", "skill"):
            assert getattr(found, name) == pytest.approx(float(expected[name]), abs=1e-8)
        assert found.within == pytest.approx(0, abs=1e-12)

    @pytest.mark.parametrize("pair", [(6, 10), (12, 20)])
    def test_wilson(self, e24: dict[str, Any], pair: tuple[int, int]) -> None:
        found = share(*pair)
        low, high = (float(each) for each in e24["expected"]["wilson_{}_{}".format(*pair)])
        assert (found.low, found.high) == (pytest.approx(low, abs=1e-8), pytest.approx(high, abs=1e-8))

    def test_expectancy(self, e24: dict[str, Any]) -> None:
        found, expected = expectancy([float(each) for each in e24["inputs"]["R"]]), e24["expected"]
        assert found is not None
        assert found.mean == pytest.approx(float(expected["expectancy"]))
        assert found.hits.value == float(expected["hit_rate"])
        assert found.quality == pytest.approx(float(expected["sqn"]), abs=1e-6)


class TestCosts:
    def test_e39(self) -> None:
        found = costs_of(gross=D(120), net=D("88.8"))
        assert (found.costs, found.ratio) == (D("31.2"), D("0.26"))

    def test_nothing_won_or_lost_has_no_ratio(self) -> None:
        assert costs_of(gross=D(0), net=D(-3)).ratio is None


class TestCalibration:
    def test_nothing_stated_is_no_figure(self) -> None:
        assert calibration([]) is None

    def test_always_a_coin_scores_a_quarter(self) -> None:
        found = calibration([(0.5, True), (0.5, False), (0.5, True)])
        assert found is not None
        assert found.brier == 0.25

    def test_who_was_always_right_has_no_skill_to_compare(self) -> None:
        found = calibration([(0.9, True)] * 3)
        assert found is not None
        assert found.skill is None

    @given(predictions)
    @settings(max_examples=80)
    def test_the_parts_add_up_to_the_score(self, pairs: list[tuple[float, bool]]) -> None:
        found = calibration(pairs)
        assert found is not None
        whole = found.reliability - found.resolution + found.uncertainty + found.within
        assert whole == pytest.approx(found.brier, abs=1e-9)
        assert sum(each.came.n for each in found.bins) == found.n == len(pairs)

    def test_quick_picks_have_bins_of_their_own(self) -> None:
        assert [bin_of(chance) for chance in (0.5, 0.6, 0.7, 0.8, 0.9)] == [5, 6, 7, 8, 9]
        assert [bin_of(chance) for chance in (0.549, 0.55, 0.649, 0.99)] == [5, 6, 6, 10]


class TestShares:
    def test_of_nothing_there_is_none(self) -> None:
        assert share(0, 0).value is None

    @given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
    @settings(max_examples=80)
    def test_the_interval_holds_the_share_and_stays_in_bounds(self, pair: tuple[int, int]) -> None:
        found = share(*pair)
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert -1e-12 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1 + 1e-12


class TestEffectiveNumber:
    def test_what_overlaps_counts_once(self) -> None:
        assert blocks(days(0, 1, 29.9)) == 1
        assert blocks(days(0, 10, 30, 45, 60)) == 3
        assert blocks([]) == 0

    @given(st.lists(st.integers(0, 2000), max_size=60))
    @settings(max_examples=80)
    def test_it_never_exceeds_n_nor_the_time_there_was(self, numbers: list[int]) -> None:
        found = blocks(days(*numbers))
        assert found <= len(numbers)
        assert found <= (max(numbers) - min(numbers)) // 30 + 1 if numbers else found == 0


class TestMeans:
    def test_overlap_widens_the_interval(self) -> None:
        values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
        apart, close = mean(values, moments=spaced(10)), mean(values, moments=spaced(10, apart=15))
        assert (apart.blocks, close.blocks) == (10, 5)
        assert apart.high is not None
        assert close.high is not None
        assert close.high - 5.5 > apart.high - 5.5

    def test_too_few_have_no_interval(self) -> None:
        found = mean([1.0, 3.0], moments=spaced(2))
        assert (found.value, found.low) == (2.0, None)

    @pytest.mark.parametrize(
        ("freedom", "quantile"), [(4, 2.776445), (5, 2.570582), (9, 2.262157), (19, 2.093024), (60, 2.000298)]
    )
    def test_students_quantiles(self, freedom: int, quantile: float) -> None:
        assert student(freedom) == pytest.approx(quantile, rel=0.01 if freedom < 5 else 0.003)


class TestVerdicts:
    def test_nine_are_too_few_however_clear(self) -> None:
        good, bad = ([100.0 + n for n in range(9)], [-100.0 - n for n in range(12)])
        one, other = mean(good, moments=spaced(9)), mean(bad, moments=spaced(12))
        assert compare(one, other) is Verdict.TOO_FEW

    def test_ten_in_one_month_are_too_few_too(self) -> None:
        one = mean([float(n) for n in range(12)], moments=days(*range(12)))
        assert compare(one, one) is Verdict.TOO_FEW

    def test_a_clear_difference_is_told_either_way(self) -> None:
        one = mean([100.0 + n for n in range(12)], moments=spaced(12))
        other = mean([-100.0 - n for n in range(12)], moments=spaced(12))
        assert (compare(one, other), compare(other, one)) == (Verdict.BETTER, Verdict.WORSE)

    def test_a_difference_within_chance_is_left_open(self) -> None:
        one = mean([float(n) for n in range(12)], moments=spaced(12))
        other = mean([float(n) + 0.5 for n in range(12)], moments=spaced(12))
        assert compare(one, other) is Verdict.OPEN

    @given(st.integers(0, LEAST - 1), st.integers(0, 50), st.floats(-1e6, 1e6), st.floats(0, 10))
    @settings(max_examples=60)
    def test_below_ten_there_is_no_verdict(self, few: int, many: int, value: float, spread: float) -> None:
        one = Mean(n=few, blocks=few, value=value, spread=spread)
        other = Mean(n=many, blocks=many, value=0.0, spread=spread)
        assert compare(one, other) is compare(other, one) is Verdict.TOO_FEW


class TestExpectancy:
    def test_nothing_risked_is_no_figure(self) -> None:
        assert expectancy([]) is None

    def test_without_a_loss_there_is_no_payoff(self) -> None:
        found = expectancy([1.0, 1.0])
        assert found is not None
        assert (found.payoff, found.profit_factor, found.quality) == (None, None, None)

    @given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
    @settings(max_examples=80)
    def test_it_is_what_wins_and_losses_bring_by_their_odds(self, multiples: list[float]) -> None:
        found = expectancy(multiples)
        assert found is not None
        assert found.hits.value is not None
        odds = found.hits.value
        assert found.mean == pytest.approx(odds * found.average_win - (1 - odds) * found.average_loss, abs=1e-9)


class TestRoundTrips:
    def move(self, key: int, day: float, way: str) -> Move:
        source, destination = way.split(">")
        return Move(key=key, source=source, destination=destination, moved_at=days(day)[0])

    def test_there_and_back_within_thirty_days(self) -> None:
        moves = [self.move(1, 0, "defi>ai"), self.move(2, 12, "ai>defi"), self.move(3, 20, "defi>ai")]
        assert [(trip.there, trip.back, trip.days) for trip in round_trips(moves)] == [(1, 2, 12.0)]

    def test_back_after_two_months_is_a_decision_of_its_own(self) -> None:
        assert round_trips([self.move(1, 0, "defi>ai"), self.move(2, 61, "ai>defi")]) == []

    @given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from(["a>b", "b>a", "b>c"])), max_size=30))
    @settings(max_examples=60)
    def test_every_move_counts_at_most_once(self, rows: list[tuple[int, str]]) -> None:
        found = round_trips(self.move(key, day, way) for key, (day, way) in enumerate(rows))
        used = [key for trip in found for key in (trip.there, trip.back)]
        assert len(used) == len(set(used))
        assert all(0 <= trip.days <= 30 for trip in found)


class TestOrder:
    def test_it_gives_nothing_away(self) -> None:
        assert worth_learning(size=-500.0, chance=0.9) == worth_learning(size=500.0, chance=0.9)
        assert math.isclose(worth_learning(size=500.0, chance=0.1), worth_learning(size=500.0, chance=0.9))

    def test_the_surer_and_the_larger_come_first(self) -> None:
        ranked = [worth_learning(size=1.0, chance=chance) for chance in (None, 0.6, 0.9)]
        assert ranked == sorted(ranked)
        assert worth_learning(size=2.0, chance=None) > worth_learning(size=1.0, chance=0.6)
