"""Call funding extreme only when both gates say so (DOMAIN 2.6, E27)."""

from __future__ import annotations

import numpy as np
import pytest

from signals.domain.batch import FundingFlag
from signals.domain.funding import annualised, funding_flags, funding_history, weighted_mean
from signals.domain.params import Params

PARAMS = Params()


def flag(percentile: float, annual: float) -> FundingFlag:
    """Return the label of one rate."""
    return FundingFlag(int(funding_flags(np.array([percentile]), np.array([annual]), params=PARAMS)[0]))


class TestExampleE27:
    def test_annualises_on_each_venue_interval_and_weighs_by_open_interest(self) -> None:
        rates = [annualised(0.0008, interval_hours=8), annualised(0.0003, interval_hours=4)]

        assert rates == pytest.approx([0.876, 0.657])
        assert weighted_mean(np.array([rates]), np.array([[60.0, 40.0]]))[0] == pytest.approx(0.7884)

    def test_labels(self) -> None:
        assert flag(0.97, 0.7884) == FundingFlag.EXTREME_HIGH
        assert annualised(-0.0002, interval_hours=8) == pytest.approx(-0.219)
        assert flag(0.03, -0.219) == FundingFlag.EXTREME_LOW
        assert annualised(0.0001, interval_hours=8) == pytest.approx(0.1095)
        assert flag(0.98, 0.1095) == FundingFlag.NORMAL


class TestLabels:
    def test_the_milder_ones(self) -> None:
        assert flag(0.92, 0.25) == FundingFlag.HOT
        assert flag(0.96, 0.25) == FundingFlag.HOT
        assert flag(0.08, -0.01) == FundingFlag.COLD
        assert flag(0.5, 0.5) == FundingFlag.NORMAL

    def test_an_unknown_rate_is_unknown_and_a_short_history_is_never_extreme(self) -> None:
        assert flag(np.nan, np.nan) == FundingFlag.UNKNOWN
        assert flag(np.nan, 2.0) == FundingFlag.NORMAL

    def test_ranks_within_ninety_days_before(self) -> None:
        rates = np.concatenate([np.full(100, 0.1), [0.9]])[:, None]

        found = funding_history(rates, params=PARAMS)

        assert found.percentile[-1, 0] == 1.0
        assert found.flags[-1, 0] == FundingFlag.EXTREME_HIGH
        assert np.isnan(found.percentile[19, 0])
        assert found.percentile[20, 0] == 0.5


class TestWeightedMean:
    def test_weighs_equally_where_no_weight_is_known(self) -> None:
        values, weights = np.array([[0.1, 0.3, np.nan]]), np.array([[np.nan, np.nan, 5.0]])

        assert weighted_mean(values, weights)[0] == pytest.approx(0.2)

    def test_is_unknown_without_values(self) -> None:
        assert np.isnan(weighted_mean(np.array([[np.nan]]), np.array([[1.0]]))[0])
