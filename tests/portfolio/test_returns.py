"""Returns split at flows, leave out what has no price, and say why where there is none (DOMAIN 4.6)."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.figures import Figure, Lack, floats, found, missing
from portfolio.domain.returns import (
    DayFlow,
    DayValue,
    Series,
    annual_return,
    annualised,
    daily_returns,
    day_return,
    fee_drag,
    linked,
    modified_dietz,
    time_weighted,
)

START = date(2026, 1, 1)


def day(number: int, value: object, *flows: tuple[object, float], is_complete: bool = True) -> DayValue:
    """Return a day's value with its flows, each an amount and the share of the day that had passed."""
    parts = tuple(DayFlow(amount=D(str(amount)), passed=passed) for amount, passed in flows)
    return DayValue(date=START + timedelta(days=number), value=D(str(value)), flows=parts, is_complete=is_complete)


def series(*days: DayValue, opening: object = 0) -> Series:
    """Measure days after an opening value."""
    return daily_returns(days=days, opening=None if opening is None else D(str(opening)))


class TestModifiedDietz:
    def test_the_worked_example(self) -> None:
        flow = DayFlow(amount=D(20_000), passed=182 / 365)

        found_return = modified_dietz(start=D(100_000), end=D(135_000), flows=[flow])

        assert found_return == pytest.approx(0.1363296813, abs=5e-11)

    def test_a_flow_at_the_start_counts_whole_and_one_at_the_end_not_at_all(self) -> None:
        early, late = DayFlow(amount=D(100), passed=0.0), DayFlow(amount=D(100), passed=1.0)

        assert modified_dietz(start=D(100), end=D(220), flows=[early]) == pytest.approx(0.1)
        assert modified_dietz(start=D(100), end=D(210), flows=[late]) == pytest.approx(0.1)

    def test_without_capital_there_is_none(self) -> None:
        assert modified_dietz(start=D(0), end=D(0), flows=[]) is None
        assert modified_dietz(start=D(100), end=D(0), flows=[DayFlow(amount=D(-100), passed=0.0)]) is None


class TestDayReturn:
    def test_a_quiet_day(self) -> None:
        assert day_return(start=D(100), end=D(103)) == pytest.approx(0.03)

    def test_less_moved_than_was_there(self) -> None:
        flow = DayFlow(amount=D(50), passed=0.5)

        assert day_return(start=D(100), end=D(155), flows=[flow]) == pytest.approx(5 / 125)

    def test_as_much_moved_as_was_there(self) -> None:
        late = DayFlow(amount=D(100), passed=0.99)

        assert day_return(start=D(100), end=D(190), flows=[late]) == pytest.approx(-0.05)

    def test_the_first_deposit_of_all(self) -> None:
        assert day_return(start=D(0), end=D(1010), flows=[DayFlow(amount=D(1000), passed=0.999)]) == pytest.approx(0.01)

    def test_the_last_withdrawal_of_all(self) -> None:
        assert day_return(start=D(100), end=D(0), flows=[DayFlow(amount=D(-103), passed=0.01)]) == pytest.approx(0.03)

    def test_in_and_out_on_one_day(self) -> None:
        flows = [DayFlow(amount=D(300), passed=0.2), DayFlow(amount=D(-206), passed=0.8)]

        assert day_return(start=D(100), end=D(202), flows=flows) == pytest.approx(408 / 400 - 1)

    def test_everything_lost(self) -> None:
        assert day_return(start=D(100), end=D(0)) == -1.0
        assert day_return(start=D(100), end=D(0), flows=[DayFlow(amount=D(50), passed=1.0)]) == -1.0

    def test_more_lost_than_was_there_for_long(self) -> None:
        late = DayFlow(amount=D(99), passed=1.0)

        assert day_return(start=D(100), end=D(50), flows=[late]) == pytest.approx(50 / 199 - 1)

    def test_a_value_is_complete_unless_it_is_said(self) -> None:
        assert daily_returns(days=[DayValue(date=START, value=D(110))], opening=D(100)).lack is None

    def test_a_flow_without_a_moment_counts_half(self) -> None:
        flow = DayFlow(amount=D(50))

        assert day_return(start=D(100), end=D(155), flows=[flow]) == pytest.approx(5 / 125)

    def test_small_change_in_and_out(self) -> None:
        flows = [DayFlow(amount=D("0.5"), passed=0.2), DayFlow(amount=D("-0.4"), passed=0.8)]

        assert day_return(start=D("0.1"), end=D("0.32"), flows=flows) == pytest.approx(0.72 / 0.6 - 1)

    def test_nothing_there_at_all(self) -> None:
        assert day_return(start=D(0), end=D(0)) is None


