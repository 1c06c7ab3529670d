"""Taking along: everything of one's own and nothing of anybody else's, exact, as one archive or table by table."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal as D
from io import BytesIO, StringIO
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db.models import ForeignKey
from django.test import Client

from accounts.models import User
from journal.models import JournalFeed, Picture, Rotation
from journal.queries.takeout import APPS, LEFT_OUT, kinds
from journal.services.rotations import log_rotation
from portfolio.fields import ExactDecimalField
from portfolio.models import Fill, Portfolio, Transfer
from tests.journal.scene import anchor, moment, scenario_a
from tests.pages import heading, queries, said

NOW = moment(12)
ODD = '=SUM(A1) \x07 “Größe”, \r\n"quoted" 中文'


def sent(response: Any) -> bytes:
    """Return the whole of a streamed answer."""
    assert response.status_code == 200
    return b"".join(response.streaming_content)


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """Scenario A with odd words, a picture, and amounts of 18 places."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice)
        rotation = log_rotation(portfolio=found, draft=scenario_a(tags=("news",)), now=NOW).rotation
        Rotation.objects.filter(pk=rotation.pk).update(thesis=ODD, fees_usd=D("8.990000000000000001"))
        Picture.objects.create(rotation=rotation, data=b"\x00webp", sha256="0", width=1, height=1, added_at=NOW)
        yield found


@pytest.mark.django_db
class TestArchive:
    def test_every_table_is_whole_and_exact_in_both_formats(self, book: Portfolio, client_of_alice: Client) -> None:
        packed = zipfile.ZipFile(BytesIO(sent(client_of_alice.get("/journal/take-along/everything.zip"))))
        assert packed.testzip() is None
        for kind in kinds().values():
            table = json.loads(packed.read(f"{kind.name}.json"))
            lines = list(csv.DictReader(StringIO(packed.read(f"{kind.name}.csv").decode(), newline="")))
            assert len(table) == len(lines) == kind.model._default_manager.count(), kind.name
            exact = [field.name for field in kind.model._meta.concrete_fields if isinstance(field, ExactDecimalField)]
            for row, line in zip(table, lines, strict=True):
                stored = kind.model._default_manager.get(pk=row["id"]) if "id" in row else None
                for name in exact if stored else ():
                    amount = getattr(stored, name)
                    assert (None if row[name] is None else D(row[name])) == amount
                    assert (D(line[name]) if line[name] else None) == amount
        [rotation] = json.loads(packed.read("rotations.json"))
        assert (rotation["thesis"], rotation["fees_usd"]) == (ODD, "8.990000000000000001")
        [line] = csv.DictReader(StringIO(packed.read("rotations.csv").decode(), newline=""))
        assert line["thesis"] == f"'{ODD}", "a spreadsheet would run it"
        assert rotation["destination_sector"] == "ai"
        assert packed.read(f"pictures/{Picture.objects.get().pk}.webp") == b"\x00webp"
        assert json.loads(packed.read("me.json"))["email"] == "alice@example.org"

    def test_nothing_of_anybody_else_is_in_it(self, book: Portfolio, client_of_bob: Client) -> None:
        packed = zipfile.ZipFile(BytesIO(sent(client_of_bob.get("/journal/take-along/everything.zip"))))
        tables = [name for name in packed.namelist() if name.endswith(".json") and name != "me.json"]
        assert len(tables) == len(kinds())
        assert {name: packed.read(name) for name in tables} == dict.fromkeys(tables, b"[]\n")
        assert not [name for name in packed.namelist() if name.startswith("pictures/")]

    def test_one_table(self, book: Portfolio, client_of_alice: Client) -> None:
        fills = json.loads(sent(client_of_alice.get("/journal/take-along/table/?kind=fills&as=json")))
        assert [row["id"] for row in fills] == list(Fill.objects.order_by("pk").values_list("pk", flat=True))
        assert {row["instrument_asset"] for row in fills} == {"UNI", "FET"}
        assert datetime.fromisoformat(fills[0]["executed_at"]) == Fill.objects.earliest("pk").executed_at
        table = sent(client_of_alice.get("/journal/take-along/table/?kind=transfers")).decode()
        assert table.count("\r\n") == Transfer.objects.count() + 1
        for query in ("kind=users", "kind=fills&as=xml", ""):
            assert client_of_alice.get(f"/journal/take-along/table/?{query}").status_code == 404

    def test_what_is_sealed_stays_here(self) -> None:
        assert "shown_as" in kinds()["channels"].columns
        assert not {"address", "secret", "token_digest"} & set(kinds()["channels"].columns)

    def test_every_model_that_hangs_on_a_person_is_taken_along(self) -> None:
        mine = {"accounts.User", "portfolio.Portfolio", "journal.Rotation", "journal.Pass", "journal.Plan"}
        for model in apps.get_models():
            targets = {
                field.related_model._meta.label  # type: ignore[union-attr]
                for field in model._meta.concrete_fields
                if isinstance(field, ForeignKey) and not field.null
            }
            if model._meta.app_label in APPS and targets & mine:
                assert model in {kind.model for kind in kinds().values()} or model._meta.label in LEFT_OUT

    def test_no_secret_is_a_column(self) -> None:
        columns = {column for kind in kinds().values() for column in kind.columns}
        assert not {column for column in columns if "digest" in column or "password" in column or "token" in column}
        assert "data" not in kinds()["pictures"].columns

    def test_the_page_lists_them(self, book: Portfolio, client_of_alice: Client) -> None:
        assert heading(client_of_alice, "/journal/take-along/") == "Everything here is yours to take along"
        assert queries(client_of_alice, "/journal/take-along/") <= 12


