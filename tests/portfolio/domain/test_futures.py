"""Linear positions add, reduce and flip; liquidation takes the nearer convention (DOMAIN 4.2, 4.3)."""

from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portfolio.domain.futures import (
    Position,
    Tier,
    bankruptcy_price,
    liquidation_price,
    liquidation_price_at_entry,
    liquidation_price_at_mark,
    trade,
    unrealized,
)

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
        added = trade(position=opened("1000", "2", "3"), quantity=D(500), price=D("2.3"), leverage=D(3)).position

        assert added.entry_price == D("2.1")

    def test_releases_margin_pro_rata(self) -> None:
        done = trade(position=opened("1000", "2", "4"), quantity=D(-250), price=D(3), leverage=D(1))

        assert (done.margin_released, done.margin_posted, done.position.margin) == (125, 0, 375)

    def test_flip_releases_all_and_posts_for_the_rest(self) -> None:
        done = trade(position=opened("10", "2", "2"), quantity=D(-15), price=D(4), leverage=D(5))

        assert (done.margin_released, done.margin_posted) == (10, 4)
        assert (done.position.quantity, done.position.entry_price, done.position.leverage) == (-5, 4, 5)

    def test_flat_has_no_price_and_no_side(self) -> None:
        assert (FLAT.entry_price, FLAT.leverage, FLAT.side) == (None, None, 0)
        assert liquidation_price_at_mark(position=FLAT, mmr=D("0.01")) is None
        assert liquidation_price_at_entry(position=FLAT, mmr=D("0.01")) is None
        assert liquidation_price(position=FLAT, tiers=[Tier(D(0), D("0.01"))]) is None
        assert bankruptcy_price(FLAT) is None

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


class TestLiquidation:
    def test_scenario_a(self) -> None:
        """E03."""
        overlay = opened("1500", "2", "3")
        tiers = [Tier(D(0), D("0.01"))]

        at_mark = liquidation_price_at_mark(position=overlay, mmr=D("0.01"))
        at_entry = liquidation_price_at_entry(position=overlay, mmr=D("0.01"))

        assert at_mark is not None
        assert at_entry is not None
        assert overlay.margin == 1000
        assert round(at_mark, 8) == D("1.34680135")
        assert round((2 - at_mark) / 2, 8) == D("0.32659933")
        assert round(at_entry, 8) == D("1.35333333")
        assert liquidation_price(position=overlay, tiers=tiers) == at_entry
        assert round(bankruptcy_price(overlay) or 0, 8) == D("1.33333333")

    def test_scenario_a_in_dollars(self) -> None:
        """E03."""
        ai, notional, stop = D(7500), D(1000) * 3, D(2) * (1 - D("0.15"))
        one_r = 1500 * (2 - stop) + D("0.0005") * (notional + 1500 * stop)

        assert (ai + notional, (ai + notional) / 10_000) == (10_500, D("1.05"))
        assert D("6666.67") - 1000 == D("5666.67")
        assert (stop, one_r) == (D("1.7"), D("452.775"))
        assert round(one_r / D("33333.33"), 8) == D("0.01358325")
        assert round(D("0.15") / D("0.32659933"), 6) == D("0.459278")

    def test_walks_the_tiers(self) -> None:
        """E15."""
        tiers = [Tier(D(0), D(".004")), Tier(D(50_000), D(".005"), D(50)), Tier(D(600_000), D(".0065"), D(950))]

        def at_mark(quantity: str) -> D:
            price = liquidation_price(position=opened(quantity, "60000", "10"), tiers=tiers)
            assert price is not None
            return round(price, 6)

        third = liquidation_price_at_mark(position=opened("10.5", "60000", "10"), mmr=D(".0065"), cum=D(950))
        assert round(third or D(0), 6) == D("54262.228293")
        assert at_mark("20") >= D("54305.485657")
        assert at_mark("-20") <= D("65620.963736")
        assert at_mark("10.5") >= D("54266.570950")

    @pytest.mark.parametrize("quantity", ["20", "-20"])
    def test_binance_prices(self, quantity: str) -> None:
        """E15."""
        position = opened(quantity, "60000", "10")
        price = liquidation_price_at_mark(position=position, mmr=D("0.0065"), cum=D(950))

        assert round(price or D(0), 6) == D("54305.485657" if position.side > 0 else "65620.963736")

    def test_fully_margined_long_cannot_be_liquidated(self) -> None:
        position = opened("1", "100", "1")

        assert bankruptcy_price(position) is None
        assert liquidation_price_at_mark(position=position, mmr=D("0.01")) is None

    @given(sizes, prices, st.integers(2, 20), st.booleans())
    def test_equity_is_maintenance_at_that_price(self, size: D, price: D, leverage: int, is_long: bool) -> None:
        position = opened(str(size if is_long else -size), str(price), str(leverage))
        mmr = D("0.01")

        found = liquidation_price_at_mark(position=position, mmr=mmr)

        assert found is not None
        equity = Fraction(position.margin) + Fraction(position.quantity) * Fraction(found)
        equity -= position.side * Fraction(position.entry_cost)
        maintenance = Fraction(size) * Fraction(found) * Fraction(mmr)
        assert abs(equity - maintenance) <= Fraction(size) / 10**17