class TestTimeWeighted:
    def test_the_worked_example_is_split_at_its_flow(self) -> None:
        split = np.array([110_000 / 100_000, 135_000 / 130_000]) - 1

        assert linked(split) == pytest.approx(0.1423076923, abs=5e-11)

    def test_days_are_linked_whatever_came_in(self) -> None:
        measured = series(day(0, 100, (100, 0.5)), day(1, 110), day(2, 220, (110, 0.0)), day(3, 198))

        total = time_weighted(measured)

        assert measured.index == pytest.approx([1, 1.1, 1.1, 0.99])
        assert total == Figure(value=pytest.approx(-0.01), days=4)
        assert measured.days == 4

    def test_a_period_within_starts_from_the_close_before_it(self) -> None:
        measured = series(day(5, 110), day(6, 121), opening=100)

        assert time_weighted(measured).value == pytest.approx(0.21)
        assert measured.daily == pytest.approx([0.1, 0.1])
        assert measured.opening == pytest.approx([100, 110])

    def test_the_first_day_is_no_whole_day_of_risk(self) -> None:
        measured = series(day(0, 101, (100, 0.5)), day(1, 101))

        assert measured.returns == pytest.approx([0.01, 0])
        assert measured.daily == pytest.approx([0])

    def test_an_unpriced_day_is_spanned(self) -> None:
        measured = series(day(0, 100, (100, 0)), day(1, 40, is_complete=False), day(2, 121))

        assert np.isnan(measured.returns[1])
        assert measured.spans.tolist() == [1, 0, 2]
        assert time_weighted(measured) == Figure(value=pytest.approx(0.21), days=3)
        assert measured.daily == pytest.approx([])
        assert measured.index == pytest.approx([1, 1, 1.21])

    def test_a_flow_on_an_unpriced_day_is_weighed_over_the_span(self) -> None:
        measured = series(day(0, 0, (40, 0.5), is_complete=False), day(1, 154), opening=100)

        assert measured.returns[1] == pytest.approx(14 / (100 + 40 * 0.75))

    def test_an_unpriced_start_is_left_behind(self) -> None:
        measured = series(day(0, 100), day(1, 110), opening=None)

        assert np.isnan(measured.returns[0])
        assert measured.returns[1] == pytest.approx(0.1)
        assert (measured.spans.dtype, measured.spans.tolist()) == (np.int64, [0, 1])

    def test_a_total_loss_stays(self) -> None:
        measured = series(day(0, 100, (100, 0)), day(1, 0), day(2, 0), day(3, 50, (50, 0.5)), day(4, 100))

        assert measured.index == pytest.approx([1, 0, 0, 0, 0])
        assert time_weighted(measured).value == -1.0

    def test_days_without_anything_are_not_counted(self) -> None:
        measured = series(day(0, 100, (100, 0)), day(1, 0, (-100, 1)), day(2, 0), day(3, 80, (80, 0)), day(4, 88))

        assert measured.days == 4
        assert measured.spans.tolist() == [1, 1, 0, 1, 1]
        assert time_weighted(measured).value == pytest.approx(0.1)

    @pytest.mark.parametrize(
        ("days", "opening", "lack"),
        [
            ([], 0, Lack.TOO_SHORT),
            ([day(0, 0)], 0, Lack.TOO_SHORT),
            ([day(0, 0), day(1, 0)], 0, Lack.NO_EQUITY),
            ([day(0, 5, is_complete=False), day(1, 5, is_complete=False)], 5, Lack.UNPRICED),
            ([day(0, 100, (100, 0)), day(1, -1), day(2, 5)], 0, Lack.NO_EQUITY),
            ([day(0, 100), day(1, 90)], -1, Lack.NO_EQUITY),
        ],
    )
    def test_what_cannot_be_had_says_why(self, days: list[DayValue], opening: int, lack: Lack) -> None:
        total = time_weighted(series(*days, opening=opening))

        assert total == missing(lack, days=series(*days, opening=opening).days)

    def test_an_unpriced_day_below_zero_breaks_nothing(self) -> None:
        measured = series(day(0, -3, is_complete=False), day(1, 110), opening=100)

        assert measured.lack is None


