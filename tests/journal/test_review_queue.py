"""The blind queue: nothing gives the outcome away, the first guess stays, and what was learned is kept once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from journal.models import Lesson, Pass, Review, Rotation
from journal.queries.review_queue import review_queue
from journal.queries.today import waiting
from journal.services.lessons import Guess, LessonRefused, expect, learn
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation, reverse_rotation
from portfolio.models import Portfolio, Sector
from signals.models import Evidence, Recommendation, RecommendationLeg
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.pages import heading, queries, said
from tests.portfolio.factories import PRICES, price, spot

pytestmark = pytest.mark.django_db
NOW = moment(45)
QUEUE = "/reviews/"
OUTCOME = re.compile(r"ahead of|behind|[+−]\$")


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand 35 days after the decision."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def book(alice: User) -> Portfolio:
    """The anchor portfolio in a market where FET stands at 3 at each close that reviews ask for."""
    found = anchor(alice, days=1)
    price(found.market, 9, PRICES)
    for number in (10, 17, 40, 44):
        price(found.market, number, {**PRICES, "FET": "3"})
    return found


@pytest.fixture
def rotation(book: Portfolio) -> Rotation:
    """A rotation whose 30 days are over and measured."""
    found = log_rotation(portfolio=book, draft=scenario_a(), now=NOW).rotation
    measure_reviews(now=NOW)
    return found


@pytest.fixture
def passed(book: Portfolio) -> Pass:
    """A recommendation to buy FET that was passed on."""
    evidence = Evidence.objects.create(
        market=book.market, as_of=DECIDED, computed_at=DECIDED, params_version="1", payload={}, sha256="0" * 64
    )
    advice = Recommendation.objects.create(
        portfolio=book,
        evidence=evidence,
        slot=DECIDED,
        state="passed",
        kind="stage",
        stage="NI",
        stage_since=DECIDED.date(),
        regime="RISK_ON",
        policy_version=1,
        issued_at=DECIDED,
        expires_at=DECIDED + timedelta(days=1),
        explanation={"headline": "Move to AI."},
    )
    amounts = {"quantity": D(100), "reference_price": D(2), "notional_usd": D(200), "fee_usd": 0, "slippage_usd": 0}
    RecommendationLeg.objects.create(
        recommendation=advice,
        position=1,
        action="BUY_SPOT",
        instrument=spot("FET"),
        sector=Sector.objects.get(slug="ai"),
        **amounts,
    )
    return Pass.objects.create(recommendation=advice, portfolio=book, reason="I was away.", passed_at=DECIDED)


def page(rotation: Rotation, tail: str = "") -> str:
    """Return the address of a rotation's review."""
    return f"{QUEUE}rotation/{rotation.pk}/{tail}"


def guess(client: Client, rotation: Rotation, expectation: str = "worse", **more: str) -> None:
    """Send a guess for the 30 days."""
    data = {"horizon_days": 30, "expectation": expectation, **more}
    assert client.post(page(rotation, "expect/"), data).status_code == 302


