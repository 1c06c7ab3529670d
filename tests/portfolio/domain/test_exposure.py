"""Exposure adds spot and futures; margin frees capital that must earn its funding (DOMAIN F41, F42, F47, F48)."""

from decimal import Decimal as D

import pytest

from portfolio.domain.exposure import (
    Collateral,
    Exposed,
    Terms,
    breakeven_apy,
    carry,
    freed_capital,
    health_factor,
    hedge_outcome,
    is_health_alarming,
    net_carry,
    net_exposures,
)


class TestNetExposure:
    def test_adds_spot_and_signed_futures_by_sector(self) -> None:
        found = net_exposures(
            spot=[Exposed(value=D(100), sectors={"ai": D("0.25"), "defi": D("0.5")}), Exposed(value=D(40), sectors={})],
            futures=[Exposed(value=D(-30), sectors={"ai": D(1)})],
            equity=D(200),
        )

        rows = {row.sector: (row.spot, row.futures, row.net, row.share) for row in found}
        assert rows == {
            "ai": (25, -30, -5, D("-0.025")),
            "defi": (50, 0, 50, D("0.25")),
            "other": (65, 0, 65, D("0.325")),
        }

    def test_adds_all_that_is_in_a_sector(self) -> None:
        half = Exposed(value=D("0.25"), sectors={"ai": D(1)})

        (row,) = net_exposures(spot=(), futures=[half, half], equity=D(1))

        assert (row.spot, row.futures, row.net, row.share) == (0, D("0.5"), D("0.5"), D("0.5"))

    def test_has_no_share_of_nothing(self) -> None:
        found = net_exposures(spot=(), futures=[Exposed(value=D(5), sectors={"ai": D(1)})], equity=D(0))

        assert [(row.sector, row.share) for row in found] == [("ai", None)]


class TestCarry:
    """E31."""

    TERMS = Terms(
        notional=D(5000),
        leverage=D(3),
        apy=D("0.06"),
        funding_annual=D("0.1095"),
        days=D(30),
        move=D("0.1"),
        futures_fee_rate=D("0.0005"),
        spot_fee_rate=D("0.001"),
    )

    def test_both_routes(self) -> None:
        found = carry(self.TERMS)

        assert (round(found.margin, 6), round(found.freed, 6)) == (D("1666.666667"), D("3333.333333"))
        assert (round(found.earned, 6), found.funding) == (D("16.438356"), 45)
        assert (found.gain, found.fees) == (500, D("5.25"))
        assert (round(found.total, 6), found.spot_total) == (D("466.188356"), D("489.5"))
        assert found.breakeven_apy == D("0.16425")
        assert not found.is_income

    def test_is_income_only_above_the_break_even(self) -> None:
        assert breakeven_apy(leverage=D(3), funding_annual=D("0.1095")) == D("0.16425")
        assert breakeven_apy(leverage=D(1), funding_annual=D("0.1095")) is None
        assert net_carry(apy=D("0.2"), leverage=D(4), funding_annual=D("0.1")) == D("0.05")
        assert net_carry(apy=D("0.1"), leverage=D(4), funding_annual=D("0.1")) == D("-0.025")

    def test_negative_funding_is_income_by_itself(self) -> None:
        terms = Terms(notional=D(100), leverage=D(1), apy=D(0), funding_annual=D("-0.1"), days=D(365))

        found = carry(terms)

        assert (found.freed, found.total, found.is_income, found.breakeven_apy) == (0, 10, True, 0)

    def test_earning_as_much_as_the_funding_is_no_income(self) -> None:
        even = Terms(notional=D(100), leverage=D(2), apy=D("0.2"), funding_annual=D("0.1"), days=D(365))

        found = carry(even)

        assert (found.earned, found.funding, found.is_income, found.breakeven_apy) == (10, 10, False, D("0.2"))

    def test_without_leverage_nothing_is_freed(self) -> None:
        assert freed_capital(notional=D(5000), leverage=D(1)) == 0


class TestHedge:
    """E32."""

    def test_splits_the_market_from_the_sector(self) -> None:
        found = hedge_outcome(
            value=D(8000), beta=D("1.3"), fraction=D("0.25"), market_move=D("-0.1"), sector_move=D("-0.15")
        )

        assert (found.short_notional, found.spot_pnl, found.hedge_pnl, found.net) == (2600, -1200, 260, -940)
        assert (found.market_part, found.own_part, found.residual_beta) == (-1040, -160, 7800)
        assert found.market_part + found.hedge_pnl + found.own_part == found.net


class TestHealth:
    def test_weighs_collateral_by_its_threshold(self) -> None:
        pledged = [Collateral(value=D(1000), threshold=D("0.8")), Collateral(value=D(500), threshold=D("0.5"))]

        assert health_factor(collaterals=pledged, debt=D(700)) == D("1.5")
        assert health_factor(collaterals=pledged, debt=D("0.5")) == 2100
        assert health_factor(collaterals=[], debt=D(1)) == 0
        assert health_factor(collaterals=pledged, debt=D(0)) is None

    @pytest.mark.parametrize(("health", "is_alarming"), [(None, False), ("1.5", False), ("1.49", True)])
    def test_alarms_below_one_and_a_half(self, health: str | None, is_alarming: bool) -> None:
        assert is_health_alarming(None if health is None else D(health)) is is_alarming
