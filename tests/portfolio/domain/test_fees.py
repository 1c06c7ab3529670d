"""Fees are compared with what they were paid for (DOMAIN 4.7)."""

from decimal import Decimal as D

import pytest

from portfolio.domain.fees import fee_ratio
from portfolio.domain.returns import fee_drag


class TestFees:
    """E39."""

    def test_ratio_and_drag(self) -> None:
        fees, gross, capital = D("31.2"), D(120), D(10_000)

        drag = fee_drag(costs=fees, average_capital=capital, days=30)

        assert (fee_ratio(fees=fees, gross=gross), gross - fees) == (D("0.26"), D("88.8"))
        assert fees / capital == D("0.00312")
        assert drag.value == pytest.approx(0.03796, abs=5e-9)

    def test_a_loss_is_as_large_as_a_gain_and_nothing_has_no_ratio(self) -> None:
        assert fee_ratio(fees=D(5), gross=D(-20)) == D("0.25")
        assert fee_ratio(fees=D(5), gross=D(0)) is None