class TestBlind:
    def test_neither_queue_nor_case_gives_the_outcome_away(self, client_of_alice: Client, rotation: Rotation) -> None:
        assert heading(client_of_alice, QUEUE) == "1 decision waits for your guess"
        for address in (QUEUE, page(rotation)):
            assert not OUTCOME.search(said(client_of_alice, address))

    def test_the_reason_and_the_chance_stand_there(self, client_of_alice: Client, rotation: Rotation) -> None:
        shown = said(client_of_alice, page(rotation))
        assert rotation.thesis in shown
        assert "60%" in shown
        assert heading(client_of_alice, page(rotation)) == "What came of it after 30 days?"

    def test_a_guess_shows_the_outcome_and_stays(self, client_of_alice: Client, rotation: Rotation) -> None:
        guess(client_of_alice, rotation, because="FET looked tired.")
        shown = said(client_of_alice, page(rotation))
        alpha = rotation.reviews.get(horizon_days=30).total_alpha_usd
        assert "You expected: worse than holding. It was not." in shown
        assert re.fullmatch(
            r"After 30 days you were \$[0-9,.]+ ahead of having held", heading(client_of_alice, page(rotation))
        )
        assert "FET looked tired." in shown
        lesson = Lesson.objects.get()
        assert (lesson.shown_alpha_usd, lesson.had_seen, lesson.outcome_seen_at) == (alpha, False, NOW)

    def test_a_double_submit_is_harmless_and_a_second_thought_too_late(
        self, client_of_alice: Client, rotation: Rotation
    ) -> None:
        guess(client_of_alice, rotation)
        guess(client_of_alice, rotation)
        guess(client_of_alice, rotation, "better")
        assert Lesson.objects.get().expectation == "worse"
        assert "What you expected first stays." in said(client_of_alice, page(rotation))

    def test_no_choice_is_asked_again_without_the_outcome(self, client_of_alice: Client, rotation: Rotation) -> None:
        response = client_of_alice.post(page(rotation, "expect/"), {"horizon_days": 30})
        assert response.status_code == 422
        assert not OUTCOME.search(response.content.decode())
        assert not Lesson.objects.exists()

    def test_what_is_not_known_cannot_be_guessed(self, client_of_alice: Client, rotation: Rotation) -> None:
        client_of_alice.post(page(rotation, "expect/"), {"horizon_days": 90, "expectation": "better"})
        assert not Lesson.objects.exists()
        assert "not known yet" in said(client_of_alice, page(rotation))

    def test_the_restated_outcome_stands_beside_the_one_that_was_shown(
        self, client_of_alice: Client, rotation: Rotation
    ) -> None:
        guess(client_of_alice, rotation)
        Review.objects.filter(horizon_days=30).update(total_alpha_usd=D("12.34"))
        assert "Measured anew since, it is +$12.34" in said(client_of_alice, page(rotation))


class TestLessons:
    def learn(self, client: Client, rotation: Rotation, sentence: str = "Half would do.", *mistakes: str) -> int:
        data = {"horizon_days": 30, "lesson": sentence, "mistakes": list(mistakes)}
        return client.post(page(rotation, "learn/"), data).status_code

    def test_a_lesson_is_kept_once_with_its_mistakes(self, client_of_alice: Client, rotation: Rotation) -> None:
        guess(client_of_alice, rotation)
        assert self.learn(client_of_alice, rotation, "Half would do.", "late", "oversized") == 302
        assert self.learn(client_of_alice, rotation, "Half would do.", "late", "oversized") == 302
        assert self.learn(client_of_alice, rotation, "Twice would do.") == 302
        lesson = Lesson.objects.get()
        assert (lesson.lesson, lesson.mistakes) == ("Half would do.", ["late", "oversized"])
        shown = said(client_of_alice, QUEUE)
        assert "Half would do." in shown
        assert "Too late: the move had gone" in shown

    def test_an_empty_sentence_is_asked_again(self, client_of_alice: Client, rotation: Rotation) -> None:
        guess(client_of_alice, rotation)
        assert self.learn(client_of_alice, rotation, " ") == 422
        assert Lesson.objects.get().learned_at is None

    def test_no_lesson_before_a_guess(self, client_of_alice: Client, rotation: Rotation) -> None:
        assert self.learn(client_of_alice, rotation) == 302
        assert not Lesson.objects.exists()
        assert "Guess first." in said(client_of_alice, page(rotation))

    def test_an_outcome_without_a_lesson_waits(self, client_of_alice: Client, rotation: Rotation) -> None:
        guess(client_of_alice, rotation)
        assert heading(client_of_alice, QUEUE) == "1 outcome still without a lesson"

    def test_today_keeps_the_outcome_back_until_the_review(self, client_of_alice: Client, rotation: Rotation) -> None:
        assert "DeFi to AI of 11 Jan 2026 : its 30 days are over Guess" in said(client_of_alice, "/")
        guess(client_of_alice, rotation)
        assert re.search(r"DeFi to AI of 11 Jan 2026 : [+−]\$[0-9,.]+ after 30 days Read", said(client_of_alice, "/"))

    def test_a_reviewed_result_no_longer_counts_as_new(self, alice: User, rotation: Rotation) -> None:
        assert waiting(user=alice, now=NOW)["reviews"] == 1
        expect(decision=rotation, guess=Guess(horizon_days=30, expectation="same"), outcome=D(1), now=NOW)
        assert waiting(user=alice, now=NOW)["reviews"] == 0


