"""Ask "what if" on the page and over the API: the same answer, errors that name the field, nothing stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.test import Client
from django.urls import reverse

from accounts.models import User
from portfolio.domain.money import canonical
from portfolio.models import Market, Portfolio
from signals.queries.what_if import ground_of, memory
from signals.services.recommend import recommend
from signals.services.what_if import ask_what_if
from tests.api.scene import Caller, faults
from tests.signals import scene

pytestmark = pytest.mark.django_db
NOW = scene.after()
UNTOUCHED = ("sessions.session", "accounts.apitoken")


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand still after the close that was scored, with nothing kept."""
    memory.clear()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def where(db: None) -> Market:
    return scene.market()


@pytest.fixture
def book(where: Market, alice: User) -> Portfolio:
    """A portfolio of scenario A on the day that AI ignites."""
    book = scene.portfolio(scene.trader(alice), where)
    scene.computed(where)
    return book


@pytest.fixture
def caller(alice: User) -> Caller:
    """The owner's token, which may only read."""
    return Caller(alice, scope="read")


def page(client: Client, book: Portfolio, **query: Any) -> Any:
    """Ask the page."""
    return client.get(reverse("signals:what_if", args=[book.pk]), query)


def stored() -> str:
    """Return a fingerprint of all rows, sessions and a token's last use aside."""
    digest = hashlib.sha256()
    for model in sorted(apps.get_models(), key=lambda each: each._meta.label):
        if model._meta.label_lower not in UNTOUCHED:
            digest.update(repr(list(model._default_manager.order_by("pk").values_list())).encode())
    return digest.hexdigest()


class TestPage:
    def test_unchanged_it_says_what_the_engine_says(self, client_of_alice: Client, book: Portfolio) -> None:
        text = page(client_of_alice, book).content.decode()
        assert "AI is igniting: move $2,500 from DeFi to AI and open a $3,000 long on AI." in text
        assert "$8.99" in text
        assert "$452.78" in text
        assert "Nothing here is stored" in text
        assert "not advice" in text
        assert reverse("portfolio:policy", args=[book.pk]) in text

    def test_changed_both_answers_stand_side_by_side_and_the_form_keeps_the_question(
        self, client_of_alice: Client, book: Portfolio
    ) -> None:
        response = page(client_of_alice, book, leverage="2", venue="mexc", spot_discount_percent="20")
        text = response.content.decode()
        assert "$1,000.00, 3.0×" in text
        assert "$1,500.00, 2.0×" in text
        assert 'value="20"' in text
        assert '<option value="mexc" selected>' in text
        assert "MEXC is cheapest in fees." in text
        assert "Your 20.00% off spot and 0.00% off futures count at MEXC only." in text

    def test_a_refusal_is_shown_as_one(self, client_of_alice: Client, book: Portfolio) -> None:
        text = page(client_of_alice, book, horizon_days="1").content.decode()
        assert "What if: no recommendation" in text
        assert "it does not pay" in text
        assert "What the stage asked for, at every venue" in text

    def test_bad_input_names_the_field_and_its_limit(self, client_of_alice: Client, book: Portfolio) -> None:
        response = page(client_of_alice, book, leverage="9", horizon_days="400", spot_discount_percent="abc")
        text = response.content.decode()
        assert response.status_code == 422
        assert "Horizon, days</span>: Give a number of days from 1 to 365." in text
        assert "Off spot fees, %</span>:" in text
        text = page(client_of_alice, book, leverage="9").content.decode()
        assert "Leverage</span>: Give a leverage from 1 to 5, the most for your experience." in text

    def test_htmx_gets_the_answer_alone(self, client_of_alice: Client, book: Portfolio) -> None:
        url = reverse("signals:what_if", args=[book.pk])
        response = client_of_alice.get(url, {"stage": "PR"}, headers={"HX-Request": "true"})
        text = response.content.decode()
        assert text.strip().startswith('<div class="stack" id="result"')
        assert "<form" not in text
        assert "HX-Request" in response.headers["Vary"]

    def test_before_anything_was_computed_it_says_so(self, client_of_alice: Client, where: Market, alice: User) -> None:
        book = scene.portfolio(alice, where)
        response = page(client_of_alice, book)
        assert response.status_code == 200
        assert "There is nothing to ask yet" in response.content.decode()

    def test_nothing_is_stored(self, client_of_alice: Client, book: Portfolio) -> None:
        before = stored()
        page(client_of_alice, book, stage="RE", venue="bingx", futures_discount_percent="50", size_usd="1000")
        assert stored() == before

    def test_the_recommendation_leads_here(self, client_of_alice: Client, book: Portfolio) -> None:
        recommend(market=book.market, as_of=scene.slot(), now=NOW)
        found = book.recommendations.get()
        text = client_of_alice.get(reverse("signals:recommendation", args=[found.pk])).content.decode()
        assert reverse("signals:what_if", args=[book.pk]) in text


