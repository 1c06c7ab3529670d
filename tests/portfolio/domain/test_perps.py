"""Futures in the fold: inverse, hedge mode, forced closes, margin of one's own, rolls (DOMAIN 4.2, 4.4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.events import EventError, FundingPayment, MarginChange, PerpFill, Side, TransferIn, TransferOut
from portfolio.domain.futures import MarginMode, Position, PositionSide, Reason
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.outcomes import LedgerError, Oversold
from portfolio.domain.perps import NothingToClose, WrongMargin, WrongSide

START = datetime(2026, 1, 1, tzinfo=UTC)


def place(number: int) -> dict[str, Any]:
    return {"sequence": number, "account": 1, "executed_at": START + timedelta(hours=number)}


def deposit(number: int, asset: str, quantity: str, cost: str | None = None) -> TransferIn:
    return TransferIn(**place(number), asset=asset, quantity=D(quantity), cost=D(cost or quantity))


def perp(number: int, side: str, quantity: str, price: str, **more: Any) -> PerpFill:
    amounts = ("fee", "fee_usd", "settle_usd", "leverage", "contract_size")
    terms = {name: D(value) if name in amounts else value for name, value in more.items()}
    terms = {"instrument": 7, "settle": "USD", **terms}
    return PerpFill(**place(number), side=Side(side), quantity=D(quantity), price=D(price), **terms)


def margin(number: int, amount: str, **more: Any) -> MarginChange:
    return MarginChange(**place(number), instrument=7, settle="USD", amount=D(amount), **more)


def funding(number: int, amount: str, **more: Any) -> FundingPayment:
    return FundingPayment(**place(number), instrument=7, settle="USD", amount=D(amount), value=D(amount), **more)


def position(folded: Folded, side: str = "net", instrument: int = 7) -> Position:
    return folded.state.positions[1, instrument, PositionSide(side)]


class TestContracts:
    def test_a_contract_counts_its_units(self) -> None:
        folded = fold(events=[deposit(1, "USD", "1000"), perp(2, "buy", "100", "8000", contract_size="0.001")])

        assert position(folded).quantity == D("0.1")
        assert folded.state.locked(1, "USD") == 800

    def test_a_contract_has_a_size(self) -> None:
        with pytest.raises(EventError, match="contract size"):
            perp(1, "buy", "1", "1", contract_size="0")


class TestOutcome:
    def test_names_the_position_that_it_changed(self) -> None:
        events = [deposit(1, "USD", "1000"), perp(2, "buy", "1", "100", position_side=PositionSide.LONG)]

        folded = fold(events=events)

        assert [outcome.position_key for outcome in folded.outcomes] == [None, (1, 7, PositionSide.LONG)]

    def test_margin_is_locked_in_its_own_account_and_asset(self) -> None:
        elsewhere = replace(deposit(1, "USDC", "1000"), account=2)
        events = [elsewhere, replace(perp(2, "buy", "1", "100", settle="USDC"), account=2)]

        state = fold(events=events).state

        assert (state.locked(2, "USDC"), state.locked(1, "USDC"), state.locked(2, "USD")) == (100, 0, 0)


class TestInverse:
    """E14."""

    def fills(self) -> Folded:
        coin = {"settle": "BTC", "is_inverse": True, "leverage": "10"}
        closing = {**coin, "settle_usd": "6000", "fee": "0.0001375", "fee_asset": "BTC"}
        return fold(
            events=[
                deposit(1, "BTC", "1", "4000"),
                perp(2, "buy", "1000", "5000", settle_usd="5000", **coin),
                perp(3, "buy", "2000", "6000", settle_usd="6000", **coin),
                perp(4, "sell", "1500", "6000", **closing),
            ]
        )

    def test_realises_coin_at_its_price(self) -> None:
        folded = self.fills()

        assert round(position(folded).entry_price or D(0), 8) == 5625
        assert position(folded).quantity == 1500
        assert round(folded.state.held(1, "BTC"), 10) == D("1.0165291667")
        assert round(folded.outcomes[3].perp_realized, 6) == 100
        assert folded.outcomes[3].perp_fees == D("0.825")

    def test_locks_coin(self) -> None:
        folded = self.fills()

        assert folded.state.locked(1, "BTC") == position(folded).margin
        assert round(position(folded).margin, 8) == D("0.02666667")

    def test_funding_that_came_first_does_not_make_it_linear(self) -> None:
        coin = {"settle": "BTC", "is_inverse": True, "settle_usd": "5000"}
        early = FundingPayment(**place(2), instrument=7, settle="BTC", amount=D("0.01"), value=D(50))

        folded = fold(events=[deposit(1, "BTC", "1"), early, perp(3, "buy", "1000", "5000", **coin)])

        assert (position(folded).is_inverse, position(folded).entry_cost) == (True, D("0.2"))


class TestHedgeMode:
    LONG: dict[str, Any] = {"position_side": PositionSide.LONG, "leverage": "10"}
    SHORT: dict[str, Any] = {"position_side": PositionSide.SHORT, "leverage": "10"}

    def test_keeps_long_and_short_apart(self) -> None:
        folded = fold(
            events=[
                deposit(1, "USD", "1000"),
                perp(2, "buy", "10", "100", **self.LONG),
                perp(3, "sell", "4", "110", **self.SHORT),
                perp(4, "sell", "5", "120", **self.LONG),
                funding(5, "-3", position_side=PositionSide.LONG),
                funding(6, "1", position_side=PositionSide.SHORT),
            ]
        )

        long, short = position(folded, "long"), position(folded, "short")
        assert (long.quantity, long.realized_usd, long.funding_usd) == (5, 100, -3)
        assert (short.quantity, short.realized_usd, short.funding_usd) == (-4, 0, 1)
        assert folded.state.locked(1, "USD") == long.margin + short.margin == 50 + 44

    @pytest.mark.parametrize(("way", "side"), [("sell", PositionSide.LONG), ("buy", PositionSide.SHORT)])
    def test_a_side_never_turns(self, way: str, side: PositionSide) -> None:
        with pytest.raises(WrongSide, match=side):
            fold(events=[deposit(1, "USD", "1000"), perp(2, way, "1", "100", position_side=side)])


class TestForcedCloses:
    OPENED = (deposit(1, "USD", "1000"), perp(2, "buy", "10", "100", leverage="10"))

    @pytest.mark.parametrize("reason", [Reason.LIQUIDATION, Reason.ADL, Reason.SETTLEMENT])
    def test_close_and_realise(self, reason: Reason) -> None:
        folded = fold(events=[*self.OPENED, perp(3, "sell", "10", "90", reason=reason, fee="4.5")])

        assert position(folded).quantity == 0
        assert (folded.outcomes[2].perp_realized, folded.outcomes[2].perp_fees) == (-100, D("4.5"))
        assert (folded.state.held(1, "USD"), folded.state.locked(1, "USD")) == (D("895.5"), 0)

    @pytest.mark.parametrize(("way", "quantity"), [("buy", "1"), ("sell", "11")])
    def test_never_open_anything(self, way: str, quantity: str) -> None:
        with pytest.raises(NothingToClose, match=r"^A forced close cannot be larger than the open position\.$"):
            fold(events=[*self.OPENED, perp(3, way, quantity, "90", reason=Reason.ADL)])

    def test_never_add_to_a_small_position(self) -> None:
        small = perp(2, "buy", "0.5", "100")

        with pytest.raises(NothingToClose):
            fold(events=[deposit(1, "USD", "1000"), small, perp(3, "buy", "0.5", "90", reason=Reason.ADL)])

    def test_an_import_may_lack_what_came_before(self) -> None:
        closing = perp(3, "sell", "11", "90", reason=Reason.ADL, is_imported=True)

        assert position(fold(events=[*self.OPENED, closing])).quantity == -1


class TestMargin:
    OPENED = (deposit(1, "USD", "1000"), perp(2, "buy", "10", "100", leverage="10"))

    def test_moves_between_the_position_and_what_is_free(self) -> None:
        folded = fold(events=[*self.OPENED, margin(3, "50"), margin(4, "-20")])

        assert (position(folded).margin, folded.state.locked(1, "USD")) == (130, 130)
        assert (folded.state.held(1, "USD"), folded.outcomes[3].realized) == (1000, 0)

    def test_cannot_be_more_than_is_free(self) -> None:
        with pytest.raises(Oversold):
            fold(events=[*self.OPENED, margin(3, "901")])

    def test_cannot_be_taken_back_whole(self) -> None:
        with pytest.raises(WrongMargin, match=r"^The position has 100 USD of margin\.$"):
            fold(events=[*self.OPENED, margin(3, "-100")])

    def test_belongs_to_an_open_isolated_position(self) -> None:
        crossed = perp(2, "buy", "10", "100", margin_mode=MarginMode.CROSS)

        for events in ([deposit(1, "USD", "1000")], [deposit(1, "USD", "2000"), crossed]):
            with pytest.raises(WrongMargin, match=r"^Only an open isolated position takes margin of its own\.$"):
                fold(events=[*events, margin(3, "5")])

    def test_of_nothing_is_no_event(self) -> None:
        with pytest.raises(EventError):
            margin(1, "0")

    def test_of_several_positions_adds_up(self) -> None:
        second = perp(3, "buy", "4", "100", instrument=8)
        out = TransferOut(**place(4), asset="USD", quantity=D(501))

        with pytest.raises(Oversold, match=r"^You hold 500 USD, and this needs 501\.$"):
            fold(events=[*self.OPENED, second, out])

    def test_of_cents_must_be_there_too(self) -> None:
        with pytest.raises(Oversold, match=r"^You hold 0\.4 USD, and this needs 0\.5\.$"):
            fold(events=[deposit(1, "USD", "0.4"), perp(2, "buy", "0.5", "1")])


class TestOpening:
    def test_is_told_until_the_position_is_closed_or_turned(self) -> None:
        start = [deposit(1, "USD", "5000"), perp(2, "buy", "2", "100"), perp(3, "buy", "2", "100")]

        added = fold(events=start)
        reduced = fold(events=[*start, perp(4, "sell", "1", "100")])
        turned = fold(events=[*start, perp(4, "sell", "5", "100")])
        closed = fold(events=[*start, perp(4, "sell", "4", "100")])

        hours = [position(one).opened_at for one in (added, reduced, turned, closed)]
        assert hours == [START + timedelta(hours=2), START + timedelta(hours=2), START + timedelta(hours=4), None]


class TestMarginMode:
    def test_is_that_of_the_fill_that_opened_it(self) -> None:
        folded = fold(
            events=[
                deposit(1, "USD", "10000"),
                perp(2, "buy", "10", "100", margin_mode=MarginMode.CROSS),
                perp(3, "buy", "1", "100"),
                perp(4, "sell", "2", "100", margin_mode=MarginMode.ISOLATED),
            ]
        )

        assert position(folded).margin_mode is MarginMode.CROSS

    def test_cannot_change_while_it_is_open(self) -> None:
        opened = perp(2, "buy", "10", "100", margin_mode=MarginMode.CROSS)

        with pytest.raises(WrongMargin, match=r"^This position is cross: close it before you change that\.$"):
            fold(events=[deposit(1, "USD", "10000"), opened, perp(3, "buy", "1", "1", margin_mode=MarginMode.ISOLATED)])

    def test_a_flip_opens_anew(self) -> None:
        opened = perp(2, "buy", "10", "100", margin_mode=MarginMode.CROSS)

        folded = fold(events=[deposit(1, "USD", "10000"), opened, perp(3, "sell", "20", "100")])

        assert position(folded).margin_mode is MarginMode.ISOLATED


class TestRoll:
    """E18."""

    def test_the_next_contract_carries_the_chain(self) -> None:
        near, following = {"instrument": 7, "leverage": "5"}, {"instrument": 8, "leverage": "5", "chain": "btc-26"}
        folded = fold(
            events=[
                deposit(1, "USD", "50000"),
                perp(2, "buy", "2", "60000", **near),
                perp(3, "sell", "2", "63000", fee="63", **{**near, "chain": "btc-26"}),
                perp(4, "buy", "2", "64260", fee="64.26", **following),
            ]
        )

        old, new = position(folded), position(folded, instrument=8)
        assert (old.quantity, old.realized_usd - old.fees_usd, old.chain) == (0, 5937, "")
        assert (new.entry_price, new.fees_usd, new.chain) == (64_260, D("64.26"), "btc-26")

    def test_an_add_keeps_the_chain_and_a_flip_leaves_it(self) -> None:
        start = [deposit(1, "USD", "5000"), perp(2, "buy", "2", "100", chain="a"), perp(3, "buy", "2", "100")]

        kept = fold(events=[*start, perp(4, "buy", "1", "100", chain="b")])
        flipped = fold(events=[*start, perp(4, "sell", "9", "100")])

        assert (position(kept).chain, position(flipped).chain) == ("a", "")


class TestSettlementAsset:
    def test_stays_what_it_was(self) -> None:
        events = [deposit(1, "USD", "500"), perp(2, "buy", "1", "100"), perp(3, "sell", "1", "100", settle="USDC")]

        with pytest.raises(LedgerError, match=r"^This position is settled in USD\.$"):
            fold(events=events)
