"""Futures of every kind are recorded, forced closes and rolls too, and shown with their risk (DOMAIN 4.2 to 4.5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from portfolio.domain.futures import MarginMode, PositionSide, Reason
from portfolio.domain.lots import Method
from portfolio.domain.margin import Tier
from portfolio.domain.outcomes import Oversold
from portfolio.domain.perps import NothingToClose
from portfolio.models import Instrument, Portfolio, Position, PositionChange, Transfer, ValuationDay
from portfolio.queries.chains import chains_of
from portfolio.queries.holdings import snapshot
from portfolio.queries.invariants import violations
from portfolio.queries.positions import PositionLine
from portfolio.services.contracts import (
    BadContract,
    Close,
    NewContract,
    Next,
    NotOpen,
    NotRollable,
    list_contract,
    record_forced_close,
    roll_position,
    settle_contract,
)
from portfolio.services.entries import BadContractFill, BadEnd, NewFill, NewTransfer
from portfolio.services.ledger import record_fills, record_transfer, reverse_fills
from portfolio.services.valuation import value_portfolio
from tests.portfolio import factories
from tests.portfolio.factories import NOW, asset, at, perp, price

DECEMBER = datetime(2026, 3, 27, 8, tzinfo=UTC)
MARCH = datetime(2026, 6, 26, 8, tzinfo=UTC)


def contract(symbol: str = "BTC", **more: Any) -> Instrument:
    return list_contract(NewContract(venue=perp("BTC").venue, asset=asset(symbol), lot_step=D("0.001"), **more))


def trade(
    book: Portfolio, instrument: Instrument, side: str, quantity: str, at_price: str, when: datetime, **more: Any
) -> None:
    terms = {"quantity": D(quantity), "price": D(at_price), "executed_at": when, **more}
    record_fills(portfolio=book, fills=[NewFill(instrument=instrument, side=side, **terms)], now=NOW)


def line(book: Portfolio, now: datetime = NOW) -> PositionLine:
    (found,) = snapshot(portfolio=book, now=now).positions
    return found


def held(book: Portfolio, symbol: str) -> D:
    row = book.holdings.get(asset__symbol=symbol)
    return row.quantity


def verify(book: Portfolio) -> None:
    call_command("verify_ledger")


class TestListing:
    def test_once(self, book: Portfolio) -> None:
        tiers = [Tier(D(50_000), D("0.005"), D(50)), Tier(D(0), D("0.004"))]

        first = contract(expires_at=DECEMBER, tiers=tiers, contract_size=D("0.01"))

        assert contract(expires_at=DECEMBER) == first
        assert (first.name, first.maintenance_tiers()) == ("BTC-260327", tiers[::-1])
        assert (first.maintenance_rate, first.is_futures) == (D("0.004"), True)

    def test_names(self, book: Portfolio) -> None:
        assert contract(is_inverse=True).name == "BTC-USD-PERP"
        assert contract(is_inverse=True, expires_at=DECEMBER).name == "BTC-USD-260327"
        assert perp("BTC").name == "BTC-PERP"

    @pytest.mark.parametrize("bad", [{"contract_size": D(0)}, {"tiers": [Tier(D(5), D("0.01"))]}])
    def test_refuses_what_cannot_be(self, book: Portfolio, bad: dict[str, Any]) -> None:
        with pytest.raises(BadContract):
            contract(**bad)

    def test_the_database_holds_the_shape(self, book: Portfolio) -> None:
        with pytest.raises(IntegrityError):
            Instrument.objects.create(venue=perp("BTC").venue, asset=asset("BTC"), kind="dated", lot_step=1)


class TestInverse:
    """E14."""

    def test_is_settled_in_coin_and_valued_at_its_price(self, book: Portfolio) -> None:
        coin = contract(is_inverse=True, contract_size=D(100))
        trade(book, coin, "buy", "100", "50000", at(1), leverage=D(10))
        trade(book, coin, "sell", "25", "62500", at(2), fee_amount=D("0.00002"))

        found = line(book)
        assert (found.quantity, found.entry_price, found.margin) == (7500, 50_000, D("0.015"))
        assert (found.quote_asset.symbol, found.mark, found.notional_usd) == ("BTC", 50_000, 7500)
        assert (found.realized_usd, found.fees_usd, found.unrealized) == (625, D("1.25"), 0)
        assert held(book, "BTC") == 1 + D("0.01") - D("0.00002")
        assert round(found.bankruptcy_price or D(0), 4) == D("45454.5455")
        verify(book)

    def test_equity_holds_the_coin(self, book: Portfolio) -> None:
        before = snapshot(portfolio=book, now=NOW).sleeves.equity.value
        trade(book, contract(is_inverse=True), "buy", "10000", "50000", at(1), leverage=D(5))

        assert snapshot(portfolio=book, now=NOW).sleeves.equity.value == before


class TestHedgeMode:
    def test_two_positions_in_one_contract(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.2", "50000", at(1), position_side="long", leverage=D(5))
        trade(book, perp("BTC"), "sell", "0.1", "50000", at(1, 1), position_side="short", leverage=D(5))
        funding = NewTransfer(
            kind="funding",
            asset=asset("USDC"),
            quantity=D(-1),
            instrument=perp("BTC"),
            executed_at=at(2),
            position_side="short",
        )
        record_transfer(portfolio=book, transfer=funding, now=NOW)

        lines = {one.position_side: one for one in snapshot(portfolio=book, now=NOW).positions}
        assert (lines["long"].quantity, lines["short"].quantity) == (D("0.2"), D("-0.1"))
        assert (lines["long"].funding_usd, lines["short"].funding_usd) == (0, -1)
        verify(book)

    def test_spot_has_no_side(self, book: Portfolio) -> None:
        with pytest.raises(BadContractFill):
            trade(book, factories.spot("UNI"), "buy", "1", "25", at(1), position_side="long")


class TestForcedCloses:
    def opened(self, book: Portfolio) -> Position:
        trade(book, perp("BTC"), "buy", "0.2", "50000", at(1), leverage=D(10))
        return Position.objects.select_related("instrument", "quote_asset", "account").get()

    @pytest.mark.parametrize("reason", [Reason.LIQUIDATION, Reason.ADL])
    def test_are_fills_with_a_reason(self, book: Portfolio, reason: Reason) -> None:
        close = Close(position=self.opened(book), price=D(45_000), executed_at=at(2), fee_amount=D("4.5"))

        (fill,) = record_forced_close(portfolio=book, close=close, reason=reason, now=NOW).fills

        assert (fill.reason, fill.side, fill.quantity) == (reason, "sell", D("0.2"))
        assert (fill.position_change.realized_pnl_usd, fill.position_change.fee_usd) == (-1000, D("4.5"))
        assert held(book, "USDC") == 20_000 - 1000 - D("4.5")
        assert not snapshot(portfolio=book, now=NOW).positions
        verify(book)

    def test_a_part_of_it(self, book: Portfolio) -> None:
        close = Close(position=self.opened(book), price=D(45_000), executed_at=at(2), quantity=D("0.05"))

        record_forced_close(portfolio=book, close=close, reason=Reason.ADL, now=NOW)

        assert line(book).quantity == D("0.15")

    def test_a_reversal_brings_it_back(self, book: Portfolio) -> None:
        close = Close(position=self.opened(book), price=D(45_000), executed_at=at(2))
        done = record_forced_close(portfolio=book, close=close, reason=Reason.LIQUIDATION, now=NOW)

        reverse_fills(portfolio=book, fills=done.fills, now=NOW)

        assert line(book).quantity == D("0.2")
        verify(book)

    def test_need_something_open(self, book: Portfolio) -> None:
        position = self.opened(book)
        close = Close(position=position, price=D(45_000), executed_at=at(2))
        record_forced_close(portfolio=book, close=close, reason=Reason.ADL, now=NOW)
        position.refresh_from_db()

        with pytest.raises(NotOpen):
            record_forced_close(portfolio=book, close=close, reason=Reason.ADL, now=NOW)
        with pytest.raises(NothingToClose):
            trade(book, perp("BTC"), "sell", "1", "45000", at(3), reason="adl")


class TestExpiry:
    """E18."""

    def opened(self, book: Portfolio, **more: Any) -> Position:
        factories.price(book.market, 70, {"BTC": "63000"})
        near = contract(expires_at=DECEMBER, settlement_fee_rate=D("0.0005"), **more)
        trade(book, near, "buy", "0.2", "60000", at(1), leverage=D(5))
        return Position.objects.select_related("instrument", "quote_asset", "account").get()

    def test_settles_at_the_mean_of_the_index_with_a_fee(self, book: Portfolio) -> None:
        position = self.opened(book)
        samples = [D(63_000), D(63_050), D(63_100)]

        (fill,) = settle_contract(
            portfolio=book,
            close=Close(position=position, price=D(63_050), executed_at=DECEMBER),
            samples=samples,
            now=NOW,
        ).fills

        assert (fill.price, fill.reason, fill.fee_amount) == (63_050, "settlement", D("6.305"))
        assert fill.position_change.realized_pnl_usd == 610
        verify(book)

    def test_not_before_it_expires_and_no_trade_after(self, book: Portfolio) -> None:
        position = self.opened(book)
        early = Close(position=position, price=D(63_050), executed_at=DECEMBER - timedelta(seconds=1))

        with pytest.raises(BadContractFill, match="not expired"):
            settle_contract(portfolio=book, close=early, now=NOW)
        with pytest.raises(BadContractFill, match="expired on 27 March 2026"):
            trade(book, position.instrument, "buy", "0.1", "60000", DECEMBER + timedelta(seconds=1))

    def test_alerts_count_down(self, book: Portfolio) -> None:
        self.opened(book)

        shown = [line(book, DECEMBER - timedelta(days=days)) for days in (20, 10, 5, 2, 0)]

        assert [one.expiry_alert for one in shown] == [None, 14, 7, 3, 0]
        assert [one.days_left for one in shown] == [20, 10, 5, 2, 0]

    def test_a_roll_closes_and_opens_in_one_chain(self, book: Portfolio) -> None:
        position, following = self.opened(book), contract(expires_at=MARCH)
        when = DECEMBER - timedelta(days=2)
        close = Close(position=position, price=D(63_000), executed_at=when, fee_amount=D("6.3"))
        into = Next(instrument=following, price=D(64_260), fee_amount=D("6.426"))

        done = roll_position(portfolio=book, close=close, into=into, now=NOW, client_key="roll-1")

        assert done.spread is not None
        assert (done.spread.spread, round(done.spread.annualised or D(0), 8)) == (D("0.02"), D("0.08021978"))
        assert (done.closing.chain, done.opening.quantity) == (done.opening.chain, D("0.2"))
        found = line(book)
        assert (found.instrument, found.entry_price, found.leverage, found.chain) == (following, 64_260, 5, done.chain)
        verify(book)

    def test_a_roll_is_recorded_once(self, book: Portfolio) -> None:
        position, following = self.opened(book), contract(expires_at=MARCH)
        close = Close(position=position, price=D(63_000), executed_at=DECEMBER - timedelta(days=2))
        into = Next(instrument=following, price=D(64_260))
        first = roll_position(portfolio=book, close=close, into=into, now=NOW, client_key="roll-1")
        position.refresh_from_db()

        again = roll_position(portfolio=book, close=close, into=into, now=NOW, client_key="roll-1")

        assert (again.is_repeat, again.opening) == (True, first.opening)

    def test_a_chain_adds_up_what_every_contract_brought(self, book: Portfolio) -> None:
        position, following = self.opened(book), contract(expires_at=MARCH)
        paid = NewTransfer(
            kind="funding",
            asset=asset("USDC"),
            quantity=D(-2),
            instrument=following,
            executed_at=DECEMBER + timedelta(days=1),
        )
        close = Close(position=position, price=D(63_000), executed_at=at(70), fee_amount=D("6.3"))
        into = Next(instrument=following, price=D(62_000), fee_amount=D("6.426"))
        roll_position(portfolio=book, close=close, into=into, now=NOW)
        record_transfer(portfolio=book, transfer=paid, now=NOW)

        (chain,) = chains_of(portfolio=book, lines=snapshot(portfolio=book, now=NOW).positions)

        old, new = chain.members
        assert (old.brought.realized, old.brought.fees, old.closed_at) == (600, D("6.3"), at(70))
        assert (new.brought.fees, new.brought.funding, new.brought.unrealized) == (D("6.426"), -2, 200)
        assert (new.closed_at, new.spread is not None) == (None, True)
        assert chain.pnl_usd == 600 - D("6.3") - D("6.426") - 2 + 200

    def test_only_a_later_contract_of_the_same_kind_follows(self, book: Portfolio) -> None:
        position = self.opened(book)
        close = Close(position=position, price=D(63_000), executed_at=at(70))
        strangers = [perp("ETH"), contract(is_inverse=True, expires_at=MARCH), position.instrument]

        for instrument in [*strangers, contract(expires_at=DECEMBER - timedelta(days=7))]:
            with pytest.raises(NotRollable):
                roll_position(portfolio=book, close=close, into=Next(instrument=instrument, price=D(1)), now=NOW)


class TestMargin:
    def move(self, book: Portfolio, amount: str, **more: Any) -> Transfer:
        terms = {"instrument": perp("BTC"), **more}
        new = NewTransfer(kind="margin", asset=asset("USDC"), quantity=D(amount), executed_at=at(2), **terms)
        return record_transfer(portfolio=book, transfer=new, now=NOW)

    def test_moves_the_liquidation_away(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.2", "50000", at(1), leverage=D(10))
        near = line(book).liquidation_price

        self.move(book, "500")

        found = line(book)
        assert near is not None
        assert found.liquidation_price is not None
        assert (found.margin, found.liquidation_price < near) == (1500, True)
        assert held(book, "USDC") == 20_000
        verify(book)

    def test_names_its_contract_and_is_there(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.2", "50000", at(1), leverage=D(10))

        with pytest.raises(BadEnd):
            self.move(book, "5", instrument=None)
        with pytest.raises(Oversold):
            self.move(book, "19000.01")

    def test_cross_positions_share_the_wallet(self, book: Portfolio) -> None:
        crossed = {"margin_mode": MarginMode.CROSS.value, "leverage": D(10)}
        trade(book, perp("BTC"), "buy", "2", "50000", at(1), **crossed)
        alone = line(book)
        trade(book, perp("ETH"), "sell", "8", "2400", at(1, 1), **crossed)

        found = {one.instrument.name: one for one in snapshot(portfolio=book, now=NOW).positions}
        assert (alone.margin_mode, alone.margin) == ("cross", 10_000)
        # 2 BTC have lost the wallet's 20,000 at 40,000; the maintenance of 0.4% at entry is 200 a coin.
        assert round(alone.liquidation_price or D(0), 2) == D("40200.00")
        assert (found["BTC-PERP"].liquidation_price or 0) > (alone.liquidation_price or 0)
        verify(book)

    def test_both_sides_of_a_cross_contract_move_together(self, book: Portfolio) -> None:
        crossed = {"margin_mode": MarginMode.CROSS.value, "leverage": D(10)}
        trade(book, perp("BTC"), "buy", "1", "50000", at(1), position_side="long", **crossed)
        trade(book, perp("BTC"), "sell", "1", "50000", at(1), position_side="short", **crossed)

        lines = snapshot(portfolio=book, now=NOW).positions

        # Only the maintenance of both, 0.4% each, grows with the price: 20,000 over 0.008.
        assert [(one.liquidation_price, one.nearness) for one in lines] == [(2_500_000, "")] * 2


class TestRisk:
    def test_a_venue_may_say_how_it_liquidates(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.2", "50000", at(1), leverage=D(10))
        nearer = line(book).liquidation_price
        perp("BTC").venue.__class__.objects.filter(slug="binance").update(liquidation_convention="mark")

        assert (line(book).liquidation_price or 0) < (nearer or 0)

    def test_stablecoins_count_less_for_risk(self, book: Portfolio) -> None:
        parts = snapshot(portfolio=book, now=NOW).sleeves

        assert asset("USDC").haircut == D("0.0025")
        assert parts.equity.value - parts.risk_equity == 50
        assert asset("BTC").haircut is None

    def test_the_days_carry_it(self, book: Portfolio) -> None:
        price(book.market, 0)
        value_portfolio(portfolio=book, now=NOW)

        day = ValuationDay.objects.get(portfolio=book)
        assert day.risk_usd == day.equity_usd - 50

    def test_a_day_values_coin_and_hedged_positions_as_the_page_does(self, book: Portfolio) -> None:
        trade(book, contract(is_inverse=True), "sell", "10000", "40000", at(0, 1), leverage=D(5))
        trade(book, perp("BTC"), "buy", "0.1", "45000", at(0, 2), position_side="long", leverage=D(5))
        trade(book, perp("BTC"), "sell", "0.2", "55000", at(0, 3), position_side="short", leverage=D(5))
        price(book.market, 0)

        value_portfolio(portfolio=book, now=NOW)

        day, shown = ValuationDay.objects.get(portfolio=book), snapshot(portfolio=book, now=NOW).sleeves
        gains = D(10_000) / 50_000 * 50_000 - D(10_000) / 40_000 * 50_000 + 500 + 1000
        assert (day.equity_usd, day.futures_usd) == (shown.equity.value, shown.futures.value)
        assert day.futures_usd == 2500 + 900 + 2200 + gains

    def test_what_margin_frees(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.1", "50000", at(1), leverage=D(5))

        assert (line(book).margin_usd, line(book).freed_usd) == (1000, 4000)

    def test_the_ledger_notices_a_position_that_its_fills_do_not_give(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.1", "50000", at(1), position_side=PositionSide.LONG.value)
        Position.objects.update(position_side="net")

        with pytest.raises(SystemExit):
            verify(book)
        assert PositionChange.objects.count() == 1


class TestChecks:
    """What verify_ledger finds when a row was changed behind its back."""

    def found(self, book: Portfolio) -> set[str]:
        book.refresh_from_db()
        return {one.invariant for one in violations(portfolio=book, method=Method.FIFO)}

    def test_a_side_that_turned(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.1", "50000", at(1), position_side="long", leverage=D(5))
        Position.objects.update(quantity=D("-0.1"))

        assert {"I10", "I16"} <= self.found(book)

    def test_a_margin_below_nothing(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.1", "50000", at(1), leverage=D(5))
        Position.objects.update(margin=D(-1))

        assert "I10" in self.found(book)

    @pytest.mark.parametrize(("way", "back", "left"), [("buy", "sell", "-1"), ("sell", "buy", "1")])
    def test_a_forced_close_that_opened(self, book: Portfolio, way: str, back: str, left: str) -> None:
        trade(book, perp("BTC"), way, "0.1", "50000", at(1), leverage=D(5))
        trade(book, perp("BTC"), back, "0.1", "50000", at(2), reason="adl")
        assert self.found(book) == set()

        PositionChange.objects.filter(fill__reason="adl").update(quantity_after=D(left))

        assert "I11" in self.found(book)

    def test_a_reversal_that_names_another_side(self, book: Portfolio) -> None:
        trade(book, perp("BTC"), "buy", "0.1", "50000", at(1), leverage=D(5))
        reverse_fills(portfolio=book, fills=book.fills.all(), now=NOW)
        book.fills.filter(reverses__isnull=False).update(position_side="long")

        assert "I18" in self.found(book)


class TestPages:
    def test_a_position_shows_what_it_risks_and_when_it_ends(self, book: Portfolio, client_of_alice: Client) -> None:
        soon = timezone.now() + timedelta(days=5)
        trade(book, contract(expires_at=soon), "buy", "0.1", "50000", at(1), leverage=D(10))
        trade(book, contract(is_inverse=True), "sell", "5000", "50000", at(1, 1), margin_mode="cross")

        page = said(client_of_alice, book, "overview")
        today = said(client_of_alice, book, "today")

        warning = "within 7 days. Roll it into a later contract, or close it."
        assert warning in page
        assert warning in today
        assert all(words in page for words in ("isolated", "cross", "near", "Frees", "The margin is gone at"))
        assert all(words in page for words in ("5,000 USD", "Worth for risk", "cannot be liquidated"))

    def test_a_forced_close_is_marked_among_the_fills(self, book: Portfolio, client_of_alice: Client) -> None:
        trade(book, perp("BTC"), "buy", "0.1", "50000", at(1), leverage=D(10))
        trade(book, perp("BTC"), "sell", "0.1", "45000", at(2), reason="liquidation")

        assert "liquidated" in said(client_of_alice, book, "fills")


def said(client: Client, book: Portfolio, name: str) -> str:
    """Return the words of a page."""
    url = {"overview": "/portfolio/", "today": "/"}.get(name) or reverse(f"portfolio:{name}", args=[book.pk])
    response = client.get(url)
    assert response.status_code == 200
    return " ".join(strip_tags(response.content.decode()).split())
