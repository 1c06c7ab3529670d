"""Entries that hardly happen keep the ledger whole: emptied piles, imports of what was not held, odd sizes."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.models import Job
from portfolio.domain.futures import Position, trade
from portfolio.domain.lots import Method, Scope
from portfolio.domain.money import AmountError, Refusal
from portfolio.models import Market, Portfolio, ValuationDay
from portfolio.queries.holdings import snapshot
from portfolio.queries.invariants import violations
from portfolio.queries.performance import performance_of
from portfolio.services import valuation
from portfolio.services.ledger import METHOD, record_fills, record_transfer, record_transfers, set_lot_method
from portfolio.services.recompute import RECOMPUTE_TASK, ask_again
from portfolio.services.valuation import ValuationFailedError, value_due, value_portfolio
from tests.api.scene import Caller
from tests.portfolio.factories import NOW, at, fill, portfolio, price, spot, transfer


class TestNarrowerScope:
    def test_an_asset_that_was_sold_out_is_no_hindrance(self, book: Portfolio) -> None:
        set_lot_method(portfolio=book, method=Method.FIFO, scope=Scope.PORTFOLIO, effective_at=at(0, 5), now=NOW)
        set_lot_method(portfolio=book, method=Method.FIFO, scope=Scope.ACCOUNT, effective_at=at(3), now=NOW)

        record_fills(portfolio=book, fills=[fill(spot("UNI"), "sell", 200, 20, at(2))], now=NOW)

        assert violations(portfolio=Portfolio.objects.get(pk=book.pk), method=METHOD) == []


class TestImports:
    def test_cash_that_was_not_held_loses_nothing(self, alice: User, market: Market) -> None:
        book = portfolio(alice, {"USD": ("60", None)})

        sent = transfer("withdrawal", "USD", 100, at(2))
        record_transfers(portfolio=book, transfers=[sent], now=NOW, is_imported=True)

        assert snapshot(portfolio=book, now=NOW).totals.realized == 0

    def test_what_was_never_seen_earns_nothing(self, alice: User, market: Market) -> None:
        for number in range(6):
            price(market, number)
        book = portfolio(alice, {"BTC": ("2", "100000"), "USDC": ("100000", "100000")})
        sent = transfer("withdrawal", "BTC", 5, at(2))
        record_transfers(portfolio=book, transfers=[sent], now=NOW, is_imported=True)

        value_portfolio(portfolio=book, now=NOW)

        found = performance_of(portfolio=book, now=NOW)
        assert found is not None
        assert found.you.total.value == pytest.approx(0, abs=1e-9)


class TestSizes:
    def test_a_balance_beyond_the_digits_is_refused(self, book: Portfolio) -> None:
        most = "99999999999999999999"
        record_transfer(portfolio=book, transfer=transfer("deposit", "USD", most, at(0, 5)), now=NOW)

        with pytest.raises(Refusal, match="more than 20 digits of USD"):
            record_transfer(portfolio=book, transfer=transfer("deposit", "USD", most, at(0, 6)), now=NOW)

    def test_a_contract_worth_nothing_is_refused(self) -> None:
        flat = Position(settle="BTC", is_inverse=True)

        with pytest.raises(AmountError, match="worth nothing"):
            trade(position=flat, quantity=D("0.000000000000000001"), price=D(50000), leverage=D(1))


class TestWorkers:
    def test_one_portfolio_that_cannot_be_valued_keeps_nobody_waiting(
        self, alice: User, bob: User, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            price(market, number)
        broken, fine = portfolio(alice, {"BTC": ("1", "1")}), portfolio(bob, {"BTC": ("1", "1")})
        days = valuation.value_days

        def value(**terms: object) -> int:
            if terms["portfolio"] == broken:
                raise ArithmeticError
            return days(**terms)  # type: ignore[arg-type]

        monkeypatch.setattr(valuation, "value_days", value)
        with pytest.raises(ValuationFailedError, match=str(broken.pk)):
            value_due(now=NOW)

        assert ValuationDay.objects.filter(portfolio=fine).exists()
        assert not ValuationDay.objects.filter(portfolio=broken).exists()

    def test_a_ledger_that_waits_is_asked_for_again(self, book: Portfolio) -> None:
        Portfolio.objects.update(recompute_from=at(1))
        Job.objects.all().delete()

        assert ask_again(now=NOW) == 1
        assert ask_again(now=NOW) == 1

        assert Job.objects.filter(task=RECOMPUTE_TASK).count() == 1


class TestAddresses:
    @pytest.mark.parametrize("tail", ["assets/%00/", "assets/%00/lots.csv"])
    def test_nothing_is_named_by_a_nul(self, tail: str, book: Portfolio, client_of_alice: Client) -> None:
        assert client_of_alice.get(reverse("portfolio:proof", args=[book.pk]) + tail).status_code == 404

    def test_the_api_says_that_no_such_asset_was_held(self, book: Portfolio, alice: User) -> None:
        assert Caller(alice).get(f"/portfolios/{book.pk}/proof/?asset=%00").status_code == 400
