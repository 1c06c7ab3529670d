"""Linear and inverse positions add, reduce and flip (DOMAIN 4.2)."""

from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portfolio.domain.futures import (
    MarginMode,
    Position,
    contract_value,
    return_on_margin,
    trade,
    unrealized,
    with_margin,
)
from portfolio.domain.money import AmountError

FLAT = Position(settle="USD")
sizes = st.decimals(min_value=D("0.001"), max_value=D(1000), places=3)
prices = st.decimals(min_value=D("0.01"), max_value=D(100_000), places=2)
trades = st.lists(st.tuples(st.booleans(), sizes, prices), min_size=1, max_size=12)


def opened(quantity: str, price: str, leverage: str) -> Position:
    return trade(position=FLAT, quantity=D(quantity), price=D(price), leverage=D(leverage)).position


def run(fills: list[tuple[bool, D, D]], *, mirrored: bool = False) -> tuple[Position, D]:
    position, realized = FLAT, D(0)
    for is_long, size, price in fills:
        signed = size if is_long is not mirrored else -size
        done = trade(position=position, quantity=signed, price=price, leverage=D(3))
        position, realized = done.position, realized + done.realized
    return position, realized


class TestTrade:
    """E13."""

    def test_adds_reduces_and_flips(self) -> None:
        position, realized, fees = FLAT, [], D(0)
        for quantity, price in [("1000", "2.00"), ("500", "2.30"), ("-600", "2.50"), ("-1400", "2.40")]:
            done = trade(position=position, quantity=D(quantity), price=D(price), leverage=D(3))
            position = done.position
            realized.append(done.realized)
            fees += abs(D(quantity)) * D(price) * D("0.0005")

        assert realized == [0, 0, 240, 270]
        assert (position.quantity, position.entry_price) == (-500, D("2.4"))
        assert unrealized(position=position, mark=D("2.2")) == 100
        assert fees == D("4.005")
        assert sum(realized) - fees == D("505.995")

    def test_averages_the_entry(self) -> None:
        done = trade(position=opened("1000", "2", "4"), quantity=D(500), price=D("2.3"), leverage=D(4))

        assert done.position.entry_price == D("2.1")
        assert (done.realized, done.margin_released, done.margin_posted) == (0, 0, D("287.5"))

    def test_releases_margin_pro_rata(self) -> None:
        done = trade(position=opened("1000", "2", "4"), quantity=D(-250), price=D(3), leverage=D(1))

        assert (done.margin_released, done.margin_posted, done.position.margin) == (125, 0, 375)

    def test_flip_releases_all_and_posts_for_the_rest(self) -> None:
        done = trade(position=opened("10", "2", "2"), quantity=D(-15), price=D(4), leverage=D(5))

        assert (done.margin_released, done.margin_posted) == (10, 4)
        assert (done.position.quantity, done.position.entry_price, done.position.leverage) == (-5, 4, 5)

    def test_flat_has_no_price_and_no_side(self) -> None:
        assert (FLAT.entry_price, FLAT.leverage, FLAT.side) == (None, None, 0)
        assert (FLAT.realized_usd, FLAT.fees_usd, FLAT.funding_usd, FLAT.margin) == (0, 0, 0, 0)
        assert (FLAT.is_inverse, FLAT.margin_mode, FLAT.chain) == (False, MarginMode.ISOLATED, "")
        assert (FLAT.polarity, unrealized(position=FLAT, mark=D(5))) == (0, 0)

    @given(trades)
    def test_swapping_long_and_short_mirrors_everything(self, fills: list[tuple[bool, D, D]]) -> None:
        (one, gain), (other, loss) = run(fills), run(fills, mirrored=True)

        assert gain == -loss
        assert one.quantity == -other.quantity
        assert (one.entry_cost, one.margin) == (other.entry_cost, other.margin)

    @given(trades, prices)
    def test_realised_and_unrealised_are_the_cash_and_the_mark(self, fills: list[tuple[bool, D, D]], mark: D) -> None:
        position, realized = run(fills)

        cash = sum((Fraction(-size if up else size) * Fraction(price) for up, size, price in fills), Fraction(0))
        total = Fraction(realized) + Fraction(unrealized(position=position, mark=mark))
        assert total == cash + Fraction(position.quantity) * Fraction(mark)

    @given(trades, prices)
    def test_closing_leaves_nothing(self, fills: list[tuple[bool, D, D]], price: D) -> None:
        position, _ = run(fills)
        assume(position.quantity)

        closed = trade(position=position, quantity=-position.quantity, price=price, leverage=D(1))

        assert closed.position == FLAT
        assert closed.margin_released == position.margin


