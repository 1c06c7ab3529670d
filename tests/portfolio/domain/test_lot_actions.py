"""Moves, migrations, rebases, swaps and changes of method, in numbers (DOMAIN 4.1, F63, E11, E12, E38)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.events import (
    Conversion,
    Event,
    EventError,
    MethodChange,
    Move,
    Rebase,
    Side,
    SpotFill,
    Swap,
    TransferIn,
    TransferOut,
)
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.lots import EVERYWHERE, Method, Scope
from portfolio.domain.outcomes import Kind, LedgerError, Oversold

START = datetime(2026, 1, 1, tzinfo=UTC)


def place(number: int, account: int = 1) -> dict[str, Any]:
    return {"sequence": number, "account": account, "executed_at": START + timedelta(days=number)}


def deposit(number: int, asset: str, quantity: object, cost: object, account: int = 1, **more: Any) -> TransferIn:
    return TransferIn(**place(number, account), asset=asset, quantity=D(str(quantity)), cost=D(str(cost)), **more)


def move(number: int, asset: str, quantity: object, **more: Any) -> Move:
    amounts = {name: D(more.pop(name)) for name in ("fee", "fee_usd", "value") if name in more}
    return Move(**place(number), asset=asset, quantity=D(str(quantity)), to_account=2, **amounts, **more)


def sell(number: int, asset: str, quantity: object, price: object, account: int = 1, **more: Any) -> SpotFill:
    amounts = {"quantity": D(str(quantity)), "price": D(str(price))}
    return SpotFill(**place(number, account), side=Side.SELL, base=asset, quote="USD", **amounts, **more)


def lots(folded: Folded, account: int, asset: str) -> list[tuple[int, D, D]]:
    """Give each open lot as the day it was acquired, its units and its cost."""
    return [
        ((lot.acquired_at - START).days, lot.remaining_quantity, lot.remaining_cost)
        for lot in folded.state.lots_of(account, asset)
    ]


def run(*events: Event, method: Method = Method.FIFO) -> Folded:
    return fold(events=events, method=method)


class TestMethods:
    @pytest.mark.parametrize(("method", "gain"), [("FIFO", 350), ("LIFO", 450), ("HIFO", 250), ("AVG", 400)])
    def test_e11(self, method: str, gain: int) -> None:
        bought = [deposit(1, "X", 10, 1000), deposit(2, "X", 10, 1200), deposit(3, "X", 10, 900)]

        folded = run(*bought, sell(4, "X", 15, 130), method=Method(method))

        assert folded.outcomes[3].realized == gain

    def test_highest_cost_counts_capitalised_fees(self) -> None:
        fees = {"fee": D(3), "fee_asset": "USD"}
        terms = {"side": Side.BUY, "base": "X", "quote": "USD", "quantity": D(1)}
        bought = [
            SpotFill(**place(2), **terms, price=D(100), **fees),
            SpotFill(**place(3), **terms, price=D(102)),
        ]

        folded = run(deposit(1, "USD", 1000, 0), *bought, sell(4, "X", 1, 110), method=Method.HIFO)

        assert folded.outcomes[3].realized == 7


class TestThirdAssetFee:
    """E12: the fee asset is sold at market, and its market value is part of the lot's cost, or off the proceeds."""

    TERMS: Any = {"base": "X", "quote": "USD", "fee_asset": "BNB"}
    HISTORY = (
        deposit(1, "USD", 1000, 0),
        deposit(2, "BNB", 1, 300),
        SpotFill(
            **place(3),
            **TERMS,
            side=Side.BUY,
            quantity=D(10),
            price=D(50),
            fee=D("0.000625"),
            fee_usd=D("0.375"),
        ),
        SpotFill(
            **place(4),
            **TERMS,
            side=Side.SELL,
            quantity=D(4),
            price=D(60),
            fee=D("0.00028125"),
            fee_usd=D("0.18"),
        ),
    )

    def test_e12(self) -> None:
        folded = run(*self.HISTORY)

        buy, sale = folded.outcomes[2:]
        assert buy.acquired[0].cost == D("500.375")
        assert [one.realized for one in buy.disposals if one.kind is Kind.FEE] == [D("0.1875")]
        assert {one.kind: one.realized for one in sale.disposals} == {Kind.FEE: D("0.095625"), Kind.SOLD: D("39.67")}
        assert buy.realized + sale.realized == D("39.953125")
        assert lots(folded, 1, "X") == [(3, 6, D("300.225"))]
        assert lots(folded, 1, "BNB") == [(2, D("0.99909375"), D("299.728125"))]

    def test_e12_identity(self) -> None:
        folded = run(*self.HISTORY)

        worth = 6 * 60 + D("0.99909375") * 640 + folded.state.held(1, "USD")
        assert worth - 300 - 1000 == D("439.42")


