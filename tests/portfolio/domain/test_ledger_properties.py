"""Random histories obey the invariants and agree with an independent oracle (RELIABILITY 2d)."""

import dataclasses
from collections import defaultdict
from datetime import datetime
from decimal import Decimal as D
from fractions import Fraction as F
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio.domain.checkpoints import read, written
from portfolio.domain.events import USD, Event, PerpFill, Side, SpotFill, TransferIn, TransferOut
from portfolio.domain.ledger import Folded, fold, state_after
from portfolio.domain.lots import Method
from portfolio.domain.outcomes import LedgerError, Outcome, State
from tests.portfolio.domain.histories import STARTING_BALANCES, changing, histories, imports, numbered, plain, prices
from tests.portfolio.domain.oracle import Oracle, Refused
from tests.profiles import examples

methods = st.sampled_from(Method)
many = settings(deadline=None)
"""The number of examples is the profile's: few in `make test`, many in `make prove`."""
against_the_oracle = settings(deadline=None, max_examples=examples(test=2_000, prove=20_000, mutation=30))


def accepted(history: list[Event], method: Method) -> list[Event]:
    """Keep the events that fit, as a service would have."""
    state, kept = State(), []
    for event in history_in_order(history):
        try:
            state = fold(events=[event], opening=state, method=method).state
        except LedgerError:
            continue
        kept.append(event)
    return kept


def history_in_order(history: list[Event]) -> list[Event]:
    return sorted(history, key=Event.order)


def total(outcomes: tuple[Outcome, ...], name: str) -> F:
    return sum((F(getattr(outcome, name)) for outcome in outcomes), F(0))


def basis(state: State) -> F:
    lots = sum((F(lot.remaining_cost) for lots in state.lots.values() for lot in lots), F(0))
    return lots + sum(map(F, state.cash.values()))


def tidy(state: State) -> State:
    """Drop the piles that are empty: a checkpoint does not name them."""
    return dataclasses.replace(state, lots={key: lots for key, lots in state.lots.items() if lots})


ASSETS = ("BTC", "ETH", "BNB", "USDC")
ACCOUNTS = (1, 2)


class TestOracle:
    @against_the_oracle
    @given(st.one_of(histories, changing, changing), methods)
    def test_every_number_agrees(self, history: list[Event], method: Method) -> None:
        oracle, state, realized, gains = Oracle(method.value), State(), F(0), F(0)
        for event in history_in_order(history):
            try:
                oracle.post(event)
                is_refused = False
            except Refused:
                is_refused = True
            if is_refused:
                with pytest.raises(LedgerError):
                    fold(events=[event], opening=state, method=method)
                continue
            folded = fold(events=[event], opening=state, method=method)
            state, realized = folded.state, realized + total(folded.outcomes, "realized")
            gains += total(folded.outcomes, "spot_realized") - total(folded.outcomes, "fees")

        assert realized == oracle.realized
        assert sum(map(F, state.gains.values())) == gains
        for account in ACCOUNTS:
            for asset in (USD, *ASSETS):
                assert F(state.held(account, asset)) == oracle.held(account, asset)
                assert lots_in(state, account, asset) == [
                    (one.age[0], one.units, one.cost) for one in oracle.reach(account, asset)
                ]
        for key, position in state.positions.items():
            row = [F(position.quantity), F(position.entry_cost), F(position.margin)]
            assert row == oracle.futures.get(key[:2], [0, 0, 0])


def lots_in(state: State, account: int, asset: str) -> list[tuple[datetime, F, F]]:
    return [
        (lot.acquired_at, F(lot.remaining_quantity), F(lot.remaining_cost)) for lot in state.lots_of(account, asset)
    ]


class TestConservation:
    @many
    @given(st.one_of(histories, changing), methods)
    def test_quantity_in_less_quantity_out_is_held(self, history: list[Event], method: Method) -> None:
        folded = fold(events=accepted(history, method), method=method)

        balance: dict[str, F] = defaultdict(F)
        for outcome in folded.outcomes:
            for lot in outcome.acquired:
                balance[lot.asset] += F(lot.quantity)
            for disposal in outcome.disposals:
                balance[disposal.asset] -= F(disposal.quantity)
                assert sum(F(m.quantity) for m in disposal.matches) == F(disposal.quantity)
        assert balance == {asset: held_in_all(folded.state, asset) for asset in balance}

    @many
    @given(st.one_of(histories, imports, changing), methods)
    def test_basis_is_flows_and_gains(self, history: list[Event], method: Method) -> None:
        folded = fold(events=accepted(history, method), method=method)

        flows = total(folded.outcomes, "flow") + total(folded.outcomes, "unmatched")
        assert basis(folded.state) == flows + total(folded.outcomes, "realized")

    @many
    @given(histories, st.dictionaries(st.sampled_from(["BTC", "ETH", "BNB", "USDC"]), prices))
    def test_realised_and_unrealised_are_value_less_flows(self, history: list[Event], marks: dict[str, D]) -> None:
        folded = fold(events=accepted(history, Method.FIFO))

        value = sum(
            (
                F(held) * F(marks.get(asset, D(7)) if asset != USD else 1)
                for (_, asset), held in folded.state.balances.items()
            ),
            F(0),
        )
        unrealized = sum(
            F(lot.remaining_quantity) * F(marks.get(lot.asset, D(7))) - F(lot.remaining_cost)
            for lots in folded.state.lots.values()
            for lot in lots
        )
        assert total(folded.outcomes, "realized") + unrealized == value - total(folded.outcomes, "flow")

    @many
    @given(imports, methods)
    def test_an_import_never_holds_less_than_nothing(self, history: list[Event], method: Method) -> None:
        kept = accepted(history, method)
        state = fold(events=kept, method=method).state

        assert all(lot.remaining_quantity > 0 for lots in state.lots.values() for lot in lots)
        assert all(balance >= 0 for balance in state.cash.values())

    @many
    @given(histories)
    def test_every_method_gains_the_same_once_all_is_sold(self, history: list[Event]) -> None:
        kept = accepted([event for event in history if not isinstance(event, TransferOut | PerpFill)], Method.FIFO)
        state = fold(events=kept).state
        sales = sell_all(state, after=len(history))

        gains = {method: total(fold(events=[*kept, *sales], method=method).outcomes, "realized") for method in Method}

        assert len(set(gains.values())) == 1


