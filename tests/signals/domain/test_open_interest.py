"""Read open interest in base units (DOMAIN 2.7, E28)."""

from __future__ import annotations

import numpy as np
import pytest

from signals.domain.open_interest import Interest, grouped_interest, interest_quadrants
from signals.domain.params import Params
from tests.signals.domain.test_indices import panel_of

PARAMS = Params()


def quadrant(price: float, interest: float) -> Interest:
    """Return the name of one pair of changes."""
    return Interest(int(interest_quadrants(np.array([price]), np.array([interest]), params=PARAMS)[0]))


class TestExampleE28:
    @pytest.mark.parametrize(
        ("price", "interest", "expected"),
        [
            (0.06, 0.09, Interest.LONG_BUILDUP),
            (0.06, -0.07, Interest.SHORT_COVERING),
            (-0.05, 0.08, Interest.SHORT_BUILDUP),
            (-0.08, -0.12, Interest.LONG_LIQUIDATION),
            (0.01, 0.01, Interest.STABLE),
        ],
    )
    def test_names_the_quadrant(self, price: float, interest: float, expected: Interest) -> None:
        assert quadrant(price, interest) == expected

    def test_contracts_not_dollars(self) -> None:
        contracts, dollars = 104 / 100 - 1, (104 * 11) / (100 * 10) - 1

        assert (contracts, dollars) == pytest.approx((0.04, 0.144))
        assert quadrant(0.10, contracts) == Interest.STABLE
        assert quadrant(0.10, dollars) == Interest.LONG_BUILDUP


class TestQuadrants:
    def test_flags_moves_of_interest_without_price(self) -> None:
        assert quadrant(0.02, 0.06) == Interest.COMPRESSION
        assert quadrant(-0.02, -0.06) == Interest.DELEVERAGING
        assert quadrant(0.10, 0.05) == Interest.STABLE

    def test_is_unknown_without_data(self) -> None:
        assert quadrant(np.nan, 0.1) == Interest.UNKNOWN
        assert quadrant(0.1, np.nan) == Interest.UNKNOWN

    def test_averages_relative_changes_by_dollars_at_the_start(self) -> None:
        closes = np.ones((8, 3))
        closes[0, 1] = closes[7, 1] = 9.0
        closes[7, 0] = 1.1
        interest = np.full((8, 3), 100.0)
        interest[7, :2] = [200.0, 100.0]

        names, price, grown = grouped_interest(
            panel_of(closes), interest, np.ones((8, 3), np.bool_) * [True, True, False], params=PARAMS
        )

        assert grown[7] == pytest.approx(0.1 * 1.0 + 0.9 * 0.0)
        assert price[7] == pytest.approx(0.1 * 0.1)
        assert names[7] == Interest.COMPRESSION
        assert names[6] == Interest.UNKNOWN
