"""Moves, migrations, rebases, swaps and dust are recorded on pages and over the API, and refused beside their field."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from portfolio.models import Account, Asset, Disposal, Holding, Lot, Portfolio, Transfer
from portfolio.queries.invariants import violations
from portfolio.services.ledger import METHOD, record_transfers
from tests.api.scene import Caller, faults
from tests.pages import words
from tests.portfolio.factories import NOW, asset, at, transfer

pytestmark = pytest.mark.usefixtures("market")

WHEN = "2026-02-01T00:00"
MOMENT = "2026-02-01T00:00:00Z"


@pytest.fixture
def vault(book: Portfolio) -> Account:
    """Another account."""
    return Account.objects.create(portfolio=book, venue=book.venue, name="Vault")


@pytest.fixture
def caller(alice: User) -> Caller:
    """The owner's token."""
    return Caller(alice)


def post(client: Client, book: Portfolio, what: str, **stated: Any) -> Any:
    return client.post(f"/portfolio/{book.pk}/{what}/new/", {"executed_at": WHEN, **stated}, follow=True)


def send(caller: Caller, book: Portfolio, kind: str, **stated: Any) -> Any:
    return caller.post("/transfers/", {"portfolio": book.pk, "kind": kind, "executed_at": MOMENT, **stated})


def held(book: Portfolio, symbol: str, account: str = "Main") -> D:
    row = Holding.objects.filter(portfolio=book, asset__symbol=symbol, account__name=account).first()
    return row.quantity if row else D(0)


def is_sound(book: Portfolio) -> bool:
    book.refresh_from_db()
    return violations(portfolio=book, method=METHOD) == []


def give(book: Portfolio, symbol: str, quantity: str, cost: str) -> None:
    Asset.objects.get_or_create(symbol=symbol, defaults={"name": symbol})
    record_transfers(portfolio=book, transfers=[transfer("deposit", symbol, quantity, at(1), cost_usd=cost)], now=NOW)