class TestInverse:
    """E14."""

    COIN = Position(settle="BTC", is_inverse=True)

    def opened(self) -> Position:
        first = trade(position=self.COIN, quantity=D(1000), price=D(5000), leverage=D(10)).position
        return trade(position=first, quantity=D(2000), price=D(6000), leverage=D(10)).position

    def test_the_entry_is_the_harmonic_mean(self) -> None:
        assert round(self.opened().entry_price or D(0), 8) == 5625

    def test_unrealised_is_in_coin(self) -> None:
        first = trade(position=self.COIN, quantity=D(1000), price=D(5000), leverage=D(1)).position

        assert round(unrealized(position=first, mark=D(5500)), 10) == D("0.0181818182")

    def test_a_partial_close_realises_coin_and_keeps_the_entry(self) -> None:
        done = trade(position=self.opened(), quantity=D(-1500), price=D(6000), leverage=D(1))
        fee = contract_value(quantity=D(1500), price=D(6000), is_inverse=True) * D("0.00055")

        assert round(done.realized, 10) == D("0.0166666667")
        assert (fee, round(done.realized - fee, 10)) == (D("0.0001375"), D("0.0165291667"))
        assert round(done.position.entry_price or D(0), 8) == 5625
        assert done.position.quantity == 1500

    def test_margin_is_coin_and_released_pro_rata(self) -> None:
        first = trade(position=self.COIN, quantity=D(1000), price=D(5000), leverage=D(4)).position

        done = trade(position=first, quantity=D(-250), price=D(5000), leverage=D(4))

        assert (first.margin, first.leverage) == (D("0.05"), 4)
        assert (done.margin_released, done.realized) == (D("0.0125"), 0)

    def test_flip_closes_all_and_opens_the_rest_at_the_price(self) -> None:
        first = trade(position=self.COIN, quantity=D(1000), price=D(5000), leverage=D(5)).position

        done = trade(position=first, quantity=D(-3000), price=D(4000), leverage=D(5))

        assert (done.realized, done.margin_released, done.margin_posted) == (D("-0.05"), D("0.04"), D("0.1"))
        assert (done.position.quantity, done.position.entry_price) == (-2000, 4000)

    def test_a_size_worth_less_than_any_coin_is_refused(self) -> None:
        message = r"^This size is worth nothing at this price: fewer than 18 digits after the point\.$"

        with pytest.raises(AmountError, match=message):
            trade(position=self.COIN, quantity=D("1e-14"), price=D(100_000), leverage=D(1))

        assert trade(position=FLAT, quantity=D("1e-18"), price=D("0.1"), leverage=D(1)).position.entry_cost == 0

    def test_a_short_gains_coin_as_the_price_falls(self) -> None:
        short = trade(position=self.COIN, quantity=D(-1000), price=D(5000), leverage=D(5)).position

        assert (short.side, short.polarity) == (-1, 1)
        assert unrealized(position=short, mark=D(4000)) == D("0.05")
        assert unrealized(position=short, mark=D(10_000)) == D("-0.1")

    @given(trades, prices)
    def test_realised_and_unrealised_are_the_coin_that_changed_hands(
        self, fills: list[tuple[bool, D, D]], mark: D
    ) -> None:
        position, realized, coin = self.COIN, D(0), Fraction(0)
        for is_long, size, price in fills:
            signed = size if is_long else -size
            done = trade(position=position, quantity=signed, price=price, leverage=D(3))
            position, realized = done.position, realized + done.realized
            coin += Fraction(signed) / Fraction(price)

        total = Fraction(realized) + Fraction(unrealized(position=position, mark=mark))
        exactly = coin - Fraction(position.quantity) / Fraction(mark)
        assert abs(total - exactly) <= Fraction(3 * len(fills) + 2, 10**18)


class TestMargin:
    def test_posted_later_it_leaves_size_and_entry(self) -> None:
        more = with_margin(position=opened("10", "2", "2"), amount=D(5))

        assert (more.margin, more.quantity, more.entry_price) == (15, 10, 2)
        assert round(more.leverage or D(0), 6) == D("1.333333")

    def test_return_on_margin(self) -> None:
        assert return_on_margin(gain=D(5), margin=D(20)) == D("0.25")
        assert return_on_margin(gain=D(5), margin=D(0)) is None
