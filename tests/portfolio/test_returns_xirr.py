"""The money-weighted rate is a root of the present value, and there is none where no rate exists (DOMAIN 4.6)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.xirr import DatedFlow, Root, present_value, xirr


def flows(*amounts: tuple[float, float]) -> list[DatedFlow]:
    """Return flows of years and amounts."""
    return [DatedFlow(years=years, amount=amount) for years, amount in amounts]


class TestXirr:
    def test_the_worked_example(self) -> None:
        start, flow, end = date(2025, 1, 1), date(2025, 7, 2), date(2026, 1, 1)
        years = [(day - start).days / 365 for day in (start, flow, end)]

        root = xirr(flows(*zip(years, (-100_000.0, -20_000.0, 135_000.0), strict=True)))

        assert root == Root(rate=pytest.approx(0.1367276971, abs=5e-11), is_only=True)

    @pytest.mark.parametrize(
        "none",
        [[], [(0, -1)], [(0, 0), (1, 0)], [(0, 1), (1, 2)], [(0, -1), (1, -2)], [(0, -5), (0, 6)], [(1, 0), (2, 0)]],
    )
    def test_without_a_change_of_sign_over_time_there_is_none(self, none: list[tuple[float, float]]) -> None:
        assert xirr(flows(*none)) is None

    def test_flows_that_never_balance_have_none(self) -> None:
        assert xirr(flows((0, 10), (1, -10), (2, 10))) is None

    def test_the_order_and_the_origin_of_time_do_not_matter(self) -> None:
        assert xirr(flows((12, 121), (10, -100))) == Root(rate=pytest.approx(0.1), is_only=True)

    def test_a_day_that_doubles_is_a_large_rate(self) -> None:
        root = xirr(flows((0, -100), (1 / 365, 101)))

        assert root is not None
        assert root.rate == pytest.approx(1.01**365 - 1)

    def test_a_rate_near_total_loss(self) -> None:
        root = xirr(flows((0, -100), (1, 0.01)))

        assert root is not None
        assert root.rate == pytest.approx(-0.9999)

    def test_of_two_the_one_nearer_to_a_tenth_is_flagged(self) -> None:
        root = xirr(flows((0, -100), (1, 235), (2, -138)))

        assert root == Root(rate=pytest.approx(0.15), is_only=False)

    @pytest.mark.parametrize(("sign", "rate"), [(1, -0.2), (-1, 0.3)])
    def test_of_two_the_one_with_the_sign_of_the_gain(self, sign: int, rate: float) -> None:
        root = xirr(flows((0, sign), (1, -2.1 * sign), (2, 1.04 * sign)))

        assert root == Root(rate=pytest.approx(rate), is_only=False)

    def test_of_two_gains_the_one_nearer_to_a_tenth(self) -> None:
        assert xirr(flows((0, 1), (1, -2.17), (2, 1.173))) == Root(rate=pytest.approx(0.15), is_only=False)

    @pytest.mark.parametrize(("near", "far"), [(0.165, 0.168), (0.03877, 0.03625), (0.05687, 0.05497)])
    def test_two_that_lie_close_together_are_told_apart(self, near: float, far: float) -> None:
        # (x - near)(x - far) with x = 1 + rate: between the two the present value is barely below nothing.
        amounts = (0, 1), (1, -(2 + near + far)), (2, (1 + near) * (1 + far))

        assert xirr(flows(*amounts)) == Root(rate=pytest.approx(near), is_only=False)

    def test_the_years_count_from_the_first_flow(self) -> None:
        assert xirr(flows((7, -100), (9, 121))) == Root(rate=pytest.approx(0.1), is_only=True)

    def test_a_loss_within_reason_is_a_loss(self) -> None:
        assert xirr(flows((0, 1), (1, -2.7), (2, 1.1))) == Root(rate=pytest.approx(-0.5), is_only=False)

    def test_a_day_that_doubles_everything_has_a_rate(self) -> None:
        root = xirr(flows((0, -100), (1 / 365, 200)))

        assert root is not None
        assert root.rate == pytest.approx(2.0**365, rel=1e-6)

    def test_what_cannot_be_told_from_a_total_loss_has_none(self) -> None:
        assert xirr(flows((0, -100), (1, 1e-20))) is None

    def test_forty_years_do_not_overflow(self) -> None:
        assert xirr(flows((0, -1), (40, 1.05**40))) == Root(rate=pytest.approx(0.05), is_only=True)

    def test_a_rate_without_reason_gives_way(self) -> None:
        # With x = 1 + rate this is (x - 0.1)(x - 2): rates of -90% and +100%, and a loss in all.
        root = xirr(flows((0, 1), (1, -2.1), (2, 0.2)))

        assert root == Root(rate=pytest.approx(1.0), is_only=False)


class TestPresentValue:
    def test_each_flow_is_discounted_by_its_years(self) -> None:
        assert present_value(rate=0.1, flows=flows((0, -100), (1, 110), (2, 242))) == pytest.approx(200)
        assert present_value(rate=-0.5, flows=flows((1, 10))) == pytest.approx(20)


paid = st.floats(1, 1e6)


class TestProperties:
    @given(st.lists(paid, min_size=1, max_size=8), st.lists(paid, min_size=1, max_size=8), st.floats(0.5, 3.0))
    def test_what_is_paid_first_and_comes_back_later_has_one_rate(
        self, out: list[float], back: list[float], gap: float
    ) -> None:
        first = [(place / 10, -amount) for place, amount in enumerate(out)]
        later = [(1 + gap + place / 10, amount) for place, amount in enumerate(back)]

        root = xirr(flows(*first, *later))

        assert root is not None
        assert root.is_only
        scale = present_value(rate=root.rate, flows=flows(*((years, abs(amount)) for years, amount in first + later)))
        assert present_value(rate=root.rate, flows=flows(*first, *later)) == pytest.approx(0, abs=1e-6 * scale)

    @given(st.floats(-0.6, 5.0), st.floats(0.1, 10.0))
    def test_growth_at_a_rate_has_that_rate(self, rate: float, years: float) -> None:
        root = xirr(flows((0, -1000.0), (years, 1000.0 * (1 + rate) ** years)))

        assert root is not None
        assert root.rate == pytest.approx(rate, abs=1e-9, rel=1e-9)
