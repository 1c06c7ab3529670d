"""The fold: fees, stablecoins, futures, unknown costs, imports and reversals, in numbers (DOMAIN 4.1, 4.2)."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.events import (
    Event,
    EventError,
    FundingPayment,
    MarginChange,
    PerpFill,
    Rebase,
    Side,
    SpotFill,
    TransferIn,
    TransferOut,
    standing,
)
from portfolio.domain.futures import MarginMode, PositionSide, Reason
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.money import AmountError
from portfolio.domain.outcomes import FeeExceedsTrade, Kind, LedgerError, OutOfOrder, Oversold, State

START = datetime(2026, 1, 1, tzinfo=UTC)


def place(number: int) -> dict[str, Any]:
    return {"sequence": number, "account": 1, "executed_at": START + timedelta(hours=number)}


def deposit(number: int, asset: str, quantity: object, cost: object = None, **more: Any) -> TransferIn:
    known = None if cost is None else D(str(cost))
    return TransferIn(**place(number), asset=asset, quantity=D(str(quantity)), cost=known, **more)


def spot(number: int, side: str, base: str, quantity: object, price: object, **more: Any) -> SpotFill:
    amounts = {name: D(more.pop(name)) for name in ("fee", "fee_usd", "quote_usd") if name in more}
    terms = {"quote": "USD", **amounts, **more}
    return SpotFill(
        **place(number), side=Side(side), base=base, quantity=D(str(quantity)), price=D(str(price)), **terms
    )


def perp(number: int, side: str, quantity: object, price: object, **more: Any) -> PerpFill:
    amounts = {name: D(more.pop(name)) for name in ("fee", "fee_usd", "settle_usd", "leverage") if name in more}
    terms = {"instrument": 7, "settle": "USD", **amounts, **more}
    return PerpFill(**place(number), side=Side(side), quantity=D(str(quantity)), price=D(str(price)), **terms)


def run(*events: Event) -> Folded:
    return fold(events=events)


def cost_of(state: State, asset: str) -> Decimal:
    return sum((lot.remaining_cost for lot in state.lots.get((1, asset), ())), D(0))


class TestSpot:
    def test_a_quote_fee_is_part_of_the_cost_and_off_the_proceeds(self) -> None:
        folded = run(
            deposit(1, "USD", 1000),
            spot(2, "buy", "X", 10, 50, fee="1", fee_asset="USD"),
            spot(3, "sell", "X", 4, 60, fee="2", fee_asset="USD"),
        )

        assert cost_of(folded.state, "X") == D("300.6")
        assert folded.outcomes[2].spot_realized == 240 - 2 - D("200.4")
        assert folded.state.held(1, "USD") == 1000 - 501 + 238

    def test_a_base_fee_shrinks_the_lot_and_adds_to_the_disposal(self) -> None:
        folded = run(
            deposit(1, "USD", 1000),
            spot(2, "buy", "X", 10, 50, fee="0.1", fee_asset="X"),
            spot(3, "sell", "X", 4, 60, fee="0.95", fee_asset="X"),
        )

        assert folded.outcomes[1].acquired[0].quantity == D("9.9")
        assert folded.outcomes[2].disposals[0].quantity == D("4.95")
        assert folded.outcomes[2].spot_realized == 240 - 250

    def test_a_fee_in_a_third_asset(self) -> None:
        """E12."""
        folded = run(
            deposit(1, "USD", 1000),
            deposit(2, "BNB", 1, 300),
            spot(3, "buy", "X", 10, 50, fee="0.000625", fee_asset="BNB", fee_usd="0.375"),
            spot(4, "sell", "X", 4, 60, fee="0.00028125", fee_asset="BNB", fee_usd="0.18"),
        )
        bought, sold = folded.outcomes[2:]

        assert bought.acquired[0].cost == D("500.375")
        assert bought.spot_realized == D("0.1875")
        assert [disposal.realized for disposal in sold.disposals] == [D("0.095625"), D("39.67")]
        assert bought.spot_realized + sold.spot_realized == D("39.953125")
        assert cost_of(folded.state, "X") == D("300.225")
        assert (folded.state.held(1, "BNB"), cost_of(folded.state, "BNB")) == (D("0.99909375"), D("299.728125"))
        unrealized = 6 * 60 - D("300.225") + D("0.99909375") * 640 - D("299.728125")
        assert D("39.953125") + unrealized == D("439.42")

    def test_spending_a_stablecoin_disposes_of_it(self) -> None:
        folded = run(
            deposit(1, "USDC", 1000, 1000),
            spot(2, "buy", "X", 10, 50, quote="USDC", quote_usd="1.02", fee="1", fee_asset="USDC"),
        )
        spent = folded.outcomes[1].disposals[0]

        assert (spent.quantity, spent.proceeds, spent.realized) == (501, D("511.02"), D("10.02"))
        assert cost_of(folded.state, "X") == D("511.02")
        assert folded.state.held(1, "USDC") == 499

    def test_selling_for_a_stablecoin_acquires_it(self) -> None:
        folded = run(
            deposit(1, "X", 10, 100),
            spot(2, "sell", "X", 10, 50, quote="USDC", quote_usd="0.98", fee="1", fee_asset="USDC"),
        )

        assert folded.outcomes[1].spot_realized == D("489.02") - 100
        assert (folded.state.held(1, "USDC"), cost_of(folded.state, "USDC")) == (499, D("489.02"))

    def test_the_opening_state_is_left_as_it_was(self) -> None:
        opening = run(deposit(1, "USD", 1000), spot(2, "buy", "X", 10, 50)).state
        lots, cash = dict(opening.lots), dict(opening.cash)

        fold(events=[spot(3, "sell", "X", 4, 60)], opening=opening)

        assert (dict(opening.lots), dict(opening.cash)) == (lots, cash)


class TestState:
    def test_margin_of_all_open_positions_stays_locked(self) -> None:
        held = [deposit(1, "USD", 1000), perp(2, "buy", 1, 300), perp(3, "buy", 1, 200, instrument=8)]
        out = TransferOut(**place(4), asset="USD", quantity=D(501))

        with pytest.raises(Oversold, match=r"^You hold 500 USD, and this needs 501\.$"):
            fold(events=[out], opening=run(*held).state)

    def test_names_every_balance_that_changed(self) -> None:
        opening = run(deposit(1, "USD", 1000), deposit(2, "Y", 1, 1)).state

        assert fold(events=[spot(3, "buy", "X", 1, 5)], opening=opening).changed == {(1, "USD"), (1, "X")}


class TestDisposals:
    def test_say_where_what_and_why(self) -> None:
        folded = run(
            deposit(1, "USDC", 100, 90),
            deposit(2, "BNB", 1, 5),
            spot(3, "buy", "X", 4, 5, quote="USDC", fee="0.5", fee_asset="BNB", fee_usd="3"),
            spot(4, "sell", "X", 1, 7),
            TransferOut(**place(5), asset="X", quantity=D(1)),
        )

        told = [
            (one.account, one.asset, one.kind, one.disposed_at.hour, one.quantity)
            for outcome in folded.outcomes
            for one in outcome.disposals
        ]
        assert told == [
            (1, "USDC", Kind.SPENT, 3, 20),
            (1, "BNB", Kind.FEE, 3, D("0.5")),
            (1, "X", Kind.SOLD, 4, 1),
            (1, "X", Kind.SENT, 5, 1),
        ]

    def test_a_loss_is_settled_and_a_small_gain_is_taken_in(self) -> None:
        start = [deposit(1, "USDC", 100, 90), perp(2, "buy", 1, 5, settle="USDC")]

        lost = run(*start, perp(3, "sell", 1, 4, settle="USDC")).outcomes[2]
        gained = run(*start, perp(3, "sell", 1, "5.5", settle="USDC")).outcomes[2]

        assert [(one.account, one.asset, one.kind, one.quantity) for one in lost.disposals] == [
            (1, "USDC", Kind.SETTLED, 1)
        ]
        assert [(lot.asset, lot.quantity, lot.cost, lot.is_assumed) for lot in gained.acquired] == [
            ("USDC", D("0.5"), D("0.5"), False)
        ]
        assert gained.disposals == ()


class TestRefusals:
    def test_a_sale_may_bring_nothing_and_a_fee_may_take_all_but_something(self) -> None:
        sold = run(deposit(1, "X", 1, 10), spot(2, "sell", "X", 1, 2, fee="2", fee_asset="USD"))
        bought = run(deposit(1, "USD", 10), spot(2, "buy", "X", 1, 1, fee="0.5", fee_asset="X"))

        assert (sold.outcomes[1].realized, sold.state.held(1, "USD")) == (-10, 0)
        assert (bought.state.held(1, "X"), cost_of(bought.state, "X")) == (D("0.5"), 1)

    def test_overselling_names_what_is_held(self) -> None:
        with pytest.raises(Oversold, match=r"^You hold 2 X, and this needs 3\.$") as caught:
            run(deposit(1, "X", 2, 10), spot(2, "sell", "X", 3, 60))

        refusal = caught.value
        assert (refusal.asset, refusal.held, refusal.asked, refusal.event.sequence) == ("X", 2, 3, 2)

    def test_money_that_is_not_there_cannot_be_spent(self) -> None:
        with pytest.raises(Oversold, match="You hold 0 USD, and this needs 500"):
            run(spot(1, "buy", "X", 10, 50))

    def test_posted_margin_cannot_be_sent_away(self) -> None:
        with pytest.raises(Oversold, match="You hold 900 USD, and this needs 1000"):
            run(
                deposit(1, "USD", 1000),
                perp(2, "buy", 100, 3, leverage="3"),
                TransferOut(**place(3), asset="USD", quantity=D(1000)),
            )

    def test_margin_must_be_there(self) -> None:
        with pytest.raises(Oversold):
            run(deposit(1, "USD", 99), perp(2, "buy", 100, 3, leverage="3"))

    @pytest.mark.parametrize(
        "fill",
        [
            spot(2, "buy", "X", 1, 1, fee="1", fee_asset="X"),
            spot(2, "sell", "Y", 1, 1, fee="2", fee_asset="USD"),
        ],
    )
    def test_a_fee_cannot_exceed_the_trade(self, fill: SpotFill) -> None:
        way = "The fee takes all that was bought." if fill.side is Side.BUY else "The fee is larger than the sale."

        with pytest.raises(FeeExceedsTrade, match=f"^{re.escape(way)}$"):
            run(deposit(0, "USD", 10), deposit(1, "Y", 10, 10), fill)

    def test_a_back_dated_event_cannot_be_appended(self) -> None:
        opening = run(deposit(5, "USD", 10)).state

        with pytest.raises(OutOfOrder, match=r"^This happened before what is already in the ledger\.$"):
            fold(events=[deposit(4, "USD", 1)], opening=opening)
        with pytest.raises(OutOfOrder):
            fold(events=[deposit(5, "USD", 1)], opening=opening)

    def test_a_position_keeps_its_settlement_asset(self) -> None:
        with pytest.raises(LedgerError, match="settled in USD"):
            run(deposit(1, "USD", 99), perp(2, "buy", 1, 3), perp(3, "buy", 1, 3, settle="USDC"))

    @pytest.mark.parametrize(
        "refused",
        [
            Event(**place(9)),
            deposit(2, "USD", 1),
            spot(9, "sell", "X", 3, 60),
            spot(9, "buy", "X", 1, 1, fee="1", fee_asset="X"),
            spot(9, "sell", "X", 1, 1, fee="2"),
            TransferOut(**place(9), asset="X", quantity=D(3)),
            perp(9, "buy", 9999, 1),
            perp(9, "buy", 1, 1, settle="X"),
            perp(9, "sell", 2, 1, reason=Reason.ADL),
            perp(9, "buy", 1, 1, margin_mode=MarginMode.CROSS),
            perp(9, "sell", 1, 1, instrument=8, position_side=PositionSide.LONG),
            MarginChange(**place(9), instrument=7, settle="USD", amount=D(9999)),
            MarginChange(**place(9), instrument=7, settle="USD", amount=D(-5)),
            MarginChange(**place(9), instrument=8, settle="USD", amount=D(1)),
            FundingPayment(**place(9), instrument=7, settle="X", amount=D(1), value=D(1)),
            Rebase(**place(9), asset="Y", change=D(1)),
            Rebase(**place(9), asset="X", change=D(-2)),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_every_refusal_carries_the_event_that_does_not_fit(self, refused: Event) -> None:
        held = [deposit(1, "USD", 1000), deposit(2, "X", 2, 10), perp(3, "buy", 1, 5)]

        with pytest.raises(LedgerError) as caught:
            fold(events=[refused], opening=run(*held).state)

        assert caught.value.event is refused

    def test_an_unknown_kind_of_event_is_refused(self) -> None:
        with pytest.raises(LedgerError, match=r"^The ledger knows no Event\.$"):
            run(Event(**place(1)))


class TestFutures:
    def test_fills_of_e13(self) -> None:
        """E13."""
        fees = ["1", "0.575", "0.75", "1.68"]
        trades = [("buy", 1000, "2.00"), ("buy", 500, "2.30"), ("sell", 600, "2.50"), ("sell", 1400, "2.40")]
        folded = run(
            deposit(0, "USD", 5000),
            *[
                perp(n, side, quantity, price, fee=fee, leverage="3")
                for n, ((side, quantity, price), fee) in enumerate(zip(trades, fees, strict=True), start=1)
            ],
        )
        position = folded.state.positions[1, 7, PositionSide.NET]

        assert [outcome.perp_realized for outcome in folded.outcomes[1:]] == [0, 0, 240, 270]
        assert (position.quantity, position.entry_price, position.margin) == (-500, D("2.4"), 400)
        assert (position.realized_usd, position.fees_usd) == (510, D("4.005"))
        assert folded.state.held(1, "USD") == 5000 + D("505.995")
        assert folded.state.locked(1, "USD") == 400
        assert position.opened_at == START + timedelta(hours=4)

    def test_scenario_a_leaves_5_666_67_of_stables(self) -> None:
        """E03."""
        state = run(deposit(1, "USD", "6666.67"), perp(2, "buy", 1500, 2, leverage="3")).state

        assert state.held(1, "USD") - state.locked(1, "USD") == D("5666.67")

    def test_a_loss_in_a_stablecoin_disposes_of_it_at_its_price(self) -> None:
        folded = run(
            deposit(1, "USDC", 1000, 1000),
            perp(2, "buy", 100, 3, settle="USDC", leverage="3"),
            perp(3, "sell", 100, 2, settle="USDC", settle_usd="0.9", fee="10", fee_asset="USDC"),
        )
        closed = folded.outcomes[2]

        assert (closed.perp_realized, closed.perp_fees) == (-90, 9)
        assert closed.spot_realized == 99 - 110
        assert folded.state.held(1, "USDC") == 890
        assert folded.state.locked(1, "USDC") == 0

    def test_a_loss_as_large_as_the_margin_is_paid_from_it(self) -> None:
        state = run(
            deposit(1, "USD", 100), perp(2, "buy", 100, 3, leverage="3"), perp(3, "sell", 100, 2, leverage="3")
        ).state

        assert (state.held(1, "USD"), state.locked(1, "USD")) == (0, 0)

    def test_funding_changes_the_balance_by_its_amount(self) -> None:
        folded = run(
            deposit(1, "USD", 100),
            FundingPayment(**place(2), instrument=7, settle="USD", amount=D("-1.5"), value=D("-1.5")),
            FundingPayment(**place(3), instrument=7, settle="USD", amount=D("0.5"), value=D("0.5")),
        )

        assert folded.state.held(1, "USD") == 99
        assert folded.state.positions[1, 7, PositionSide.NET].funding_usd == -1
        assert sum(outcome.realized for outcome in folded.outcomes) == -1

    def test_a_fee_in_a_third_asset_is_disposed_and_counted_once(self) -> None:
        folded = run(
            deposit(1, "USD", 100),
            deposit(2, "BNB", 1, 300),
            perp(3, "buy", 10, 3, fee="0.01", fee_asset="BNB", fee_usd="6"),
        )

        assert (folded.outcomes[2].perp_fees, folded.outcomes[2].spot_realized) == (6, 3)
        assert folded.outcomes[2].realized == -3 == cost_of(folded.state, "BNB") - 300


class TestTransfers:
    def test_an_unknown_cost_is_the_market_value_and_flagged(self) -> None:
        folded = run(deposit(1, "X", 2, value=D(50)))

        assert cost_of(folded.state, "X") == 50
        assert folded.outcomes[0].is_cost_assumed
        assert folded.outcomes[0].flow == 50

    def test_income_is_a_gain_and_a_lot_at_market(self) -> None:
        folded = run(deposit(1, "X", 2, value=D(50), is_income=True))

        assert (folded.outcomes[0].income, folded.outcomes[0].flow) == (50, 0)
        assert (cost_of(folded.state, "X"), folded.outcomes[0].is_cost_assumed) == (50, False)

    def test_sending_away_realises_nothing(self) -> None:
        folded = run(deposit(1, "X", 2, 10), TransferOut(**place(2), asset="X", quantity=D(1)))

        assert (folded.outcomes[1].realized, folded.outcomes[1].flow) == (0, -5)

    def test_sending_what_nobody_held_takes_its_worth_out_again(self) -> None:
        sent = TransferOut(**place(2), asset="X", quantity=D(4), value=D(100), is_imported=True)

        unknown = run(deposit(1, "X", 1, 10), sent).outcomes[1]
        dollars = run(deposit(1, "USD", 10), replace(sent, asset="USD", quantity=D(30), value=None)).outcomes[1]

        assert (unknown.flow, unknown.unmatched, unknown.realized) == (-85, 75, 0)
        assert (dollars.flow, dollars.unmatched, dollars.realized) == (-30, 20, 0)

    def test_units_acquired_earlier_are_sold_first(self) -> None:
        folded = run(
            deposit(1, "X", 1, 10),
            deposit(2, "X", 1, 20, acquired_at=START - timedelta(days=9)),
            spot(3, "sell", "X", 1, 25),
        )

        assert folded.outcomes[2].spot_realized == 5


class TestImports:
    def test_the_part_that_is_not_held_is_unmatched(self) -> None:
        folded = run(deposit(1, "X", 1, 10), replace(spot(2, "sell", "X", 4, 25), is_imported=True))
        sold = folded.outcomes[1].disposals[0]

        assert (sold.quantity, sold.proceeds, sold.realized) == (1, 25, 15)
        assert (sold.unmatched_quantity, sold.unmatched_proceeds) == (3, 75)
        assert folded.outcomes[1].realized == 15
        assert folded.state.held(1, "USD") == 100
        assert not folded.state.lots[1, "X"]

    def test_money_whose_deposit_is_missing_is_unmatched_too(self) -> None:
        folded = run(deposit(1, "USD", 30), replace(spot(2, "buy", "X", 4, 25), is_imported=True))

        (spent,) = folded.outcomes[1].disposals
        assert (spent.asset, spent.kind, spent.matches) == ("USD", Kind.SPENT, ())
        assert (spent.quantity, spent.cost, spent.proceeds) == (30, 30, 30)
        assert (spent.unmatched_quantity, spent.unmatched_proceeds) == (70, 70)
        assert folded.outcomes[1].unmatched == 70
        assert folded.outcomes[1].realized == 0
        assert folded.state.held(1, "USD") == 0
        assert cost_of(folded.state, "X") == 100


class TestReversal:
    FILL = spot(2, "buy", "X", 10, 50)

    def test_a_fill_and_its_reversal_both_drop_out(self) -> None:
        money, undo = deposit(1, "USD", 1000), replace(self.FILL, sequence=3, reverses=2, side=Side.SELL)

        assert fold(events=[money, self.FILL, undo]) == fold(events=[money])

    def test_a_reversal_of_money_already_spent_is_refused(self) -> None:
        money = deposit(1, "USD", 1000)
        undo = replace(money, sequence=3, reverses=1)

        with pytest.raises(Oversold):
            fold(events=[money, self.FILL, undo])

    @pytest.mark.parametrize("reversed_event", [9, 3])
    def test_only_what_stands_can_be_reversed(self, reversed_event: int) -> None:
        first = replace(self.FILL, sequence=3, reverses=2)
        second = replace(self.FILL, sequence=4, reverses=reversed_event)

        with pytest.raises(EventError):
            standing([self.FILL, first, second])

    def test_nothing_is_reversed_twice(self) -> None:
        undo = [replace(self.FILL, sequence=number, reverses=2) for number in (3, 4)]

        with pytest.raises(EventError):
            standing([self.FILL, *undo])

    def test_a_sequence_names_one_event(self) -> None:
        with pytest.raises(EventError, match="share the sequence"):
            standing([self.FILL, replace(self.FILL, price=D(51))])


class TestBadAmounts:
    @pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-1", "0", "1e1000000", "1e20", "1e-19"])
    @pytest.mark.parametrize("field", ["quantity", "price", "quote_usd"])
    def test_a_spot_fill_refuses(self, field: str, amount: str) -> None:
        with pytest.raises(EventError):
            replace(spot(1, "buy", "X", 1, 1, quote="USDC"), **{field: D(amount)})

    @pytest.mark.parametrize("amount", ["NaN", "-1", "1e1000000"])
    @pytest.mark.parametrize("field", ["quantity", "price", "fee", "fee_usd", "settle_usd", "leverage"])
    def test_a_perp_fill_refuses(self, field: str, amount: str) -> None:
        with pytest.raises(EventError):
            replace(perp(1, "buy", 1, 1, settle="USDC"), **{field: D(amount)})

    @pytest.mark.parametrize("value", [1.5, "1", True])
    def test_only_decimals_are_amounts(self, value: object) -> None:
        with pytest.raises(EventError):
            replace(spot(1, "buy", "X", 1, 1), quantity=value)

    def test_a_transfer_refuses(self) -> None:
        for change in ({"quantity": D("NaN")}, {"cost": D(-1)}, {"value": D("Infinity")}):
            with pytest.raises(EventError):
                replace(deposit(1, "X", 1, 1), **change)
        with pytest.raises(EventError, match="Give a cost or a price"):
            deposit(1, "X", 1)
        with pytest.raises(EventError, match="market value"):
            deposit(1, "X", 1, 5, is_income=True)

    def test_a_funding_payment_refuses(self) -> None:
        for settle, amount, value in (
            ("USD", "NaN", "1"),
            ("USDC", "1", "-1"),
            ("USD", "1", "2"),
            ("USDC", "1", "NaN"),
        ):
            with pytest.raises(EventError):
                FundingPayment(**place(1), instrument=7, settle=settle, amount=D(amount), value=D(value))

    def test_usd_is_worth_one(self) -> None:
        with pytest.raises(EventError, match="worth 1 USD"):
            spot(1, "buy", "X", 1, 1, quote_usd="1.1")

    @pytest.mark.parametrize("base", ["USD", "USDC"])
    def test_an_asset_is_not_traded_against_itself(self, base: str) -> None:
        with pytest.raises(EventError):
            spot(1, "buy", base, 1, 1, quote="USDC")

    def test_more_than_an_amount_can_be_is_never_held(self) -> None:
        most = D(99999999999999999999)

        assert run(deposit(1, "USD", most)).state.held(1, "USD") == most
        with pytest.raises(AmountError, match=r"^You would hold more than 20 digits of USD\.$"):
            run(deposit(1, "USD", most), deposit(2, "USD", 1))

    def test_a_product_that_is_too_large_is_refused(self) -> None:
        with pytest.raises(ValueError, match="more than 20 digits"):
            run(deposit(1, "USD", "1e19"), spot(2, "buy", "X", "1e19", "1e19"))
