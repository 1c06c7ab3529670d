"""Fills and transfers are recorded whole or not at all, once, and leave derived rows as a replay would."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from jobs.models import Job
from portfolio.domain.money import Refusal
from portfolio.domain.outcomes import Oversold
from portfolio.models import (
    Disposal,
    Fill,
    Holding,
    Lot,
    Market,
    Portfolio,
    Position,
    PositionChange,
    Transfer,
    Unmatched,
)
from portfolio.services.entries import BadMoment, PriceUnknown
from portfolio.services.ledger import (
    CoreSaleRefused,
    NotReversible,
    rebuild,
    record_fills,
    record_transfer,
    record_transfers,
    reverse_fills,
    reverse_transfer,
)
from tests.portfolio.factories import NOW, asset, at, fill, perp, portfolio, price, spot, transfer

VOLATILE = {"id", "lot_id"}
DERIVED = (Lot, Disposal, Unmatched, Holding, Position, PositionChange)


def derived(book: Portfolio) -> dict[str, list[Any]]:
    """Read every derived row, apart from its id, in a stable order."""
    return {
        model.__name__: sorted(
            (
                tuple((name, value) for name, value in row.items() if name not in VOLATILE)
                for row in model.objects.filter(portfolio=book).values()
            ),
            key=repr,
        )
        for model in DERIVED
    }


def held(book: Portfolio, symbol: str) -> D:
    return Holding.objects.get(portfolio=book, asset__symbol=symbol).quantity


def record(book: Portfolio, *fills: Any, **more: Any) -> Any:
    return record_fills(portfolio=book, fills=fills, now=NOW, **more)


@pytest.mark.usefixtures("market")
class TestOpening:
    def test_holdings_are_deposits_with_lots(self, book: Portfolio) -> None:
        lots = {lot.asset.symbol: lot for lot in Lot.objects.filter(portfolio=book).select_related("asset")}

        assert lots["BTC"].cost_usd == 30_000
        assert (lots["UNI"].cost_usd, lots["UNI"].is_cost_assumed) == (5_000, True)
        assert book.ledger_version == 4
        assert Job.objects.filter(task="portfolio.value_portfolios").count() == 1


@pytest.mark.usefixtures("market")
class TestFills:
    def test_a_rotation_of_two_legs(self, book: Portfolio) -> None:
        recorded = record(
            book,
            fill(spot("UNI"), "sell", 100, 25, at(1), fee_amount="2.5"),
            fill(spot("FET"), "buy", 1000, 2, at(1, 5), fee_amount="2"),
        )

        assert [row.sequence for row in recorded.fills] == [5, 6]
        assert (held(book, "UNI"), held(book, "FET")) == (100, 1000)
        assert held(book, "USDC") == 20_000 + D("2497.5") - 2002
        assert Lot.objects.get(portfolio=book, asset__symbol="FET").cost_usd == 2002
        sold = Disposal.objects.get(fill=recorded.fills[0])
        assert (sold.proceeds_usd, sold.cost_usd, sold.realized_pnl_usd) == (D("2497.5"), 2500, D("-2.5"))

    def test_a_fee_in_a_third_asset_is_disposed(self, book: Portfolio) -> None:
        recorded = record(book, fill(spot("FET"), "buy", 10, 2, at(1), fee_amount="0.01", fee_asset=asset("BNB")))

        fee = Disposal.objects.get(fill=recorded.fills[0], is_fee=True)
        assert (recorded.fills[0].fee_usd, fee.proceeds_usd, fee.realized_pnl_usd) == (6, 6, 3)
        assert Lot.objects.get(portfolio=book, asset__symbol="FET").cost_usd == 26
        assert Holding.objects.get(portfolio=book, asset__symbol="BNB").realized_pnl_usd == 3

    def test_a_perp_opens_reduces_and_flips(self, book: Portfolio) -> None:
        record(book, fill(perp("FET"), "buy", 1500, 2, at(1), leverage="3", fee_amount="1.5"))
        position = Position.objects.get(portfolio=book)
        assert (position.quantity, position.entry_price, position.margin) == (1500, 2, 1000)

        record(book, fill(perp("FET"), "sell", 2000, "2.5", at(2), leverage="5"))

        position.refresh_from_db()
        assert (position.quantity, position.entry_cost, position.margin) == (-500, 1250, 250)
        assert (position.realized_pnl_usd, position.fees_usd) == (750, D("1.5"))
        assert position.opened_at == at(2)
        change = PositionChange.objects.filter(portfolio=book).latest("fill__sequence")
        assert (change.realized_pnl_usd, change.quantity_after) == (750, -500)
        assert held(book, "USDC") == 20_000 + 750 - D("1.5")

    def test_overselling_is_refused_and_changes_nothing(self, book: Portfolio) -> None:
        before = derived(book)

        with pytest.raises(Oversold, match="You hold 200 UNI, and this needs 201"):
            record(
                book,
                fill(spot("FET"), "buy", 10, 2, at(1)),
                fill(spot("UNI"), "sell", 201, 25, at(1)),
            )

        assert derived(book) == before
        assert not Fill.objects.exists()

    @pytest.mark.parametrize("amount", ["NaN", "-1", "0", "1e30", "1e-19"])
    def test_impossible_amounts_are_refused(self, book: Portfolio, amount: str) -> None:
        with pytest.raises(Refusal):
            record(book, fill(spot("FET"), "buy", amount, 2, at(1)))
        with pytest.raises(Refusal):
            record(book, fill(spot("FET"), "buy", 2, amount, at(1)))

    def test_a_moment_must_be_possible(self, book: Portfolio) -> None:
        for moment in (at(999), at(1).replace(tzinfo=None), at(1).replace(year=2001)):
            with pytest.raises(BadMoment):
                record(book, fill(spot("FET"), "buy", 1, 2, moment))

    def test_a_fee_without_a_price_is_asked_for(self, book: Portfolio) -> None:
        with pytest.raises(PriceUnknown, match="Give the price of TAO"):
            record(book, fill(spot("FET"), "buy", 1, 2, at(1), fee_amount="0.1", fee_asset=asset("TAO")))


@pytest.mark.usefixtures("market")
class TestCore:
    def test_selling_core_is_refused(self, book: Portfolio) -> None:
        with pytest.raises(CoreSaleRefused, match=r"1 BTC is core, and this would leave 0\.9"):
            record(book, fill(spot("BTC"), "sell", "0.1", 50_000, at(1)))

        assert held(book, "BTC") == 1

    def test_a_written_reason_records_it_as_a_breach(self, book: Portfolio) -> None:
        recorded = record(book, fill(spot("BTC"), "sell", "0.1", 50_000, at(1)), core_override_reason="I need a car.")

        assert [(b.asset, b.core, b.held) for b in recorded.core_breaches] == [("BTC", 1, D("0.9"))]

    def test_what_was_bought_beyond_core_may_be_sold(self, book: Portfolio) -> None:
        record(book, fill(spot("BTC"), "buy", "0.1", 50_000, at(1)))

        record(book, fill(spot("BTC"), "sell", "0.1", 50_000, at(2)))

        assert held(book, "BTC") == 1


@pytest.mark.usefixtures("market")
class TestImports:
    def test_what_was_never_held_is_unmatched(self, book: Portfolio) -> None:
        record(book, fill(spot("AAVE"), "sell", 3, 100, at(1)), is_imported=True)

        missing = Unmatched.objects.get(portfolio=book)
        assert (missing.asset.symbol, missing.quantity, missing.proceeds_usd) == ("AAVE", 3, 300)
        assert not Disposal.objects.filter(asset__symbol="AAVE").exists()
        assert Holding.objects.get(portfolio=book, asset__symbol="AAVE").realized_pnl_usd == 0

    def test_an_older_import_brings_the_missing_units(self, book: Portfolio) -> None:
        record(book, fill(spot("AAVE"), "sell", 3, 100, at(5)), is_imported=True)

        record(book, fill(spot("AAVE"), "buy", 3, 90, at(4)), is_imported=True)

        assert not Unmatched.objects.exists()
        assert Disposal.objects.get(asset__symbol="AAVE").realized_pnl_usd == 30


def busy(book: Portfolio) -> None:
    """Let everything happen once."""
    record(
        book,
        fill(spot("UNI"), "sell", "33.333333333333333333", "25.7", at(1), fee_amount="0.777"),
        fill(spot("FET"), "buy", "100.1", "2.001", at(2), fee_amount="0.001", fee_asset=asset("BNB")),
        fill(perp("FET"), "buy", 1500, 2, at(3), leverage="3", fee_amount="1.5"),
        fill(spot("UNI"), "buy", "7", "26", at(4), fee_amount="0.01", fee_asset=asset("UNI")),
        fill(perp("FET"), "sell", 700, "2.1", at(5), fee_amount="0.735"),
        fill(spot("UNI"), "sell", "170", "27", at(6)),
    )
    record_transfers(
        portfolio=book,
        now=NOW,
        transfers=[
            transfer("deposit", "USD", 1000, at(7)),
            transfer("income", "UNI", 2, at(7, 1)),
            transfer("withdrawal", "USDC", 50, at(7, 2)),
            transfer("funding", "USDC", "-1.25", at(7, 3), instrument=perp("FET")),
        ],
    )


@pytest.mark.usefixtures("market")
class TestReplay:
    def test_appending_leaves_what_a_rebuild_leaves(self, book: Portfolio) -> None:
        busy(book)
        appended = derived(book)

        rebuild(book)

        assert derived(book) == appended

    def test_a_back_dated_fill_gives_what_order_would_have_given(self, book: Portfolio, bob: User) -> None:
        late = fill(spot("UNI"), "buy", 10, 20, at(0, 30), fee_amount="0.5")
        busy(book)
        record(book, late)
        other = portfolio(
            bob, {"BTC": ("1", "30000"), "USDC": ("20000", "20000"), "UNI": ("200", None), "BNB": ("1", "300")}
        )
        record(other, late)
        busy(other)

        def amounts(of: Portfolio) -> list[Any]:
            rows = Holding.objects.filter(portfolio=of).order_by("asset__symbol")
            return list(rows.values_list("asset__symbol", "quantity", "cost_usd", "realized_pnl_usd"))

        assert amounts(book) == amounts(other)

    def test_a_back_dated_sale_that_later_sales_need_is_refused(self, book: Portfolio) -> None:
        busy(book)
        before = derived(book)

        with pytest.raises(Oversold):
            record(book, fill(spot("UNI"), "sell", 100, 20, at(0, 30)))

        assert derived(book) == before

    def test_deleted_rows_come_back(self, book: Portfolio) -> None:
        busy(book)
        before = derived(book)
        for model in (Disposal, Lot, Holding, Position, PositionChange):
            model.objects.all().delete()

        rebuild(book)

        assert derived(book) == before

    def test_an_appended_fill_reads_no_history(self, book: Portfolio) -> None:
        def appended(minutes: int) -> list[str]:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                record(book, fill(spot("FET"), "buy", 1, 2, at(9, minutes), quote_usd="1"))
            return [query["sql"] for query in queries]

        busy(book)
        few = appended(1)
        record(book, *[fill(spot("FET"), "buy", 1, 2, at(10, n), quote_usd="1") for n in range(40)])

        with CaptureQueriesContext(connection) as queries:
            record(book, fill(spot("FET"), "buy", 1, 2, at(11), quote_usd="1"))

        assert len(queries) == len(few)
        reads = [sql for sql in (q["sql"] for q in queries) if sql.startswith("SELECT") and "portfolio_fill" in sql]
        assert all("LIMIT 1" in sql for sql in reads)


@pytest.mark.usefixtures("market")
class TestReversal:
    def test_everything_is_as_if_it_had_never_been_logged(self, book: Portfolio) -> None:
        busy(book)
        before = derived(book)
        recorded = record(
            book,
            fill(spot("FET"), "sell", "50", "3", at(8)),
            fill(perp("FET"), "sell", 900, "2", at(8, 1), leverage="3"),
        )

        undone = reverse_fills(portfolio=book, fills=recorded.fills, now=NOW)

        after = derived(book)
        assert {name: rows for name, rows in after.items() if name != "Holding"} == {
            name: rows for name, rows in before.items() if name != "Holding"
        }
        assert after["Holding"] == before["Holding"]
        assert [row.reverses_id for row in undone] == [row.pk for row in recorded.fills]
        assert Fill.objects.filter(portfolio=book).count() == 10

    def test_reversing_twice_is_reversing_once(self, book: Portfolio) -> None:
        recorded = record(book, fill(spot("FET"), "buy", 1, 2, at(1)))

        first = reverse_fills(portfolio=book, fills=recorded.fills, now=NOW)
        second = reverse_fills(portfolio=book, fills=recorded.fills, now=NOW)

        assert [row.pk for row in first] == [row.pk for row in second]

    def test_a_purchase_that_was_sold_on_cannot_be_undone_alone(self, book: Portfolio) -> None:
        bought = record(book, fill(spot("FET"), "buy", 10, 2, at(1)))
        record(book, fill(spot("FET"), "sell", 10, 3, at(2)))

        with pytest.raises(Oversold):
            reverse_fills(portfolio=book, fills=bought.fills, now=NOW)

        assert not Fill.objects.filter(reverses__isnull=False).exists()

    def test_a_reversal_and_a_strangers_fill_are_not_reversed(self, book: Portfolio, bob: User) -> None:
        recorded = record(book, fill(spot("FET"), "buy", 1, 2, at(1)))
        undone = reverse_fills(portfolio=book, fills=recorded.fills, now=NOW)
        other = portfolio(bob, {"USDC": ("1", "1")})

        with pytest.raises(NotReversible):
            reverse_fills(portfolio=book, fills=undone, now=NOW)
        with pytest.raises(NotReversible):
            reverse_fills(portfolio=other, fills=recorded.fills, now=NOW)

    def test_a_transfer_is_reversed_too(self, book: Portfolio) -> None:
        before = derived(book)
        wrong = record_transfer(portfolio=book, transfer=transfer("deposit", "USD", 5, at(1)), now=NOW, client_key="k")

        undone = reverse_transfer(portfolio=book, transfer=wrong, now=NOW)

        assert derived(book) == before
        assert undone.reverses_id == wrong.pk != undone.pk
        assert reverse_transfer(portfolio=book, transfer=wrong, now=NOW).pk == undone.pk
        with pytest.raises(NotReversible):
            reverse_transfer(portfolio=book, transfer=undone, now=NOW)


@pytest.mark.usefixtures("market")
class TestTransfers:
    def test_a_repeat_is_found(self, book: Portfolio) -> None:
        stated = transfer("deposit", "USD", 5, at(1))

        first = record_transfer(portfolio=book, transfer=stated, now=NOW, client_key="k")
        second = record_transfer(portfolio=book, transfer=stated, now=NOW, client_key="k")

        assert first.pk == second.pk
        assert held(book, "USD") == 5

    def test_funding_needs_a_price(self, book: Portfolio) -> None:
        with pytest.raises(PriceUnknown):
            record_transfer(
                portfolio=book, transfer=transfer("funding", "USDT", 1, at(1), instrument=perp("FET")), now=NOW
            )

    def test_an_unpriced_deposit_needs_a_cost(self, book: Portfolio) -> None:
        with pytest.raises(Refusal, match="Give a cost or a price"):
            record_transfer(portfolio=book, transfer=transfer("deposit", "TAO", 1, at(1)), now=NOW)

    def test_posted_margin_cannot_be_withdrawn(self, book: Portfolio) -> None:
        record(book, fill(perp("FET"), "buy", 1500, 2, at(1), leverage="3"))

        with pytest.raises(Oversold, match="You hold 19000 USDC"):
            record_transfer(portfolio=book, transfer=transfer("withdrawal", "USDC", 20_000, at(2)), now=NOW)
        assert not Transfer.objects.filter(kind="withdrawal").exists()


def test_a_standing_clock_is_the_present(market: Market, alice: User) -> None:
    market.as_of = at(3)
    market.save()
    price(market, 0)
    book = portfolio(alice, {"USDC": ("10", "10")})

    with pytest.raises(BadMoment):
        record(book, fill(spot("FET"), "buy", 1, 2, at(4)))
    assert record(book, fill(spot("FET"), "buy", 1, 2, at(3))).fills
