"""Every figure opens what it is made of, and the parts add up to it: on the page, as CSV and through the API."""

from __future__ import annotations

import csv
import io
from decimal import Decimal as D

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from portfolio.models import Account, Fill, Holding, Market, Portfolio
from portfolio.queries.entries import realized_by
from portfolio.queries.holdings import snapshot
from portfolio.queries.proof import asset_proofs, fill_proof, portfolio_proofs
from portfolio.services.ledger import record_fills, record_transfers, reverse_fills
from tests.api.scene import Caller
from tests.portfolio.factories import NOW, asset, at, fill, perp, portfolio, price, spot, transfer


def paid_in(symbol: str, amount: str) -> dict[str, object]:
    return {"fee_amount": amount, "fee_asset": asset(symbol)}


@pytest.fixture
def book(alice: User, market: Market) -> Portfolio:
    """A portfolio with purchases at two prices, sales, fees of three kinds, a move, income, a perp and its funding."""
    for number in range(8):
        price(market, number)
    found = portfolio(alice, {"USDC": ("100000", "100000"), "BNB": ("5", "2500"), "USD": ("1000", None)})
    vault = Account.objects.create(portfolio=found, venue=found.venue, name="Vault")
    fills = [
        fill(spot("UNI"), "buy", "100", "10", at(1), **paid_in("USDC", "1")),
        fill(spot("UNI"), "buy", "50.5", "20.25", at(2), **paid_in("BNB", "0.01")),
        fill(spot("UNI"), "sell", "120.125", "30", at(3), **paid_in("UNI", "0.2")),
        fill(perp("FET"), "buy", "1000", "2", at(4), leverage="4", **paid_in("USDC", "1")),
        fill(perp("FET"), "sell", "400", "2.5", at(6), leverage="4", **paid_in("BNB", "0.002")),
    ]
    record_fills(portfolio=found, fills=fills, now=NOW)
    moves = [
        transfer("income", "UNI", "3", at(4, 5), value_usd="90"),
        transfer("move", "UNI", "10", at(5), to_account=vault, fee_amount="0.003", fee_asset=asset("BNB")),
        transfer("withdrawal", "UNI", "1", at(5, 5), fee_amount="0.01", fee_asset=asset("UNI")),
        transfer("funding", "USDC", "-1.5", at(5, 30), instrument=perp("FET")),
    ]
    record_transfers(portfolio=found, transfers=moves, now=NOW)
    undone = fill(spot("UNI"), "buy", "7", "9", at(7), **paid_in("USDC", "0"))
    reverse_fills(portfolio=found, fills=record_fills(portfolio=found, fills=[undone], now=NOW).fills, now=NOW)
    return found


class TestClaims:
    def test_every_figure_of_the_portfolio_is_the_sum_of_its_parts(self, book: Portfolio) -> None:
        found = snapshot(portfolio=book, now=NOW)

        proofs = {proof.key: proof for proof in portfolio_proofs(found)}

        assert [key for key, proof in proofs.items() if not proof.holds] == []
        assert proofs["realized"].claims[0].stated == found.totals.realized != 0
        assert proofs["equity"].claims[0].stated == found.sleeves.equity.value > 0

    def test_every_figure_of_every_asset_is_the_sum_of_its_parts(self, book: Portfolio) -> None:
        symbols = [*Holding.objects.filter(portfolio=book).values_list("asset__symbol", flat=True).distinct(), "FET"]

        for symbol in symbols:
            found = asset_proofs(portfolio=book, symbol=symbol, now=NOW)
            assert found is not None
            assert [proof.key for proof in found.proofs if not proof.holds] == [], symbol

    def test_a_sale_names_the_lots_it_let_go_of_and_what_they_had_cost(self, book: Portfolio) -> None:
        sale = Fill.objects.get(portfolio=book, side="sell", instrument=spot("UNI"), reverses__isnull=True)

        proof = fill_proof(sale)

        sold = [part for part in proof.parts if part.amount is not None]
        assert [part.quantity for part in sold] == [D(100), D("20.325")]
        assert sold[0].cost == D(1001)
        assert proof.claims[0].stated == realized_by(sale) == sum(part.amount or D(0) for part in sold)

    def test_futures_stand_apart_with_their_fees_and_funding(self, book: Portfolio) -> None:
        found = asset_proofs(portfolio=book, symbol="FET", now=NOW)

        assert found is not None
        claims = {claim.name: claim.stated for claim in found.proofs[-1].claims}
        assert claims["Realized"] == D(200)
        assert claims["Funding"] == D("-1.5")

    def test_a_wrong_figure_is_seen(self, book: Portfolio) -> None:
        row = Holding.objects.filter(portfolio=book, asset=asset("UNI")).earliest("pk")
        row.cost_usd += D("0.000000000000000001")
        row.save()

        found = asset_proofs(portfolio=book, symbol="UNI", now=NOW)

        assert found is not None
        assert [proof.key for proof in found.proofs if not proof.holds] == ["lots"]