class TestMove:
    def test_brings_dates_and_costs_and_realises_nothing(self) -> None:
        folded = run(deposit(1, "X", 2, 20), deposit(2, "X", 4, 100), move(3, "X", 3))

        assert lots(folded, 1, "X") == [(2, 3, 75)]
        assert lots(folded, 2, "X") == [(1, 2, 20), (2, 1, 25)]
        assert folded.outcomes[2].realized == 0
        assert [lot.ordinal for lot in folded.outcomes[2].acquired] == [0, 1]

    def test_the_network_fee_is_a_disposal_of_its_own_and_an_expense(self) -> None:
        folded = run(
            deposit(1, "X", 5, 50), move(2, "X", 3, fee="1", fee_asset="X", fee_usd="16"), sell(3, "X", 3, 20, 2)
        )

        moved = folded.outcomes[1]
        assert [(one.kind, one.quantity, one.proceeds, one.cost) for one in moved.disposals] == [
            (Kind.MOVED, 3, 30, 30),
            (Kind.FEE, 1, 16, 10),
        ]
        assert moved.realized == -10
        assert folded.state.gains == {(1, "X"): -10, (2, "X"): 30}
        assert folded.state.held(1, "X") == 1

    def test_takes_the_lots_that_a_sale_would_take(self) -> None:
        folded = run(deposit(1, "X", 1, 10), deposit(2, "X", 1, 30), move(3, "X", 1), method=Method.HIFO)

        assert lots(folded, 2, "X") == [(2, 1, 30)]

    def test_what_is_not_held_cannot_move(self) -> None:
        with pytest.raises(Oversold, match="You hold 2 X, and this needs 3"):
            run(deposit(1, "X", 2, 20), move(2, "X", 3))

    def test_an_import_moves_what_nobody_had_at_its_value(self) -> None:
        folded = run(deposit(1, "X", 2, 20), move(2, "X", 3, value="36", is_imported=True))

        assert lots(folded, 2, "X") == [(1, 2, 20), (2, 1, 12)]
        assert folded.outcomes[1].unmatched == 12
        assert folded.outcomes[1].is_cost_assumed

    def test_cash_moves_too(self) -> None:
        folded = run(deposit(1, "USD", 10, 0), move(2, "USD", 4))

        assert (folded.state.held(1, "USD"), folded.state.held(2, "USD")) == (6, 4)

    def test_an_assumed_cost_stays_assumed(self) -> None:
        unknown = TransferIn(**place(1), asset="X", quantity=D(2), value=D(20))

        (lot,) = run(unknown, move(2, "X", 1)).state.lots_of(2, "X")

        assert (lot.account, lot.remaining_cost, lot.is_assumed, lot.acquired_at) == (2, 10, True, START + timedelta(1))

    def test_a_known_cost_stays_known(self) -> None:
        folded = run(deposit(1, "X", 2, 20), move(2, "X", 1))

        assert not folded.outcomes[1].is_cost_assumed
        assert [lot.is_assumed for lot in folded.state.lots_of(2, "X")] == [False]

    def test_an_import_moves_cash_that_nobody_had(self) -> None:
        folded = run(deposit(1, "USD", 10, 0), move(2, "USD", 30, is_imported=True))

        assert (folded.state.held(1, "USD"), folded.state.held(2, "USD")) == (0, 30)
        assert (folded.outcomes[1].unmatched, folded.outcomes[1].realized, folded.outcomes[1].flow) == (20, 0, 0)
        assert [one.kind for one in folded.outcomes[1].disposals] == [Kind.MOVED]

    def test_what_nobody_had_costs_nothing_without_a_value(self) -> None:
        folded = run(deposit(1, "X", 2, 20), move(2, "X", 3, is_imported=True))

        assert lots(folded, 2, "X") == [(1, 2, 20), (2, 1, 0)]

    def test_needs_two_accounts(self) -> None:
        with pytest.raises(EventError, match="two accounts"):
            Move(**place(1, account=2), asset="X", quantity=D(1), to_account=2)

    def test_a_withdrawal_pays_its_fee_on_top(self) -> None:
        out = TransferOut(**place(2), asset="X", quantity=D(1), fee=D("0.5"), fee_asset="X", fee_usd=D(6))

        folded = run(deposit(1, "X", 2, 20), out)

        assert [one.kind for one in folded.outcomes[1].disposals] == [Kind.SENT, Kind.FEE]
        assert folded.outcomes[1].flow == -10
        assert folded.outcomes[1].realized == -5
        assert lots(folded, 1, "X") == [(1, D("0.5"), 5)]


