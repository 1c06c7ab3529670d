"""Standardise against the past only, by robust measures (DOMAIN 2.4, E26)."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.normalise import freshness, percentile, percentiles, robust_scores, robust_z
from signals.domain.params import Params

WINDOW = np.array([[10.0, 12, 11, 13, 12, 14, 11, 12, 13, 12]] * 2)
SMALL = Params(z_window=12, z_minimum=4)


def oracle_z(history: list[float], value: float, *, minimum: int, centre: float | None = None) -> float:
    """Compute the robust z of one value the slow way, with the standard library."""
    past = [x for x in history if not math.isnan(x)]
    if len(past) < minimum or math.isnan(value):
        return math.nan
    middle = statistics.median(past) if centre is None else centre
    distances = [abs(x - middle) for x in past]
    scale = statistics.median(distances) / 0.6745
    if scale == 0:
        quarters = statistics.quantiles(past, n=4, method="inclusive")
        scale = (quarters[2] - quarters[0]) / 1.349
    if scale == 0:
        scale = math.sqrt(sum(d * d for d in distances) / (len(past) - 1))
    return 0.0 if scale == 0 else max(-3.0, min(3.0, (value - middle) / scale))


class TestRobustZ:
    def test_example_e26(self) -> None:
        values = np.array([18.0, 13.0])

        z = robust_scores(values, WINDOW, minimum=5, clip=3.0).z
        raw = robust_scores(values, WINDOW, minimum=5, clip=99.0).z

        assert z == pytest.approx([3.0, 0.6745])
        assert raw[0] == pytest.approx(4.047)

    @given(st.lists(st.sampled_from([1.0, 2.0, 5.5, math.nan]) | st.integers(-900, 900).map(lambda n: n / 100)))
    def test_agrees_with_an_independent_oracle(self, history: list[float]) -> None:
        found = robust_z(np.array(history), params=SMALL).z

        for day, value in enumerate(history):
            expected = oracle_z(history[max(0, day - 12) : day], value, minimum=4)
            assert found[day] == pytest.approx(expected, nan_ok=True, abs=1e-6)

    def test_takes_deviations_about_a_natural_centre(self) -> None:
        history = [3.0, 4.0, -1.0, 2.0, 6.0, 5.0]

        found = robust_z(np.array(history), params=SMALL, centre=0.0).z

        assert found[5] == pytest.approx(oracle_z(history[:5], 5.0, minimum=4, centre=0.0))

    def test_compares_only_days_of_one_kind(self) -> None:
        values = np.array([100.0, 101, 99, 102, 1, 2, 3, 4, 5])
        kinds = np.array([1, 1, 1, 1, 2, 2, 2, 2, 2], np.int8)

        found = robust_z(values, params=SMALL, kinds=kinds).z

        assert np.isnan(found[7])
        assert found[8] == pytest.approx(oracle_z([1, 2, 3, 4], 5.0, minimum=4))

    def test_flags_a_window_that_never_moved(self) -> None:
        found = robust_z(np.array([7.0] * 6), params=SMALL)

        assert found.z[5] == 0.0
        assert found.is_constant.tolist() == [False] * 4 + [True] * 2

    @given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
    def test_does_not_depend_on_unit_or_origin(self, scale: float, shift: float) -> None:
        values = np.random.default_rng(3).normal(size=40)

        plain, moved = (robust_z(x, params=SMALL).z for x in (values, values * scale + shift * scale))

        np.testing.assert_allclose(moved, plain, atol=1e-6)

    def test_is_unknown_below_the_minimum(self) -> None:
        found = robust_z(np.arange(6.0), params=SMALL).z

        assert np.isnan(found[:4]).all()
        assert not np.isnan(found[4:]).any()


class TestPercentile:
    def test_example_e26(self) -> None:
        assert percentiles(np.array([13.0, 18.0]), WINDOW, minimum=5).tolist() == [0.8, 1.0]

    def test_looks_at_the_days_before_only(self) -> None:
        found = percentile(np.array([1.0, 2, 3, 2, 0]), window=3, minimum=3)

        assert found[3:].tolist() == [0.5, 0.0]
        assert np.isnan(found[:3]).all()


class TestFreshness:
    def test_falls_linearly_between_fresh_and_stale(self) -> None:
        ages = np.array([0.0, 36, 66, 96, 200, np.nan])

        assert freshness(ages, fresh=36.0, stale=96.0).tolist() == [1, 1, 0.5, 0, 0, 0]
