"""Lots are relieved in the order of the method and leave no residue (DOMAIN 4.1)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.lots import Lot, Method, add_lot, relieve

START = datetime(2026, 1, 1, tzinfo=UTC)
parts = st.decimals(min_value=D("1e-18"), max_value=D("1e19"), places=18)


def lot(number: int, quantity: object, cost: object) -> Lot:
    units, price = D(str(quantity)), D(str(cost))
    return Lot(1, "X", START + timedelta(days=number), number, units, price, units, price)


class TestMethods:
    """E11."""

    LOTS = (lot(1, 10, 1000), lot(2, 10, 1200), lot(3, 10, 900))

    @pytest.mark.parametrize(
        ("method", "pnl", "remaining"),
        [("FIFO", 350, 1500), ("LIFO", 450, 1600), ("HIFO", 250, 1400), ("AVG", 400, 1550)],
    )
    def test_sell_15_at_130(self, method: str, pnl: int, remaining: int) -> None:
        relief = relieve(lots=self.LOTS, quantity=D(15), method=Method(method))

        assert 15 * 130 - sum(match.cost for match in relief.matches) == pnl
        assert sum(lot.remaining_cost for lot in relief.open) == remaining
        assert [lot.sequence for lot in relief.open] == sorted(lot.sequence for lot in relief.open)

    def test_average_pools_what_is_bought_later(self) -> None:
        lots: list[Lot] = []
        for one in self.LOTS:
            add_lot(lots=lots, lot=one, method=Method.AVG)

        relief = relieve(lots=lots, quantity=D(15), method=Method.AVG)

        assert len(lots) == 1
        assert [match.cost for match in relief.matches] == [1550]

    def test_highest_cost_ties_go_to_the_oldest(self) -> None:
        relief = relieve(lots=[lot(1, 1, 5), lot(2, 2, 10)], quantity=D(1), method=Method.HIFO)

        assert [match.lot.sequence for match in relief.matches] == [1]

    def test_a_lot_acquired_earlier_elsewhere_takes_its_place(self) -> None:
        lots = [lot(1, 1, 1), lot(5, 1, 1)]

        add_lot(lots=lots, lot=lot(3, 1, 1), method=Method.FIFO)

        assert [one.sequence for one in lots] == [1, 3, 5]


class TestRelief:
    @given(st.lists(st.tuples(parts, parts), min_size=1, max_size=6), parts, st.sampled_from(Method))
    def test_takes_exactly_the_quantity_and_leaves_no_residue(
        self, bought: list[tuple[D, D]], asked: D, method: Method
    ) -> None:
        lots = [lot(n, quantity, cost) for n, (quantity, cost) in enumerate(bought)]
        whole = sum(int(quantity * 10**18) for quantity, _ in bought)
        quantity = D(min(int(asked * 10**18), whole)).scaleb(-18)

        relief = relieve(lots=lots, quantity=quantity, method=method)

        taken = sum(int(match.quantity * 10**18) for match in relief.matches)
        assert taken == int(quantity * 10**18)
        assert all(0 < one.remaining_quantity <= one.quantity for one in relief.open)
        assert all(0 <= one.remaining_cost <= one.cost for one in relief.changed)
        assert all(one.remaining_quantity or not one.remaining_cost for one in relief.changed)

    @given(st.lists(st.tuples(parts, parts), min_size=1, max_size=6), st.sampled_from(Method))
    def test_selling_everything_costs_everything(self, bought: list[tuple[D, D]], method: Method) -> None:
        lots = [lot(n, quantity, cost) for n, (quantity, cost) in enumerate(bought)]
        whole = D(sum(int(quantity * 10**18) for quantity, _ in bought)).scaleb(-18)

        relief = relieve(lots=lots, quantity=whole, method=method)

        assert not relief.open
        assert sum(int(m.cost * 10**18) for m in relief.matches) == sum(int(c * 10**18) for _, c in bought)