def converted(asset: str, quantity: str, into: str, received: str, number: int = 5) -> Conversion:
    return Conversion(**place(number), asset=asset, quantity=D(quantity), into=into, received=D(received))


class TestMigration:
    @pytest.mark.parametrize(
        ("old", "quantity", "new", "received"),
        [("AGIX", "1000", "ASI", "433.35"), ("LEND", "1000", "AAVE", "10"), ("MKR", "1000", "SKY", "24000000")],
    )
    def test_carries_cost_and_dates(self, old: str, quantity: str, new: str, received: str) -> None:
        bought = [deposit(1, old, 400, 100), deposit(2, old, 600, 150)]

        folded = run(*bought, converted(old, quantity, new, received))

        whole = D(received)
        assert lots(folded, 1, new) == [(1, whole * 4 / 10, 100), (2, whole * 6 / 10, 150)]
        assert folded.state.held(1, old) == 0
        assert folded.outcomes[2].realized == 0

    def test_e38_unit_cost(self) -> None:
        folded = run(deposit(1, "AGIX", 1000, 250), converted("AGIX", "1000", "ASI", "433.35"))

        ((_, units, cost),) = lots(folded, 1, "ASI")
        assert round(cost / units, 8) == D("0.57690089")

    def test_e38_two_tokens_become_one(self) -> None:
        old = [deposit(1, "AGIX", 1000, 250), deposit(2, "OCEAN", 1000, 300)]

        folded = run(*old, converted("AGIX", "1000", "ASI", "433.35"), converted("OCEAN", "1000", "ASI", "433.226", 6))

        assert lots(folded, 1, "ASI") == [(1, D("433.35"), 250), (2, D("433.226"), 300)]
        assert (folded.state.held(1, "ASI"), folded.state.costs[1, "ASI"]) == (D("866.576"), 550)

    def test_units_that_do_not_divide_leave_nothing_over(self) -> None:
        bought = [deposit(n, "A", "1.1", 7) for n in (1, 2, 3)]

        folded = run(*bought, converted("A", "3.3", "B", "0.000000000000000010"))

        assert [units * 10**18 for _, units, _ in lots(folded, 1, "B")] == [3, 4, 3]
        assert sum(cost for *_, cost in lots(folded, 1, "B")) == 21

    def test_the_cost_of_a_lot_that_is_rounded_away_goes_to_its_neighbour(self) -> None:
        bought = [deposit(1, "A", "0.001", 1), deposit(2, "A", 1000, 9), deposit(3, "A", "0.001", 2)]

        folded = run(*bought, converted("A", "1000.002", "B", "0.000000000000000003"))

        assert lots(folded, 1, "B") == [(2, D("3e-18"), 12)]

    def test_what_is_rounded_away_first_waits_for_the_first_that_stays(self) -> None:
        bought = [deposit(1, "A", "0.001", 1), deposit(2, "A", "0.001", 2), deposit(3, "A", 1000, 9)]

        folded = run(*bought, converted("A", "1000.002", "B", "0.000000000000000003"))

        assert lots(folded, 1, "B") == [(3, D("3e-18"), 12)]

    def test_an_import_converts_what_nobody_had_at_its_value(self) -> None:
        event = replace(converted("A", "4", "B", "8"), is_imported=True, value=D(20))

        folded = run(deposit(1, "A", 1, 3), event)

        assert lots(folded, 1, "B") == [(1, 2, 3), (5, 6, 15)]
        assert [lot.is_assumed for lot in folded.state.lots_of(1, "B")] == [False, True]
        assert [(one.asset, one.kind, one.quantity) for one in folded.outcomes[1].disposals] == [
            ("A", Kind.CONVERTED, 1)
        ]


