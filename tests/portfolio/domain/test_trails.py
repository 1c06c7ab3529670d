"""What an entry bought is followed until it is sold, by the lots that the ledger relieved (DOMAIN 4.1, 5.1)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.events import Conversion, Event, MethodChange, Move, Side, SpotFill, Swap, TransferIn, TransferOut
from portfolio.domain.ledger import fold
from portfolio.domain.lots import Method, Scope
from portfolio.domain.outcomes import State
from portfolio.domain.trails import Sold, sales_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def place(number: int, account: int = 1) -> dict[str, Any]:
    return {"sequence": number, "account": account, "executed_at": START + timedelta(hours=number)}


def money(number: int, account: int = 1) -> TransferIn:
    return TransferIn(**place(number, account), asset="USD", quantity=D(100_000))


def buy(number: int, quantity: object, base: str = "X", **more: Any) -> SpotFill:
    terms = {"side": Side.BUY, "base": base, "quote": "USD", "quantity": D(str(quantity)), "price": D(2)}
    return SpotFill(**{**place(number), **terms, **more})


def sell(number: int, quantity: object, **more: Any) -> SpotFill:
    return replace(buy(number, quantity), side=Side.SELL, price=D(3), **more)


def move(number: int, quantity: object, *, account: int = 1, to: int = 2) -> Move:
    return Move(**place(number, account), asset="X", quantity=D(str(quantity)), to_account=to)


def method(number: int, name: Method, scope: Scope = Scope.ACCOUNT) -> MethodChange:
    return MethodChange(**place(number, 0), method=name, scope=scope)


def sold(*events: Event, origins: set[int], opening: State | None = None) -> list[tuple[int, D, D]]:
    """Give whose units were sold, how many, and for how much."""
    start = opening or State()
    found = sales_of(opening=start, outcomes=fold(events=events, opening=start).outcomes, origins=origins)
    return [(one.origin, one.quantity, one.proceeds) for one in found]


class TestLots:
    def test_a_sale_is_told_with_its_asset_and_moment(self) -> None:
        events = [money(1), buy(2, 10), sell(3, 4)]

        found = sales_of(opening=State(), outcomes=fold(events=events).outcomes, origins={2})

        assert found == [Sold(origin=2, asset="X", quantity=D(4), proceeds=D(12), sold_at=START + timedelta(hours=3))]

    def test_each_entry_has_what_of_its_own_lot_was_sold(self) -> None:
        events = [money(1), buy(2, 10), buy(3, 5), buy(4, 5), sell(5, 12), sell(6, 6)]

        assert sold(*events, origins={2, 4}) == [(2, 10, 30), (4, 3, 9)]

    def test_only_what_was_bought_is_followed(self) -> None:
        assert sold(money(1), buy(2, 10), sell(3, 10), origins={1, 3}) == []

    def test_a_sale_s_fee_in_the_asset_is_no_sale_of_its_own(self) -> None:
        fee = sell(3, 9, fee=D(1), fee_asset="X")

        assert sold(money(1), buy(2, 10), fee, origins={2}) == [(2, 10, 27)]

    def test_what_is_sent_or_spent_is_not_sold(self) -> None:
        sent = TransferOut(**place(3), asset="X", quantity=D(4))
        spent = buy(4, 1, base="Y", quote="X", quote_usd=D(2))

        assert sold(money(1), buy(2, 10), sent, spent, sell(5, 4), origins={2}) == [(2, 4, 12)]

    def test_what_became_another_token_is_not_followed(self) -> None:
        into = Conversion(**place(3), asset="X", quantity=D(10), into="Y", received=D(10))
        gone = Swap(**place(5), asset="X", quantity=D(5), into="Y", received=D(1), value=D(15))

        assert sold(money(1), buy(2, 10), into, sell(4, 10, base="Y"), origins={2}) == []
        assert sold(money(1), buy(2, 10), gone, sell(6, 5), origins={2}) == [(2, 5, 15)]

    def test_of_a_fill_in_a_coin_only_what_it_bought_is_its_own(self) -> None:
        for_coin = sell(3, 10, base="X", quote="C", quote_usd=D(1))

        assert sold(money(1), buy(2, 10), for_coin, sell(4, 30, base="C"), origins={2, 3}) == [(2, 10, 30)]

    def test_an_opening_lot_is_nobodys(self) -> None:
        opening = fold(events=[money(1), buy(2, 10), sell(3, 4)]).state

        found = sold(buy(4, 10), sell(5, 8), sell(6, 8), origins={2, 4}, opening=opening)

        assert found == [(4, 2, 6), (4, 8, 24)]


class TestMoves:
    def test_it_is_followed_to_another_account_in_the_order_of_its_lots(self) -> None:
        events = [money(1), buy(2, 10), buy(3, 10), move(4, 14), sell(5, 12, account=2), sell(6, 6)]

        assert sold(*events, origins={2, 3}) == [(2, 10, 30), (3, 2, 6), (3, 6, 18)]

    def test_there_and_back_again(self) -> None:
        events = [money(1), buy(2, 10), move(3, 6), move(4, 6, account=2, to=1), sell(5, 10)]

        assert sold(*events, origins={2}) == [(2, 4, 12), (2, 6, 18)]

    def test_a_shared_scope_moves_balances_only(self) -> None:
        events = [method(1, Method.FIFO, Scope.PORTFOLIO), money(2), buy(3, 10), move(4, 6), sell(5, 6, account=2)]

        assert sold(*events, origins={3}) == [(3, 6, 18)]


class TestPools:
    POOLED = (method(1, Method.AVG), money(2))

    def test_a_sale_takes_the_same_share_of_everybodys(self) -> None:
        events = [*self.POOLED, buy(3, 30), buy(4, 10), sell(5, 20), sell(6, 20)]

        assert sold(*events, origins={3, 4}) == [(3, 15, 45), (4, 5, 15), (3, 15, 45), (4, 5, 15)]
        assert sold(*events, origins={4}) == [(4, 5, 15), (4, 5, 15)]

    def test_shares_are_rounded_and_nothing_is_left_over(self) -> None:
        found = sold(*self.POOLED, buy(3, 1), buy(4, 2), sell(5, 1), sell(6, 2), origins={3})

        assert [quantity for _, quantity, _ in found] == [D("0.333333333333333333"), D("0.666666666666666667")]

    def test_an_emptied_pool_begins_anew(self) -> None:
        events = [*self.POOLED, buy(3, 10), sell(4, 10), buy(5, 10), sell(6, 5)]

        assert sold(*events, origins={3, 5}) == [(3, 10, 30), (5, 5, 15)]

    def test_each_account_has_a_pool(self) -> None:
        there = [money(4, 2), buy(5, 30, account=2)]

        assert sold(*self.POOLED, buy(3, 10), *there, sell(6, 10), origins={3, 5}) == [(3, 10, 30)]

    def test_each_asset_has_a_pool(self) -> None:
        assert sold(*self.POOLED, buy(3, 10), buy(4, 30, base="Y"), sell(5, 10), origins={3, 4}) == [(3, 10, 30)]

    def test_a_pool_for_all_accounts_is_one(self) -> None:
        events = [method(1, Method.AVG, Scope.PORTFOLIO), money(2), buy(3, 10), money(4, 2), buy(5, 30, account=2)]

        assert sold(*events, sell(6, 8), origins={3, 5}) == [(3, 2, 6), (5, 6, 18)]

    def test_an_open_pool_takes_in_what_is_bought_later(self) -> None:
        opening = fold(events=[*self.POOLED, buy(3, 10)]).state

        assert sold(buy(4, 30), sell(5, 20), origins={4}, opening=opening) == [(4, 15, 45)]

    def test_what_arrives_in_a_pool_keeps_whose_it_is(self) -> None:
        events = [*self.POOLED, buy(3, 30), buy(4, 10), move(5, 20), sell(6, 10, account=2)]

        assert sold(*events, origins={3, 4}) == [(3, D("7.5"), D("22.5")), (4, D("2.5"), D("7.5"))]

    def test_what_comes_back_to_its_pool_is_whole_again(self) -> None:
        there_and_back = [move(4, 4), move(5, 4, account=2, to=1)]

        assert sold(*self.POOLED, buy(3, 10), *there_and_back, sell(6, 5), origins={3}) == [(3, 5, 15)]

    def test_a_lot_that_is_sold_out_is_no_pool(self) -> None:
        left = [method(1, Method.LIFO), money(2), buy(3, 10), buy(4, 10), sell(5, 10), method(6, Method.AVG)]

        assert sold(*left, buy(7, 10), sell(8, 10), origins={7}) == [(7, 5, 15)]

    @pytest.mark.parametrize("scope", list(Scope))
    def test_lots_are_pooled_from_a_change_on(self, scope: Scope) -> None:
        events = [money(1), buy(2, 30), buy(3, 10), method(4, Method.AVG, scope), sell(5, 20), buy(6, 20), sell(7, 10)]

        found = sold(*events, origins={2, 3, 6})

        assert found == [(2, 15, 45), (3, 5, 15), (2, D("3.75"), D("11.25")), (3, D("1.25"), D("3.75")), (6, 5, 15)]

    def test_a_pool_of_two_lots_of_one_entry_is_that_entry_s(self) -> None:
        there_and_back = [move(3, 4), move(4, 4, account=2, to=1)]

        found = sold(money(1), buy(2, 10), *there_and_back, method(5, Method.AVG), sell(6, 5), origins={2})

        assert found == [(2, 5, 15)]

    def test_after_the_pool_the_lots_are_each_their_own_again(self) -> None:
        events = [*self.POOLED, buy(3, 10), method(4, Method.LIFO), buy(5, 10), sell(6, 12)]

        assert sold(*events, origins={3, 5}) == [(5, 10, 30), (3, 2, 6)]

    def test_a_narrower_scope_deals_the_lots_out_with_whose_they_are(self) -> None:
        events = [method(1, Method.FIFO, Scope.PORTFOLIO), money(2), buy(3, 10), buy(4, 10), move(5, 5)]

        found = sold(*events, method(6, Method.FIFO), sell(7, 5, account=2), sell(8, 15), origins={3, 4})

        assert found == [(4, 5, 15), (3, 10, 30), (4, 5, 15)]