@pytest.mark.django_db
class TestFeed:
    def test_an_address_is_shown_once_read_by_anybody_and_taken_back(
        self, book: Portfolio, client_of_alice: Client, client: Client
    ) -> None:
        page = said(client_of_alice, "/journal/take-along/")
        assert "Take it back" not in page
        address = client_of_alice.post("/journal/feed/", {"do": "open"}).context["address"]
        assert address.startswith("http://testserver/journal/feed/")
        answer = client.get(address)
        text = answer.content.decode()
        assert answer.headers["Content-Type"].startswith("application/atom+xml")
        assert "<title>DeFi to AI, 11 Jan 2026</title>" in text
        assert "Größe”," in text
        assert "\x07" not in text
        assert "ahead" not in text
        assert address not in said(client_of_alice, "/journal/take-along/")

        renewed = client_of_alice.post("/journal/feed/", {"do": "open"}).context["address"]
        assert (client.get(address).status_code, client.get(renewed).status_code) == (404, 200)
        client_of_alice.post("/journal/feed/", {"do": "close"})
        assert client.get(renewed).status_code == 404
        assert not JournalFeed.objects.exists()

    def test_the_address_itself_is_not_kept(self, book: Portfolio, client_of_alice: Client) -> None:
        address = client_of_alice.post("/journal/feed/", {"do": "open"}).context["address"]
        assert JournalFeed.objects.get().digest not in address

    def test_somebody_who_left_has_none(self, book: Portfolio, client_of_alice: Client, client: Client) -> None:
        address = client_of_alice.post("/journal/feed/", {"do": "open"}).context["address"]
        User.objects.update(is_active=False)
        assert client.get(address).status_code == 404


@pytest.mark.django_db
class TestCalendar:
    def test_a_month_shows_what_was_made_and_what_falls_due(self, book: Portfolio, client_of_alice: Client) -> None:
        assert heading(client_of_alice, "/journal/calendar/?month=2026-01") == "1 rotation in January 2026"
        shown = said(client_of_alice, "/journal/calendar/?month=2026-01")
        assert "DeFi to AI" in shown
        assert "7 days of DeFi to AI" in shown
        later = said(client_of_alice, "/journal/calendar/?month=2026-02")
        assert "30 days of DeFi to AI" in later
        assert heading(client_of_alice, "/journal/calendar/?month=2026-02") == "No rotation in February 2026"
        assert queries(client_of_alice, "/journal/calendar/?month=2026-01") <= 12

    def test_a_month_there_is_not_is_the_present_one(self, book: Portfolio, client_of_alice: Client) -> None:
        for month in ("", "2026-13", "0001-01", "9999-12", "x", "2026-1", "%00"):
            assert "January 2026" in heading(client_of_alice, f"/journal/calendar/?month={month}")

    def test_before_the_first_portfolio(self, client_of_alice: Client) -> None:
        assert heading(client_of_alice, "/journal/calendar/") == "Your calendar begins with a portfolio"
