"""Finding rotations again: words, tags and days survive in the address, and a view is kept under a name."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from journal.models import SavedView
from journal.services.lessons import Guess, expect, learn
from journal.services.rotations import log_rotation
from journal.services.shelf import MOST_VIEWS, save_view
from portfolio.models import Portfolio
from tests.api.scene import Caller
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.pages import said
from tests.portfolio.factories import spot

pytestmark = pytest.mark.django_db
NOW = moment(45)


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """Two rotations: one about turnover with two tags, one a month later in other words with a lesson."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice, days=1)
        log_rotation(portfolio=found, draft=scenario_a(tags=("news", "Größe")), now=NOW)
        sale = (leg("SELL_SPOT", instrument=spot("FET"), quantity=D(100), price=D(2)),)
        terms = {"client_key": uuid.uuid4(), "legs": sale, "executed_at": DECIDED + timedelta(days=31)}
        later = scenario_a(**terms, thesis="100% sure_thing \\ nothing.", tags=("newsletter",))
        second = log_rotation(portfolio=found, draft=later, now=NOW).rotation
        lesson = expect(decision=second, guess=Guess(horizon_days=7, expectation="worse"), outcome=D(1), now=NOW)
        learn(lesson=lesson, sentence="Patience pays.", mistakes=[], now=NOW)
        yield found


def found(client: Client, query: str) -> int:
    """Return how many rotations the journal lists."""
    return len(client.get(f"/journal/?{query}").context["rows"])


class TestFinding:
    def test_words_tags_and_days(self, book: Portfolio, client_of_alice: Client) -> None:
        wanted = {
            "words=turnover": 1,
            "words=TURNOVER+narrative": 1,
            "words=turnover+patience": 0,
            "words=patience": 1,
            "words=news": 2,
            "words=Größe": 1,
            "words=%25+sure_thing": 1,
            "words=sureXthing": 0,
            "words=%5C": 1,
            "words=%00": 2,
            "tag=news": 1,
            "tag=Größe": 1,
            "tag=new": 0,
            "since=2026-01-12": 1,
            "until=2026-01-11": 1,
            "since=2026-01-11&until=2026-01-11": 1,
            "since=nonsense&until=2026-13-01": 2,
            "words=turnover&kind=overlay": 0,
        }
        assert {query: found(client_of_alice, query) for query in wanted} == wanted

    def test_the_api_finds_the_same(self, book: Portfolio, alice: User) -> None:
        caller = Caller(alice)
        for query, count in (("words=turnover", 1), ("words=patience", 1), ("tag=news", 1), ("tag=new", 0)):
            assert len(caller.get(f"/rotations/?{query}").json()["results"]) == count

    def test_the_filter_survives_in_the_form_and_the_file(self, book: Portfolio, client_of_alice: Client) -> None:
        response = client_of_alice.get("/journal/?words=turnover&since=2026-01-01&page=9")
        page = response.content.decode()
        assert response.context["query"] == "words=turnover&since=2026-01-01"
        assert 'name="since" value="2026-01-01"' in page
        table = b"".join(client_of_alice.get("/journal/rotations.csv?words=turnover").streaming_content)  # type: ignore[attr-defined]
        assert table.count(b"turnover") == 1


class TestKeptViews:
    def test_a_view_is_kept_opened_and_forgotten(self, book: Portfolio, client_of_alice: Client) -> None:
        posted = {"name": "About news", "query": "tag=news&before=20260101T000000.0-1&nonsense=1"}
        response = client_of_alice.post("/journal/views/", posted)
        assert response.headers["Location"] == "/journal/?tag=news"
        view = SavedView.objects.get()
        assert (view.name, view.query) == ("About news", "tag=news")
        assert "About news" in said(client_of_alice, "/journal/")
        client_of_alice.post(f"/journal/views/{view.pk}/forget/")
        assert not SavedView.objects.exists()

    def test_the_same_name_takes_the_new_filter(self, alice: User) -> None:
        for query in ("tag=a", "tag=b"):
            save_view(user=alice, name="Mine", query=query, now=NOW)
        assert SavedView.objects.get().query == "tag=b"

    def test_nothing_chosen_or_too_many_is_refused_in_words(
        self, book: Portfolio, client_of_alice: Client, alice: User
    ) -> None:
        client_of_alice.post("/journal/views/", {"name": "All", "query": "nonsense=1"})
        assert "a view of everything needs no name" in said(client_of_alice, "/journal/")
        SavedView.objects.bulk_create(
            SavedView(user=alice, name=f"{n}", query="tag=a", saved_at=NOW) for n in range(MOST_VIEWS)
        )
        client_of_alice.post("/journal/views/", {"name": "One more", "query": "tag=news"})
        assert f"You keep {MOST_VIEWS} views already." in said(client_of_alice, "/journal/")

    def test_a_stranger_neither_sees_nor_forgets_it(self, alice: User, client_of_bob: Client) -> None:
        view = save_view(user=alice, name="Secret name", query="tag=a", now=NOW)
        assert client_of_bob.post(f"/journal/views/{view.pk}/forget/").status_code == 404
        assert "Secret name" not in said(client_of_bob, "/journal/")