class TestRebase:
    @pytest.mark.parametrize("change", ["0.3", "-1.5"])
    def test_scales_every_lot_at_unchanged_cost(self, change: str) -> None:
        bought = [deposit(1, "X", 1, 10), deposit(2, "X", 2, 50)]

        folded = run(*bought, Rebase(**place(3), asset="X", change=D(change)))

        whole = 3 + D(change)
        assert lots(folded, 1, "X") == [(1, whole / 3, 10), (2, whole / 3 * 2, 50)]
        assert folded.state.held(1, "X") == whole
        assert folded.outcomes[2].realized == 0

    def test_may_leave_less_than_one_unit(self) -> None:
        folded = run(deposit(1, "X", 1, 10), Rebase(**place(2), asset="X", change=D("-0.5")))

        assert lots(folded, 1, "X") == [(1, D("0.5"), 10)]

    def test_nothing_cannot_be_rebased(self) -> None:
        with pytest.raises(LedgerError, match=r"^You hold no X that could be rebased\.$"):
            run(Rebase(**place(1), asset="X", change=D(1)))

    def test_cannot_take_everything(self) -> None:
        with pytest.raises(Oversold, match=r"^You hold 1 X, and this needs 1\.$"):
            run(deposit(1, "X", 1, 10), Rebase(**place(2), asset="X", change=D(-1)))

    def test_cannot_take_more_than_an_account_holds_of_what_all_share(self) -> None:
        shared = [change(1, "FIFO", Scope.PORTFOLIO), deposit(2, "X", 1, 10), deposit(3, "X", 9, 90, account=2)]

        with pytest.raises(Oversold, match=r"^You hold 1 X, and this needs 2\.$"):
            run(*shared, Rebase(**place(4), asset="X", change=D(-2)))

        folded = run(*shared, Rebase(**place(4), asset="X", change=D(-1)))
        assert (folded.state.held(1, "X"), folded.state.held(2, "X")) == (0, 9)
        assert lots(folded, 1, "X") == [(2, D("0.9"), 10), (3, D("8.1"), 90)]

    def test_closes_and_opens_the_lots_of_their_accounts(self) -> None:
        shared = [change(1, "FIFO", Scope.PORTFOLIO), deposit(2, "X", 1, 10), deposit(3, "X", 3, 90, account=2)]

        folded = run(*shared, Rebase(**place(4), asset="X", change=D(4)))

        (closed,) = folded.outcomes[3].disposals
        assert (closed.asset, closed.unmatched_quantity, closed.unmatched_proceeds) == ("X", 0, 0)
        assert (closed.kind, closed.quantity, closed.cost, closed.proceeds) == (Kind.CONVERTED, 4, 100, 100)
        assert [(lot.account, lot.quantity, lot.cost) for lot in folded.outcomes[3].acquired] == [
            (1, 2, 10),
            (2, 6, 90),
        ]
        assert folded.state.costs[EVERYWHERE, "X"] == 100

    def test_an_assumed_cost_stays_assumed(self) -> None:
        unknown = TransferIn(**place(1), asset="X", quantity=D(2), value=D(20))

        folded = run(unknown, deposit(2, "X", 2, 30), Rebase(**place(3), asset="X", change=D(1)))

        assert [lot.is_assumed for lot in folded.state.lots_of(1, "X")] == [True, False]


