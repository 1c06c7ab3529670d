"""Walk the stage machine through its rules, one by one (DOMAIN 3.3, E40; DECISIONS 26)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.batch import FundingFlag
from signals.domain.batch import StageCode as Stage
from signals.domain.open_interest import Interest
from signals.domain.params import Params
from signals.domain.regime import Regime
from signals.domain.stages import (
    LEGAL,
    IllegalSwitchError,
    SectorInputs,
    StageInputs,
    StageState,
    Wanted,
    count_of,
    ignition_gates,
    peak_evidences,
    step,
    switched,
)

PARAMS = Params()
START = date(2026, 1, 1)
CALM = SectorInputs(score=50.0, coverage=0.9, q=0.5, rsr=100.0, rsm=100.0, against=1.0, funding=FundingFlag.NORMAL)
STRONG = replace(CALM, score=66.0, q=0.85, rsr=102.0, rsm=101.0)
WEAK = replace(CALM, score=46.0, q=0.15)
SECTORS = ("defi", "ai")


def close(day: int, regime: Regime = Regime.CONSOLIDATION, **sectors: SectorInputs) -> StageInputs:
    """Return one close; a sector that is not given is calm."""
    slugs = dict.fromkeys(SECTORS, CALM) | sectors
    return StageInputs(START + timedelta(days=day), regime, "defi", slugs)


def at(stage: Stage, leader: str | None = "ai", *, days: int = 0, **highs: float) -> StageState:
    """Return a state entered `days` before the start."""
    return StageState(stage=stage, leader=leader, since=START - timedelta(days=days), **highs)


def after(state: StageState, *closes: StageInputs) -> StageState:
    """Return the state after some closes."""
    for inputs in closes:
        state = step(state, inputs, params=PARAMS)
    return state


def twice(state: StageState, regime: Regime = Regime.CONSOLIDATION, **sectors: SectorInputs) -> StageState:
    """Return the state after two closes that say the same."""
    return after(state, close(0, regime, **sectors), close(1, regime, **sectors))


SEGMENTS = (
    (range(2), Regime.CONSOLIDATION, (50, 52), (0.45, 0.55), (100, 100), FundingFlag.NORMAL),
    (range(2, 7), Regime.RISK_ON, (46, 66), (0.15, 0.85), (102, 101), FundingFlag.NORMAL),
    (range(7, 9), Regime.RISK_ON, (46, 64), (0.20, 0.80), (103, 99), FundingFlag.EXTREME_HIGH),
    (range(9, 17), Regime.CONSOLIDATION, (54, 48), (0.55, 0.45), (99, 98), FundingFlag.NORMAL),
    (range(17, 25), Regime.CONSOLIDATION, (52, 50), (0.50, 0.50), (99, 100), FundingFlag.NORMAL),
)


class TestExampleE40:
    def test_one_full_cycle(self) -> None:
        state, found = StageState(), []
        for days, regime, scores, ranks, map_place, funding in SEGMENTS:
            defi = replace(CALM, score=float(scores[0]), q=ranks[0])
            ai = replace(
                CALM,
                score=float(scores[1]),
                q=ranks[1],
                rsr=float(map_place[0]),
                rsm=float(map_place[1]),
                funding=funding,
            )
            for day in days:
                state = step(state, close(day, regime, defi=defi, ai=ai), params=PARAMS)
                found.append(state.stage)

        assert found == [Stage.SC] * 3 + [Stage.NI] * 5 + [Stage.PR] * 8 + [Stage.RE] * 8 + [Stage.SC]


class TestIgnition:
    def test_takes_two_closes(self) -> None:
        first = step(StageState(), close(0, Regime.RISK_ON, ai=STRONG, defi=WEAK), params=PARAMS)
        second = step(first, close(1, Regime.RISK_ON, ai=STRONG, defi=WEAK), params=PARAMS)

        assert (first.stage, first.wanted, first.count) == (Stage.SC, Wanted(Stage.NI, "ai"), 1)
        assert (second.stage, second.leader, second.since) == (Stage.NI, "ai", START + timedelta(days=1))

    def test_another_wish_starts_the_count_again(self) -> None:
        found = after(
            StageState(),
            close(0, Regime.RISK_ON, ai=STRONG, defi=WEAK),
            close(1, Regime.RISK_ON, ai=WEAK, defi=STRONG),
        )

        assert (found.stage, found.wanted, found.count) == (Stage.SC, Wanted(Stage.NI, "defi"), 1)

    @pytest.mark.parametrize(
        "change",
        [
            {"q": 0.79},
            {"q": None},
            {"is_q_observed": False},
            {"score": 54.9},
            {"rsm": 99.9},
            {"rsm": None},
            {"coverage": 0.59},
            {"funding": FundingFlag.EXTREME_HIGH},
            {"is_priced_in": True},
        ],
    )
    def test_one_failing_gate_is_enough(self, change: dict[str, object]) -> None:
        ai = replace(STRONG, **change)

        assert twice(StageState(), Regime.RISK_ON, ai=ai, defi=WEAK).stage == Stage.SC

    def test_missing_funding_interest_and_priced_in_pass_and_are_said(self) -> None:
        ai = replace(STRONG, funding=FundingFlag.UNKNOWN, interest=Interest.UNKNOWN, is_priced_in=None)

        gates = {gate.code: gate for gate in ignition_gates(close(0, ai=ai), "ai", params=PARAMS)}

        assert twice(StageState(), Regime.RISK_ON, ai=ai, defi=WEAK).stage == Stage.NI
        assert (gates["FUNDING"].passes, gates["FUNDING"].is_known) == (True, False)
        assert (gates["PRICED_IN"].passes, gates["PRICED_IN"].is_known) == (True, False)

    def test_coverage_of_exactly_the_limit_passes(self) -> None:
        ai = replace(STRONG, coverage=0.2 + 0.2 + 0.2 - 1e-12)

        assert twice(StageState(), Regime.RISK_ON, ai=ai, defi=WEAK).stage == Stage.NI

    def test_the_base_may_lead_in_consolidation_others_may_not(self) -> None:
        assert twice(StageState(), defi=STRONG, ai=WEAK).leader == "defi"
        assert twice(StageState(), ai=STRONG, defi=WEAK).stage == Stage.SC

    def test_the_higher_score_wins_a_tie(self) -> None:
        found = twice(StageState(), Regime.RISK_ON, ai=STRONG, defi=replace(STRONG, score=70.0))

        assert found.leader == "defi"

    def test_the_same_leader_returns_only_after_the_dwell(self) -> None:
        early, late = at(Stage.PR, days=4), at(Stage.PR, days=7)

        assert twice(early, Regime.RISK_ON, ai=STRONG, defi=WEAK).stage == Stage.PR
        assert twice(late, Regime.RISK_ON, ai=STRONG, defi=WEAK).stage == Stage.NI
        assert twice(early, Regime.RISK_ON, defi=STRONG, ai=WEAK).leader == "defi"


class TestPeak:
    def test_two_evidences_end_an_ignition(self) -> None:
        ai = replace(STRONG, rsr=103.0, rsm=99.0, funding=FundingFlag.EXTREME_HIGH)

        assert twice(at(Stage.NI), Regime.RISK_ON, ai=ai).stage == Stage.PR

    def test_one_evidence_does_not(self) -> None:
        ai = replace(STRONG, rsr=103.0, rsm=99.0)

        assert twice(at(Stage.NI), Regime.RISK_ON, ai=ai).stage == Stage.NI

    def test_drawdown_and_score_are_measured_from_the_high_of_the_stage(self) -> None:
        state = after(at(Stage.NI), close(0, Regime.RISK_ON, ai=replace(STRONG, against=2.0, score=80.0)))
        inputs = close(1, Regime.RISK_ON, ai=replace(STRONG, against=1.8, score=70.0))

        found = {e.code: e.holds for e in peak_evidences(state, inputs, params=PARAMS)}

        assert (found["DRAWDOWN"], found["SCORE_FALL"]) == (True, True)

    def test_what_cannot_be_observed_neither_counts_nor_blocks(self) -> None:
        ai = SectorInputs(score=66.0, coverage=0.9, q=0.9)

        found = peak_evidences(at(Stage.NI, score_high=80.0), close(0, ai=ai), params=PARAMS)

        assert [e.holds for e in found] == [None, None, None, None, True]
        assert count_of(found) == 1

    @pytest.mark.parametrize("name", ["SHORT_COVERING", "LONG_LIQUIDATION"])
    def test_unwinding_interest_is_an_evidence(self, name: str) -> None:
        ai = replace(STRONG, interest=Interest[name])

        found = {e.code: e.holds for e in peak_evidences(at(Stage.NI), close(0, ai=ai), params=PARAMS)}

        assert found["OPEN_INTEREST"] is True

    def test_a_base_that_peaks_has_nothing_safer_to_go_to(self) -> None:
        defi = replace(STRONG, rsr=103.0, rsm=99.0, funding=FundingFlag.EXTREME_HIGH)

        assert twice(at(Stage.NI, "defi"), defi=defi).stage == Stage.SC

    def test_a_false_start_returns_to_policy(self) -> None:
        assert twice(at(Stage.NI), Regime.RISK_ON, ai=replace(STRONG, q=0.59)).stage == Stage.SC
        assert twice(at(Stage.NI), Regime.RISK_ON, ai=replace(STRONG, q=0.60)).stage == Stage.NI


class TestRiskOff:
    def test_goes_before_everything_else(self) -> None:
        found = twice(StageState(), Regime.RISK_OFF, ai=STRONG, defi=WEAK)

        assert (found.stage, found.leader) == (Stage.PR, "ai")

    def test_keeps_an_attacking_leader_and_replaces_a_leading_base(self) -> None:
        third = {"meme": replace(CALM, score=60.0)}

        assert twice(at(Stage.NI), Regime.RISK_OFF, **third).leader == "ai"
        assert twice(at(Stage.NI, "defi"), Regime.RISK_OFF, **third).leader == "meme"

    def test_brings_the_hedge_back(self) -> None:
        assert twice(at(Stage.RE), Regime.RISK_OFF).stage == Stage.PR

    def test_holds_the_peak_while_it_lasts(self) -> None:
        assert twice(at(Stage.PR, days=60), Regime.RISK_OFF, ai=replace(WEAK, score=40.0)).stage == Stage.PR


class TestReturn:
    def test_re_emergence_goes_before_calm(self) -> None:
        ai = replace(CALM, score=48.0, q=0.45)

        assert twice(at(Stage.PR, days=7), ai=ai, defi=replace(CALM, score=54.0, q=0.55)).stage == Stage.RE

    def test_calm_needs_every_sector_and_the_dwell(self) -> None:
        ai = replace(CALM, score=51.0)

        assert twice(at(Stage.PR, days=7), ai=ai).stage == Stage.SC
        assert twice(at(Stage.PR, days=5), ai=ai).stage == Stage.PR
        assert twice(at(Stage.PR, days=7), ai=ai, defi=replace(CALM, q=0.71)).stage == Stage.PR
        assert twice(at(Stage.RE, days=7), ai=ai, defi=replace(CALM, q=None)).stage == Stage.RE

    def test_a_recovered_market_ends_the_peak(self) -> None:
        ai = replace(WEAK, q=0.1)

        assert twice(at(Stage.PR, days=7), Regime.RISK_ON, ai=ai).stage == Stage.SC
        assert twice(at(Stage.RE, days=7), Regime.RISK_ON, ai=ai).stage == Stage.RE

    def test_times_out_after_45_days(self) -> None:
        ai, defi = replace(CALM, q=0.1), replace(CALM, q=0.75)

        assert twice(at(Stage.RE, days=45), ai=ai, defi=defi).stage == Stage.SC
        assert twice(at(Stage.RE, days=43), ai=ai, defi=defi).stage == Stage.RE


class TestFreeze:
    def test_a_hidden_score_freezes_and_resets_the_count(self) -> None:
        first = step(StageState(), close(0, Regime.RISK_ON, ai=STRONG, defi=WEAK), params=PARAMS)
        hidden = step(first, close(1, Regime.RISK_ON, ai=replace(STRONG, score=None)), params=PARAMS)

        assert (hidden.stage, hidden.count, hidden.wanted) == (Stage.SC, 0, None)

    def test_a_third_sector_in_the_dark_does_not_stop_the_others(self) -> None:
        dark = replace(CALM, score=None, q=None)

        assert twice(StageState(), Regime.RISK_ON, ai=STRONG, defi=WEAK, meme=dark).stage == Stage.NI
        assert twice(at(Stage.NI, "meme"), Regime.RISK_OFF, meme=dark).stage == Stage.NI


class TestLegality:
    def test_an_illegal_pair_raises(self) -> None:
        with pytest.raises(IllegalSwitchError, match="SC to RE"):
            switched(StageState(), Wanted(Stage.RE, "ai"), inputs=close(0), reason="because")

    def test_the_rules_know_ten_pairs(self) -> None:
        assert {(a.name, b.name) for a, b in LEGAL} == {
            ("SC", "NI"),
            ("SC", "PR"),
            ("NI", "PR"),
            ("NI", "SC"),
            ("PR", "NI"),
            ("PR", "RE"),
            ("PR", "SC"),
            ("RE", "NI"),
            ("RE", "SC"),
            ("RE", "PR"),
        }

    @given(st.data())
    def test_a_random_walk_never_leaves_the_legal_pairs(self, data: st.DataObject) -> None:
        number = st.none() | st.floats(0, 100)
        sector = st.builds(
            SectorInputs,
            score=number,
            coverage=st.floats(0, 1),
            q=st.none() | st.floats(0, 1),
            rsr=st.none() | st.floats(97, 103),
            rsm=st.none() | st.floats(97, 103),
            against=st.none() | st.floats(0.5, 2),
            funding=st.sampled_from(FundingFlag),
            interest=st.sampled_from(Interest),
            is_priced_in=st.none() | st.booleans(),
        )
        states = [StageState()]
        for day in range(data.draw(st.integers(1, 30))):
            inputs = close(day, data.draw(st.sampled_from(Regime)), ai=data.draw(sector), defi=data.draw(sector))
            states.append(step(states[-1], inputs, params=PARAMS))

        for before, now in pairwise(states):
            assert before.stage == now.stage or (before.stage, now.stage) in LEGAL
            assert (now.leader is None) == (now.stage == Stage.SC)
            assert now.count < PARAMS.stage_confirm
