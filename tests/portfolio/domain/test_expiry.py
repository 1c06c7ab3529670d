"""A dated future counts down, settles at a mean, or rolls at a spread (DOMAIN 4.4, F43, F44)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from portfolio.domain.expiry import (
    Member,
    NoSettlementPrice,
    Spread,
    chain_pnl,
    days_to_expiry,
    expiry_alert,
    is_roll_window_open,
    quarterly_expiry,
    roll_spread,
    settlement_fee,
    settlement_price,
)
from portfolio.domain.futures import Position, contract_value, trade

EXPIRY = datetime(2026, 12, 25, 8, tzinfo=UTC)


def before(**left: float) -> datetime:
    return EXPIRY - timedelta(**left)


class TestAlerts:
    @pytest.mark.parametrize(
        ("days", "alert"), [(14.01, None), (14, 14), (7.01, 14), (7, 7), (3.5, 7), (3, 3), (1.5, 3), (1, 1), (0.1, 1)]
    )
    def test_name_the_tightest_day_reached(self, days: float, alert: int | None) -> None:
        assert expiry_alert(expires_at=EXPIRY, now=before(days=days)) == alert

    def test_expired_is_zero_and_a_perpetual_has_none(self) -> None:
        assert expiry_alert(expires_at=EXPIRY, now=EXPIRY) == 0
        assert expiry_alert(expires_at=EXPIRY, now=EXPIRY + timedelta(days=9)) == 0
        assert expiry_alert(expires_at=None, now=EXPIRY) is None

    def test_days_left(self) -> None:
        assert days_to_expiry(expires_at=EXPIRY, now=before(days=2, hours=6)) == D("2.25")
        assert str(days_to_expiry(expires_at=EXPIRY, now=before(hours=8))) == "0.33"
        assert days_to_expiry(expires_at=EXPIRY, now=EXPIRY + timedelta(hours=12)) == D("-0.50")
        assert days_to_expiry(expires_at=EXPIRY, now=before(hours=5, minutes=59)) == D("0.21")

    def test_the_roll_window_opens_a_week_before(self) -> None:
        assert is_roll_window_open(expires_at=EXPIRY, now=before(days=7))
        assert not is_roll_window_open(expires_at=EXPIRY, now=before(days=7, seconds=1))
        assert is_roll_window_open(expires_at=EXPIRY, now=before(hours=12))
        assert not is_roll_window_open(expires_at=EXPIRY, now=EXPIRY)

    @pytest.mark.parametrize(
        ("year", "quarter", "day"),
        [
            (2022, 1, (3, 25)),
            (2024, 1, (3, 29)),
            (2023, 2, (6, 30)),
            (2024, 4, (12, 27)),
            (2025, 2, (6, 27)),
            (2026, 3, (9, 25)),
            (2026, 4, (12, 25)),
        ],
    )
    def test_quarterlies_end_on_the_last_friday(self, year: int, quarter: int, day: tuple[int, int]) -> None:
        assert quarterly_expiry(year=year, quarter=quarter) == datetime(year, *day, 8, tzinfo=UTC)


class TestSettlement:
    """E18."""

    HELD = trade(position=Position(settle="USDT"), quantity=D(2), price=D(60_000), leverage=D(5)).position

    def test_settles_at_the_mean_of_the_index(self) -> None:
        price = settlement_price([D(63_000), D(63_050), D(63_100)])
        done = trade(position=self.HELD, quantity=D(-2), price=price, leverage=D(1))
        fee = settlement_fee(value=contract_value(quantity=D(2), price=price), rate=D("0.0005"))

        assert (price, done.realized, fee) == (63_050, 6_100, D("63.05"))
        assert done.realized - fee == D("6036.95")

    def test_a_settlement_fee_in_coin(self) -> None:
        value = contract_value(quantity=D(10_000), price=D(10_600), is_inverse=True)

        assert round(settlement_fee(value=value, rate=D("0.0005")), 8) == D("0.00047170")

    def test_needs_a_price(self) -> None:
        with pytest.raises(NoSettlementPrice, match=r"^Give at least one index value to settle at\.$"):
            settlement_price([])


class TestRoll:
    """E18."""

    def test_closes_the_old_and_opens_the_next(self) -> None:
        closed = trade(position=TestSettlement.HELD, quantity=D(-2), price=D(63_000), leverage=D(1))
        opened = trade(position=Position(settle="USDT"), quantity=D(2), price=D(64_260), leverage=D(5))
        fees = [abs(D(2)) * price * D("0.0005") for price in (D(63_000), D(64_260))]

        assert (closed.realized, fees) == (6_000, [63, D("64.26")])
        assert closed.realized - fees[0] == 5_937
        assert opened.position.entry_price == 64_260
        assert chain_pnl([Member(realized=closed.realized, fees=fees[0]), Member(fees=fees[1])]) == D("5872.74")

    def test_the_spread_is_carry_over_the_next_life(self) -> None:
        found = roll_spread(near=D(63_000), following=D(64_260), between=timedelta(days=91))

        assert found.spread == D("0.02")
        assert round(found.annualised or D(0), 8) == D("0.08021978")

    def test_backwardation_is_negative_and_the_same_expiry_has_no_year(self) -> None:
        assert roll_spread(near=D(100), following=D(98), between=timedelta(days=365)).annualised == D("-0.02")
        assert roll_spread(near=D(100), following=D(98), between=timedelta(0)) == Spread(
            spread=D("-0.02"), annualised=None
        )
        assert roll_spread(near=D(100), following=D(101), between=timedelta(hours=12)).annualised == D("7.3")

    def test_the_chain_counts_every_part_once(self) -> None:
        members = [Member(realized=D(10), fees=D(1), funding=D(-2)), Member(unrealized=D(5), fees=D("0.5"))]

        assert chain_pnl(members) == D("11.5")
        assert chain_pnl([Member()]) == chain_pnl([]) == 0
