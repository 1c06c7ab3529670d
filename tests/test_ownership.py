"""Hold every page to its owner: signed out one is sent to sign in, a stranger finds nothing, the owner finds it.

Nobody lists pages here. Every named route of ours is found by itself; a route that names an object needs its id
in `own_ids`, or the test fails and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from datetime import timedelta
from decimal import Decimal as D
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import ApiToken, User
from jobs.services import enqueue
from journal.models import Pass
from journal.services.pictures import Cleaned, add_picture
from journal.services.plans import keep_plan
from journal.services.questions import ask as ask_oneself
from journal.services.rotations import Draft, DraftLeg, log_rotation
from journal.services.shelf import save_view
from portfolio.domain.lending import LoanKind
from portfolio.models import Fill, Portfolio, Transfer
from portfolio.services.lending import NewLoan, grant_bonus, record_loan
from signals.models import Recommendation
from signals.services.channels import open_channel, subscribe
from signals.services.recommend import recommend
from tests.portfolio.factories import spot
from tests.signals import scene

APPS = ("accounts", "jobs", "portfolio", "signals", "journal")
PUBLIC = {"health_live", "health_ready", "charts:bundle", "today", "journal:feed", "signals:alert_feed"}
"""Routes that answer without an account: health, the chart bundle, the welcome page at `today`, secret addresses."""

ABSENT = 10**9

Ids = dict[str, Any]


def make_portfolio(alice: User) -> Ids:
    """Give the owner a portfolio, a recommendation and a job."""
    where = scene.market()
    evidence = scene.computed(where)
    book = scene.portfolio(scene.trader(alice), where)
    recommend(market=where, as_of=evidence.as_of, now=scene.after())
    found = Recommendation.objects.get(portfolio=book)
    job = enqueue(task="signals.refresh_market", args={"market": where.pk}, user=alice, now=scene.after())
    entry = Transfer.objects.filter(portfolio=book).latest("sequence")
    return {"portfolio_id": book.pk, "transfer_id": entry.pk, "recommendation_id": found.pk, "public_id": job.public_id}


def make_rotation(alice: User) -> Ids:
    """Give the owner a rotation in their portfolio."""
    book = Portfolio.objects.get(owner=alice)
    sold = DraftLeg(action="SELL_SPOT", instrument=spot("UNI"), quantity=D(1), price=D(25))
    draft = Draft(client_key=uuid4(), legs=(sold,), thesis="One less.", executed_at=scene.after(minutes=1))
    rotation = log_rotation(portfolio=book, draft=draft, now=scene.after()).rotation
    fill = Fill.objects.latest("pk")
    return {"rotation_id": rotation.pk, "fill_id": fill.pk, "symbol": "UNI", "table": "lots"}


def make_token(alice: User) -> Ids:
    """Give the owner an API token; its route calls its id as a job's does, so the key names the route too."""
    token, _ = ApiToken.objects.create(user=alice, name="Script")
    return {"accounts:drop_token.public_id": token.public_id}


def make_pass(alice: User) -> Ids:
    """Give the owner a recommendation that was passed on."""
    book = Portfolio.objects.get(owner=alice)
    advice = Recommendation.objects.filter(portfolio=book).latest("pk")
    passed_on = copy(advice)
    passed_on.pk, passed_on.slot, passed_on.state = None, advice.slot - timedelta(days=1), Recommendation.State.PASSED
    passed_on.issued_at = advice.issued_at - timedelta(days=1)
    passed_on._state.adding = True
    passed_on.save()
    terms = {"portfolio": book, "reason": "Not today.", "passed_at": scene.after(minutes=1)}
    return {"pass_id": Pass.objects.create(recommendation=passed_on, **terms).pk}


def make_view(alice: User) -> Ids:
    """Give the owner a view of their journal."""
    return {"view_id": save_view(user=alice, name="Mine", query="tag=news", now=scene.after()).pk}


def make_channel(alice: User) -> Ids:
    """Give the owner a webhook that tells them of everything."""
    terms = {"owner": alice, "kind": "webhook", "name": "Hook", "address": "https://example.org/", "now": scene.after()}
    channel, _ = open_channel(**terms)
    told = subscribe(channel=channel, topics=["drift"], now=scene.after())
    return {"channel_id": channel.pk, "subscription_id": told.pk}


def make_plan(alice: User) -> Ids:
    """Give the owner a plan with an image, and a question."""
    book, now = Portfolio.objects.get(owner=alice), scene.after()
    sale = DraftLeg(action="SELL_SPOT", instrument=spot("UNI"), quantity=D(1), price=D(25))
    draft = Draft(client_key=uuid4(), legs=(sale,), thesis="One less.", executed_at=scene.after(minutes=1))
    plan = keep_plan(portfolio=book, draft=draft, now=now)
    image = add_picture(to=plan, picture=Cleaned(data=b"image", width=1, height=1), now=now)
    question = ask_oneself(user=alice, text="Did I sleep on it?", now=now)
    return {"plan_id": plan.pk, "picture_id": image.pk, "question_id": question.pk}


