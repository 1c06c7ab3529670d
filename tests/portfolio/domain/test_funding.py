"""Funding goes to who held the position at that moment (DOMAIN 4.2, 2.6)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.funding import GRACE, Change, Stamp, accrued, annualised, funding_payment, held_at

EIGHT = datetime(2026, 3, 1, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
amounts = st.decimals(min_value=D("0.001"), max_value=D(1000), places=3)


class TestPayment:
    """E17."""

    def test_a_long_pays_a_positive_rate(self) -> None:
        terms = [("2.00", "0.0001"), ("2.10", "0.0005"), ("1.95", "-0.0002")]

        paid = [funding_payment(quantity=D(1500), mark=D(mark), rate=D(rate)) for mark, rate in terms]

        assert paid == [D("-0.3"), D("-1.575"), D("0.585")]
        assert sum(paid) == D("-1.29")

    def test_inverse_is_paid_in_coin(self) -> None:
        paid = funding_payment(quantity=D(10_000), mark=D(40_000), rate=D("0.0001"), is_inverse=True)

        assert paid == D("-0.000025")

    @pytest.mark.parametrize(
        ("rate", "hours", "year"),
        [("0.0001", 8, "0.1095"), ("0.0005", 8, "0.5475"), ("0.0001", 4, "0.219"), ("-0.0002", 8, "-0.219")],
    )
    def test_a_rate_a_year(self, rate: str, hours: int, year: str) -> None:
        assert annualised(rate=D(rate), interval_hours=D(hours)) == D(year)

    @given(amounts, amounts, amounts, st.booleans())
    def test_a_long_and_an_equal_short_pay_each_other(self, size: D, mark: D, rate: D, is_inverse: bool) -> None:
        long, short = (
            funding_payment(quantity=sign * size, mark=mark, rate=rate / 1000, is_inverse=is_inverse)
            for sign in (1, -1)
        )

        assert long + short == 0


class TestHeldAt:
    def test_counts_what_was_open_before_and_closed_at_the_stamp(self) -> None:
        changes = [Change(EIGHT - SECOND, D(5)), Change(EIGHT, D(-5))]

        assert held_at(changes=changes, moment=EIGHT) == 5
        assert held_at(changes=changes, moment=EIGHT + SECOND) == 0

    def test_counts_what_is_opened_at_the_stamp_and_nothing_later(self) -> None:
        assert held_at(changes=[Change(EIGHT, D(-3))], moment=EIGHT) == -3
        assert held_at(changes=[Change(EIGHT + SECOND, D(-3))], moment=EIGHT) == 0

    def test_a_venue_may_count_what_opens_just_after(self) -> None:
        grace = GRACE["binance"]

        assert held_at(changes=[Change(EIGHT + 14 * SECOND, D(2))], moment=EIGHT, grace=grace) == 2
        assert held_at(changes=[Change(EIGHT + 15 * SECOND, D(2))], moment=EIGHT, grace=grace) == 0

    def test_what_is_opened_in_parts_at_the_stamp_counts_together_in_whatever_order_it_is_given(self) -> None:
        changes = [Change(EIGHT + SECOND, D(-9)), Change(EIGHT, D(2)), Change(EIGHT, D("0.25"))]

        assert held_at(changes=changes, moment=EIGHT, grace=GRACE["binance"]) == D("2.25")
        assert held_at(changes=[], moment=EIGHT) == 0

    def test_of_several_changes_in_the_grace_the_earliest_counts_first(self) -> None:
        changes = [Change(EIGHT + 2 * SECOND, D(-9)), Change(EIGHT + SECOND, D(2))]

        assert held_at(changes=changes, moment=EIGHT, grace=GRACE["binance"]) == 2

    def test_changes_of_one_moment_count_in_the_order_they_came(self) -> None:
        opened, reduced, none = Change(EIGHT, D(5)), Change(EIGHT, D(-3)), Change(EIGHT, D(0))

        assert held_at(changes=[opened, reduced, none], moment=EIGHT) == 5
        assert held_at(changes=[none, reduced, opened], moment=EIGHT) == -3

    def test_what_reduces_at_the_stamp_or_in_the_grace_does_not_count(self) -> None:
        changes = [Change(EIGHT + SECOND, D(-8)), Change(EIGHT - SECOND, D(5))]

        assert held_at(changes=changes, moment=EIGHT, grace=GRACE["binance"]) == 5


class TestAccrued:
    STAMPS = (
        Stamp(EIGHT + timedelta(hours=16), D("0.0003"), D(3)),
        Stamp(EIGHT, D("0.0001"), D(2)),
        Stamp(EIGHT + timedelta(hours=8), D("-0.0002"), D(2)),
    )

    def test_follows_the_size_through_time(self) -> None:
        changes = [Change(EIGHT - SECOND, D(10)), Change(EIGHT + SECOND, D(-30))]

        found = accrued(changes=changes, stamps=self.STAMPS)

        assert [(row.held, row.amount) for row in found] == [
            (10, D("-0.002")),
            (-20, D("-0.008")),
            (-20, D("0.018")),
        ]

    def test_flat_moments_have_no_row(self) -> None:
        changes = [Change(EIGHT - SECOND, D(10)), Change(EIGHT + SECOND, D(-10))]

        assert [row.at for row in accrued(changes=changes, stamps=self.STAMPS)] == [EIGHT]

    def test_what_opens_after_the_stamp_accrues_nothing_unless_the_venue_says_so(self) -> None:
        changes = [Change(EIGHT + SECOND, D(10))]

        assert accrued(changes=changes, stamps=self.STAMPS[1:2]) == ()

    def test_inverse_accrues_coin_within_the_grace(self) -> None:
        changes = [Change(EIGHT + SECOND, D(10_000))]

        found = accrued(changes=changes, stamps=self.STAMPS[1:2], is_inverse=True, grace=GRACE["binance"])

        assert [row.amount for row in found] == [D("-0.5")]