class TestApi:
    def test_it_is_the_pages_answer_with_amounts_as_text(self, caller: Caller, book: Portfolio) -> None:
        found = caller.get(f"/portfolios/{book.pk}/what-if/?leverage=2&venue=mexc").json()
        usual = ask_what_if(ground=ground_of(portfolio=book, now=NOW)).values
        assert found["as_it_is"]["answer"]["cost_usd"] == canonical(usual["cost_usd"]) == "8.994375"
        assert found["what_if"]["legs"][-1]["margin_usd"] == "1500"
        assert found["what_if"]["answer"]["source_sector"] == "defi"
        assert (found["is_stored"], found["venue"], found["is_simulated"]) == (False, "mexc", True)
        assert [each["venue"] for each in found["venues"] if each["is_cheapest"]] == ["mexc"]
        assert "Nothing of this is stored" in found["disclaimer"]
        assert "you decide" in found["disclaimer"]

    def test_bad_input_is_named(self, caller: Caller, book: Portfolio) -> None:
        path = f"/portfolios/{book.pk}/what-if/"
        for query in ("leverage=9", "spot_discount_percent=101", "horizon_days=0", "venue=nowhere", "size_usd=1"):
            response = caller.get(f"{path}?{query}")
            assert response.status_code == 400
            assert faults(response) == {query.split("=")[0]}
        for query in ("leverage=", "leverage=2&leverage=3", "lever=2"):
            assert caller.get(f"{path}?{query}").status_code == 400

    def test_a_refusal_is_an_answer(self, caller: Caller, book: Portfolio) -> None:
        found = caller.get(f"/portfolios/{book.pk}/what-if/?horizon_days=1").json()["what_if"]
        assert (found["answer"]["is_refusal"], found["answer"]["refusal"], found["legs"]) == (True, "BELOW_HURDLE", [])

    def test_without_a_computed_day_it_is_404(self, caller: Caller, where: Market, alice: User) -> None:
        book = scene.portfolio(alice, where)
        assert caller.get(f"/portfolios/{book.pk}/what-if/").status_code == 404


class TestFirstQuestion:
    """Nothing is remembered yet: everything is read, in as many queries for one holding as for a thousand."""

    @pytest.mark.parametrize("query", [{}, {"stage": "PR", "venue": "mexc", "futures_discount_percent": "10"}])
    def test_the_first_answer_of_a_minute_takes_twelve_queries_at_most(
        self, client: Client, alice: User, book: Portfolio, django_assert_max_num_queries: Any, query: dict[str, str]
    ) -> None:
        client.force_login(alice)
        page(client, book)
        memory.clear()

        with django_assert_max_num_queries(12):
            assert page(client, book, **query).status_code == 200

    def test_so_does_the_first_over_the_api(
        self, caller: Caller, book: Portfolio, django_assert_max_num_queries: Any
    ) -> None:
        caller.get(f"/portfolios/{book.pk}/what-if/")
        memory.clear()

        with django_assert_max_num_queries(12):
            assert caller.get(f"/portfolios/{book.pk}/what-if/").status_code == 200
