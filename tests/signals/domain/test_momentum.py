"""Measure sectors against each other (DOMAIN 2.8; DECISIONS 22, 24)."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from signals.domain.indices import sector_indices
from signals.domain.momentum import (
    Quadrant,
    cross_score,
    map_quadrant,
    minus_others,
    rank_scores,
    ratio_momentum,
    ratio_score,
    sigma_relative,
)
from signals.domain.params import Params
from tests.signals.domain.synthetic_panel import synthetic_panel

PARAMS = Params()


def oracle_score(values: list[float], width: int) -> float:
    """Return 100 + z of the last of `width` values, their own mean and sample deviation."""
    window = values[-width:]
    return 100.0 + (window[-1] - statistics.fmean(window)) / statistics.stdev(window)


class TestRatioScore:
    def test_agrees_with_an_oracle_and_needs_all_ninety_values(self) -> None:
        ratio = np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, 130)))

        found = ratio_score(ratio, params=PARAMS)

        assert np.isnan(found[:89]).all()
        for day in (89, 100, 129):
            assert found[day] == pytest.approx(oracle_score(ratio[: day + 1].tolist(), 90))

    def test_one_missing_value_makes_ninety_days_unknown(self) -> None:
        ratio = np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, 200)))
        ratio[95] = np.nan

        found = ratio_score(ratio, params=PARAMS)

        assert np.isnan(found[95:185]).all()
        assert not np.isnan(found[185:]).any()

    def test_is_neutral_while_nothing_moves(self) -> None:
        assert ratio_score(np.full(95, 1.7), params=PARAMS)[94] == 100.0

    def test_momentum_standardises_the_seven_day_change(self) -> None:
        rsr = 100.0 + np.cumsum(np.random.default_rng(4).normal(0, 0.1, 120))
        changes = [rsr[day] / rsr[day - 7] - 1.0 for day in range(7, 120)]

        found = ratio_momentum(rsr, params=PARAMS)

        assert found[119] == pytest.approx(oracle_score(changes, 90))


class TestCrossMomentum:
    def test_skips_the_last_day(self) -> None:
        levels = np.ones((70, 2))
        levels[:, 0] = np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.03, 70)))
        moved = levels.copy()
        moved[69, 0] *= 3.0

        params = Params(z_minimum=20)
        before, after = (cross_score(x, params=params)[69] for x in (levels, moved))

        assert before.tolist() == after.tolist()

    def test_uses_ranks_from_five_sectors_on(self) -> None:
        found = rank_scores(np.array([[0.5, 0.1, 0.3, 0.2, 0.4]]))

        assert found[0].tolist() == pytest.approx(np.array([2, -2, 0, -1, 1]) / np.sqrt(2))

    def test_lets_ties_share_a_rank_and_leaves_the_unknown_out(self) -> None:
        found = rank_scores(np.array([[0.1, 0.1, np.nan, 0.4]]))[0]

        assert found[0] == found[1] == pytest.approx(-np.sqrt(0.5))
        assert np.isnan(found[2])

    def test_compares_with_the_mean_of_the_others(self) -> None:
        found = minus_others(np.array([[3.0, 1.0, 2.0], [4.0, np.nan, 1.0]]))

        assert found[0].tolist() == [1.5, -1.5, 0.0]
        assert found[1, 0] == 3.0
        assert np.isnan(found[1, 1])


class TestSigmaRelative:
    def test_is_the_annualised_deviation_of_the_log_ratio(self) -> None:
        indices = sector_indices(synthetic_panel(days=150), params=PARAMS)
        ratio = np.log(indices.levels[:, 0] / indices.levels[:, 1])

        found = sigma_relative(indices, params=PARAMS)

        expected = statistics.stdev(np.diff(ratio)[-90:].tolist()) * 365**0.5
        assert found[-1].tolist() == pytest.approx([expected, expected])


class TestMap:
    @pytest.mark.parametrize(
        ("rsr", "rsm", "expected"),
        [
            (100.0, 100.0, Quadrant.LEADING),
            (101.0, 99.9, Quadrant.WEAKENING),
            (99.0, 99.0, Quadrant.LAGGING),
            (99.9, 100.0, Quadrant.IMPROVING),
            (None, 100.0, None),
        ],
    )
    def test_names_the_quadrant(self, rsr: float | None, rsm: float | None, expected: Quadrant | None) -> None:
        assert map_quadrant(rsr, rsm) is expected
