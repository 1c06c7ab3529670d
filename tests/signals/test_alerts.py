"""What there is to tell reaches those who asked for it, once, when they may be disturbed."""

from __future__ import annotations

from copy import copy
from datetime import datetime, time, timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.db.models.base import ModelState
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from jobs.models import Job
from portfolio.models import Instrument, Market, Portfolio, Sector
from portfolio.services.ledger import record_fills
from signals.models import Channel, Delivery, Recommendation, Score
from signals.queries.alerts import portfolio_alerts
from signals.services.alerts import WATCH_TASK, raise_alerts, watch, watch_all
from signals.services.channels import subscribe
from signals.services.recommend import recommend
from tests.portfolio.factories import fill, perp
from tests.signals import scene
from tests.signals.alert_scene import channel, send_due, states
from tests.signals.scene import after, slot

pytestmark = pytest.mark.django_db


@pytest.fixture
def where(db: None) -> Market:
    return scene.market()


@pytest.fixture
def book(where: Market, alice: User) -> Portfolio:
    return scene.portfolio(scene.trader(alice), where)


def answered(where: Market, **terms: object) -> Recommendation:
    """Compute a day and answer it."""
    scene.computed(where, **terms)  # type: ignore[arg-type]
    recommend(market=where, as_of=slot(), now=after())
    return Recommendation.objects.latest("pk")


class TestAnswers:
    def test_a_new_recommendation_is_told_once_with_its_words_and_its_id(
        self, where: Market, book: Portfolio, alice: User
    ) -> None:
        channel(alice, now=after())
        answer = answered(where)

        assert [raise_alerts(now=after(minutes=n)) for n in (6, 7, 8)] == [1, 0, 0]

        told = Delivery.objects.get()
        assert told.topic == "recommendation"
        assert answer.explanation["headline"][:40] in told.title
        assert told.payload["recommendation"] == answer.pk
        assert told.payload["disclaimer"]
        assert Job.objects.filter(task="signals.deliver", args={"delivery": told.pk}).count() == 1

    def test_a_refusal_is_told_to_who_asked_for_refusals(self, where: Market, book: Portfolio, alice: User) -> None:
        asked, other = channel(alice, now=after()), channel(alice, now=after())
        other.subscriptions.update(topics=["recommendation"])
        answer = answered(where, sectors={"ai": {"z_spread": 0.01}})
        assert answer.is_refusal
        raise_alerts(now=after(minutes=6))
        assert [told.channel for told in Delivery.objects.all()] == [asked]

    def test_what_was_there_before_one_subscribed_is_no_news(self, where: Market, book: Portfolio, alice: User) -> None:
        answered(where)
        channel(alice, now=after(minutes=6))
        assert raise_alerts(now=after(minutes=7)) == 0

    def test_nobody_is_told_of_anothers(self, where: Market, book: Portfolio, alice: User, bob: User) -> None:
        channel(bob, now=after())
        answered(where)
        assert raise_alerts(now=after(minutes=6)) == 0

    def test_a_narrative_tells_only_of_what_touches_it(self, where: Market, book: Portfolio, alice: User) -> None:
        made = channel(alice, now=after())
        made.subscriptions.all().delete()
        rwa = Sector.objects.exclude(slug__in=["ai", "defi"]).first()
        subscribe(channel=made, topics=["recommendation"], sector=rwa, now=after())
        answered(where)
        assert raise_alerts(now=after(minutes=6)) == 0
        subscription = subscribe(
            channel=made, topics=["recommendation"], sector=Sector.objects.get(slug="ai"), now=after()
        )
        type(subscription).objects.update(after_recommendation=0)
        assert raise_alerts(now=after(minutes=7)) == 1

    def test_a_portfolio_tells_only_of_itself(self, where: Market, book: Portfolio, alice: User) -> None:
        other = scene.portfolio(alice, where, name="Other")
        made = channel(alice, now=after())
        made.subscriptions.all().delete()
        subscribe(channel=made, topics=["recommendation"], portfolio=other, now=after())
        answered(where)
        raise_alerts(now=after(minutes=6))
        assert [told.payload["portfolio"] for told in Delivery.objects.all()] == [other.pk]

    def test_two_subscriptions_of_a_channel_make_one_message(self, where: Market, book: Portfolio, alice: User) -> None:
        made = channel(alice, now=after())
        subscribe(channel=made, topics=["recommendation"], portfolio=book, now=after())
        answered(where)
        assert raise_alerts(now=after(minutes=6)) == 1


class TestFunding:
    @pytest.mark.parametrize(("flag", "count"), [("EXTREME_HIGH", 1), ("EXTREME_LOW", 1), ("HOT", 0)])
    def test_an_extreme_is_told_on_the_day_on_which_it_begins(
        self, where: Market, book: Portfolio, alice: User, flag: str, count: int
    ) -> None:
        made = channel(alice, now=after())
        made.subscriptions.update(topics=["funding"])
        scene.computed(where, sectors={"ai": {"funding": {"annual": 1.2, "percentile": 0.99, "flag": flag}}})
        Score.objects.filter(date__lt=scene.DAY).update(details=scene.details())
        assert [raise_alerts(now=after(minutes=n)) for n in (6, 7)] == [count, 0]

    def test_one_that_goes_on_is_not_told_again(self, where: Market, book: Portfolio, alice: User) -> None:
        made = channel(alice, now=after())
        made.subscriptions.update(topics=["funding"])
        extreme = {"funding": {"annual": 1.2, "percentile": 0.99, "flag": "EXTREME_HIGH"}}
        scene.computed(where, sectors={"ai": extreme})
        assert raise_alerts(now=after(minutes=6)) == 0


