"""Hold the engine to the playbook's own numbers (DOMAIN section 7: E02, E04-E07, E09, E10, E19, E20, E34, E37, E41)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from signals.domain.batch import OverlayVerdict, SpotVerdict
from signals.domain.costs import (
    Discount,
    FeeRateError,
    break_even,
    confidence,
    confidence_label,
    effective_rate,
    expected_alpha,
    sigma_horizon,
    slippage,
)
from signals.domain.engine import decide
from tests.signals.domain.books import AI, DEFI, book, market, scenario


def one(values: object) -> float:
    """Return the only number of an [1] or [1, K] array position."""
    return float(np.asarray(values).reshape(-1)[0])


FREE = {"spot_fee": 0.0, "futures_fee": 0.0}
SMOOTH = {"half_spread": 0.0, "funding_8h": 0.0}


class TestScenarioA:
    """DeFi to AI, $10,000 pool."""

    def test_e02_moves_a_quarter_of_the_pool_when_nothing_costs(self) -> None:
        decision = decide(scenario(**FREE), market(**SMOOTH))

        assert decision.sell[0].tolist() == [2500.0, 0.0]
        assert decision.spend[0].tolist() == [0.0, 2500.0]
        assert (np.array([5000.0, 5000.0]) - decision.sell[0] + decision.spend[0]).tolist() == [2500.0, 7500.0]

    def test_e06_buys_spend_what_the_sale_brought_in(self) -> None:
        decision = decide(scenario(), market())

        assert decision.spend[0, AI] == pytest.approx(2496.25, abs=1e-9)
        assert one(decision.spot_cost) == pytest.approx(7.494375, abs=1e-9)
        assert decision.spend[0, AI] * (1 - 0.0015) == pytest.approx(2492.505625, abs=1e-9)

    def test_e03_overlay_is_three_times_a_thousand(self) -> None:
        decision = decide(scenario(), market())

        assert decision.overlay_change[0].tolist() == [0.0, 3000.0]
        assert 3000.0 / one(decision.leverage) == 1000.0
        assert one(decision.liquidation) * 2 == pytest.approx(1.34680135, abs=5e-9)
        assert (1 - one(decision.stop)) * 2 == pytest.approx(1.7)
        assert one(decision.one_r) == pytest.approx(452.775, abs=1e-9)
        assert one(decision.one_r) / one(decision.equity) == pytest.approx(0.01358325, abs=5e-9)

    def test_e41_states_cost_funding_and_the_combined_hurdle(self) -> None:
        decision = decide(scenario(), market())

        assert one(decision.spot_cost) + one(decision.futures_cost) == pytest.approx(8.994375, abs=1e-9)
        assert one(decision.funding) == pytest.approx(12.6, abs=1e-9)
        assert one(decision.hurdle) == pytest.approx(0.00556159, abs=5e-9)
        assert 6666.67 - 1000 - one(decision.futures_cost) == pytest.approx(5665.17)


class TestScenarioB:
    """AI to DeFi: targets are the rule, dollars an illustration (E05, I-08)."""

    def test_printed_start_sells_3000(self) -> None:
        decision = decide(scenario(stage="PR", overlay=[0.0, 3000.0], **FREE), market(**SMOOTH))

        assert decision.sell[0].tolist() == [0.0, 3000.0]
        assert decision.spend[0].tolist() == [3000.0, 0.0]
        assert decision.overlay_change[0].tolist() == [0.0, -3000.0]

    def test_sequential_start_sells_5500(self) -> None:
        start = scenario(stage="PR", spot=[2500.0, 7500.0], overlay=[0.0, 3000.0], **FREE)

        decision = decide(start, market(**SMOOTH))

        assert decision.sell[0].tolist() == [0.0, 5500.0]
        assert (start.spot[0] - decision.sell[0] + decision.spend[0]).tolist() == [8000.0, 2000.0]
        assert decision.overlay_change[0].tolist() == [0.0, -3000.0]

    def test_hedge_is_a_quarter_of_the_pool(self) -> None:
        assert one(decide(scenario(stage="PR"), market()).hedge_change) == -2500.0


MOVES = [("NI", [20, 20], 10.0), ("PR", [10, 30], 22.0), ("RE", [32, 8], 3.0), ("SC", [35, 5], 15.0)]
AFTER = {"SC": [20.0, 20.0], "NI": [10.0, 30.0], "PR": [32.0, 8.0], "RE": [35.0, 5.0]}


class TestStageTable:
    """The four rows of the playbook's table (E07, E09, E10)."""

    @pytest.mark.parametrize(("stage", "start", "moved"), MOVES)
    def test_e07_moves_on_the_table_preset(self, stage: str, start: list[int], moved: float) -> None:
        spot = np.array(start) * 1000.0

        decision = decide(
            book(spot=spot, core=60_000.0, preset="table", stage=stage, max_leverage=0.0, **FREE), market(**SMOOTH)
        )

        assert decision.sell.sum() == pytest.approx(moved * 1000)
        assert (spot - decision.sell[0] + decision.spend[0]) == pytest.approx(np.array(AFTER[stage]) * 1000)

    @pytest.mark.parametrize(("stage", "start", "moved"), MOVES)
    def test_e07_spot_fees_at_ten_basis_points(self, stage: str, start: list[int], moved: float) -> None:
        flat = market(half_spread=0.0)

        decision = decide(book(spot=np.array(start) * 1000.0, preset="table", stage=stage, max_leverage=0.0), flat)

        assert one(decision.spot_cost) == pytest.approx(2 * moved, rel=1e-3)

    @pytest.mark.parametrize(
        ("stage", "defi", "ai", "overlay", "hedge", "margin"),
        [
            ("SC", 15_000, 15_000, [0, 0], 0, 0),
            ("NI", 7_500, 22_500, [0, 9_000], 0, 3_000),
            ("PR", 24_000, 6_000, [0, 0], -7_500, 0),
            ("RE", 26_250, 3_750, [7_500, 0], 0, 3_750),
        ],
    )
    def test_e10_targets_on_the_anchor(
        self, stage: str, defi: float, ai: float, overlay: list[float], hedge: float, margin: float
    ) -> None:
        start = book(spot=[15_000.0, 15_000.0], core=50_000.0, stable=20_000.0, stage=stage, **FREE)

        decision = decide(start, market(**SMOOTH))

        assert (start.spot[0] - decision.sell[0] + decision.spend[0]) == pytest.approx([defi, ai])
        assert decision.overlay[0] == pytest.approx(overlay)
        assert one(decision.hedge_change) == hedge
        assert decision.overlay.sum() / one(decision.leverage) == pytest.approx(margin)

    def test_e09_carves_five_of_thirty_out_of_the_ai_sleeve(self) -> None:
        start = book(spot=[20_000.0, 20_000.0], core=60_000.0, preset="table", stage="NI", **FREE)

        decision = decide(start, market(**SMOOTH))
        after = start.spot[0] - decision.sell[0] + decision.spend[0]

        assert after == pytest.approx([10_000, 25_000])
        assert decision.margin_change[0] == pytest.approx([0, 5_000])
        assert decision.overlay[0] == pytest.approx([0, 15_000])
        assert after[AI] + decision.overlay[0, AI] == pytest.approx(40_000)
        assert (60_000 + after.sum() + decision.overlay.sum()) / 100_000 == pytest.approx(1.10)
        assert -0.3 * (after[AI] + decision.overlay[0, AI]) == pytest.approx(-12_000)

    def test_e10_table_preset_hedges_a_quarter_of_its_pool_and_leaves_core_alone(self) -> None:
        decision = decide(book(spot=[10_000.0, 30_000.0], core=60_000.0, preset="table", stage="PR"), market())

        assert one(decision.hedge_change) == -10_000.0


