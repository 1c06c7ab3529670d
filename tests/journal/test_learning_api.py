"""What one learns over the API: the figures of the page, and lessons that are one's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D

import pytest
import time_machine

from accounts.models import User
from journal.models import Lesson, Pass, Review, Rotation
from journal.queries.learning import learned
from journal.services.lessons import Guess, expect, learn
from journal.services.rotations import log_rotation
from portfolio.models import Portfolio
from tests.api.scene import Caller
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.portfolio.factories import spot

pytestmark = pytest.mark.django_db
NOW = moment(45)


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """A portfolio with one rotation that is known to be 400.25 ahead, and a lesson of it."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice, days=1)
        rotation = log_rotation(portfolio=found, draft=scenario_a(tags=("news",)), now=NOW).rotation
        terms = {"status": "ok", "priced_at": NOW, "computed_at": NOW, "overlay_usd": D("905.55")}
        amounts = {"total_alpha_usd": D("400.25"), "alpha_usd": D("88.8"), "gross_alpha_usd": D(120)}
        Review.objects.create(rotation=rotation, horizon_days=30, **terms, **amounts)
        guess = Guess(horizon_days=30, expectation="worse", because="It looked tired.")
        lesson = expect(decision=rotation, guess=guess, outcome=D("400.25"), now=NOW)
        learn(lesson=lesson, sentence="Trust it more.", mistakes=["undersized"], now=NOW)
        yield found


@pytest.fixture
def caller(book: Portfolio, alice: User) -> Caller:
    """The owner with a token of that day."""
    return Caller(alice)


class TestLearning:
    def test_figures_are_those_of_the_page(self, book: Portfolio, caller: Caller) -> None:
        body = caller.get(f"/learning/?portfolio={book.pk}").json()
        found = learned(portfolio=book, moment=NOW)
        assert (body["count"], body["known"], body["least"]) == (1, 1, 10)
        assert body["hits"]["value"] == 1.0
        assert body["hits"]["low"] == pytest.approx(found.summary.hits.low)
        assert body["calibration"]["brier"] == pytest.approx(0.16)
        assert body["expectancy"]["mean"] == pytest.approx(2.0)
        assert body["multiples"] == [{"step": 2, "decisions": 1}]
        assert body["fee_drag"]["days"] == found.drag.days

    def test_costs_are_exact_as_in_e39(self, book: Portfolio, caller: Caller) -> None:
        costs = caller.get(f"/learning/?portfolio={book.pk}").json()["costs"]
        assert costs == {"gross": "120", "net": "88.8", "costs": "31.2", "ratio": "0.26"}

    def test_kinds_carry_the_key_that_opens_them(self, book: Portfolio, caller: Caller) -> None:
        body = caller.get(f"/learning/?portfolio={book.pk}").json()
        assert [row["key"] for row in body["groups"]] == ["group:spontaneous"]
        assert body["facets"]["tag"][0]["key"] == "tag:news"
        assert body["groups"][0]["verdict"] == "too_few"

    def test_a_key_names_the_rotations_behind_it(self, book: Portfolio, caller: Caller) -> None:
        path = f"/learning/rotations/?portfolio={book.pk}&key="
        rotation = Rotation.objects.get()
        assert caller.get(f"{path}tag:news").json() == {"key": "tag:news", "rotations": [rotation.pk]}
        assert caller.get(f"{path}tag:gut").json()["rotations"] == []

    def test_nothing_decided_is_null(self, book: Portfolio, caller: Caller) -> None:
        Rotation.objects.update(state=Rotation.State.REVERSED)
        body = caller.get(f"/learning/?portfolio={book.pk}").json()
        assert (body["calibration"], body["expectancy"], body["hits"]["value"]) == (None, None, None)

    def test_a_portfolio_must_be_named_and_ones_own(self, book: Portfolio, caller: Caller, bob: User) -> None:
        assert caller.get("/learning/").status_code == 400
        assert caller.get(f"/learning/?portfolio={book.pk}&horizon=7").status_code == 400
        assert Caller(bob).get(f"/learning/?portfolio={book.pk}").status_code == 404


class TestLessons:
    def test_both_the_guess_and_the_outcome_stand_there(self, book: Portfolio, caller: Caller) -> None:
        [found] = caller.get(f"/lessons/?portfolio={book.pk}").json()["results"]
        assert (found["expectation"], found["shown_alpha_usd"]) == ("worse", "400.25")
        assert (found["lesson"], found["mistakes"]) == ("Trust it more.", ["undersized"])
        assert (found["portfolio"], found["recommendation"]) == (book.pk, None)

    def test_filters_and_strangers(self, book: Portfolio, caller: Caller, bob: User) -> None:
        rotation = Rotation.objects.get()
        assert len(caller.get(f"/lessons/?rotation={rotation.pk}").json()["results"]) == 1
        assert caller.get(f"/lessons/?rotation={rotation.pk + 1}").json()["results"] == []
        assert Caller(bob).get("/lessons/").json()["results"] == []

    def test_they_cost_the_same_however_many(
        self, book: Portfolio, caller: Caller, django_assert_max_num_queries: object
    ) -> None:
        for number in range(3):
            when = DECIDED + timedelta(hours=number + 1)
            bought = (leg("BUY_SPOT", instrument=spot("FET"), quantity=D(1), price=D(2)),)
            draft = scenario_a(client_key=uuid.uuid4(), legs=bought, executed_at=when)
            rotation = log_rotation(portfolio=book, draft=draft, now=NOW).rotation
            expect(decision=rotation, guess=Guess(horizon_days=7, expectation="same"), outcome=D(1), now=NOW)
        with django_assert_max_num_queries(4):  # type: ignore[operator]
            assert len(caller.get("/lessons/").json()["results"]) == 4
        assert Lesson.objects.count() == 4
        assert not Pass.objects.exists()
