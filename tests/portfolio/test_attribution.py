"""The effects of a day add up to its active return, and linked ones to that of the period (DOMAIN 4.7)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from portfolio.domain.attribution import brinson_fachler, carino, linked_effect
from portfolio.domain.benchmark import (
    Flow,
    basket_returns,
    first_of_month,
    held_after,
    held_value,
    rebalanced,
)
from portfolio.domain.returns import linked
from tests.portfolio.test_returns import START

CORE_DEFI_AI_STABLE = {
    "weights": np.array([0.50, 0.075, 0.225, 0.20]),
    "benchmark_weights": np.array([0.50, 0.15, 0.15, 0.20]),
    "returns": np.array([0.04, -0.01, 0.24, 0.003]),
    "benchmark_returns": np.array([0.04, -0.02, 0.20, 0.003]),
}


class TestBrinsonFachler:
    def test_the_worked_example(self) -> None:
        effects = brinson_fachler(**CORE_DEFI_AI_STABLE)

        assert effects.allocation == pytest.approx([0, 0.00507, 0.01143, 0], abs=1e-15)
        assert effects.selection == pytest.approx([0, 0.0015, 0.006, 0], abs=1e-15)
        assert effects.interaction == pytest.approx([0, -0.00075, 0.003, 0], abs=1e-15)
        assert effects.choice == pytest.approx(effects.selection + effects.interaction)
        assert effects.total.sum() == pytest.approx(0.02625, abs=1e-15)

    def test_days_are_split_each_for_itself(self) -> None:
        two = {name: np.stack([values, values * 2]) for name, values in CORE_DEFI_AI_STABLE.items()}

        effects = brinson_fachler(**two)

        assert effects.allocation[0] == pytest.approx(brinson_fachler(**CORE_DEFI_AI_STABLE).allocation)


class TestCarino:
    def test_the_worked_example(self) -> None:
        p, b = np.array([0.07385, -0.02]), np.array([0.0476, 0.01])
        coefficients = carino(returns=p, benchmark_returns=b)

        assert coefficients is not None
        allocation = linked_effect(effect=np.array([0.0165, -0.02]), coefficients=coefficients)
        choice = linked_effect(effect=np.array([0.00975, -0.01]), coefficients=coefficients)
        assert coefficients == pytest.approx([0.9948627497, 1.060604906], abs=5e-10)
        assert allocation == pytest.approx(-0.0047968627, abs=5e-11)
        assert choice == pytest.approx(-0.0009061373, abs=5e-11)
        assert allocation + choice == pytest.approx(-0.005703, abs=1e-15)

    def test_equal_returns_have_a_limit(self) -> None:
        same = np.array([0.1, 0.2])

        assert carino(returns=same, benchmark_returns=same) == pytest.approx(1.32 / (1 + same))

    def test_a_day_without_a_difference_is_scaled_by_the_limit(self) -> None:
        coefficients = carino(returns=np.array([0.1, 0.05]), benchmark_returns=np.array([0.1, 0.02]))

        whole = np.log(1.155 / 1.122) / 0.033
        assert coefficients == pytest.approx([1 / 1.1 / whole, np.log(1.05 / 1.02) / 0.03 / whole])

    def test_a_total_loss_cannot_be_linked(self) -> None:
        assert carino(returns=np.array([0.1, -1.0]), benchmark_returns=np.array([0.1, 0.1])) is None
        assert carino(returns=np.array([0.1, 0.1]), benchmark_returns=np.array([-1.0, 0.1])) is None


moves = arrays(np.float64, (6, 3), elements=st.floats(-0.4, 0.6))
shares = arrays(np.float64, (6, 3), elements=st.floats(0.01, 1.0))


class TestProperties:
    @given(shares, shares, moves, moves)
    def test_linked_effects_add_up_to_the_active_return(
        self, held: np.ndarray, aimed: np.ndarray, returns: np.ndarray, benchmark: np.ndarray
    ) -> None:
        weights = held / held.sum(axis=1, keepdims=True)
        benchmark_weights = aimed / aimed.sum(axis=1, keepdims=True)
        p, b = np.sum(weights * returns, axis=1), np.sum(benchmark_weights * benchmark, axis=1)

        effects = brinson_fachler(
            weights=weights, benchmark_weights=benchmark_weights, returns=returns, benchmark_returns=benchmark
        )
        coefficients = carino(returns=p, benchmark_returns=b)

        assert coefficients is not None
        assert effects.total.sum(axis=1) == pytest.approx(p - b, abs=1e-12)
        total = linked_effect(effect=effects.total, coefficients=coefficients).sum()
        assert total == pytest.approx(linked(p) - linked(b), abs=1e-10)

    @given(moves)
    def test_who_holds_the_benchmark_has_no_effects(self, returns: np.ndarray) -> None:
        weights = np.full((6, 3), 1 / 3)

        effects = brinson_fachler(
            weights=weights, benchmark_weights=weights, returns=returns, benchmark_returns=returns
        )

        assert effects.total == pytest.approx(np.zeros((6, 3)))

    @given(moves)
    def test_a_benchmark_that_is_never_reset_is_bought_once(self, returns: np.ndarray) -> None:
        targets = np.tile([0.5, 0.3, 0.2], (6, 1))

        followed = rebalanced(targets=targets, moves=returns, resets=[False] * 6)

        bought = np.array([0.5, 0.3, 0.2]) * np.cumprod(1 + returns, axis=0)
        assert np.cumprod(1 + followed.returns) == pytest.approx(bought.sum(axis=1))


def flow(asset: str, quantity: str, value: str) -> Flow:
    """Return a flow of an asset and its worth."""
    return Flow(asset=asset, quantity=D(quantity), value=D(value))


class TestHold:
    PRICES = {"BTC": D(100), "UNI": D(4)}

    def test_what_comes_in_is_kept_as_it_came(self) -> None:
        kept = held_after(
            units={"BTC": D(1)}, flows=[flow("BTC", "0.5", "50"), flow("UNI", "3", "12")], prices=self.PRICES
        )

        assert kept == {"BTC": D("1.5"), "UNI": D(3)}
        assert held_value(units=kept, prices=self.PRICES) == 162

    def test_what_goes_out_takes_a_share_of_everything(self) -> None:
        held = {"BTC": D(1), "UNI": D(25)}

        assert held_after(units=held, flows=[flow("UNI", "-10", "-40")], prices=self.PRICES) == {
            "BTC": D("0.8"),
            "UNI": D(20),
        }
        assert held_after(units=held, flows=[flow("UNI", "-50", "-200")], prices=self.PRICES) == {}
        assert held_after(units=held, flows=[flow("UNI", "-60", "-240")], prices=self.PRICES) == {}

    def test_little_that_comes_in_leaves_the_rest_alone(self) -> None:
        kept = held_after(units={"BTC": D(1), "UNI": D(25)}, flows=[flow("BTC", "0.5", "50")], prices=self.PRICES)

        assert kept == {"BTC": D("1.5"), "UNI": D(25)}

    def test_what_has_no_price_is_not_valued(self) -> None:
        assert held_value(units={"BTC": D(1), "NEW": D(7)}, prices=self.PRICES) == 100


class TestRebalanced:
    def test_weights_drift_until_they_are_set_anew(self) -> None:
        targets = np.array([[0.5, 0.5], [0.5, 0.5], [0.8, 0.2]])
        returns = np.array([[1.0, 0.0], [0.0, 0.5], [0.1, 0.0]])

        followed = rebalanced(targets=targets, moves=returns, resets=[False, False, True])

        assert followed.weights == pytest.approx(np.array([[0.5, 0.5], [2 / 3, 1 / 3], [0.8, 0.2]]))
        assert followed.returns == pytest.approx([0.5, 1 / 6, 0.08])

    def test_an_unknown_part_makes_the_day_unknown_unless_nothing_is_held_of_it(self) -> None:
        returns = np.array([[0.1, np.nan], [0.1, np.nan]])

        followed = rebalanced(targets=np.array([[1.0, 0.0], [0.5, 0.5]]), moves=returns, resets=[True, True])

        assert followed.returns[0] == pytest.approx(0.1)
        assert np.isnan(followed.returns[1])
        assert followed.weights[1] == pytest.approx([0.5, 0.5])

    def test_what_lost_everything_keeps_its_weights(self) -> None:
        followed = rebalanced(targets=np.array([[1.0], [1.0]]), moves=np.array([[-1.0], [0.5]]), resets=[False, False])

        assert followed.weights[1] == pytest.approx([1.0])

    def test_it_is_set_on_the_first_day_and_on_the_first_of_a_month(self) -> None:
        days = [START + timedelta(days=n) for n in (29, 30, 31, 32)]

        assert first_of_month(days) == [True, False, True, False]


class TestBasket:
    def test_units_are_valued_before_and_after(self) -> None:
        prices = np.array([[100.0, 10.0], [110.0, 10.0], [110.0, 5.0]])

        found = basket_returns(quantities=np.array([[1.0, 10.0], [1.0, 0.0]]), prices=prices)

        assert found == pytest.approx([0.05, 0.0])

    def test_less_than_a_dollar_has_a_return_too(self) -> None:
        found = basket_returns(quantities=np.array([[0.5]]), prices=np.array([[1.0], [1.5]]))

        assert found == pytest.approx([0.5])

    def test_what_has_no_price_is_left_out(self) -> None:
        prices = np.array([[100.0, np.nan], [110.0, 10.0], [np.nan, 5.0]])

        found = basket_returns(quantities=np.ones((2, 2)), prices=prices)

        assert found == pytest.approx([0.1, -0.5])

    def test_nothing_priced_has_no_return(self) -> None:
        prices = np.array([[np.nan], [1.0]])

        assert np.isnan(basket_returns(quantities=np.ones((1, 1)), prices=prices)[0])
        assert np.isnan(basket_returns(quantities=np.zeros((1, 1)), prices=np.ones((2, 1)))[0])