class TestAnnualised:
    def test_a_year_is_365_days(self) -> None:
        assert annualised(found(0.21, days=730)) == Figure(value=pytest.approx(0.1), days=730)
        assert annual_return(total=0.05, years=1) == pytest.approx(0.05)

    def test_what_a_float_cannot_hold_is_not_annualised(self) -> None:
        assert annualised(found(1e26, days=30)) == Figure(value=None, days=30, lack=Lack.NOT_ANNUALISED)

    def test_below_thirty_days_nothing_is_annualised(self) -> None:
        assert annualised(found(0.01, days=29)) == Figure(value=None, days=29, lack=Lack.NOT_ANNUALISED)
        assert annualised(found(0.01, days=30)).value == pytest.approx(1.01 ** (365 / 30) - 1)
        assert annualised(found(-1.0, days=30)).value == -1.0

    def test_what_is_missing_stays_missing(self) -> None:
        assert annualised(missing(Lack.UNPRICED, days=3)) == missing(Lack.UNPRICED, days=3)


class TestFeeDrag:
    def test_the_worked_example(self) -> None:
        drag = fee_drag(costs=D("31.2"), average_capital=D(10_000), days=30)

        assert drag == Figure(value=pytest.approx(0.03796), days=30)

    def test_little_capital_is_capital(self) -> None:
        half = D("0.5")

        assert fee_drag(costs=D("0.01"), average_capital=half, days=365).value == pytest.approx(0.02)
        assert modified_dietz(start=half, end=D(1), flows=[]) == pytest.approx(1.0)
        assert day_return(start=D(0), end=D(1), flows=[DayFlow(amount=half)]) == pytest.approx(1.0)

    def test_what_is_missing_has_no_days_unless_they_are_said(self) -> None:
        assert missing(Lack.UNPRICED) == Figure(value=None, days=0, lack=Lack.UNPRICED)

    def test_without_days_or_capital_there_is_none(self) -> None:
        assert fee_drag(costs=D(1), average_capital=D(1), days=0).lack == Lack.TOO_SHORT
        assert fee_drag(costs=D(1), average_capital=D(0), days=5) == missing(Lack.NO_EQUITY, days=5)


def test_numbers_become_64_bit_floats() -> None:
    assert (floats([1, 2]).dtype, floats([1, 2]).tolist()) == (np.float64, [1.0, 2.0])


moves = st.lists(st.floats(-0.5, 1.0), min_size=1, max_size=20)
amounts = st.decimals(min_value=-900, max_value=5000, places=2)


def walked(moves: list[float], flows: list[D], *, at_start: bool) -> list[DayValue]:
    """Return days that move by these returns, with a flow at one boundary of each."""
    value, days = D(1000), []
    for place, move in enumerate(moves):
        flow = max(flows[place % len(flows)], -value / 2) if flows else D(0)
        grown = D(str(1 + move))
        value = (value + flow) * grown if at_start else value * grown + flow
        passed = 0.0 if at_start else 1.0
        days.append(day(place, value, *(((flow, passed),) if flow else ())))
        if value <= 1:
            break
    return days


class TestProperties:
    @given(moves, st.lists(amounts, max_size=20))
    def test_flows_at_the_boundaries_of_days_change_nothing(self, path: list[float], flows: list[D]) -> None:
        days = walked(path, flows, at_start=True)
        plain = walked(path[: len(days)], [], at_start=True)[: len(days)]

        with_flows, without = series(*days, opening=1000), series(*plain, opening=1000)

        shared = min(len(days), len(plain))
        assert with_flows.returns[:shared] == pytest.approx(without.returns[:shared], abs=1e-9)

    @given(moves)
    def test_a_return_is_never_below_all_of_it(self, path: list[float]) -> None:
        measured = series(*walked(path, [], at_start=False), opening=1000)

        assert np.all(measured.returns >= -1)
        assert math.isclose(measured.index[-1] - 1, linked(measured.returns), abs_tol=1e-12)

    @given(moves, st.integers(1, 19))
    def test_two_periods_link_to_the_whole(self, path: list[float], cut: int) -> None:
        days = walked(path, [], at_start=False)
        cut = min(cut, len(days))
        first, rest = days[:cut], days[cut:]

        parts = [linked(series(*first, opening=1000).returns), linked(series(*rest, opening=first[-1].value).returns)]

        assert linked(np.array(parts)) == pytest.approx(linked(series(*days, opening=1000).returns), abs=1e-9)