def make_loan(alice: User) -> Ids:
    """Give the owner a debt and a bonus credit."""
    book = Portfolio.objects.get(owner=alice)
    asset, now = book.reserve_asset, scene.after()
    loan = NewLoan(kind=LoanKind.BORROW, asset=asset, quantity=D(10), executed_at=now, value_usd=D(10))
    bonus = grant_bonus(portfolio=book, asset=asset, quantity=D(50), now=now)
    return {"loan_id": record_loan(portfolio=book, new=loan, now=now).pk, "bonus_id": bonus.pk}


MAKERS: list[Callable[[User], Ids]] = [
    make_portfolio,
    make_rotation,
    make_pass,
    make_token,
    make_view,
    make_channel,
    make_plan,
    make_loan,
]
"""Each gives the owner objects and returns their ids by the name that routes give them; every app adds its own."""


Owned = tuple[int, Ids]


@pytest.fixture(scope="module")
def owned(kept: Callable[[], AbstractContextManager[None]]) -> Iterator[Owned]:
    """The owner and their objects, made once for all tests here."""
    with kept():
        owner = User.objects.create_user("alice@example.org", "correct horse battery")
        yield owner.pk, {name: pk for make in MAKERS for name, pk in make(owner).items()}


@pytest.fixture
def alice(owned: Owned, db: None) -> User:
    """The owner."""
    return User.objects.get(pk=owned[0])


@pytest.fixture
def own_ids(owned: Owned, db: None) -> Ids:
    """The owner's objects, by the name that routes give their ids."""
    return dict(owned[1])


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Return our named routes with their full names."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            yield from routes(entry, inner)
        elif entry.name and is_page(getattr(entry.callback, "__module__", "")):
            yield f"{prefix}{entry.name}", entry


def is_page(module: str) -> bool:
    """Return whether a view is one of our pages; tests/api holds the API to its owners, with tokens."""
    return module.split(".", maxsplit=1)[0] in APPS and ".api" not in module


ROUTES = dict(routes(get_resolver()))
PRIVATE = sorted(name for name in ROUTES if name not in PUBLIC)


def parameters(name: str) -> set[str]:
    """Return what a route needs to know."""
    return set(ROUTES[name].pattern.converters)


OF_OBJECTS = [name for name in PRIVATE if parameters(name)]


def ask(client: Client, url: str) -> int:
    """Return the status of a page; what only takes a POST is sent one."""
    status = client.get(url).status_code
    return client.post(url).status_code if status == 405 else status


def address(name: str, ids: Ids) -> str:
    """Return the address of the owner's object; an id kept for this route alone goes first."""
    found = {key: ids.get(f"{name}.{key}", ids.get(key)) for key in parameters(name)}
    missing = {key for key, pk in found.items() if pk is None}
    assert not missing, f"{name} names {missing}: give the owner one in MAKERS."
    return reverse(name, kwargs=found)


class TestSignedOut:
    @pytest.mark.parametrize("name", PRIVATE)
    def test_a_private_page_sends_to_sign_in(self, name: str, own_ids: Ids, client: Client) -> None:
        url = address(name, own_ids)

        response = client.get(url)
        response = client.post(url) if response.status_code == 405 else response

        if response.status_code != 404:
            assert response.status_code == 302
            assert response.headers["Location"].startswith(reverse("account_login"))


class TestStranger:
    @pytest.mark.parametrize("name", OF_OBJECTS)
    def test_a_strangers_object_is_not_there(self, name: str, own_ids: Ids, client_of_bob: Client) -> None:
        assert ask(client_of_bob, address(name, own_ids)) == 404

    @pytest.mark.parametrize("name", OF_OBJECTS)
    def test_an_object_nobody_has_is_not_there(self, name: str, own_ids: Ids, client_of_bob: Client) -> None:
        absent = {key: ABSENT for key, pk in own_ids.items() if isinstance(pk, int)}

        assert ask(client_of_bob, address(name, {**own_ids, **absent})) == 404

    @pytest.mark.parametrize("name", ["portfolio:overview", "signals:market", "signals:recommendations"])
    def test_asking_for_anothers_portfolio_by_query_is_not_found(
        self, name: str, own_ids: Ids, client_of_bob: Client
    ) -> None:
        assert client_of_bob.get(reverse(name), {"portfolio": own_ids["portfolio_id"]}).status_code == 404

    def test_a_strangers_own_pages_show_nothing_of_mine(self, own_ids: Ids, client_of_bob: Client) -> None:
        for name in ("portfolio:overview", "signals:recommendations"):
            assert f"/{own_ids['portfolio_id']}/" not in client_of_bob.get(reverse(name)).content.decode()


class TestOwner:
    @pytest.mark.parametrize("name", OF_OBJECTS)
    def test_the_owner_finds_it(self, name: str, own_ids: Ids, client_of_alice: Client) -> None:
        url = address(name, own_ids)

        response = client_of_alice.get(url)

        assert response.status_code in (200, 405)
        if response.status_code == 405:
            assert client_of_alice.post(url).status_code not in (403, 404)


INLINE = re.compile(r"""<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=["']""", re.IGNORECASE)


class TestContentSecurity:
    @pytest.mark.parametrize("name", PRIVATE)
    def test_no_page_carries_inline_style_or_script(self, name: str, own_ids: Ids, client_of_alice: Client) -> None:
        response = client_of_alice.get(address(name, own_ids))

        if response.headers.get("Content-Type", "").startswith("text/html"):
            assert INLINE.findall(response.content.decode()) == []
