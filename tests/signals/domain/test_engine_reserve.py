"""Hold the reserve to its haircut and its peg, and funding to its own band (DOMAIN F64, 3.6, E30)."""

from __future__ import annotations

from decimal import Decimal as D

import numpy as np
import pytest

from portfolio.domain.valuation import risk_value
from signals.domain.batch import OverlayVerdict
from signals.domain.costs import bounded_funding, counted_for_risk
from signals.domain.engine import decide
from tests.signals.domain.books import market, scenario


class TestReserve:
    @pytest.mark.parametrize("price", ["1", "1.02", "0.9975", "0.995", "0.994", "0.97", "0.4", "0"])
    @pytest.mark.parametrize("haircut", ["0.0025", "0.05", "0.2"])
    def test_it_counts_for_what_the_ledger_says(self, price: str, haircut: str) -> None:
        exact = risk_value(quantity=D(1), price=D(price), haircut=D(haircut))

        found = counted_for_risk(np.array([float(price)]), haircut=float(haircut))
        assert found[0] == pytest.approx(float(exact), abs=1e-12)

    def test_fiat_counts_as_it_is(self) -> None:
        assert counted_for_risk(np.array([1.0]), haircut=None)[0] == 1.0

    def test_only_what_counts_can_be_margin(self) -> None:
        """A reserve of 1,800 that counts for 600 carries a long of 1,800 at 3x, not of 3,000."""
        batch = scenario(stable=1_800.0, stable_risk=1_800.0, stable_floor=0.0)
        cut = scenario(stable=1_800.0, stable_risk=600.0, stable_floor=0.0)

        assert decide(batch, market()).overlay[0, 1] == pytest.approx(3_000.0)
        assert decide(cut, market()).overlay[0, 1] == pytest.approx(1_800.0)

    def test_a_lost_peg_leaves_no_margin(self) -> None:
        decision = decide(scenario(stable_risk=0.0), market())

        assert decision.overlay[0, 1] == 0
        assert decision.overlay_verdict[0] == OverlayVerdict.NO_MARGIN


class TestFundingBand:
    def test_it_is_bounded_by_its_own_days(self) -> None:
        low, high = np.array([-0.1, -0.1, -np.inf]), np.array([0.2, 0.2, np.inf])

        found = bounded_funding(np.array([0.9, -0.5, 0.9]), low=low, high=high)
        assert found.tolist() == [0.2, -0.1, 0.9]