class TestSwap:
    def test_sells_one_for_the_other(self) -> None:
        swap = Swap(**place(2), asset="DUST", quantity=D(3), into="BNB", received=D("0.01"), value=D(6))

        folded = run(deposit(1, "DUST", 3, 4), swap)

        assert folded.outcomes[1].realized == 2
        assert lots(folded, 1, "BNB") == [(2, D("0.01"), 6)]

    def test_a_fee_in_what_is_given_goes_with_it(self) -> None:
        swap = Swap(**place(2), asset="X", quantity=D(3), into="Y", received=D(1), value=D(12), fee=D(1), fee_asset="X")

        folded = run(deposit(1, "X", 5, 10), swap)

        (sold,) = folded.outcomes[1].disposals
        assert (sold.kind, sold.quantity, sold.cost, sold.proceeds) == (Kind.SOLD, 4, 8, 12)
        assert (lots(folded, 1, "X"), lots(folded, 1, "Y")) == ([(1, 1, 2)], [(2, 1, 12)])

    def test_a_fee_in_a_third_asset_is_off_the_proceeds_and_sold_itself(self) -> None:
        fee = {"fee": D("0.5"), "fee_asset": "BNB", "fee_usd": D(3)}
        swap = Swap(**place(3), asset="X", quantity=D(3), into="Y", received=D(1), value=D(12), **fee)

        folded = run(deposit(1, "X", 5, 10), deposit(2, "BNB", 1, 4), swap)

        assert {one.kind: (one.quantity, one.cost, one.proceeds) for one in folded.outcomes[2].disposals} == {
            Kind.FEE: (D("0.5"), 2, 3),
            Kind.SOLD: (3, 6, 9),
        }
        assert lots(folded, 1, "Y") == [(3, 1, 12)]

    def test_a_fee_in_what_is_received_is_off_already(self) -> None:
        fee = {"fee": D("0.5"), "fee_asset": "Y"}
        swap = Swap(**place(2), asset="X", quantity=D(3), into="Y", received=D(1), value=D(12), **fee)

        folded = run(deposit(1, "X", 5, 10), swap)

        assert [(one.kind, one.proceeds) for one in folded.outcomes[1].disposals] == [(Kind.SOLD, 12)]
        assert lots(folded, 1, "Y") == [(2, 1, 12)]

    def test_a_dollar_is_a_dollar(self) -> None:
        with pytest.raises(EventError, match="One USD"):
            Swap(**place(2), asset="X", quantity=D(3), into="USD", received=D(5), value=D(6))


def change(number: int, method: str, scope: Scope = Scope.ACCOUNT) -> MethodChange:
    return MethodChange(**place(number, account=EVERYWHERE), method=Method(method), scope=scope)