def held_in_all(state: State, asset: str) -> F:
    return sum((F(held) for (_, name), held in state.balances.items() if name == asset), F(0))


def sell_all(state: State, after: int) -> list[Event]:
    """Sell every coin that is held and free."""
    held = [(*key, state.held(*key) - state.locked(*key)) for key in state.balances if key[1] != USD]
    sale = {"type": SpotFill, "side": Side.SELL, "quote": USD, "price": D(3)}
    rows = [
        {**sale, "account": account, "base": asset, "quantity": quantity}
        for account, asset, quantity in held
        if quantity > 0
    ]
    return [
        dataclasses.replace(event, sequence=event.sequence + after, executed_at=event.executed_at.replace(year=2030))
        for event in numbered(rows)
    ]


class TestReplay:
    @many
    @given(st.one_of(histories, changing), methods, st.integers(0, 30))
    def test_appending_is_replaying(self, history: list[Event], method: Method, cut: int) -> None:
        kept = accepted(history, method)
        whole = fold(events=kept, method=method)

        first = fold(events=kept[:cut], method=method)
        second = fold(events=kept[cut:], opening=first.state, method=method)

        assert second.state == whole.state
        assert state_after(events=kept, method=method) == whole.state
        assert first.outcomes + second.outcomes == whole.outcomes
        assert {**first.lots, **second.lots} == whole.lots
        assert read(written(first.state)) == tidy(first.state)

    @many
    @given(histories, st.integers())
    def test_the_order_of_arrival_does_not_matter(self, history: list[Event], seed: int) -> None:
        kept = accepted(history, Method.FIFO)
        shuffled = kept.copy()
        Random(seed).shuffle(shuffled)

        assert fold(events=shuffled) == fold(events=kept)

    @many
    @given(histories, st.data())
    def test_a_reversal_restores(self, history: list[Event], data: st.DataObject) -> None:
        kept = accepted(history, Method.FIFO)
        mistake = data.draw(st.sampled_from(kept))
        without = [event for event in kept if event is not mistake]
        reversal = dataclasses.replace(
            mistake, sequence=10_000, executed_at=mistake.executed_at.replace(year=2030), reverses=mistake.sequence
        )

        assert outcome_of([*kept, reversal]) == outcome_of(without)

    @many
    @given(plain, plain, prices, prices, methods)
    def test_selling_all_makes_the_next_basis_the_next_buy(
        self, bought: D, again: D, low: D, high: D, method: Method
    ) -> None:
        rows = [
            {"type": SpotFill, "side": side, "base": "BTC", "quote": USD, "quantity": quantity, "price": price}
            for side, quantity, price in [
                (Side.BUY, bought, low),
                (Side.SELL, bought, high),
                (Side.BUY, again, high),
            ]
        ]
        deposit = {"type": TransferIn, "asset": USD, "quantity": D(10**15)}

        state = fold(events=numbered([deposit, *rows]), method=method).state

        lots = state.lots[1, "BTC"]
        assert [(lot.remaining_quantity, lot.remaining_cost) for lot in lots] == [
            (again, D(round(F(again) * F(high) * 10**18)).scaleb(-18))
        ]


def outcome_of(events: list[Event]) -> Folded | str:
    """Give the fold, or the refusal: both sides of a comparison may be refused."""
    try:
        return fold(events=events)
    except LedgerError as error:
        return str(error)


class TestFutures:
    @many
    @given(st.lists(st.tuples(st.booleans(), plain, prices), min_size=1, max_size=10))
    def test_swapping_sides_mirrors_the_gain(self, trades: list[tuple[bool, D, D]]) -> None:
        gains = []
        for flipped in (False, True):
            rows = [
                {
                    "type": PerpFill,
                    "side": Side.BUY if is_long is not flipped else Side.SELL,
                    "instrument": 1,
                    "settle": USD,
                    "quantity": quantity,
                    "price": price,
                }
                for is_long, quantity, price in trades
            ]
            deposit = {"type": TransferIn, "asset": USD, "quantity": D(10**15)}
            gains.append(total(fold(events=numbered([deposit, *rows])).outcomes, "perp_realized"))

        assert gains[0] == -gains[1]

    @many
    @given(histories)
    def test_margin_posted_is_margin_held(self, history: list[Event]) -> None:
        state = fold(events=accepted(history, Method.FIFO)).state

        for position in state.positions.values():
            assert (position.margin > 0) <= (position.quantity != 0)
            assert state.held(1, position.settle) >= state.locked(1, position.settle) >= position.margin >= 0


def test_the_starting_balances_are_accepted() -> None:
    assert len(accepted(numbered(STARTING_BALANCES), Method.FIFO)) == len(STARTING_BALANCES)