class TestPages:
    def test_a_move_carries_lots_to_the_other_account(
        self, book: Portfolio, vault: Account, client_of_alice: Client
    ) -> None:
        main = book.accounts.earliest("pk")
        stated = {"account": main.pk, "to_account": vault.pk, "asset": "UNI", "quantity": "50", "fee_amount": "1"}

        page = post(client_of_alice, book, "moves", **stated, fee_asset="UNI")

        assert "50 UNI moved to Vault" in words(page.content.decode())
        assert (held(book, "UNI"), held(book, "UNI", "Vault")) == (D(149), D(50))
        assert is_sound(book)

    def test_a_move_needs_two_accounts(self, book: Portfolio, client_of_alice: Client) -> None:
        page = post(client_of_alice, book, "moves", asset="UNI", quantity="50")

        assert page.status_code == 422
        assert "A move needs two accounts" in page.content.decode()

    def test_a_move_goes_somewhere_else(self, book: Portfolio, vault: Account, client_of_alice: Client) -> None:
        page = post(client_of_alice, book, "moves", account=vault.pk, to_account=vault.pk, asset="UNI", quantity="5")

        assert (page.status_code, list(page.context["form"].errors)) == (422, ["to_account"])

    @pytest.mark.parametrize(
        ("old", "new", "given", "brought"),
        [("LEND", "AAVE", "1000", "10"), ("MKR", "SKY", "2", "48000"), ("AGIX", "FET", "1000", "433.35"),
         ("OCEAN", "FET", "1000", "433.226")],
    )  # fmt: skip
    def test_a_known_migration_needs_only_its_quantity(
        self, old: str, new: str, given: str, brought: str, book: Portfolio, client_of_alice: Client
    ) -> None:
        give(book, old, given, "250")

        page = post(client_of_alice, book, "migrations", which=f"{old}-{new}", quantity=given)

        assert page.status_code == 200, page.context["form"].errors
        assert (held(book, old), held(book, new)) == (D(0), D(brought))
        lot = Lot.objects.get(portfolio=book, asset__symbol=new)
        assert (lot.cost_usd, lot.acquired_at) == (D(250), at(1))
        assert is_sound(book)

    def test_another_migration_says_what_it_brought(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"which": "other", "asset": "UNI", "quantity": "200", "into": "AAVE", "into_quantity": "7"}

        post(client_of_alice, book, "migrations", **stated)

        assert (held(book, "UNI"), held(book, "AAVE")) == (D(0), D(7))

    def test_another_migration_names_what_it_lacks(self, book: Portfolio, client_of_alice: Client) -> None:
        page = post(client_of_alice, book, "migrations", which="other", quantity="1")

        assert (page.status_code, set(page.context["form"].errors)) == (422, {"asset", "into", "into_quantity"})

    @pytest.mark.parametrize(("change", "left"), [("20", "220"), ("-20", "180")])
    def test_a_rebase_changes_units_and_no_cost(
        self, change: str, left: str, book: Portfolio, client_of_alice: Client
    ) -> None:
        before = Holding.objects.get(portfolio=book, asset__symbol="UNI").cost_usd

        post(client_of_alice, book, "rebases", asset="UNI", quantity=change)

        row = Holding.objects.get(portfolio=book, asset__symbol="UNI")
        assert (row.quantity, row.cost_usd) == (D(left), before)

    def test_a_swap_is_a_sale_and_a_purchase(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"asset": "UNI", "quantity": "100", "into": "AAVE", "into_quantity": "25", "value_usd": "2600"}

        post(client_of_alice, book, "swaps", **stated)

        sold = Disposal.objects.get(portfolio=book)
        assert (sold.proceeds_usd, sold.cost_usd, held(book, "AAVE")) == (D(2600), D(2500), D(25))

    def test_a_swap_of_core_asks_why(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"asset": "BTC", "quantity": "0.5", "into": "UNI", "into_quantity": "1000"}

        refused = post(client_of_alice, book, "swaps", **stated)
        done = post(client_of_alice, book, "swaps", **stated, core_override_reason="The thesis broke.")

        assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["core_override_reason"])
        assert done.status_code == 200
        assert held(book, "BTC") == D("0.5")

    def test_more_than_is_held_is_refused_beside_the_quantity(self, book: Portfolio, client_of_alice: Client) -> None:
        page = post(client_of_alice, book, "swaps", asset="UNI", quantity="201", into="AAVE", into_quantity="25")

        assert page.status_code == 422
        assert page.context["form"].errors["quantity"] == ["You hold 200 UNI, and this needs 201."]

    def test_dust_is_shared_by_worth(self, book: Portfolio, client_of_alice: Client) -> None:
        give(book, "FET", "10", "15")
        give(book, "AAVE", "0.1", "9")
        page = client_of_alice.get(f"/portfolio/{book.pk}/dust/new/")
        parts = [value for value, _ in page.context["form"].fields["parts"].choices]

        post(client_of_alice, book, "dust", parts=parts, into="BNB", into_quantity="0.05")

        swaps = Transfer.objects.filter(portfolio=book, kind="swap").order_by("sequence")
        assert [(row.asset.symbol, row.into_quantity) for row in swaps] == [
            ("AAVE", D("0.016666666666666667")),
            ("FET", D("0.033333333333333333")),
        ]
        assert (held(book, "FET"), held(book, "AAVE"), held(book, "BNB")) == (D(0), D(0), D("1.05"))
        assert is_sound(book)

    def test_without_dust_the_page_says_so(self, book: Portfolio, client_of_alice: Client) -> None:
        page = client_of_alice.get(f"/portfolio/{book.pk}/dust/new/").content.decode()

        assert "You hold nothing small" in page

    def test_an_account_is_opened_once(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"name": "Vault", "venue": book.venue_id}

        first = client_of_alice.post(f"/portfolio/{book.pk}/accounts/new/", stated, follow=True)
        second = client_of_alice.post(f"/portfolio/{book.pk}/accounts/new/", stated)

        assert "The account Vault is open" in first.content.decode()
        assert (second.status_code, list(second.context["form"].errors)) == (422, ["name"])

    def test_a_deposit_goes_to_the_account_that_is_named(
        self, book: Portfolio, vault: Account, client_of_alice: Client
    ) -> None:
        stated = {"kind": "income", "asset": "UNI", "quantity": "3", "executed_at": WHEN, "account": vault.pk}

        client_of_alice.post(f"/portfolio/{book.pk}/transfers/new/", stated)

        assert held(book, "UNI", "Vault") == D(3)

    def test_a_form_that_is_sent_twice_counts_once(self, book: Portfolio, client_of_alice: Client) -> None:
        key = "6f2c2a52-22b8-4d6e-9d49-1f8d2fd3d3b1"
        for _ in range(2):
            post(client_of_alice, book, "rebases", asset="UNI", quantity="20", client_key=key)

        assert held(book, "UNI") == D(220)

    def test_another_persons_account_cannot_be_chosen(
        self, book: Portfolio, vault: Account, bob: User, client_of_alice: Client
    ) -> None:
        theirs = Account.objects.create(
            portfolio=Portfolio.objects.create(
                owner=bob, market=book.market, venue=book.venue, reserve_asset=asset("USD"), name="B", created_at=NOW
            ),
            venue=book.venue,
            name="Theirs",
        )

        page = post(client_of_alice, book, "moves", account=vault.pk, to_account=theirs.pk, asset="UNI", quantity="5")

        assert (page.status_code, list(page.context["form"].errors)) == (422, ["to_account"])


