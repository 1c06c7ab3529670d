"""Hold the engine to the rules that amend the algorithm (DECISIONS 20, 26, 28-32; DOMAIN 2.6, 3.3, F05)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from signals.domain.batch import (
    Decision,
    FundingFlag,
    HedgeVerdict,
    Outcome,
    OverlayVerdict,
    SpotVerdict,
)
from signals.domain.costs import NOT_REACHABLE, confidence_label, reach_label, shrunk_ic, z_needed
from signals.domain.engine import decide
from tests.signals.domain.books import AI, DEFI, book, market, scenario


def answer(decision: Decision) -> tuple[Outcome, SpotVerdict, OverlayVerdict, HedgeVerdict]:
    """Return the words of a one-row decision."""
    return (
        Outcome(int(decision.outcome[0])),
        SpotVerdict(int(decision.spot_verdict[0])),
        OverlayVerdict(int(decision.overlay_verdict[0])),
        HedgeVerdict(int(decision.hedge_verdict[0])),
    )


class TestSplit:
    """How the pool is divided."""

    @pytest.mark.parametrize(("held", "target"), [(0.50, 0.75), (0.80, 0.80), (0.95, 0.875)])
    def test_ignition_keeps_what_the_leader_has_up_to_seven_eighths(self, held: float, target: float) -> None:
        decision = decide(scenario(spot=[10_000 * (1 - held), 10_000 * held]), market())

        assert decision.weights[0] == pytest.approx([1 - target, target])

    def test_ignition_leaves_the_others_in_policy_proportion(self) -> None:
        start = book(spot=[4000.0, 3000.0, 3000.0], stage="NI", leader=2, base=0, policy_split=[0.6, 0.2, 0.2])

        assert decide(start, market(sectors=3)).weights[0] == pytest.approx([0.1875, 0.0625, 0.75])

    def test_shelter_goes_by_policy_and_defensiveness_to_sectors_that_are_not_weak(self) -> None:
        state = market(sectors=4, defensiveness=[0.8, 0.2, 0.4, 0.4], score=[50.0, 50.0, 39.9, np.nan])
        start = book(spot=[2500.0] * 4, stage="PR", leader=1, base=0, policy_split=[0.25] * 4)

        assert decide(start, state).weights[0] == pytest.approx([0.8, 0.2, 0.0, 0.0])

    def test_shelter_is_shared_by_defensiveness(self) -> None:
        state = market(sectors=3, defensiveness=[0.8, 0.2, 0.4])
        start = book(spot=[3000.0] * 3, stage="RE", leader=1, base=0)

        assert decide(start, state).weights[0] == pytest.approx([0.875 * 2 / 3, 0.125, 0.875 / 3])

    def test_nobody_eligible_sends_everything_to_the_base(self) -> None:
        decision = decide(scenario(stage="PR"), market(score=[10.0, 60.0]))

        assert decision.weights[0] == pytest.approx([0.8, 0.2])


class TestGates:
    """What funding and unknown readings do to the overlay."""

    def test_hot_funding_halves_the_overlay(self) -> None:
        decision = decide(scenario(), market(funding_flag=[0, int(FundingFlag.HOT)]))

        assert decision.overlay[0, AI] == 1500.0

    def test_extreme_funding_closes_it_and_spot_still_moves(self) -> None:
        decision = decide(scenario(overlay=[0.0, 2000.0]), market(funding_flag=[0, int(FundingFlag.EXTREME_HIGH)]))

        assert decision.overlay_change[0, AI] == -2000.0
        assert answer(decision)[1:3] == (SpotVerdict.PAYS, OverlayVerdict.EXTREME_FUNDING)

    @pytest.mark.parametrize(
        "unknown",
        [{"has_known_gates": [True, False]}, {"funding_flag": [0, int(FundingFlag.UNKNOWN)]}],
    )
    def test_an_unknown_gate_lets_spot_pass_and_opens_no_future(self, unknown: dict[str, Any]) -> None:
        decision = decide(scenario(), market(**unknown))

        assert decision.sell[0, DEFI] == 2500.0
        assert not decision.overlay_change.any()
        assert answer(decision) == (Outcome.TRADE, SpotVerdict.PAYS, OverlayVerdict.UNKNOWN_GATE, HedgeVerdict.NONE)

    def test_an_unknown_gate_does_not_close_what_is_open_but_a_reduction_passes(self) -> None:
        state = market(has_known_gates=False)

        kept = decide(scenario(overlay=[0.0, 3000.0]), state)
        cut = decide(scenario(overlay=[0.0, 6000.0]), state)

        assert not kept.overlay_change.any()
        assert answer(kept)[2] == OverlayVerdict.NONE
        assert cut.overlay_change[0, AI] == -3000.0

    def test_an_unknown_gate_blocks_the_hedge_as_every_open_futures_leg(self) -> None:
        of_leader = decide(scenario(stage="PR"), market(has_known_gates=[True, False]))
        of_core = decide(scenario(stage="PR"), market(has_known_core_gates=False))

        for decision in (of_leader, of_core):
            assert decision.hedge_change[0] == 0.0
            assert decision.sell[0, AI] == 3000.0
            assert answer(decision)[3] == HedgeVerdict.UNKNOWN_GATE

    def test_only_a_blocked_gate_left_is_a_typed_refusal(self) -> None:
        decision = decide(scenario(spot=[2500.0, 7500.0]), market(has_known_gates=False))

        assert answer(decision)[0] == Outcome.BLOCKED_GATE

    def test_a_stop_fill_ends_the_overlay_until_the_stage_changes(self) -> None:
        decision = decide(scenario(is_stopped=True), market())

        assert not decision.overlay_change.any()
        assert answer(decision)[2] == OverlayVerdict.STOPPED_OUT

    def test_a_sector_without_a_perp_stays_spot_only(self) -> None:
        decision = decide(scenario(stage="RE"), market(has_perp=[False, True]))

        assert not decision.overlay_change.any()
        assert answer(decision)[2] == OverlayVerdict.NO_PERP


class TestLimits:
    """Whose limits, and which margin, shrink the futures."""

    def test_nobody_gets_futures_unasked(self) -> None:
        ignition = decide(scenario(max_leverage=0.0), market())
        peak = decide(scenario(stage="PR", max_leverage=0.0), market())

        assert not ignition.overlay_change.any()
        assert not peak.hedge_change.any()
        assert answer(ignition)[2] == OverlayVerdict.NOT_OPTED_IN
        assert answer(peak)[3] == HedgeVerdict.NOT_OPTED_IN

    def test_leverage_is_the_smaller_of_policy_and_person(self) -> None:
        assert decide(scenario(max_leverage=2.0), market()).leverage[0] == 2.0

    def test_a_beginners_overlay_is_scaled_until_1r_is_one_percent(self) -> None:
        decision = decide(scenario(max_overlay=0.10, max_risk=0.010), market())

        assert decision.one_r[0] == pytest.approx(333.3334)
        assert decision.overlay[0, AI] == pytest.approx(333.3334 / (0.15 + 0.0005 * 1.85))

    def test_overlay_stays_under_its_share_of_equity(self) -> None:
        decision = decide(scenario(max_overlay=0.05), market())

        assert decision.overlay[0, AI] == pytest.approx(0.05 * 33_333.34)

    def test_the_reserve_floor_is_never_spent_on_margin(self) -> None:
        decision = decide(scenario(stable=2_000.0), market())

        assert decision.overlay[0, AI] / 3 == pytest.approx(2_000 - 0.05 * 28_666.67)

    def test_no_margin_is_a_reason_of_its_own(self) -> None:
        decision = decide(scenario(stable=0.0, spot=[2500.0, 7500.0]), market())

        assert answer(decision)[:3] == (Outcome.NO_MARGIN, SpotVerdict.NONE, OverlayVerdict.NO_MARGIN)

    def test_an_unpriced_reserve_stops_futures_only(self) -> None:
        decision = decide(scenario(has_unpriced_rest=True), market())

        assert decision.sell[0, DEFI] == 2500.0
        assert answer(decision)[2] == OverlayVerdict.UNPRICED

    def test_hedge_never_exceeds_core(self) -> None:
        assert decide(scenario(stage="PR", core=1_000.0), market()).hedge_change[0] == -1_000.0

    def test_small_overlay_and_hedge_changes_are_left_alone(self) -> None:
        nearly = decide(scenario(overlay=[0.0, 2_800.0]), market())
        hedged = decide(scenario(stage="PR", core_hedge=-2_300.0), market())

        assert not nearly.overlay_change.any()
        assert not hedged.hedge_change.any()

    def test_turnover_is_capped_per_rotation(self) -> None:
        decision = decide(scenario(stage="PR", spot=[1_000.0, 9_000.0]), market())

        assert decision.sell[0, AI] == pytest.approx(6_000.0)

    def test_turnover_is_capped_over_thirty_days_except_to_safety(self) -> None:
        ignition = decide(scenario(turned_30d=11_000.0), market())
        peak = decide(scenario(stage="PR", turned_30d=12_000.0), market())
        risk_off = decide(scenario(turned_30d=12_000.0), market(is_risk_off=True))

        assert ignition.sell[0, DEFI] == pytest.approx(1_000.0)
        assert peak.sell[0, AI] == pytest.approx(3_000.0)
        assert risk_off.sell[0, DEFI] == pytest.approx(2_500.0)

    @pytest.mark.parametrize(
        ("atr", "stop_rate", "leverage", "stop"),
        [
            (np.nan, 0.15, 3.0, 0.15),
            (0.04, 0.15, 3.0, 0.10),
            (0.01, 0.15, 3.0, 0.08),
            (np.nan, 0.30, 3.0, 0.66 * (1 - (1 - 1 / 3) / 0.99)),
        ],
    )
    def test_stop_is_the_nearest_of_three(self, atr: float, stop_rate: float, leverage: float, stop: float) -> None:
        decision = decide(scenario(stop_rate=stop_rate, leverage=leverage), market(atr_rate=atr))

        assert decision.stop[0] == pytest.approx(stop)

    def test_a_shorts_liquidation_lies_above(self) -> None:
        assert decide(scenario(stage="PR"), market()).liquidation[0] == pytest.approx(1.5 / 1.01)


class TestAcceptance:
    """Groups of legs: who has to pay, and what a refusal says."""

    @pytest.mark.parametrize("stage", ["SC", "PR", "RE"])
    def test_spot_passes_outside_ignition_whatever_z_says(self, stage: str) -> None:
        decision = decide(scenario(stage=stage, spot=[3_000.0, 7_000.0]), market(z_spread=-3.0))

        assert answer(decision)[:2] == (Outcome.TRADE, SpotVerdict.REDUCES_RISK)

    def test_ignition_moving_the_leader_toward_policy_passes(self) -> None:
        decision = decide(scenario(spot=[500.0, 9_500.0], overlay=[0.0, 3_000.0]), market(z_spread=-3.0))

        assert decision.sell[0, AI] == pytest.approx(750.0)
        assert answer(decision)[1] == SpotVerdict.REDUCES_RISK

    def test_a_refusal_shows_the_z_it_needs_beside_the_z_now(self) -> None:
        decision = decide(scenario(), market(z_spread=0.5))

        assert answer(decision)[:3] == (
            Outcome.BELOW_HURDLE,
            SpotVerdict.BELOW_HURDLE,
            OverlayVerdict.WAITS_FOR_SPOT,
        )
        assert decision.z_now[0] == 0.5
        assert decision.needed_z[0] == pytest.approx(0.0059955 / (0.05 * 0.11750838), rel=1e-6)

    def test_re_emergence_overlay_has_to_pay_and_spot_does_not(self) -> None:
        decision = decide(scenario(stage="RE"), market(z_spread=0.1))

        assert answer(decision)[:3] == (Outcome.TRADE, SpotVerdict.REDUCES_RISK, OverlayVerdict.BELOW_HURDLE)
        assert not decision.overlay_change.any()

    def test_overlay_alone_is_tested_when_spot_is_not_needed(self) -> None:
        decision = decide(scenario(spot=[2_500.0, 7_500.0]), market(z_spread=0.95))

        assert answer(decision)[:3] == (Outcome.TRADE, SpotVerdict.NONE, OverlayVerdict.PAYS)

    def test_a_refused_carved_overlay_sells_nothing_for_margin(self) -> None:
        start = book(spot=[20_000.0, 20_000.0], core=60_000.0, preset="table", stage="NI")

        decision = decide(start, market(funding_8h=0.001, z_spread=2.4))

        assert answer(decision)[:3] == (Outcome.TRADE, SpotVerdict.PAYS, OverlayVerdict.BELOW_HURDLE)
        assert decision.buy[0].tolist() == [0.0, 10_000.0]
        assert not decision.margin_change.any()

    def test_closing_passes_while_the_new_leaders_legs_are_refused(self) -> None:
        decision = decide(scenario(leader=DEFI, base=DEFI, overlay=[0.0, 3_000.0]), market(z_spread=0.0))

        assert answer(decision)[:2] == (Outcome.TRADE, SpotVerdict.BELOW_HURDLE)
        assert decision.overlay_change[0].tolist() == [0.0, -3_000.0]
        assert not decision.sell.any()

    @pytest.mark.parametrize("hidden", [{"coverage": 0.39}, {"z_spread": np.nan}])
    def test_a_hidden_score_adds_no_risk(self, hidden: dict[str, float]) -> None:
        assert answer(decide(scenario(), market(**hidden)))[0] == Outcome.LOW_COVERAGE

    def test_coverage_of_exactly_two_fifths_is_shown(self) -> None:
        assert answer(decide(scenario(), market(coverage=0.1 + 0.2 + 0.1 - 1e-16)))[0] == Outcome.TRADE

    def test_nothing_to_do_is_an_answer(self) -> None:
        assert answer(decide(scenario(stage="SC"), market()))[0] == Outcome.NOTHING_TO_DO

    @pytest.mark.parametrize(
        ("values", "outcome"),
        [
            ({"is_stale": True}, Outcome.STALE_INPUT),
            ({"has_unpriced_pool": True}, Outcome.UNPRICED_HOLDING),
            ({"spot": [0.0, 0.0]}, Outcome.EMPTY_POOL),
        ],
    )
    def test_hard_refusals(self, values: dict[str, Any], outcome: Outcome) -> None:
        decision = decide(scenario(**values), market())

        assert answer(decision)[0] == outcome
        assert not decision.sell.any()

    def test_cost_aware_goes_part_of_the_way(self) -> None:
        decision = decide(scenario(is_cost_aware=True), market())

        assert decision.sell[0, DEFI] == pytest.approx(2_500 * 20 * (0.5309936822 - 0.5), rel=1e-6)

    def test_cost_aware_reduces_risk_all_the_way(self) -> None:
        assert decide(scenario(stage="PR", is_cost_aware=True), market()).sell[0, AI] == pytest.approx(3_000.0)


class TestWords:
    """Small functions a page calls."""

    def test_confidence_labels(self) -> None:
        labels = [confidence_label(x) for x in (0.05, 0.519, 0.52, 0.57, 0.65)]

        assert labels == ["coin flip", "coin flip", "slight edge", "moderate", "strong (rare, check inputs)"]

    def test_reach(self) -> None:
        needed = z_needed(np.array([0.0, 0.001, 1.0]), ic=0.05, sigma=np.array([0.1, 0.1, 0.0]))

        assert needed.tolist() == [0.0, pytest.approx(0.2), np.inf]
        assert [reach_label(z) for z in (2.99, 3.0, 3.01, np.inf)] == ["", "", NOT_REACHABLE, NOT_REACHABLE]

    def test_ic_shrinks_to_its_prior_and_never_below_zero(self) -> None:
        assert shrunk_ic(estimate=0.10, count=0) == pytest.approx(0.05)
        assert shrunk_ic(estimate=0.15, count=200) == pytest.approx(0.10)
        assert shrunk_ic(estimate=-0.5, count=200) == 0.0
