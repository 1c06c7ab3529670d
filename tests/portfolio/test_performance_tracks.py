"""A track has every figure with its days, and the money-weighted ones know when flows came (DOMAIN 4.6, 6.2)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import numpy as np
import pytest

from portfolio.domain.figures import Figure, Lack, missing
from portfolio.domain.performance import (
    Fall,
    Track,
    ahead,
    average_capital,
    benchmark_track,
    dietz,
    money_weighted,
)
from portfolio.domain.returns import DayValue, daily_returns
from portfolio.domain.risk import sharpe, sortino, volatility
from tests.portfolio.test_returns import START, day

ROOT = 365**0.5


def track(*values: float, opening: float = 100.0) -> Track:
    """Return a track of values at closes after an opening value."""
    days = [day(place, value) for place, value in enumerate(values)]
    return Track(name="you", series=daily_returns(days=days, opening=D(str(opening))))


def dates(count: int) -> list:
    """Return days from the start."""
    return [START + timedelta(days=number) for number in range(count)]


class TestTrack:
    def test_it_has_every_figure_with_its_days(self) -> None:
        found = track(110, 99, 108.9, 120)

        assert found.total == Figure(value=pytest.approx(0.2), days=4)
        assert found.annual == missing(Lack.NOT_ANNUALISED, days=4)
        assert found.volatility == volatility(found.series.daily)
        assert found.sharpe == sharpe(found.series.daily)
        assert found.sortino == sortino(found.series.daily)
        assert found.drawdown == Figure(value=pytest.approx(-0.1), days=4)
        assert found.calmar.lack == Lack.NOT_ANNUALISED
        assert found.falls == pytest.approx([0, -0.1, -0.01, 0])

    def test_it_dates_its_deepest_fall(self) -> None:
        first, second, _, last = dates(4)

        assert track(110, 99, 108.9, 120).fall == Fall(
            depth=pytest.approx(-0.1), peak=first, trough=second, recovered=last, longest_wait_days=3
        )

    def test_a_fall_from_the_start_began_on_the_eve(self) -> None:
        fall = track(90, 95).fall

        assert fall is not None
        assert (fall.peak, fall.trough, fall.recovered) == (START - timedelta(days=1), START, None)

    def test_calmar_divides_a_year_by_the_fall(self) -> None:
        found = track(*[100.0] * 28, 80.0, 121.0)

        annual = 1.21 ** (365 / 30) - 1
        assert found.annual == Figure(value=pytest.approx(annual), days=30)
        assert found.calmar == Figure(value=pytest.approx(annual / 0.2), days=30)

    def test_what_cannot_be_linked_has_no_figure(self) -> None:
        broken = track(110, -5, 10)

        lacks = {each.lack for each in (broken.total, broken.annual, broken.volatility, broken.sharpe, broken.sortino)}
        assert lacks == {Lack.NO_EQUITY}
        assert broken.volatility == missing(Lack.NO_EQUITY, days=2)
        assert (broken.drawdown.lack, broken.calmar.lack, broken.fall) == (Lack.NO_EQUITY, Lack.NO_EQUITY, None)


class TestBenchmark:
    def test_it_is_measured_on_the_same_days(self) -> None:
        found = benchmark_track(name="anchor", dates=dates(2), returns=np.array([0.1, -0.5]))

        assert (found.name, found.series.dates) == ("anchor", tuple(dates(2)))
        assert found.total == Figure(value=pytest.approx(-0.45), days=2)
        assert found.volatility.days == 2
        assert (found.series.spans.dtype, found.series.spans.tolist()) == (np.int64, [1, 1])

    def test_a_day_that_is_not_known_leaves_nothing(self) -> None:
        unknown = benchmark_track(name="anchor", dates=dates(2), returns=np.array([0.1, np.nan]))

        assert unknown.total.lack == unknown.volatility.lack == Lack.NO_BENCHMARK
        assert benchmark_track(name="anchor", dates=[], returns=np.zeros(0)).total.lack == Lack.TOO_SHORT

    def test_ahead_is_the_difference(self) -> None:
        you = track(110, 121)
        other = benchmark_track(name="core", dates=dates(2), returns=np.array([0.1, 0.0]))
        unknown = benchmark_track(name="core", dates=dates(1), returns=np.array([np.nan]))

        assert ahead(track=you, benchmark=other) == Figure(value=pytest.approx(0.11), days=2)
        assert ahead(track=you, benchmark=unknown).lack == Lack.NO_BENCHMARK
        assert ahead(track=track(), benchmark=other).lack == Lack.TOO_SHORT


def flat(count: int, value: object, *, first: tuple[object, float] | None = None) -> list[DayValue]:
    """Return days of one value, with a flow on the first."""
    flows = () if first is None else (first,)
    return [day(0, value, *flows), *(day(number, value) for number in range(1, count))]


class TestMoneyWeighted:
    def test_the_opening_and_the_last_close_are_flows(self) -> None:
        found = money_weighted(days=[*flat(364, 100), day(364, 110)], opening=D(100))

        assert found == Figure(value=pytest.approx(0.1), days=365)

    def test_a_flow_counts_from_its_moment(self) -> None:
        days = [day(0, 100, (100, 0.5)), *(day(number, 100) for number in range(1, 365)), day(365, 110)]

        assert money_weighted(days=days, opening=D(0)).value == pytest.approx(1.1 ** (365 / 365.5) - 1)

    def test_what_came_late_worked_less(self) -> None:
        days = [day(n, 100) for n in range(182)] + [day(182, 200, (100, 0.0))] + [day(n, 210) for n in range(183, 365)]

        rate = money_weighted(days=days, opening=D(100)).value

        assert rate is not None
        years = 182 / 365
        assert 100 * (1 + rate) + 100 * (1 + rate) ** (1 - years) == pytest.approx(210)

    def test_days_without_a_price_at_the_end_do_not_count(self) -> None:
        days = [*flat(29, 100), day(29, 110), day(30, 7, is_complete=False)]

        assert money_weighted(days=days, opening=D(100)) == Figure(value=pytest.approx(1.1 ** (365 / 30) - 1), days=30)

    def test_below_thirty_days_nothing_is_annualised(self) -> None:
        assert money_weighted(days=flat(29, 110), opening=D(100)) == missing(Lack.NOT_ANNUALISED, days=29)
        assert money_weighted(days=flat(30, 110), opening=D(100)).value is not None

    def test_several_rates_are_flagged(self) -> None:
        days = [day(n, 500, *(((-235, 0.0),) if n == 365 else ())) for n in range(729)]
        days = [*days, day(729, -138)]

        found = money_weighted(days=days, opening=D(100))

        assert (found.is_flagged, found.value) == (True, pytest.approx(0.15))

    def test_what_cannot_be_had_says_why(self) -> None:
        unpriced = [day(0, 1, is_complete=False)]

        assert money_weighted(days=[], opening=D(0)) == missing(Lack.TOO_SHORT)
        assert money_weighted(days=unpriced, opening=D(0)) == missing(Lack.UNPRICED)
        assert money_weighted(days=[*unpriced, *unpriced], opening=D(0)) == missing(Lack.UNPRICED)
        assert money_weighted(days=flat(40, 0), opening=D(100)) == missing(Lack.NO_ROOT, days=40)


class TestDietz:
    def test_it_spans_all_days(self) -> None:
        days = [day(0, 100), day(1, 150, (50, 0.5)), day(2, 165)]

        assert dietz(days=days, opening=D(100)) == Figure(value=pytest.approx(15 / (100 + 50 * 0.5)), days=3)

    def test_little_at_the_opening_is_something(self) -> None:
        days = [day(0, 0.5), day(1, 1.5, (1, 0.5)), day(2, 2)]

        assert dietz(days=days, opening=D("0.5")).value == pytest.approx(0.5 / (0.5 + 1 * 0.5))

    def test_flows_of_one_moment_count_together(self) -> None:
        days = [day(0, 100, (60, 0.5), (40, 0.5), (0, 0.25)), day(1, 110)]

        assert dietz(days=days, opening=D(100)).value == pytest.approx(-90 / (100 + 100 * 0.75))

    def test_it_starts_with_the_first_flow_where_nothing_was_there(self) -> None:
        days = [day(0, 100, (100, 0.5)), day(1, 200, (100, 0.75)), day(2, 220)]

        assert dietz(days=days, opening=D(0)).value == pytest.approx(20 / (100 + 100 * 0.5))

    def test_what_cannot_be_had_says_why(self) -> None:
        assert dietz(days=[], opening=D(0)) == missing(Lack.TOO_SHORT)
        assert dietz(days=[day(0, 1, is_complete=False)], opening=D(0)) == missing(Lack.UNPRICED)
        assert dietz(days=[day(0, 0), day(1, 0)], opening=D(0)) == missing(Lack.NO_EQUITY, days=2)


class TestAverageCapital:
    def test_only_complete_closes_count(self) -> None:
        days = [day(0, 100), day(1, 9, is_complete=False), day(2, 200)]

        assert average_capital(days=days) == D(150)
        assert average_capital(days=[]) == D(0)