class TestApi:
    def test_a_move_and_its_reversal(self, book: Portfolio, vault: Account, caller: Caller) -> None:
        answer = send(caller, book, "move", asset="UNI", quantity="50", to_account="Vault", fee_amount="1")
        moved = held(book, "UNI", "Vault")
        back = caller.post(f"/transfers/{answer.json()['id']}/reverse/", {})

        assert answer.status_code == 201, answer.content
        assert (answer.json()["to_account"], answer.json()["fee_asset"], moved) == ("Vault", "UNI", D(50))
        assert (back.status_code, back.json()["reverses"]) == (200, answer.json()["id"])
        assert (held(book, "UNI"), held(book, "UNI", "Vault")) == (D(200), D(0))

    def test_what_was_recorded_is_listed(self, book: Portfolio, caller: Caller) -> None:
        send(caller, book, "income", asset="UNI", quantity="2")

        first, *rest = caller.get(f"/transfers/?portfolio={book.pk}").json()["results"]

        assert (first["kind"], first["asset"], first["quantity"], first["value_usd"]) == ("income", "UNI", "2", "50")
        assert {row["kind"] for row in rest} == {"deposit"}

    def test_a_known_migration_knows_its_ratio(self, book: Portfolio, caller: Caller) -> None:
        give(book, "MKR", "2", "3000")

        answer = send(caller, book, "migration", asset="MKR", into="SKY", quantity="2")

        assert (answer.status_code, answer.json()["into_quantity"]) == (201, "48000")
        assert held(book, "SKY") == D(48000)

    def test_a_repeat_records_once(self, book: Portfolio, caller: Caller) -> None:
        body = {"portfolio": book.pk, "kind": "rebase", "asset": "UNI", "quantity": "-5", "executed_at": MOMENT}
        first, second = (caller.post("/transfers/", body, **{"Idempotency-Key": "a" * 255}) for _ in range(2))

        assert (first.status_code, first.json()) == (201, second.json())
        assert held(book, "UNI") == D(195)

    def test_dust(self, book: Portfolio, caller: Caller) -> None:
        parts = [{"asset": "UNI", "quantity": "1"}, {"asset": "BNB", "quantity": "0.125"}]
        body = {"portfolio": book.pk, "parts": parts, "into": "USDC", "into_quantity": "99", "executed_at": MOMENT}

        answer = caller.post("/transfers/dust/", body)

        assert answer.status_code == 201, answer.content
        assert [row["into_quantity"] for row in answer.json()] == ["24.75", "74.25"]

    @pytest.mark.parametrize(
        ("kind", "stated", "field"),
        [
            ("move", {}, "to_account"),
            ("move", {"to_account": "Nowhere"}, "to_account"),
            ("move", {"to_account": "Main"}, "to_account"),
            ("migration", {}, "into"),
            ("migration", {"into": "AAVE"}, "into_quantity"),
            ("migration", {"into": "AAVE", "into_quantity": "1", "ratio": "1"}, "ratio"),
            ("swap", {"into": "AAVE"}, "into_quantity"),
            ("swap", {"into": "NOPE", "into_quantity": "1"}, "into"),
            ("deposit", {"into": "AAVE"}, "into"),
            ("deposit", {"quantity": "-1"}, "quantity"),
            ("deposit", {"quantity": "0"}, "quantity"),
            ("income", {"cost_usd": "1"}, "cost_usd"),
            ("withdrawal", {"quantity": "201"}, "quantity"),
            ("withdrawal", {"account": "Nowhere"}, "account"),
            ("rebase", {"fee_amount": "1"}, "fee_amount"),
            ("funding", {}, "instrument"),
            ("margin", {"instrument": "NOPE"}, "instrument"),
            ("deposit", {"asset": "NOPE"}, "asset"),
            ("deposit", {"executed_at": "2126-01-01T00:00:00Z"}, "executed_at"),
            ("bribe", {}, "kind"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_names_its_field(
        self, kind: str, stated: dict[str, str], field: str, book: Portfolio, caller: Caller
    ) -> None:
        before = Transfer.objects.count()

        answer = send(caller, book, kind, **{"asset": "UNI", "quantity": "1", **stated})

        assert (answer.status_code, faults(answer)) == (400, {field})
        assert Transfer.objects.count() == before

    def test_accounts_are_opened_and_listed(self, book: Portfolio, caller: Caller) -> None:
        path = f"/portfolios/{book.pk}/accounts/"

        answer, again = (caller.post(path, {"name": "Vault"}) for _ in range(2))

        assert (answer.status_code, [row["name"] for row in caller.get(path).json()]) == (201, ["Main", "Vault"])
        assert (again.status_code, faults(again)) == (400, {"name"})

    def test_the_lot_method_is_set_from_a_moment_on(self, book: Portfolio, caller: Caller) -> None:
        path = f"/portfolios/{book.pk}/lot-methods/"
        body = {"method": "HIFO", "scope": "portfolio", "effective_at": MOMENT}

        answer = caller.post(path, body)
        late = caller.post(path, {**body, "effective_at": "2126-01-01T00:00:00Z"})

        (shown,) = caller.get(path).json()
        assert answer.status_code == 201, answer.content
        assert (shown["method"], shown["scope"], shown["effective_at"]) == ("HIFO", "portfolio", MOMENT)
        assert (late.status_code, faults(late)) == (400, {"effective_at"})

    def test_a_stranger_reverses_nothing(self, book: Portfolio, bob: User) -> None:
        row = Transfer.objects.filter(portfolio=book).latest("pk")

        assert Caller(bob).post(f"/transfers/{row.pk}/reverse/", {}).status_code == 404
