"""Lots are relieved in the order of the method and leave no residue (DOMAIN 4.1)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.lots import Lot, Method
from portfolio.domain.piles import Pile, lot_of, scaled

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
        [("FIFO", 350, 1500), ("LIFO", 450, 1600), ("HIFO", 250, 1400)],
    )
    def test_sell_15_at_130(self, method: str, pnl: int, remaining: int) -> None:
        pile = Pile(Method(method), self.LOTS)

        taken = pile.take(scaled(D(15)))

        assert scaled(D(15 * 130)) - sum(cost for _, _, cost in taken) == scaled(D(pnl))
        assert sum(lot.remaining_cost for lot in pile.lots()) == remaining
        assert [lot.sequence for lot in pile.lots()] == sorted(lot.sequence for lot in pile.lots())

    def test_average_pools_what_is_bought(self) -> None:
        pile = Pile(Method.AVG)
        for one in self.LOTS:
            pile.add(one)

        (taken,) = pile.take(scaled(D(15)))

        assert taken[2] == scaled(D(1550))
        assert [(one.sequence, one.quantity, one.remaining_cost) for one in pile.lots()] == [(1, 30, 1550)]

    def test_the_pool_is_told_with_all_it_took_in(self) -> None:
        pile = Pile(Method.AVG)
        first, second = lot(1, 10, 100), lot(2, 30, 500)._replace(is_assumed=True)
        pile.add(first)

        piece = pile.add(second)

        whole = first._replace(quantity=D(40), cost=D(600), is_assumed=True)
        assert piece[3] == whole._replace(remaining_quantity=D(40), remaining_cost=D(600))
        assert pile.add(first)[3].is_assumed

    def test_highest_cost_ties_go_to_the_oldest(self) -> None:
        pile = Pile(Method.HIFO, [lot(2, 2, 10), lot(1, 1, 5)])

        ((piece, _, _),) = pile.take(scaled(D(1)))

        assert piece[3].sequence == 1

    def test_unit_costs_that_differ_in_the_last_digit_are_told_apart(self) -> None:
        cheap, dear = lot(1, "3", "99999999999999999999"), lot(2, "3", "99999999999999999999.000000000000000001")
        pile = Pile(Method.HIFO, [cheap, dear])

        assert [piece[3].sequence for piece, _, _ in pile.take(scaled(D(1)))] == [2]

    @pytest.mark.parametrize("method", [Method.FIFO, Method.LIFO])
    def test_a_lot_acquired_earlier_elsewhere_takes_its_place(self, method: Method) -> None:
        pile = Pile(method, [lot(1, 1, 1), lot(5, 1, 1)])

        pile.add(lot(3, 1, 1))

        order = [piece[3].sequence for piece, _, _ in pile.take(scaled(D(3)))]
        assert order == ([1, 3, 5] if method is Method.FIFO else [5, 3, 1])


class TestLots:
    def test_a_closed_one_has_nothing_left_and_keeps_all_else(self) -> None:
        opened = lot(1, 3, 9)._replace(is_assumed=True, ordinal=2)

        ((piece, _, _),) = Pile(Method.FIFO, [opened]).take(scaled(D(3)))

        assert lot_of(piece) == opened._replace(remaining_quantity=D(0), remaining_cost=D(0))

    def test_one_that_is_left_in_part_is_matched_as_it_was_opened(self) -> None:
        opened = lot(1, 4, 8)
        pile = Pile(Method.FIFO, [opened._replace(remaining_quantity=D(3), remaining_cost=D(6))])

        ((piece, units, cost),) = pile.take(scaled(D(1)))

        assert (piece[3], units, cost) == (opened, scaled(D(1)), scaled(D(2)))
        assert lot_of(piece) == opened._replace(remaining_quantity=D(2), remaining_cost=D(4))

    @pytest.mark.parametrize("method", Method)
    def test_the_oldest_comes_first_whoever_holds_it(self, method: Method) -> None:
        newer, older = lot(2, 1, 1), lot(1, 1, 5)._replace(account=2)

        assert Pile(method, [newer, older]).lots() == (older, newer)


class TestRelief:
    @given(st.lists(st.tuples(parts, parts), min_size=1, max_size=6), parts, st.sampled_from(Method))
    def test_takes_exactly_the_quantity_and_leaves_no_residue(
        self, bought: list[tuple[D, D]], asked: D, method: Method
    ) -> None:
        lots = [lot(n, quantity, cost) for n, (quantity, cost) in enumerate(bought)]
        whole = sum(int(quantity * 10**18) for quantity, _ in bought)
        quantity = D(min(int(asked * 10**18), whole)).scaleb(-18)

        pile = piled(lots, method)
        taken = pile.take(scaled(quantity))

        assert sum(units for _, units, _ in taken) == scaled(quantity)
        assert all(0 < one.remaining_quantity <= one.quantity for one in pile.lots())
        assert all(0 <= one.remaining_cost <= one.cost for one in pile.lots())
        assert all(piece[1] or not piece[2] for piece, _, _ in taken)

    @given(st.lists(st.tuples(parts, parts), min_size=1, max_size=6), st.sampled_from(Method))
    def test_selling_everything_costs_everything(self, bought: list[tuple[D, D]], method: Method) -> None:
        lots = [lot(n, quantity, cost) for n, (quantity, cost) in enumerate(bought)]
        whole = D(sum(int(quantity * 10**18) for quantity, _ in bought)).scaleb(-18)

        pile = piled(lots, method)
        taken = pile.take(scaled(whole))

        assert not pile.lots()
        assert sum(cost for _, _, cost in taken) == sum(int(c * 10**18) for _, c in bought)


class TestShare:
    @pytest.mark.parametrize(
        ("total", "part", "whole", "rounded"), [(1, 1, 2, 0), (3, 1, 2, 2), (5, 1, 2, 2), (1, 2, 3, 1), (1, 1, 3, 0)]
    )
    def test_halves_go_to_even(self, total: int, part: int, whole: int, rounded: int) -> None:
        pile = Pile(Method.FIFO, [lot(1, D(whole).scaleb(-18), D(total).scaleb(-18))])

        ((piece, units, cost),) = pile.take(part)

        assert (units, cost) == (part, rounded)
        assert piece[1:3] == [whole - part, total - rounded]


def piled(lots: list[Lot], method: Method) -> Pile:
    pile = Pile(method)
    for one in lots:
        pile.add(one)
    return pile