class TestState:
    def test_drift_is_told_once_a_week(self, where: Market, alice: User) -> None:
        book = scene.portfolio(alice, where, {"BTC": "0.1", "USDC": "500", "UNI": "20", "FET": "9000"})
        made = channel(alice, now=after())
        made.subscriptions.update(topics=["drift"])
        scene.computed(where, stage="SC", leader=None)
        first = watch(portfolio_ids=[book.pk], now=after(minutes=6))
        assert first > 0
        assert watch(portfolio_ids=[book.pk], now=after(minutes=16)) == 0
        assert all("outside the band" in told.title for told in Delivery.objects.all())
        assert watch(portfolio_ids=[book.pk], now=after() + timedelta(days=7)) == first

    def test_expiry_and_liquidation_of_a_position(self, where: Market, book: Portfolio, alice: User) -> None:
        contract = perp("FET")
        record_fills(
            portfolio=book,
            fills=[fill(contract, "buy", "100", "2", after(minutes=1), leverage="12")],
            now=after(minutes=1),
        )
        Instrument.objects.filter(pk=contract.pk).update(kind="dated", expires_at=after() + timedelta(days=2))
        found = {alert.topic: alert for alert in portfolio_alerts(portfolio=book, now=after(minutes=6))}
        assert found["expiry"].data["days"] == 3
        assert "very near" in found["liquidation"].title
        assert D(str(found["liquidation"].data["distance"])) < D("0.15")
        later = portfolio_alerts(portfolio=book, now=after() + timedelta(days=2))
        assert {alert.key for alert in later if alert.topic == "expiry"} != {found["expiry"].key}

    def test_every_portfolio_somebody_asked_about_is_looked_at(
        self, where: Market, book: Portfolio, alice: User, bob: User
    ) -> None:
        scene.portfolio(bob, where)
        channel(alice, now=after())
        assert watch_all(now=after()) == 1
        assert Job.objects.get(task=WATCH_TASK).args == {"portfolios": [book.pk]}


class TestTime:
    def told_at(self, where: Market, moment: datetime) -> Delivery:
        answered(where)
        raise_alerts(now=moment)
        return Delivery.objects.get(topic="recommendation")

    def test_in_quiet_hours_it_waits_until_they_end(self, where: Market, book: Portfolio, alice: User) -> None:
        alice.time_zone = "Europe/Berlin"
        alice.save()
        channel(alice, now=after(), quiet_from=time(22), quiet_until=time(7))
        told = self.told_at(where, after(minutes=6))
        assert told.due_at == slot().replace(hour=6, minute=0)
        assert send_due(after(minutes=30)) == []
        assert send_due(told.due_at) == ["Sent."]

    def test_a_worker_that_comes_late_does_not_wake_anybody_either(
        self, where: Market, book: Portfolio, alice: User
    ) -> None:
        channel(alice, now=after(), quiet_from=time(3), quiet_until=time(7))
        self.told_at(where, after(minutes=6))
        assert send_due(slot().replace(hour=4)) == ["Nothing was to be sent."]
        assert send_due(slot().replace(hour=7)) == ["Sent."]

    def test_a_digest_makes_one_message_of_a_day(self, where: Market, book: Portfolio, alice: User) -> None:
        scene.portfolio(alice, where, name="Other")
        channel(alice, now=after(), digest_at=time(8))
        answered(where)
        assert raise_alerts(now=after(minutes=6)) == 2
        assert states() == ["held", "held"]
        eight = slot().replace(hour=8)
        assert [raise_alerts(now=eight), raise_alerts(now=eight)] == [1, 0]
        assert states() == ["digested", "digested", "waiting"]
        digest = Delivery.objects.latest("pk")
        assert len(digest.payload["items"]) == digest.items.count() == 2
        assert send_due(eight) == ["Sent."]

    def test_a_liquidation_does_not_wait(self, alice: User) -> None:
        made = Channel(owner=alice, kind="email", quiet_from=time(0), quiet_until=time(23), digest_at=time(8))
        assert made.first_moment(after(), topic="liquidation") == after()
        assert made.digest_moment(after(), topic="liquidation") is None
        made.is_waking = False
        assert made.first_moment(after(), topic="liquidation") == slot().replace(hour=23)


class TestManyPeople:
    def test_a_hundred_subscribers_take_as_many_queries_as_one(self, where: Market, alice: User) -> None:
        def people(count: int) -> None:
            """Let this many more be told of a new recommendation."""
            answered(where) if not Recommendation.objects.exists() else None
            answer, book = Recommendation.objects.earliest("pk"), Portfolio.objects.earliest("pk")
            already = User.objects.count()
            for number in range(already, already + count):
                person = User.objects.create(email=f"p{number}@example.org")
                channel(person, now=after())
                theirs = copy(book)
                theirs.pk, theirs.owner, theirs._state = None, person, ModelState()
                theirs.save()
                twin = copy(answer)
                twin.pk, twin.portfolio, twin._state = None, theirs, ModelState()
                twin.save()

        scene.portfolio(scene.trader(alice), where)
        people(1)
        counts = []
        for more in (0, 99):
            people(more)
            with CaptureQueriesContext(connection) as captured:
                written = raise_alerts(now=after(minutes=6))
            counts.append((written, len(captured)))
        assert [written for written, _ in counts] == [1, 99]
        assert counts[1][1] <= counts[0][1] + 2
        assert Job.objects.filter(task="signals.deliver").count() == 100
