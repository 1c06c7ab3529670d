"""Executions in futures, ends, cash and rolls are recorded on pages, each refusal beside its field."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from portfolio.models import Fill, Instrument, Portfolio, Position, PositionChange, Transfer
from portfolio.services.contracts import NewContract, list_contract
from portfolio.services.ledger import record_fills
from tests.pages import said, words
from tests.portfolio.factories import NOW, asset, at, fill, perp

pytestmark = pytest.mark.usefixtures("market")
MARCH = datetime(2026, 3, 27, 8, tzinfo=UTC)
JUNE = datetime(2026, 6, 26, 8, tzinfo=UTC)


def dated(expires_at: datetime) -> Instrument:
    new = NewContract(
        venue=perp("FET").venue,
        asset=asset("FET"),
        lot_step=D(1),
        expires_at=expires_at,
        settlement_fee_rate=D("0.0005"),
    )
    return list_contract(new)


def opened(book: Portfolio, contract: Instrument) -> Position:
    record_fills(portfolio=book, fills=[fill(contract, "buy", 300, "2", at(5), leverage="3")], now=NOW)
    return Position.objects.get(portfolio=book)


def post(client: Client, book: Portfolio, what: str, **stated: Any) -> Any:
    body = {"executed_at": "2026-02-01T00:00", **stated}
    return client.post(f"/portfolio/{book.pk}/futures/{what}/", body, follow=True)


class TestFills:
    def test_an_execution_opens_a_position(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"contract": "FET-PERP", "side": "sell", "quantity": "300", "price": "2", "leverage": "3"}

        post(client_of_alice, book, "new", **stated, position_side="net", margin_mode="cross")

        row = Position.objects.get(portfolio=book)
        assert (row.quantity, row.margin, row.margin_mode) == (D(-300), D(200), "cross")

    def test_what_is_not_there_is_named(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"contract": "FET-PERP", "side": "buy", "quantity": "3000000", "price": "2", "position_side": "net"}

        page = post(client_of_alice, book, "new", **stated)

        assert (page.status_code, list(page.context["form"].errors)) == (422, ["quantity"])


class TestEnds:
    @pytest.mark.parametrize("reason", ["liquidation", "adl", "trade"])
    def test_a_position_ends_for_a_reason(self, reason: str, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, perp("FET"))

        page = post(client_of_alice, book, "close", position=position.pk, reason=reason, price="1.5", fee_amount="1")

        closing = Fill.objects.filter(portfolio=book).latest("sequence")
        assert page.status_code == 200
        assert (closing.reason, closing.side, closing.quantity) == (reason, "sell", D(300))
        assert PositionChange.objects.get(fill=closing).realized_pnl_usd == D(-150)

    def test_a_settlement_works_out_its_fee(self, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, dated(MARCH))
        stated = {"position": position.pk, "reason": "settlement", "price": "2.2", "executed_at": "2026-03-27T08:00"}

        post(client_of_alice, book, "close", **stated)

        closing = Fill.objects.filter(portfolio=book).latest("sequence")
        assert (closing.reason, closing.fee_amount) == ("settlement", D("0.33"))

    def test_more_than_is_open_is_refused(self, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, perp("FET"))

        page = post(client_of_alice, book, "close", position=position.pk, reason="trade", price="2", quantity="301")

        assert page.context["form"].errors["quantity"] == ["You hold 300 FET-PERP: close at most that."]

    def test_a_form_that_is_sent_twice_counts_once(self, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, perp("FET"))
        key = {"client_key": "6f2c2a52-22b8-4d6e-9d49-1f8d2fd3d3b1"}
        for _ in range(2):
            post(client_of_alice, book, "close", position=position.pk, reason="adl", price="2", quantity="100", **key)

        position.refresh_from_db()
        assert position.quantity == D(200)

    def test_without_a_position_the_page_says_so(self, book: Portfolio, client_of_alice: Client) -> None:
        for what in ("close", "cash", "roll"):
            assert "You have no open position." in said(client_of_alice, f"/portfolio/{book.pk}/futures/{what}/")


class TestCash:
    @pytest.mark.parametrize(("kind", "amount"), [("funding", "-3"), ("margin", "50")])
    def test_it_belongs_to_the_position(self, kind: str, amount: str, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, perp("FET"))

        page = post(client_of_alice, book, "cash", position=position.pk, kind=kind, amount=amount)

        row = Transfer.objects.get(portfolio=book, kind=kind)
        position.refresh_from_db()
        assert (row.quantity, row.instrument_id) == (D(amount), position.instrument_id)
        assert (position.funding_usd, position.margin) == ((D(-3), D(200)) if kind == "funding" else (D(0), D(250)))
        assert f"of {amount} USDC recorded" in words(page.content.decode())


class TestRolls:
    def test_a_roll_is_one_deed(self, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, dated(MARCH))
        dated(JUNE)

        stated = {"position": position.pk, "into": "FET-260626", "price": "2.1", "into_price": "2.2"}
        post(client_of_alice, book, "roll", **stated)

        closing, opening = Fill.objects.filter(portfolio=book).order_by("-sequence")[:2][::-1]
        assert closing.chain == opening.chain != ""

    def test_what_does_not_follow_is_named(self, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, perp("FET"))
        dated(JUNE)

        stated = {"position": position.pk, "into": "FET-260626", "price": "2.1", "into_price": "2.2"}
        page = post(client_of_alice, book, "roll", **stated)

        assert (page.status_code, list(page.context["form"].errors)) == (422, ["into"])

    def test_the_overview_leads_there(self, book: Portfolio, client_of_alice: Client) -> None:
        position = opened(book, perp("FET"))

        page = client_of_alice.get(f"/portfolio/?portfolio={book.pk}").content.decode()

        assert f"/portfolio/{book.pk}/futures/close/?position={position.pk}" in page