class TestCosts:
    """Fees, slippage, hurdle and confidence."""

    def test_e19_spot_and_overlay_are_tested_separately_at_safety_one(self) -> None:
        decision = decide(scenario(), market(z_spread=1.5))

        assert one(decision.spot_verdict) == SpotVerdict.PAYS
        assert one(decision.overlay_verdict) == OverlayVerdict.PAYS
        assert one(decision.needed_alpha) == pytest.approx(14.98875 / 2500)

    @pytest.mark.parametrize(("z", "alpha", "accepts"), [(1.5, 0.00881313, False), (2.5, 0.01468855, True)])
    def test_e19_at_the_strict_choice_of_two(self, z: float, alpha: float, accepts: bool) -> None:
        decision = decide(scenario(safety=2.0), market(z_spread=z))

        assert one(decision.alpha) == pytest.approx(alpha, abs=5e-9)
        assert bool(decision.is_trade[0]) is accepts
        assert (one(decision.spot_verdict) == SpotVerdict.PAYS) is accepts

    def test_e19_confidence_is_an_honest_53_percent(self) -> None:
        sigma = sigma_horizon(np.array([0.6]), np.array([14.0]))
        alpha = expected_alpha(ic=0.05, z=np.array([2.5]), sigma=sigma)

        chance = confidence(alpha=alpha, hurdle=np.array([0.00556159]), sigma=sigma, ic=0.05, coverage=np.ones(1))

        assert one(sigma) == pytest.approx(0.11750838, abs=5e-9)
        assert one(chance) == pytest.approx(0.531, abs=5e-5)
        assert confidence_label(one(chance)) == "slight edge"

    def test_e19_break_even(self) -> None:
        assert break_even(0.0015) == pytest.approx((0.00300676, 0.00602257), abs=5e-9)

    def test_e20_slippage(self) -> None:
        rates = slippage(
            np.array([22_000.0, 2_500.0]),
            adv=np.array(5e6),
            half_spread=np.array(0.0005),
            sigma_daily=np.array(0.06),
        )

        assert rates == pytest.approx([0.0031533, 0.00139443], abs=5e-9)
        assert rates * [22_000, 2_500] == pytest.approx([69.3726, 3.4861], abs=5e-5)

    @pytest.mark.parametrize(
        ("spot", "futures", "discounts", "total"),
        [
            (".001", ".0005", (), "6.5"),
            (".001", ".0005", (".20", ".10"), "5.35"),
            (".001", ".00055", (), "6.65"),
            (".001", ".0005", (".50", ".50"), "3.25"),
            (".001", ".0008", (), "7.4"),
            (".0005", ".0002", (), "3.1"),
        ],
    )
    def test_e34_scenario_a_on_the_five_venues(
        self, spot: str, futures: str, discounts: tuple[str, ...], total: str
    ) -> None:
        moment = datetime(2026, 1, 2, tzinfo=UTC)
        off = [[Discount(Decimal(d), moment)] for d in discounts] or [[], []]

        spot_rate = effective_rate(Decimal(spot), discounts=off[0], moment=moment)
        futures_rate = effective_rate(Decimal(futures), discounts=off[1], moment=moment)

        assert 5000 * spot_rate + 3000 * futures_rate == Decimal(total)

    def test_e34_percent_read_as_a_fraction_is_caught(self) -> None:
        with pytest.raises(FeeRateError, match="percent"):
            effective_rate(Decimal("0.1"), discounts=(), moment=datetime(2026, 1, 2, tzinfo=UTC))

    def test_discounts_multiply_and_end_on_their_day(self) -> None:
        start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)
        both = [Discount(Decimal(".20"), start), Discount(Decimal(".25"), start, end)]

        assert effective_rate(Decimal(".001"), discounts=both, moment=start) == Decimal(".0006")
        assert effective_rate(Decimal(".001"), discounts=both, moment=end) == Decimal(".0008")


class TestBand:
    """E37: no trade inside the band, to half the band on drift, to the target on a change."""

    @pytest.mark.parametrize(
        ("split", "is_changed", "sold"),
        [
            ([5150.0, 4850.0], False, 0.0),
            ([5400.0, 4600.0], False, 300.0),
            ([7000.0, 3000.0], False, 1900.0),
            ([7000.0, 3000.0], True, 2000.0),
        ],
    )
    def test_e37(self, split: list[float], is_changed: bool, sold: float) -> None:
        decision = decide(book(spot=split, is_changed=is_changed, **FREE), market(**SMOOTH))

        assert decision.sell[0, DEFI] == pytest.approx(sold)

    def test_a_leg_under_the_smallest_order_is_dropped(self) -> None:
        decision = decide(book(spot=[304.0, 296.0], is_changed=True), market())

        assert decision.sell.sum() == decision.buy.sum() == 0.0
