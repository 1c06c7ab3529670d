"""The page of lots says which units a sale takes, and changes that from a moment on."""

from __future__ import annotations

import pytest
from django.test import Client

from portfolio.models import Account, LotMethod, Portfolio
from portfolio.services.ledger import record_transfers
from tests.portfolio.factories import NOW, asset, at, transfer

pytestmark = pytest.mark.usefixtures("market")


def url(book: Portfolio) -> str:
    return f"/portfolio/{book.pk}/lots/"


class TestLots:
    def test_says_what_counts(self, book: Portfolio, client_of_alice: Client) -> None:
        page = client_of_alice.get(url(book))

        assert "Sales take FIFO, account by account" in page.content.decode()

    def test_changes_it_from_a_moment_on(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"method": "HIFO", "scope": "portfolio", "effective_at": "2026-02-01T00:00"}

        page = client_of_alice.post(url(book), stated, follow=True)

        assert "Sales take HIFO, across all accounts" in page.content.decode()
        assert LotMethod.objects.get().portfolio == book

    def test_refuses_the_future(self, book: Portfolio, client_of_alice: Client) -> None:
        stated = {"method": "HIFO", "scope": "account", "effective_at": "2126-02-01T00:00"}

        page = client_of_alice.post(url(book), stated)

        assert page.status_code == 422
        assert "in the future" in page.content.decode()

    def test_is_nobody_elses(self, book: Portfolio, client_of_bob: Client) -> None:
        assert client_of_bob.get(url(book)).status_code == 404


class TestTransfers:
    def test_say_where_they_go_and_what_they_bring(self, book: Portfolio, client_of_alice: Client) -> None:
        vault = Account.objects.create(portfolio=book, venue=book.venue, name="Vault")
        stated = [
            transfer("move", "UNI", 9, at(1), to_account=vault, fee_amount="0.5"),
            transfer("migration", "UNI", 8, at(2), into=asset("AAVE"), ratio="0.5"),
            transfer("rebase", "UNI", 1, at(3)),
        ]
        record_transfers(portfolio=book, transfers=stated, now=NOW)

        page = client_of_alice.get(f"/portfolio/{book.pk}/transfers/").content.decode()

        assert "Move to another account, to Vault" in page
        assert "Token migration into 4 AAVE" in page
        assert "fee 0.5 UNI" in page
        assert "unpriced" not in page