class TestMethodChange:
    BOUGHT = (deposit(1, "X", 1, 10), deposit(2, "X", 1, 30), deposit(3, "X", 2, 30))

    def test_counts_for_what_is_sold_later(self) -> None:
        folded = run(*self.BOUGHT, sell(4, "X", 1, 50), change(5, "LIFO"), sell(6, "X", 1, 50))

        assert [folded.outcomes[n].realized for n in (3, 5)] == [40, 35]

    def test_the_average_pools_what_is_open(self) -> None:
        folded = run(*self.BOUGHT, sell(4, "X", 1, 50), change(5, "AVG"), sell(6, "X", 1, 50))

        assert folded.outcomes[4].realized == 0
        assert [one.kind for one in folded.outcomes[4].disposals] == [Kind.RESET]
        assert lots(folded, 1, "X") == [(2, 2, 40)]

    def test_from_the_average_the_pool_stays_one_lot(self) -> None:
        folded = run(*self.BOUGHT, change(4, "AVG"), change(5, "FIFO"), deposit(6, "X", 1, 99), sell(7, "X", 2, 50))

        assert lots(folded, 1, "X") == [(1, 2, 35), (6, 1, 99)]

    def test_a_wider_scope_relieves_the_oldest_lot_of_all_accounts(self) -> None:
        there = deposit(1, "X", 1, 10, account=2)
        here = deposit(2, "X", 1, 30)

        folded = run(there, here, change(3, "FIFO", Scope.PORTFOLIO), sell(4, "X", 1, 50))

        assert folded.outcomes[3].realized == 40
        assert folded.state.lots_of(1, "X") == folded.state.lots_of(2, "X")
        assert (folded.state.held(1, "X"), folded.state.held(2, "X")) == (0, 1)

    def test_a_move_within_the_wider_scope_moves_only_the_balance(self) -> None:
        folded = run(deposit(1, "X", 2, 20), change(2, "FIFO", Scope.PORTFOLIO), move(3, "X", 1))

        assert not folded.outcomes[2].disposals
        assert folded.state.held(2, "X") == 1
        assert lots(folded, 2, "X") == [(1, 2, 20)]

    def test_a_narrower_scope_deals_the_lots_out(self) -> None:
        wide = change(3, "FIFO", Scope.PORTFOLIO)
        moved = move(4, "X", "0.5")

        folded = run(deposit(1, "X", 1, 10), deposit(2, "X", 1, 30, account=2), wide, moved, change(5, "FIFO"))

        assert lots(folded, 1, "X") == [(1, D("0.5"), 5)]
        assert lots(folded, 2, "X") == [(1, D("0.5"), 5), (2, 1, 30)]
        assert folded.state.costs[1, "X"] == 5
        assert folded.state.costs[2, "X"] == 35

    def test_a_move_across_the_wider_scope_imports_what_nobody_had(self) -> None:
        wide = change(2, "FIFO", Scope.PORTFOLIO)

        folded = run(deposit(1, "X", 2, 20), wide, move(3, "X", 3, value="36", is_imported=True))

        assert (folded.state.held(1, "X"), folded.state.held(2, "X")) == (0, 3)
        assert lots(folded, 1, "X") == [(1, 2, 20), (3, 1, 12)]
        (missing,) = folded.outcomes[2].disposals
        assert missing.asset == "X"
        assert (missing.kind, missing.quantity, missing.unmatched_quantity) == (Kind.MOVED, 0, 1)
        assert [(lot.account, lot.cost, lot.is_assumed) for lot in folded.outcomes[2].acquired] == [(2, 12, True)]
        assert (folded.outcomes[2].unmatched, folded.outcomes[2].realized) == (12, 0)

    def test_a_move_across_the_wider_scope_needs_the_units_and_pays_its_fee(self) -> None:
        start = [deposit(1, "X", 2, 20), change(2, "FIFO", Scope.PORTFOLIO)]

        with pytest.raises(Oversold, match=r"^You hold 2 X, and this needs 3\.$"):
            run(*start, move(3, "X", 3))

        folded = run(*start, move(3, "X", 1, fee="0.5", fee_asset="X", fee_usd="7"))
        assert (folded.state.held(1, "X"), folded.state.held(2, "X")) == (D("0.5"), 1)
        assert (folded.outcomes[2].fees, folded.outcomes[2].realized) == (7, -5)

    def test_a_pool_is_as_old_as_its_oldest_part_and_assumed_if_one_is(self) -> None:
        unknown = TransferIn(**place(4), asset="X", quantity=D(1), value=D(90), acquired_at=START)

        folded = run(*self.BOUGHT, unknown, change(5, "AVG"))

        assert lots(folded, 1, "X") == [(0, 5, 160)]
        (pool,) = folded.outcomes[4].acquired
        assert (pool.account, pool.quantity, pool.cost, pool.is_assumed) == (1, 5, 160, True)
        assert folded.state.costs == {(1, "X"): 160}

    def test_one_lot_needs_no_pool(self) -> None:
        folded = run(deposit(1, "X", 1, 10), change(2, "AVG"))

        assert (folded.outcomes[1].disposals, folded.outcomes[1].acquired) == ((), ())
        assert lots(folded, 1, "X") == [(1, 1, 10)]

    def test_a_wider_scope_adds_up_the_costs_of_all_accounts(self) -> None:
        events = [deposit(1, "X", 1, 10), deposit(2, "X", 1, 30, account=2), deposit(3, "Y", 1, 5, account=2)]

        folded = run(*events, change(4, "LIFO", Scope.PORTFOLIO))

        assert folded.state.costs == {(EVERYWHERE, "X"): 40, (EVERYWHERE, "Y"): 5}
        assert (folded.state.method, folded.state.scope) == (Method.LIFO, Scope.PORTFOLIO)
        assert folded.changed >= {(1, "X"), (2, "X"), (2, "Y")}

    def test_every_asset_is_dealt_out(self) -> None:
        wide = [change(0, "FIFO", Scope.PORTFOLIO), deposit(1, "X", 1, 10, account=2), deposit(2, "Y", 1, 5, account=2)]

        folded = run(*wide, change(3, "FIFO"))

        assert (lots(folded, 2, "X"), lots(folded, 2, "Y")) == ([(1, 1, 10)], [(2, 1, 5)])

    def test_lots_are_dealt_out_oldest_first_in_the_order_of_accounts(self) -> None:
        unknown = TransferIn(**place(1, 2), asset="X", quantity=D(2), value=D(20))
        events = [change(0, "HIFO", Scope.PORTFOLIO), unknown, deposit(2, "X", 2, 80), deposit(3, "X", 1, 1, account=3)]

        folded = run(*events, sell(4, "X", 1, 50, account=3), change(5, "HIFO"))

        assert (lots(folded, 1, "X"), lots(folded, 2, "X")) == ([(1, 2, 20)], [(2, 1, 40), (3, 1, 1)])
        assert [lot.is_assumed for lot in folded.state.lots_of(1, "X")] == [True]
        assert [one.kind for one in folded.outcomes[5].disposals] == [Kind.RESET]
        assert folded.state.costs == {(1, "X"): 20, (2, "X"): 41}
        assert folded.state.lots_of(3, "X") == ()
