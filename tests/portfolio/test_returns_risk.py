"""Risk is measured on daily returns, a year is 365 days, and what has no variation has no ratio (DOMAIN 4.6, 6.2)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.figures import Figure, Lack, found, missing
from portfolio.domain.risk import Drawdown, calmar, downside_deviation, drawdown, falls, sharpe, sortino, volatility


def array(*values: float) -> np.ndarray:
    """Return returns."""
    return np.array(values, np.float64)


def steps(*levels: float) -> np.ndarray:
    """Return the returns between levels of an index that starts at 1."""
    path = array(1.0, *levels)
    return path[1:] / path[:-1] - 1


class TestDrawdown:
    def test_the_worked_example(self) -> None:
        fall = drawdown(steps(1.1, 0.99, 1.05, 1.2))

        assert fall == Drawdown(depth=pytest.approx(-0.1), peak=1, trough=2, recovery=4, longest_wait=3)

    def test_what_only_rises_never_fell(self) -> None:
        assert drawdown(steps(1.1, 1.2)) == Drawdown(depth=0.0, peak=0, trough=0, recovery=0, longest_wait=1)

    def test_the_first_day_can_fall(self) -> None:
        assert drawdown(steps(0.8)) == Drawdown(
            depth=pytest.approx(-0.2), peak=0, trough=1, recovery=None, longest_wait=1
        )

    def test_the_deepest_fall_counts_not_the_last(self) -> None:
        fall = drawdown(steps(2.0, 1.0, 2.0, 4.0, 3.0))

        assert fall == Drawdown(depth=pytest.approx(-0.5), peak=1, trough=2, recovery=3, longest_wait=3)

    def test_regaining_the_peak_exactly_is_recovery(self) -> None:
        fall = drawdown(array(-0.5, 1.0))

        assert fall is not None
        assert fall.recovery == 2

    def test_without_a_return_there_is_none(self) -> None:
        assert drawdown(array()) is None

    def test_falls_are_told_for_every_day(self) -> None:
        assert falls(steps(1.1, 0.99, 1.2)) == pytest.approx([0, 0, -0.1, 0])


class TestVolatility:
    def test_it_is_the_sample_deviation_of_a_year_of_365_days(self) -> None:
        assert volatility(array(0.01, 0.03)) == Figure(value=pytest.approx(0.0002**0.5 * 365**0.5), days=2)
        assert volatility(array(0.01, 0.03), periods=1).value == pytest.approx(0.0002**0.5)

    def test_one_return_has_none(self) -> None:
        assert volatility(array(0.01)) == missing(Lack.TOO_SHORT, days=1)


class TestSharpe:
    def test_it_is_mean_over_deviation(self) -> None:
        assert sharpe(array(0.01, 0.03)) == Figure(value=pytest.approx(0.02 / 0.0002**0.5 * 365**0.5), days=2)

    def test_what_is_riskless_is_taken_off(self) -> None:
        assert sharpe(array(0.01, 0.03), risk_free=0.02).value == pytest.approx(0.0, abs=1e-9)
        assert sharpe(array(0.01, 0.03), risk_free=array(0.0, 0.01), periods=1).value == pytest.approx(
            0.015 / (0.00005**0.5)
        )

    def test_without_variation_or_days_there_is_none(self) -> None:
        assert sharpe(array(0.01, 0.01, 0.01)) == missing(Lack.NO_VARIATION, days=3)
        assert sharpe(array(0.0, 0.0)) == missing(Lack.NO_VARIATION, days=2)
        assert sharpe(array(0.01)) == missing(Lack.TOO_SHORT, days=1)

    def test_a_little_variation_is_variation(self) -> None:
        assert sharpe(array(0.01, 0.01 + 1e-9)).value is not None


class TestSortino:
    def test_only_what_falls_short_counts(self) -> None:
        assert downside_deviation(array(0.03, -0.04), periods=1) == Figure(
            value=pytest.approx((0.0016 / 2) ** 0.5), days=2
        )
        assert downside_deviation(array(-0.01)).value == pytest.approx(0.01 * 365**0.5)
        assert downside_deviation(array(0.03, 0.01), required=0.02, periods=1).value == pytest.approx(
            (0.0001 / 2) ** 0.5
        )

    def test_it_is_mean_over_downside(self) -> None:
        ratio = sortino(array(0.03, -0.04), periods=365)

        assert ratio == Figure(value=pytest.approx(-0.005 / (0.0016 / 2) ** 0.5 * 365**0.5), days=2)
        assert sortino(array(0.03, -0.04), periods=4).value == pytest.approx(-0.005 / (0.0016 / 2) ** 0.5 * 2)
        assert sortino(array(0.03, 0.01), required=0.02).value == pytest.approx(0, abs=1e-9)

    def test_without_a_loss_or_days_there_is_none(self) -> None:
        assert sortino(array(0.01, 0.02)) == missing(Lack.NO_LOSS, days=2)
        assert sortino(array(-0.01)) == missing(Lack.TOO_SHORT, days=1)
        assert downside_deviation(array()) == missing(Lack.TOO_SHORT)


class TestCalmar:
    def test_it_is_the_annual_return_over_the_depth(self) -> None:
        assert calmar(annual=found(0.3, days=90), depth=-0.1) == Figure(value=pytest.approx(3.0), days=90)

    def test_without_a_fall_or_an_annual_return_there_is_none(self) -> None:
        assert calmar(annual=found(0.3, days=90), depth=0.0) == missing(Lack.NO_LOSS, days=90)
        assert calmar(annual=found(0.3, days=90), depth=None) == missing(Lack.NO_LOSS, days=90)
        assert calmar(annual=missing(Lack.NOT_ANNUALISED, days=9), depth=-0.1).lack == Lack.NOT_ANNUALISED


several = st.lists(st.floats(-0.9, 3.0), min_size=1, max_size=40)


class TestProperties:
    @given(several)
    def test_a_drawdown_is_between_nothing_and_everything(self, values: list[float]) -> None:
        returns = array(*values)
        fall = drawdown(returns)

        assert fall is not None
        assert -1.0 <= fall.depth <= 0.0
        assert np.min(falls(returns)) == fall.depth
        assert fall.peak <= fall.trough <= (len(values) if fall.recovery is None else fall.recovery)
        assert fall.longest_wait <= len(values)

    @given(several, st.floats(0.1, 10.0))
    def test_a_drawdown_does_not_depend_on_the_level(self, values: list[float], scale: float) -> None:
        path = np.concatenate([[1.0], np.cumprod(1.0 + array(*values))]) * scale
        rescaled = path[1:] / path[:-1] - 1

        assert np.min(falls(rescaled)) == pytest.approx(np.min(falls(array(*values))), abs=1e-9)

    @given(several, st.floats(0.1, 5.0))
    def test_volatility_scales_and_ratios_do_not(self, values: list[float], scale: float) -> None:
        returns = array(*values)
        before, after = volatility(returns), volatility(returns * scale)

        if before.value is not None and after.value is not None:
            assert after.value == pytest.approx(before.value * scale, rel=1e-9, abs=1e-12)
        ratio = sharpe(returns).value
        if ratio is not None and abs(ratio) < 1e6:
            assert sharpe(returns * scale).value == pytest.approx(ratio, rel=1e-6, abs=1e-9)
