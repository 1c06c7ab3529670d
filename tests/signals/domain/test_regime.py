"""Change the regime late and for a reason (DOMAIN 2.5, E35; DECISIONS 25)."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from signals.domain.params import Params
from signals.domain.regime import Regime, RegimeInputs, RegimeState, is_market_range, step, wanted_regime

PARAMS = Params()
C, ON, OFF = Regime.CONSOLIDATION, Regime.RISK_ON, Regime.RISK_OFF
NOISY = [58, 61, 59, 62, 63, 59, 57, 61, 53, 51, 49, 45, 39, 41, 38, 37, 44, 47, 49, 50]


def walk(scores: list[float], *, start: Regime = C, is_range: bool = False, coverage: float = 1.0) -> list[RegimeState]:
    """Return the state after each close."""
    state, states = RegimeState(regime=start), []
    for offset, score in enumerate(scores):
        day = date(2026, 1, 1) + timedelta(days=offset)
        state = step(state, RegimeInputs(day, score, coverage, is_range=is_range), params=PARAMS)
        states.append(state)
    return states


class TestExampleE35:
    def test_hysteresis_and_two_closes(self) -> None:
        found = [state.regime for state in walk([float(s) for s in NOISY])]

        assert found == [C] * 4 + [ON] * 6 + [C] * 5 + [OFF] * 4 + [C]

    def test_plain_thresholds_would_flip_ten_times(self) -> None:
        plain = [ON if s >= 60 else OFF if s <= 40 else C for s in NOISY]
        held = [state.regime for state in walk([float(s) for s in NOISY])]

        assert sum(a != b for a, b in zip([C, *plain], plain, strict=False)) == 10
        assert sum(a != b for a, b in zip([C, *held], held, strict=False)) == 4


class TestStep:
    def test_can_return_to_the_middle_and_jump_across(self) -> None:
        assert walk([51.0, 51.0], start=ON)[-1].regime == C
        assert walk([40.0, 40.0], start=ON)[-1].regime == OFF
        assert walk([60.0, 60.0], start=OFF)[-1].regime == ON
        assert walk([49.0, 49.0], start=OFF)[-1].regime == C

    def test_stays_inside_the_hysteresis(self) -> None:
        assert walk([52.0, 52.0, 52.0], start=ON)[-1].regime == ON
        assert walk([48.0, 48.0, 48.0], start=OFF)[-1].regime == OFF

    def test_the_counter_starts_again_when_the_wish_changes(self) -> None:
        found = walk([51.0, 39.0], start=ON)[-1]

        assert (found.regime, found.wanted, found.count) == (ON, OFF, 1)

    def test_a_range_asks_for_consolidation_through_two_closes(self) -> None:
        found = walk([65.0, 65.0], start=ON, is_range=True)

        assert [state.regime for state in found] == [ON, C]

    @pytest.mark.parametrize(("score", "expected"), [(69.9, C), (70.0, ON), (35.0, OFF), (35.1, C)])
    def test_a_range_yields_to_the_extremes(self, score: float, expected: Regime) -> None:
        assert wanted_regime(C, RegimeInputs(date(2026, 1, 1), score, is_range=True), params=PARAMS) == expected

    def test_freezes_below_half_coverage_and_says_since_when(self) -> None:
        found = walk([90.0, 90.0, 90.0], coverage=0.49)

        assert [state.regime for state in found] == [C] * 3
        assert found[-1].frozen_since == date(2026, 1, 1)
        assert walk([90.0, 90.0], coverage=0.5)[-1].frozen_since is None

    def test_a_freeze_interrupts_the_count(self) -> None:
        first = walk([61.0])[0]
        halted = step(first, RegimeInputs(date(2026, 1, 2), 90.0, is_halted=True), params=PARAMS)
        after = step(halted, RegimeInputs(date(2026, 1, 3), 61.0), params=PARAMS)

        assert (after.regime, after.count, after.frozen_since) == (C, 1, None)


class TestMarketRange:
    def test_needs_little_movement_and_low_volatility(self) -> None:
        draw = np.random.default_rng(0)
        wild = 100.0 * np.exp(np.cumsum(draw.normal(0, 0.04, 200)))
        calm = wild[-1] * (1.0 + 0.002 * np.sin(np.arange(60)))
        trending = wild[-1] * np.exp(0.002 * np.arange(60))

        assert is_market_range(np.concatenate([wild, calm]), params=PARAMS)[-1]
        assert not is_market_range(np.concatenate([wild, trending]), params=PARAMS)[-1]
        assert not is_market_range(calm, params=PARAMS).any()
