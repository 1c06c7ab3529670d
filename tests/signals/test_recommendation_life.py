"""Read recommendations as their owner, and note what was done about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from portfolio.models import Market, Portfolio
from signals.models import Recommendation
from signals.queries.recommendations import current, detail, history
from signals.services.outcomes import (
    RecommendationClosedError,
    UnknownOutcomeError,
    acknowledge,
    close_recommendation,
    withdraw_outcome,
)
from signals.services.recommend import recommend
from tests.signals import scene
from tests.signals.scene import DAY, after, slot

pytestmark = pytest.mark.django_db
State = Recommendation.State


@pytest.fixture
def where(db: None) -> Market:
    return scene.market()


@pytest.fixture
def book(where: Market, alice: User) -> Portfolio:
    return scene.portfolio(scene.trader(alice), where)


@pytest.fixture
def answer(where: Market, book: Portfolio) -> Recommendation:
    scene.computed(where)
    recommend(market=where, as_of=slot(), now=after())
    return Recommendation.objects.get()


class TestCurrent:
    def test_an_open_one_counts_until_it_lapses(self, book: Portfolio, answer: Recommendation) -> None:
        assert current(portfolio=book, now=after(minutes=60)) == answer
        assert current(portfolio=book, now=after() + timedelta(hours=24)) is None

    def test_a_refusal_counts_until_something_newer(self, where: Market, book: Portfolio) -> None:
        scene.computed(where, sectors={"ai": {"z_spread": 0.5}})
        recommend(market=where, as_of=slot(), now=after())

        found = current(portfolio=book, now=after() + timedelta(days=9))

        assert found is not None
        assert found.refusal == "BELOW_HURDLE"

    def test_a_closed_one_is_history(self, book: Portfolio, answer: Recommendation) -> None:
        close_recommendation(recommendation=answer, outcome="passed", now=after())

        assert current(portfolio=book, now=after(minutes=60)) is None
        assert list(history(portfolio=book)) == [answer]

    def test_without_any_there_is_none(self, book: Portfolio) -> None:
        assert current(portfolio=book, now=after()) is None


class TestDetail:
    def test_the_owner_sees_it_with_its_legs_in_order(self, alice: User, answer: Recommendation) -> None:
        with CaptureQueriesContext(connection) as queries:
            found = detail(user=alice, pk=answer.pk)
            assert found is not None
            legs = [(leg.position, leg.instrument.name, leg.sector.slug) for leg in found.legs.all()]

        assert legs == [(1, "UNI", "defi"), (2, "FET", "ai"), (3, "FET-PERP", "ai")]
        assert len(queries) == 2

    def test_nobody_else_does(self, bob: User, answer: Recommendation) -> None:
        assert detail(user=bob, pk=answer.pk) is None


class TestAcknowledge:
    def test_once_and_again(self, answer: Recommendation) -> None:
        acknowledge(recommendation=answer, now=after(minutes=60))
        again = acknowledge(recommendation=answer, now=after(minutes=61))

        assert again.state == State.ACKNOWLEDGED

    def test_not_after_it_lapsed(self, answer: Recommendation) -> None:
        with pytest.raises(RecommendationClosedError, match="no longer stands"):
            acknowledge(recommendation=answer, now=after() + timedelta(hours=24))

    def test_not_a_refusal(self, where: Market, book: Portfolio) -> None:
        scene.computed(where, sectors={"ai": {"z_spread": 0.5}})
        recommend(market=where, as_of=slot(), now=after())

        with pytest.raises(RecommendationClosedError):
            acknowledge(recommendation=Recommendation.objects.get(), now=after(minutes=60))


class TestClose:
    @pytest.mark.parametrize("outcome", ["followed", "deviated", "contradicted", "passed", "ignored"])
    def test_outcomes(self, answer: Recommendation, outcome: str) -> None:
        found = close_recommendation(recommendation=answer, outcome=outcome, now=after(minutes=60), reason="Because.")

        assert (found.state, found.closed_at, found.close_reason) == (outcome, after(minutes=60), "Because.")

    def test_the_same_again_changes_nothing(self, answer: Recommendation) -> None:
        close_recommendation(recommendation=answer, outcome="followed", now=after(minutes=60))

        again = close_recommendation(recommendation=answer, outcome="followed", now=after(minutes=90))

        assert again.closed_at == after(minutes=60)

    def test_another_outcome_is_refused(self, answer: Recommendation) -> None:
        close_recommendation(recommendation=answer, outcome="passed", now=after())

        with pytest.raises(RecommendationClosedError, match="passed already"):
            close_recommendation(recommendation=answer, outcome="followed", now=after())

    def test_what_lapsed_may_be_followed_late_but_not_passed(self, answer: Recommendation) -> None:
        Recommendation.objects.filter(pk=answer.pk).update(state=State.EXPIRED)

        with pytest.raises(RecommendationClosedError):
            close_recommendation(recommendation=answer, outcome="passed", now=after())
        assert close_recommendation(recommendation=answer, outcome="followed", now=after()).state == State.FOLLOWED

    def test_a_refusal_says_that_there_is_nothing_to_decide(self, answer: Recommendation) -> None:
        Recommendation.objects.update(state=State.REFUSED, refusal="BELOW_HURDLE")
        answer.refresh_from_db()
        with pytest.raises(RecommendationClosedError, match="Nothing was recommended here"):
            close_recommendation(recommendation=answer, outcome="passed", now=after())

    def test_what_has_lapsed_but_was_not_closed_yet_cannot_be_passed(self, answer: Recommendation) -> None:
        with pytest.raises(RecommendationClosedError, match="has lapsed"):
            close_recommendation(recommendation=answer, outcome="passed", now=answer.expires_at)
        answer.refresh_from_db()
        assert answer.state == State.ISSUED

    def test_an_outcome_nobody_knows(self, answer: Recommendation) -> None:
        with pytest.raises(UnknownOutcomeError):
            close_recommendation(recommendation=answer, outcome="issued", now=after())


class TestOwed:
    def test_following_settles_the_change_and_reversing_makes_it_owed_again(
        self, where: Market, book: Portfolio, answer: Recommendation
    ) -> None:
        close_recommendation(recommendation=answer, outcome="followed", now=after(minutes=60))
        withdraw_outcome(recommendation=answer, now=after(minutes=90))
        tomorrow = DAY + timedelta(days=1)
        scene.close(where, tomorrow)
        scene.computed(where, day=tomorrow, since=DAY)

        recommend(market=where, as_of=slot(tomorrow), now=after(tomorrow))

        assert [r.kind for r in Recommendation.objects.order_by("slot")] == ["stage", "stage"]
        answer.refresh_from_db()
        assert (answer.state, answer.close_reason) == (State.EXPIRED, "The rotation that followed it was reversed.")
