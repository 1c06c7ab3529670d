"""An id names one entry for good: repeats are answered, anything else under it is refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.models import Fill, Portfolio
from portfolio.services.entries import KeyReused
from portfolio.services.ledger import record_transfer, reverse_fills, reverse_transfer
from portfolio.services.repeats import IdTooLong
from tests.portfolio.factories import NOW, asset, at, fill, perp, spot, transfer
from tests.portfolio.test_ledger_services import held, record


@pytest.mark.usefixtures("market")
class TestRepeats:
    def test_a_client_key_records_once(self, book: Portfolio) -> None:
        stated = [fill(spot("FET"), "buy", 10, 2, at(1)), fill(spot("UNI"), "sell", 1, 25, at(1))]

        first = record(book, *stated, client_key="abc")
        version = Portfolio.objects.get().ledger_version
        second = record(book, *stated, client_key="abc")

        assert second.is_repeat
        assert not first.is_repeat
        assert [row.pk for row in second.fills] == [row.pk for row in first.fills]
        assert Portfolio.objects.get().ledger_version == version
        assert Fill.objects.count() == 2

    def test_a_key_cannot_name_something_else(self, book: Portfolio) -> None:
        record(book, fill(spot("FET"), "buy", 10, 2, at(1)), client_key="abc")

        with pytest.raises(KeyReused):
            record(book, fill(spot("FET"), "buy", 11, 2, at(1)), client_key="abc")

    @pytest.mark.parametrize(
        "other", [{"quote_asset": "USD"}, {"margin_mode": "cross"}, {"chain": "c"}, {"position_side": "long"}]
    )
    def test_an_id_cannot_name_a_fill_on_other_terms(self, book: Portfolio, other: dict[str, str]) -> None:
        terms = {name: asset(value) if name == "quote_asset" else value for name, value in other.items()}
        one = fill(perp("FET"), "buy", 10, 2, at(1), leverage="2", external_id="t1", fee_asset=asset("USDC"))
        record(book, one)

        with pytest.raises(KeyReused):
            record(book, replace(one, **terms))

    @pytest.mark.parametrize(
        "other", [{"instrument": "ETH"}, {"position_side": "long"}, {"value_usd": D(6)}, {"quantity": D(-5)}]
    )
    def test_an_id_cannot_name_another_payment(self, book: Portfolio, other: dict[str, Any]) -> None:
        terms = {name: perp(value) if name == "instrument" else value for name, value in other.items()}
        one = transfer("funding", "USDC", "5", at(1), instrument=perp("BTC"), external_id="x")
        first = record_transfer(portfolio=book, transfer=one, now=NOW)

        assert record_transfer(portfolio=book, transfer=one, now=NOW) == first
        with pytest.raises(KeyReused):
            record_transfer(portfolio=book, transfer=replace(one, **terms), now=NOW)

    def test_an_id_cannot_name_another_fee_or_day(self, book: Portfolio) -> None:
        one = transfer("withdrawal", "UNI", 1, at(2), fee_amount="1", external_id="x")
        record_transfer(portfolio=book, transfer=one, now=NOW)

        with pytest.raises(KeyReused):
            record_transfer(portfolio=book, transfer=replace(one, fee_asset=asset("USDC")), now=NOW)
        with pytest.raises(KeyReused):
            record_transfer(portfolio=book, transfer=replace(one, acquired_at=at(1)), now=NOW)

    def test_a_reversed_entry_needs_a_new_id(self, book: Portfolio) -> None:
        one = fill(spot("UNI"), "buy", 5, 20, at(1), external_id="t1")
        paid = transfer("deposit", "UNI", 5, at(1), cost_usd="100", external_id="d1")
        reverse_fills(portfolio=book, fills=record(book, one).fills, now=NOW)
        row = record_transfer(portfolio=book, transfer=paid, now=NOW)
        reverse_transfer(portfolio=book, transfer=row, now=NOW)

        with pytest.raises(KeyReused, match=r"reversed.*under a new id"):
            record(book, one)
        with pytest.raises(KeyReused, match=r"reversed.*under a new id"):
            record_transfer(portfolio=book, transfer=paid, now=NOW)
        assert held(book, "UNI") == 200
        record(book, replace(one, external_id="t2"))
        assert held(book, "UNI") == 205

    def test_an_import_does_not_bring_back_what_was_reversed(self, book: Portfolio) -> None:
        one = fill(spot("UNI"), "buy", 5, 20, at(1), external_id="t1")
        reverse_fills(portfolio=book, fills=record(book, one, is_imported=True).fills, now=NOW)

        again = record(book, one, is_imported=True)

        assert (again.is_repeat, hasattr(again.fills[0], "reversed_by")) == (True, True)
        assert held(book, "UNI") == 200

    def test_an_import_skips_what_it_knows(self, book: Portfolio) -> None:
        one = fill(spot("FET"), "buy", 10, 2, at(1), external_id="t1")
        two = fill(spot("FET"), "buy", 20, 2, at(2), external_id="t2")

        record(book, one, is_imported=True)
        recorded = record(book, one, two, is_imported=True)

        assert held(book, "FET") == 30
        assert not recorded.is_repeat

    def test_one_call_cannot_state_an_id_twice(self, book: Portfolio) -> None:
        one = fill(spot("FET"), "buy", 10, 2, at(1), external_id="t1")

        with pytest.raises(KeyReused):
            record(book, one, one)

    def test_nothing_stated_is_nothing_recorded(self, book: Portfolio) -> None:
        assert record(book).fills == ()

    def test_an_id_that_no_column_holds_is_refused(self, book: Portfolio) -> None:
        with pytest.raises(IdTooLong, match="has 101 characters: give at most 100"):
            record(book, fill(spot("FET"), "buy", 10, 2, at(1), external_id="x" * 101))

        assert not Fill.objects.exists()