class TestOrder:
    def test_the_longest_known_result_is_asked_and_a_longer_one_later(
        self, book: Portfolio, rotation: Rotation
    ) -> None:
        def asked() -> list[int]:
            return [each.horizon_days for each in review_queue(portfolio=book, moment=NOW).waiting]

        assert asked() == [30]
        expect(decision=rotation, guess=Guess(horizon_days=7, expectation="same"), outcome=D(1), now=NOW)
        assert asked() == [30]
        expect(decision=rotation, guess=Guess(horizon_days=30, expectation="same"), outcome=D(1), now=NOW)
        assert asked() == []
        Review.objects.filter(horizon_days=90).update(status="ok", total_alpha_usd=D(5))
        assert asked() == [90]

    def test_what_moved_most_comes_first(self, book: Portfolio, rotation: Rotation) -> None:
        small = scenario_a(
            client_key=uuid.uuid4(),
            legs=(leg("BUY_SPOT", instrument=spot("FET"), quantity=D(10), price=D(2)),),
            executed_at=DECIDED + timedelta(hours=1),
        )
        second = log_rotation(portfolio=book, draft=small, now=NOW).rotation
        measure_reviews(now=NOW)
        found = review_queue(portfolio=book, moment=NOW)
        assert [each.rotation for each in found.waiting] == [rotation, second]

    def test_what_was_reversed_is_gone(self, client_of_alice: Client, book: Portfolio, rotation: Rotation) -> None:
        expect(decision=rotation, guess=Guess(horizon_days=7, expectation="same"), outcome=D(1), now=NOW)
        reverse_rotation(rotation=rotation, reason="Twice.", now=NOW)
        measure_reviews(now=NOW)
        found = review_queue(portfolio=book, moment=NOW)
        assert (found.count, found.begun) == (0, ())
        assert client_of_alice.get(page(rotation)).status_code == 404


class TestPasses:
    def test_it_is_reviewed_on_paper(self, client_of_alice: Client, passed: Pass) -> None:
        address = f"{QUEUE}pass/{passed.pk}/"
        assert "passed on" in said(client_of_alice, QUEUE)
        assert not OUTCOME.search(said(client_of_alice, address))
        assert "I was away." in said(client_of_alice, address)
        assert "How would it have gone" in said(client_of_alice, address)
        client_of_alice.post(f"{address}expect/", {"horizon_days": 30, "expectation": "better"})
        assert "You expected: better than holding. So it was." in said(client_of_alice, address)
        assert Lesson.objects.get().shown_alpha_usd == 100
        client_of_alice.post(f"{address}learn/", {"horizon_days": 30, "lesson": "Set an alarm.", "mistakes": []})
        assert "Set an alarm." in said(client_of_alice, QUEUE)


class TestWhose:
    @pytest.mark.parametrize("tail", ["", "expect/", "learn/"])
    def test_a_strangers_is_not_there(self, tail: str, client_of_bob: Client, rotation: Rotation, passed: Pass) -> None:
        for address in (page(rotation, tail), f"{QUEUE}pass/{passed.pk}/{tail}"):
            ask = client_of_bob.post if tail else client_of_bob.get
            assert ask(address, {"horizon_days": 30, "expectation": "same", "lesson": "x"}).status_code == 404
        assert not Lesson.objects.exists()


class TestServices:
    def test_an_expectation_after_the_outcome_cannot_be_stored(self, rotation: Rotation) -> None:
        terms = {"rotation": rotation, "horizon_days": 30, "expectation": "same", "shown_alpha_usd": 1}
        with pytest.raises(IntegrityError), transaction.atomic():
            Lesson.objects.create(**terms, expected_at=NOW, outcome_seen_at=NOW - timedelta(seconds=1))

    def test_an_unknown_mistake_is_refused(self, rotation: Rotation) -> None:
        lesson = expect(decision=rotation, guess=Guess(horizon_days=30, expectation="same"), outcome=D(1), now=NOW)
        with pytest.raises(LessonRefused):
            learn(lesson=lesson, sentence="Hm.", mistakes=["unlucky"], now=NOW)


class TestQueries:
    def test_they_stay_few(self, client_of_alice: Client, rotation: Rotation, passed: Pass) -> None:
        addresses = (QUEUE, page(rotation), f"{QUEUE}pass/{passed.pk}/")
        assert [count for count in (queries(client_of_alice, each) for each in addresses) if count > 12] == []
