"""Every closed day has a value, written in constant queries and anew from the first change on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from jobs.models import Job
from portfolio.models import Disposal, Holding, Lot, Market, Portfolio, Position, ValuationDay
from portfolio.queries.holdings import snapshot
from portfolio.services.ledger import record_fills, record_transfer, record_transfers, reverse_fills
from portfolio.services.portfolios import set_manual_price
from portfolio.services.valuation import value_days, value_due, value_portfolio
from portfolio.tasks import value_portfolios
from tests.portfolio.factories import NOW, PRICES, asset, at, day, fill, perp, portfolio, price, spot, transfer

LATER = {**PRICES, "UNI": "30", "FET": "3"}


@pytest.fixture
def closed(market: Market) -> Market:
    """A market with five closes; UNI and FET rise on the third."""
    for number in range(5):
        price(market, number, PRICES if number < 3 else LATER)
    return market


def values(book: Portfolio) -> dict[int, ValuationDay]:
    rows = ValuationDay.objects.filter(portfolio=book).order_by("date")
    return {(row.date - day(0)).days: row for row in rows}


def rotate(book: Portfolio) -> None:
    record_fills(
        portfolio=book,
        now=NOW,
        fills=[
            fill(spot("UNI"), "sell", 100, 25, at(1)),
            fill(spot("FET"), "buy", 1250, 2, at(1, 5)),
            fill(perp("FET"), "buy", 1500, 2, at(2), leverage="3"),
        ],
    )


@pytest.mark.usefixtures("closed")
class TestDays:
    def test_each_close_has_its_sleeves(self, book: Portfolio) -> None:
        rotate(book)

        assert value_portfolio(portfolio=book, now=NOW) == 5

        rows = values(book)
        assert list(rows) == [0, 1, 2, 3, 4]
        assert (rows[0].core_usd, rows[0].reserve_usd, rows[0].pool_usd) == (50_000, 20_000, 5_000)
        assert rows[1].sectors == {"defi": "2500", "ai": "2500", "other": "600"}
        assert (rows[2].futures_usd, rows[2].reserve_usd) == (1000, 19_000)
        assert (rows[3].futures_usd, rows[3].pool_usd) == (2500, 6750)
        assert rows[3].equity_usd == 50_000 + 19_000 + 2500 + 6750 + 600

    def test_holding_is_followed_beside_it(self, book: Portfolio) -> None:
        rotate(book)

        value_portfolio(portfolio=book, now=NOW)

        rows = values(book)
        assert rows[1].held_usd == rows[1].equity_usd == 75_600
        assert rows[4].held_usd == 76_600
        assert [row.flow_usd for row in rows.values()] == [75_600, 0, 0, 0, 0]

    def test_the_last_day_is_the_snapshot_at_its_close(self, book: Portfolio) -> None:
        rotate(book)
        value_portfolio(portfolio=book, now=NOW)

        shown = snapshot(portfolio=book, now=at(5) - timedelta(hours=12))

        assert values(book)[4].equity_usd == shown.sleeves.equity.value

    def test_flows_are_counted_on_their_day(self, book: Portfolio) -> None:
        record_transfers(
            portfolio=book,
            now=NOW,
            transfers=[
                transfer("deposit", "USD", 1000, at(1)),
                transfer("withdrawal", "USDC", 7660, at(3)),
                transfer("income", "UNI", 1, at(3, 1)),
            ],
        )

        value_portfolio(portfolio=book, now=NOW)

        rows = values(book)
        assert [row.flow_usd for row in rows.values()] == [75_600, 1000, 0, -7660, 0]
        assert rows[2].held_usd == 76_600
        assert round(rows[3].held_usd, 12) == 77_600 - 7660

    def test_unmatched_sales_are_flows(self, book: Portfolio) -> None:
        record_fills(portfolio=book, now=NOW, is_imported=True, fills=[fill(spot("AAVE"), "sell", 1, 100, at(2))])

        value_portfolio(portfolio=book, now=NOW)

        assert values(book)[2].flow_usd == 100
        assert values(book)[2].held_usd == values(book)[2].equity_usd

    def test_an_unpriced_holding_is_counted(self, book: Portfolio) -> None:
        record_transfer(portfolio=book, now=NOW, transfer=transfer("deposit", "TAO", 1, at(1), cost_usd="500"))
        set_manual_price(portfolio=book, asset=asset("TAO"), price_usd=D(400), now=NOW)

        value_portfolio(portfolio=book, now=NOW)

        assert values(book)[2].unpriced_count == 1
        assert values(book)[2].equity_usd == 75_600

    def test_a_gap_in_prices_takes_the_last_close(self, alice: User, closed: Market) -> None:
        price(closed, 7, {"BTC": "1"})
        book = portfolio(alice, {"UNI": ("1", "1")})

        value_portfolio(portfolio=book, now=NOW)

        assert values(book)[6].equity_usd == 30


@pytest.mark.usefixtures("closed")
class TestUpdates:
    def test_only_new_days_are_written(self, book: Portfolio, closed: Market) -> None:
        value_portfolio(portfolio=book, now=NOW)
        kept = values(book)[4].pk
        price(closed, 5)

        assert value_portfolio(portfolio=book, now=NOW) == 1

        assert values(book)[4].pk == kept
        assert values(book)[5].equity_usd == 75_600
        assert value_portfolio(portfolio=book, now=NOW) == 0

    def test_a_back_dated_fill_writes_its_days_anew(self, book: Portfolio) -> None:
        value_portfolio(portfolio=book, now=NOW)
        kept = values(book)[1].pk

        record_fills(portfolio=book, now=NOW, fills=[fill(spot("UNI"), "sell", 100, 20, at(2))])

        assert value_portfolio(portfolio=book, now=NOW) == 3
        assert values(book)[1].pk == kept
        assert values(book)[2].equity_usd == 75_100

    def test_a_reversal_writes_the_days_of_its_fill_anew(self, book: Portfolio) -> None:
        recorded = record_fills(portfolio=book, now=NOW, fills=[fill(spot("UNI"), "sell", 100, 20, at(2))])
        value_portfolio(portfolio=book, now=NOW)

        reverse_fills(portfolio=book, fills=recorded.fills, now=NOW)
        value_portfolio(portfolio=book, now=NOW)

        assert values(book)[2].equity_usd == 75_600

    def test_a_span_gives_the_same_rows_as_the_whole(self, book: Portfolio) -> None:
        rotate(book)
        record_transfer(portfolio=book, now=NOW, transfer=transfer("withdrawal", "USDC", 100, at(1)))
        value_portfolio(portfolio=book, now=NOW)
        whole = [row for row in ValuationDay.objects.order_by("date").values() if row.pop("id")]

        value_days(portfolio=book, from_date=day(2), to_date=day(3))
        value_days(portfolio=book, from_date=day(4), to_date=day(4))

        assert [row for row in ValuationDay.objects.order_by("date").values() if row.pop("id")] == whole

    def test_a_ledger_that_moved_on_is_left_for_the_next_run(
        self, book: Portfolio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def meddle(**_: object) -> list[tuple[object, ...]]:
            Portfolio.objects.filter(pk=book.pk).update(ledger_version=99)
            return []

        monkeypatch.setattr("portfolio.services.valuation.day_rows", meddle)

        assert value_days(portfolio=book, from_date=day(0), to_date=day(4)) == 0
        assert not ValuationDay.objects.exists()

    def test_the_number_of_queries_does_not_grow(self, book: Portfolio) -> None:
        def counted(last: int) -> int:
            with CaptureQueriesContext(connection) as queries:
                value_days(portfolio=book, from_date=day(0), to_date=day(last))
            return len(queries)

        few = counted(0)
        rotate(book)

        assert counted(4) <= few + 3
        many = counted(4)
        record_fills(portfolio=book, now=NOW, fills=[fill(spot("FET"), "buy", 1, 2, at(3, n)) for n in range(20)])
        assert counted(4) == many <= 29


@pytest.mark.usefixtures("closed")
class TestDue:
    def test_every_portfolio_that_is_behind_is_valued(self, book: Portfolio, bob: User) -> None:
        portfolio(bob, {"UNI": ("1", "1")})

        assert value_due(now=NOW) == 2
        assert value_due(now=NOW) == 0
        assert ValuationDay.objects.filter(portfolio=book).count() == 5

    def test_a_run_takes_so_many(self, book: Portfolio, bob: User) -> None:
        portfolio(bob, {"UNI": ("1", "1")})

        assert value_due(now=NOW, limit=1) == 1
        assert value_due(now=NOW, limit=1) == 1
        assert value_due(now=NOW, limit=1) == 0

    def test_what_has_nothing_to_value_takes_nobodys_turn(self, book: Portfolio, bob: User) -> None:
        Market.objects.update(as_of=at(3))
        portfolio(bob, {"UNI": ("1", "1")})

        assert [value_due(now=NOW, limit=1) for _ in range(3)] == [1, 1, 0]
        assert ValuationDay.objects.values("portfolio").distinct().count() == 2

    def test_a_portfolio_opened_today_waits_for_its_first_close(self, book: Portfolio) -> None:
        value_due(now=at(0))
        assert value_due(now=at(0)) == 0
        assert value_due(now=at(1)) == 1

    def test_deleted_derived_rows_come_back(self, book: Portfolio) -> None:
        rotate(book)
        value_due(now=NOW)
        before = [(row.date, row.equity_usd, row.held_usd) for row in values(book).values()]
        for model in (ValuationDay, Disposal, Lot, Holding, Position):
            model.objects.all().delete()

        value_due(now=NOW)

        assert [(row.date, row.equity_usd, row.held_usd) for row in values(book).values()] == before
        assert Lot.objects.filter(portfolio=book).exists()

    def test_the_task_values_what_is_due(self, book: Portfolio) -> None:
        job = Job.objects.get(task="portfolio.value_portfolios")

        value_portfolios.run(job.pk)

        job.refresh_from_db()
        assert (job.state, job.message) == (Job.State.DONE, "1 portfolios valued")
        assert ValuationDay.objects.filter(portfolio=book).exists()
