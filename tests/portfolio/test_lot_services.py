"""Methods, moves, migrations, rebases and swaps are recorded, reversed and checked like any other entry."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from portfolio.domain.lots import Method, Scope
from portfolio.domain.outcomes import Oversold
from portfolio.models import Account, CoreQuantity, Disposal, Holding, Lot, LotMethod, Portfolio, Transfer
from portfolio.queries.invariants import violations
from portfolio.services.entries import BadEnd, BadMoment, PriceUnknown
from portfolio.services.ledger import (
    METHOD,
    CoreSaleRefused,
    NotReversible,
    record_fills,
    record_transfer,
    record_transfers,
    reverse_lot_method,
    reverse_transfer,
    set_lot_method,
)
from tests.portfolio.canonical import dump
from tests.portfolio.factories import NOW, asset, at, fill, perp, portfolio, spot, transfer

pytestmark = pytest.mark.usefixtures("market")


@pytest.fixture
def vault(book: Portfolio) -> Account:
    """A second account of the book."""
    return Account.objects.create(portfolio=book, venue=book.venue, name="Vault")


def move(symbol: str, quantity: object, when: Any, to: Account, **more: Any) -> Any:
    return transfer("move", symbol, quantity, when, to_account=to, **more)


def sound(book: Portfolio) -> bool:
    return violations(portfolio=Portfolio.objects.get(pk=book.pk), method=METHOD) == []


def holding(account: Account, symbol: str) -> tuple[D, D]:
    row = Holding.objects.get(account=account, asset__symbol=symbol)
    return row.quantity, row.cost_usd


class TestMoves:
    def test_lots_arrive_with_date_and_cost(self, book: Portfolio, vault: Account) -> None:
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "buy", 50, 20, at(1))], now=NOW)

        record_transfer(portfolio=book, transfer=move("UNI", 230, at(2), vault), now=NOW)

        lots = Lot.objects.filter(account=vault).order_by("ordinal")
        assert list(lots.values_list("ordinal", "acquired_at", "quantity", "cost_usd")) == [
            (0, at(0), 200, 5000),
            (1, at(1), 30, 600),
        ]
        assert set(Disposal.objects.values_list("kind", "realized_pnl_usd")) == {("moved", D(0)), ("spent", D(0))}
        assert sound(book)

    def test_the_fee_is_spent_from_the_account_that_sends(self, book: Portfolio, vault: Account) -> None:
        sent = move("UNI", 100, at(2), vault, fee_amount="2")

        record_transfer(portfolio=book, transfer=sent, now=NOW)

        row = Disposal.objects.get(kind="fee")
        assert (row.quantity, row.proceeds_usd, row.realized_pnl_usd, row.is_fee) == (2, 50, 0, True)
        own = Holding.objects.get(asset__symbol="UNI", account=book.accounts.exclude(pk=vault.pk).get())
        assert (own.quantity, own.realized_pnl_usd) == (98, -50)
        assert sound(book)

    def test_more_than_is_held_is_refused(self, book: Portfolio, vault: Account) -> None:
        with pytest.raises(Oversold, match="You hold 200 UNI"):
            record_transfer(portfolio=book, transfer=move("UNI", 201, at(2), vault), now=NOW)

    def test_somebody_elses_account_is_refused(self, book: Portfolio, bob: User) -> None:
        other = portfolio(bob, {"UNI": ("1", None)}).accounts.get()

        with pytest.raises(BadEnd):
            record_transfer(portfolio=book, transfer=move("UNI", 1, at(2), other), now=NOW)

    def test_a_move_needs_its_end_and_nothing_else_has_one(self, book: Portfolio, vault: Account) -> None:
        wrong = [
            transfer("move", "UNI", 1, at(2)),
            transfer("deposit", "UNI", 1, at(2), to_account=vault),
            transfer("migration", "UNI", 1, at(2)),
            transfer("deposit", "UNI", 1, at(2), fee_amount="1"),
        ]
        for stated in wrong:
            with pytest.raises(BadEnd):
                record_transfer(portfolio=book, transfer=stated, now=NOW)

    def test_the_database_holds_the_ends_too(self, book: Portfolio) -> None:
        row = Transfer.objects.filter(portfolio=book).first()
        assert row is not None

        with pytest.raises(IntegrityError), transaction.atomic():
            Transfer.objects.filter(pk=row.pk).update(kind="move")

    def test_reversed_it_is_as_if_it_had_never_been(self, book: Portfolio, vault: Account) -> None:
        before = dump(book)
        row = record_transfer(portfolio=book, transfer=move("UNI", 20, at(2), vault, fee_amount="1"), now=NOW)

        reverse_transfer(portfolio=book, transfer=row, now=NOW)

        assert dump(book) == before
        assert sound(book)


class TestActions:
    def test_a_migration_by_its_ratio(self, book: Portfolio) -> None:
        stated = transfer("migration", "UNI", 200, at(2), into=asset("AAVE"), ratio="0.433350")

        record_transfer(portfolio=book, transfer=stated, now=NOW)

        lot = Lot.objects.get(asset__symbol="AAVE")
        assert (lot.acquired_at, lot.quantity, lot.cost_usd) == (at(0), D("86.67"), 5000)
        assert sound(book)

    def test_a_rebase(self, book: Portfolio) -> None:
        record_transfer(portfolio=book, transfer=transfer("rebase", "UNI", "-0.5", at(2)), now=NOW)

        lot = Lot.objects.get(asset__symbol="UNI", is_open=True)
        assert (lot.acquired_at, lot.quantity, lot.cost_usd) == (at(0), D("199.5"), 5000)
        assert sound(book)

    def test_dust_becomes_one_asset_whole_or_not_at_all(self, book: Portfolio) -> None:
        dust = [
            transfer("swap", symbol, quantity, at(2), into=asset("BNB"), into_quantity=received, value_usd=value)
            for symbol, quantity, received, value in [("UNI", "0.01", "0.0004", "0.24"), ("USDC", "3", "0.005", "3")]
        ]

        record_transfers(portfolio=book, transfers=dust, now=NOW, client_key="dust")

        assert Holding.objects.get(asset__symbol="BNB").quantity == D("1.0054")
        assert Disposal.objects.get(asset__symbol="UNI").realized_pnl_usd == D("-0.01")
        assert record_transfers(portfolio=book, transfers=dust, now=NOW, client_key="dust").is_repeat
        assert sound(book)

    def test_a_swap_needs_a_value(self, book: Portfolio) -> None:
        stated = transfer("swap", "UNI", 1, at(-1), into=asset("AAVE"), into_quantity=D(1))

        with pytest.raises(PriceUnknown):
            record_transfer(portfolio=book, transfer=stated, now=NOW)


class TestMethods:
    def test_counts_from_its_moment_on(self, book: Portfolio) -> None:
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "buy", 10, 20, at(1))], now=NOW)
        set_lot_method(portfolio=book, method=Method.LIFO, scope=Scope.ACCOUNT, effective_at=at(2), now=NOW)

        record_fills(portfolio=book, fills=[fill(spot("UNI"), "sell", 1, 30, at(3))], now=NOW)

        assert Disposal.objects.get(kind="sold").realized_pnl_usd == 10
        assert sound(book)

    def test_back_dated_it_recomputes(self, book: Portfolio) -> None:
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "buy", 10, 20, at(1))], now=NOW)
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "sell", 1, 30, at(3))], now=NOW)
        before = Disposal.objects.get(kind="sold").realized_pnl_usd

        set_lot_method(portfolio=book, method=Method.HIFO, scope=Scope.ACCOUNT, effective_at=at(0), now=NOW)
        dearest = Disposal.objects.get(kind="sold").realized_pnl_usd
        set_lot_method(portfolio=book, method=Method.AVG, scope=Scope.ACCOUNT, effective_at=at(2), now=NOW)

        average = Disposal.objects.get(kind="sold")
        assert (before, dearest) == (5, 5)
        assert average.realized_pnl_usd == 30 - D("24.761904761904761905")
        assert Lot.objects.get(asset__symbol="UNI", is_open=True).sequence == LotMethod.objects.last().sequence  # type: ignore[union-attr]
        assert sound(book)

    def test_under_the_average_a_purchase_joins_the_pool(self, book: Portfolio) -> None:
        set_lot_method(portfolio=book, method=Method.AVG, scope=Scope.ACCOUNT, effective_at=at(1), now=NOW)

        record_fills(portfolio=book, fills=[fill(spot("UNI"), "buy", 100, 50, at(2))], now=NOW)
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "sell", 30, 40, at(3))], now=NOW)

        lot = Lot.objects.get(asset__symbol="UNI")
        assert (lot.acquired_at, lot.quantity, lot.remaining_cost_usd) == (at(0), 300, 9000)
        assert sound(book)

    def test_the_same_is_not_said_twice(self, book: Portfolio) -> None:
        terms: dict[str, Any] = {"method": Method.LIFO, "scope": Scope.ACCOUNT, "effective_at": at(2), "now": NOW}

        assert set_lot_method(portfolio=book, **terms) == set_lot_method(portfolio=book, **terms)

    def test_not_in_the_future(self, book: Portfolio) -> None:
        with pytest.raises(BadMoment):
            set_lot_method(portfolio=book, method=Method.LIFO, scope=Scope.ACCOUNT, effective_at=at(900), now=NOW)

    def test_reversed_lots_are_relieved_as_before(self, book: Portfolio, bob: User) -> None:
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "buy", 10, 20, at(1))], now=NOW)
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "sell", 1, 30, at(3))], now=NOW)
        before = dump(book)
        change = set_lot_method(portfolio=book, method=Method.AVG, scope=Scope.PORTFOLIO, effective_at=at(2), now=NOW)

        reversal = reverse_lot_method(portfolio=book, change=change, now=NOW)

        assert dump(book) == before
        assert reverse_lot_method(portfolio=book, change=change, now=NOW) == reversal
        with pytest.raises(NotReversible):
            reverse_lot_method(portfolio=book, change=reversal, now=NOW)
        assert sound(book)

    def test_in_the_whole_portfolio_accounts_share_lots_and_costs(self, book: Portfolio, vault: Account) -> None:
        main = book.accounts.exclude(pk=vault.pk).get()
        set_lot_method(portfolio=book, method=Method.FIFO, scope=Scope.PORTFOLIO, effective_at=at(1), now=NOW)
        bought = [fill(spot("UNI"), "buy", 50, 30, at(2), account=main)]
        record_fills(portfolio=book, fills=bought, now=NOW)
        record_transfer(portfolio=book, transfer=move("UNI", 100, at(3), vault), now=NOW)

        record_fills(portfolio=book, fills=[fill(spot("UNI"), "sell", 50, 30, at(4), account=vault)], now=NOW)

        assert Disposal.objects.get(kind="sold").realized_pnl_usd == 250
        assert (holding(main, "UNI"), holding(vault, "UNI")) == ((150, D("3937.5")), (50, D("1312.5")))
        assert sound(book)


class TestCoreAndFees:
    def test_a_fee_paid_in_core_needs_a_written_reason(self, book: Portfolio) -> None:
        CoreQuantity.objects.create(portfolio=book, asset=asset("BNB"), quantity=D(1), effective_at=at(0))
        bought = fill(spot("UNI"), "buy", 1, 25, at(1), fee_amount="0.01", fee_asset=asset("BNB"))
        long = fill(perp("FET"), "buy", 1, 2, at(1), fee_amount="0.01", fee_asset=asset("BNB"), leverage="1")

        for stated in (bought, long):
            with pytest.raises(CoreSaleRefused, match="BNB is core"):
                record_fills(portfolio=book, fills=[stated], now=NOW)

        recorded = record_fills(portfolio=book, fills=[bought], now=NOW, core_override_reason="The rebate is worth it.")
        assert [breach.asset for breach in recorded.core_breaches] == ["BNB"]

    def test_a_swap_of_core_needs_one_too(self, book: Portfolio) -> None:
        CoreQuantity.objects.create(portfolio=book, asset=asset("UNI"), quantity=D(200), effective_at=at(0))
        stated = transfer("swap", "UNI", 1, at(1), into=asset("BNB"), into_quantity="0.04", value_usd="25")

        with pytest.raises(CoreSaleRefused, match="UNI is core"):
            record_transfers(portfolio=book, transfers=[stated], now=NOW)

        reason = {"core_override_reason": "It is dust."}
        assert record_transfers(portfolio=book, transfers=[stated], now=NOW, **reason).core_breaches


def test_nothing_is_acquired_after_it_arrived(book: Portfolio) -> None:
    stated = transfer("deposit", "UNI", 1, at(2), cost_usd="20", acquired_at=at(3))

    with pytest.raises(BadMoment, match="after it arrived"):
        record_transfer(portfolio=book, transfer=stated, now=NOW)