class TestPages:
    @pytest.mark.parametrize("symbol", ["UNI", "USDC", "USD", "FET"])
    def test_an_asset_opens(self, symbol: str, book: Portfolio, client_of_alice: Client) -> None:
        response = client_of_alice.get(reverse("portfolio:asset_proof", args=[book.pk, symbol]))

        assert response.status_code == 200
        assert "something else" not in response.content.decode()

    def test_the_portfolio_and_a_fill_open(self, book: Portfolio, client_of_alice: Client) -> None:
        sale = Fill.objects.get(portfolio=book, side="sell", instrument=spot("UNI"), reverses__isnull=True)

        pages = [reverse("portfolio:proof", args=[book.pk]), reverse("portfolio:fill_proof", args=[book.pk, sale.pk])]

        assert [client_of_alice.get(page).status_code for page in pages] == [200, 200]

    def test_figures_link_to_their_proof(self, book: Portfolio, client_of_alice: Client) -> None:
        overview = client_of_alice.get(reverse("portfolio:overview")).content.decode()

        assert reverse("portfolio:asset_proof", args=[book.pk, "UNI"]) + "#disposals" in overview
        assert reverse("portfolio:proof", args=[book.pk]) + "#realized" in overview

    def test_what_was_never_held_is_not_found(self, book: Portfolio, client_of_alice: Client) -> None:
        assert client_of_alice.get(reverse("portfolio:asset_proof", args=[book.pk, "CRV"])).status_code == 404

    @pytest.mark.parametrize(("table", "column"), [("lots", "quantity"), ("disposals", "amount")])
    def test_the_csv_adds_up(self, table: str, column: str, book: Portfolio, client_of_alice: Client) -> None:
        response = client_of_alice.get(reverse("portfolio:proof_csv", args=[book.pk, "UNI", table]))

        text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
        held = Holding.objects.filter(portfolio=book, asset=asset("UNI"))
        stated = {"lots": "quantity", "disposals": "realized_pnl_usd"}[table]
        rows = list(csv.DictReader(io.StringIO(text)))
        assert sum(D(row[column]) for row in rows) == sum(held.values_list(stated, flat=True)) != 0


class TestApi:
    def test_it_says_the_same(self, book: Portfolio, alice: User) -> None:
        answer = Caller(alice).get(f"/portfolios/{book.pk}/proof/?asset=UNI").json()

        found = asset_proofs(portfolio=book, symbol="UNI", now=NOW)
        assert found is not None
        assert [proof["key"] for proof in answer] == [proof.key for proof in found.proofs]
        assert all(claim["holds"] for proof in answer for claim in proof["claims"])
        assert D(answer[0]["claims"][0]["stated"]) == found.proofs[0].claims[0].stated

    def test_the_whole_portfolio(self, book: Portfolio, alice: User) -> None:
        answer = Caller(alice).get(f"/portfolios/{book.pk}/proof/").json()

        assert [proof["key"] for proof in answer] == ["equity", "unrealized", "realized"]

    def test_what_was_never_held_is_named(self, book: Portfolio, alice: User) -> None:
        answer = Caller(alice).get(f"/portfolios/{book.pk}/proof/?asset=CRV")

        assert answer.status_code == 400
        assert "never held" in answer.content.decode()
