"""A back-dated entry recomputes from its date only; the result is what a full replay gives (RELIABILITY I16, I25)."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.models import Job
from portfolio.domain.lots import Method, Scope
from portfolio.domain.outcomes import Oversold
from portfolio.models import Checkpoint, Fill, Portfolio, ValuationDay
from portfolio.queries.invariants import violations
from portfolio.queries.stored import stored_state
from portfolio.services import recompute as recomputing
from portfolio.services.ledger import METHOD, record_fills, record_transfer, reverse_fills, set_lot_method
from portfolio.services.recompute import CHECKPOINT_TASK, RECOMPUTE_TASK, checkpoint, rebuild, recompute
from portfolio.services.valuation import value_due
from tests.portfolio.canonical import dump
from tests.portfolio.factories import NOW, asset, at, fill, perp, price, spot, transfer

pytestmark = pytest.mark.usefixtures("market")


@pytest.fixture
def spacing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checkpoints stand close together, so that short ledgers have some."""
    monkeypatch.setattr(recomputing, "SPACING", 5)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every ledger for one that only a worker recomputes."""
    monkeypatch.setattr(recomputing, "AT_ONCE", 0)


def fresh(book: Portfolio) -> Portfolio:
    return Portfolio.objects.get(pk=book.pk)


def trade(book: Portfolio, days: range, seed: int = 1) -> list[Fill]:
    """Buy and sell now and then, on spot and on a perp."""
    chance = Random(seed)
    stated = [
        chance.choice(
            [
                fill(spot("UNI"), "buy", chance.randrange(1, 9), chance.randrange(20, 30), at(day)),
                fill(spot("UNI"), "sell", chance.randrange(1, 9), chance.randrange(20, 30), at(day)),
                fill(perp("FET"), chance.choice(["buy", "sell"]), 3, 2, at(day), leverage="2", fee_amount="0.01"),
                fill(spot("FET"), "buy", 3, 2, at(day), fee_amount="0.001", fee_asset=asset("BNB")),
            ]
        )
        for day in days
    ]
    return list(record_fills(portfolio=book, fills=stated, now=NOW).fills)


def replayed(book: Portfolio) -> dict[str, Any]:
    """Give what a replay from nothing leaves, and put everything back into that state."""
    rebuild(fresh(book))
    return dump(book)


@pytest.mark.usefixtures("spacing")
class TestFromItsDateOnly:
    @pytest.mark.parametrize("day", [1, 28])
    @pytest.mark.parametrize("method", [Method.FIFO, Method.LIFO, Method.HIFO, Method.AVG])
    def test_equals_a_full_replay(self, book: Portfolio, method: Method, day: int) -> None:
        set_lot_method(portfolio=book, method=method, scope=Scope.ACCOUNT, effective_at=at(0), now=NOW)
        trade(book, range(1, 30))
        rebuild(fresh(book))
        assert Checkpoint.objects.count() > 1

        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 2, 26, at(day, 1))], now=NOW)
        partly = dump(book)

        assert violations(portfolio=fresh(book), method=METHOD) == []
        assert partly == replayed(book)

    def test_a_reversal_reads_only_what_came_after(self, book: Portfolio) -> None:
        trade(book, range(1, 60))
        rebuild(fresh(book))
        last = Fill.objects.order_by("-executed_at").first()
        assert last is not None

        with CaptureQueriesContext(connection) as queries:
            reverse_fills(portfolio=fresh(book), fills=[last], now=NOW)
        partly = dump(book)

        reads = [query["sql"] for query in queries if "portfolio_fill" in query["sql"]]
        assert any("executed_at" in sql and "reversed_by" not in sql for sql in reads)
        assert partly == replayed(book)

    def test_checkpoints_grow_sparser_towards_the_past(self, book: Portfolio) -> None:
        trade(book, range(1, 100))
        rebuild(fresh(book))
        trade(book, range(100, 140))
        checkpoint(fresh(book))

        rows = Checkpoint.objects.order_by("-sequence").values_list("sequence", flat=True)
        distances = [rows[0] - sequence for sequence in rows]
        assert len(distances) <= 7
        assert all(later >= 2 * earlier for earlier, later in pairwise(distances))

    def test_a_checkpoint_after_the_date_is_dropped(self, book: Portfolio) -> None:
        trade(book, range(1, 20))
        checkpoint(fresh(book))

        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "buy", 2, 26, at(2, 1))], now=NOW)

        assert violations(portfolio=fresh(book), method=METHOD) == []
        assert not Checkpoint.objects.filter(executed_at=at(19)).exists()


class TestCheckpoints:
    def test_the_stored_rows_are_the_folded_state(self, book: Portfolio) -> None:
        trade(book, range(1, 30))
        record_transfer(portfolio=book, transfer=transfer("rebase", "UNI", 1, at(30)), now=NOW)
        state = stored_state(portfolio=book).state

        checkpoint(fresh(book))
        late = fill(spot("UNI"), "buy", 2, 26, at(31, 1))
        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 1, 26, at(32)), late], now=NOW)

        assert state.last == (at(30), 34)
        assert dump(book) == replayed(book)

    def test_one_is_asked_for_every_so_often(self, book: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("portfolio.services.ledger.SPACING", 10)

        trade(book, range(1, 10))

        assert Job.objects.get(task=CHECKPOINT_TASK).args == {"portfolio": book.pk}


@pytest.mark.usefixtures("spacing", "large")
class TestInAWorker:
    @pytest.fixture
    def traded(self, book: Portfolio) -> dict[str, Any]:
        """Give what was derived before the back-dated entry."""
        trade(book, range(1, 30))
        return dump(book)

    def test_the_old_figures_stand_until_the_new_ones_do(self, book: Portfolio, traded: dict[str, Any]) -> None:
        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 2, 26, at(3, 1))], now=NOW)

        assert dump(book) == traded
        assert fresh(book).recompute_from == at(3, 1)
        assert Job.objects.get(task=RECOMPUTE_TASK).args == {"portfolio": book.pk}

        assert recompute(portfolio=fresh(book), now=NOW) > 0
        assert fresh(book).recompute_from is None
        assert dump(book) != traded
        assert dump(book) == replayed(book)

    def test_what_is_appended_meanwhile_waits_with_it(self, book: Portfolio, traded: dict[str, Any]) -> None:
        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 2, 26, at(3, 1))], now=NOW)
        trade(fresh(book), range(30, 35))
        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "buy", 2, 26, at(1, 1))], now=NOW)

        assert dump(book) == traded
        assert fresh(book).recompute_from == at(1, 1)
        assert violations(portfolio=fresh(book), method=METHOD) == []

        recompute(portfolio=fresh(book), now=NOW)
        assert recompute(portfolio=fresh(book), now=NOW) == 0
        assert violations(portfolio=fresh(book), method=METHOD) == []
        assert dump(book) == replayed(book)

    @pytest.mark.usefixtures("traded")
    def test_what_cannot_be_is_refused_at_once(self, book: Portfolio) -> None:
        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 150, 26, at(40))], now=NOW)
        before = dump(book)

        with pytest.raises(Oversold):
            record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 150, 26, at(0, 1))], now=NOW)

        assert fresh(book).recompute_from is None
        assert dump(book) == before

    @pytest.mark.usefixtures("traded")
    def test_days_are_not_valued_on_old_figures(self, book: Portfolio) -> None:
        price(book.market, 5)
        value_due(now=NOW)
        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 2, 26, at(3, 1))], now=NOW)

        assert value_due(now=NOW) == 0

        recompute(portfolio=fresh(book), now=NOW)
        assert value_due(now=NOW) == 1
        assert fresh(book).valued_version == fresh(book).ledger_version
        assert ValuationDay.objects.filter(portfolio=book).exists()

    @pytest.mark.usefixtures("traded")
    def test_the_pages_say_so(self, book: Portfolio, client_of_alice: Client) -> None:
        record_fills(portfolio=fresh(book), fills=[fill(spot("UNI"), "sell", 2, 26, at(3, 1))], now=NOW)

        during = client_of_alice.get("/portfolio/").content.decode()
        recompute(portfolio=fresh(book), now=NOW)
        after = client_of_alice.get("/portfolio/").content.decode()

        assert 'Recomputing as of <time datetime="2026-01-04T12:01:00Z"' in during
        assert "you see the figures without it" in during
        assert "Recomputing as of" not in after
