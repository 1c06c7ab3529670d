"""How far the regime is from its next turn is what the rule itself would answer to another score."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from signals.domain.params import DEFAULTS
from signals.domain.regime import Regime, RegimeInputs, RegimeState, wanted_regime
from signals.domain.switches import switches

DAY = date(2026, 3, 1)


def asked(score: float, *, is_range: bool = False) -> RegimeInputs:
    """Return a close with a score."""
    return RegimeInputs(day=DAY, score=score, is_range=is_range)


class TestDistance:
    @pytest.mark.parametrize("current", list(Regime))
    @pytest.mark.parametrize("is_range", [False, True])
    def test_a_score_past_the_bound_asks_for_it_and_one_before_does_not(self, current: Regime, is_range: bool) -> None:
        for score in np.arange(0.0, 100.0, 3.7):
            inputs = asked(float(score), is_range=is_range)
            wanted = wanted_regime(current, inputs, params=DEFAULTS)
            for each in switches(RegimeState(regime=current), inputs, params=DEFAULTS):
                step = 0.01 if each.is_upward else -0.01
                past = asked(each.bound + step, is_range=is_range)
                before = asked(each.bound - step, is_range=is_range)
                assert each.regime != wanted or each.distance == 0
                assert wanted_regime(current, past, params=DEFAULTS) == each.regime
                assert wanted_regime(current, before, params=DEFAULTS) != each.regime

    @pytest.mark.parametrize(
        ("current", "score", "regime", "distance"),
        [
            (Regime.CONSOLIDATION, 54.2, Regime.RISK_ON, 5.8),
            (Regime.RISK_ON, 67.0, Regime.CONSOLIDATION, 15.0),
            (Regime.RISK_ON, 67.0, Regime.RISK_OFF, 27.0),
            (Regime.RISK_OFF, 41.0, Regime.CONSOLIDATION, 7.0),
        ],
    )
    def test_in_points(self, current: Regime, score: float, regime: Regime, distance: float) -> None:
        found = {s.regime: s for s in switches(RegimeState(regime=current), asked(score), params=DEFAULTS)}

        assert found[regime].distance == pytest.approx(distance)
        assert not found[regime].is_wanted

    def test_what_was_asked_for_once_waits_for_the_second_close(self) -> None:
        state = RegimeState(regime=Regime.CONSOLIDATION, wanted=Regime.RISK_ON, count=1)

        found = {s.regime: s for s in switches(state, asked(61.0), params=DEFAULTS)}

        assert (found[Regime.RISK_ON].count, found[Regime.RISK_ON].needed) == (1, 2)
        assert found[Regime.RISK_ON].distance == 0
        assert not found[Regime.RISK_OFF].is_wanted
