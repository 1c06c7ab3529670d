"""Events are told once, judged by further rows, and the past stays as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import AbstractBaseUser

from portfolio.models import Market, Sector
from portfolio.services.catalogue import ensure_market
from signals.domain.events import event_points
from signals.domain.params import DEFAULTS
from signals.models import Event, EventVerdict
from signals.queries.events import stories, story
from signals.queries.readings import event_table, instants
from signals.services.events import (
    AlreadyJudgedError,
    AlreadyToldError,
    BadEventError,
    confirm,
    enter_event,
    propose,
    refute,
)
from signals.sources.base import EventRow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    """The live market."""
    return ensure_market("live")


def row(title: str = "Bittensor teams up with a large cloud", *, host: str = "a.example", **other: Any) -> EventRow:
    """Return a proposal of a feed."""
    said: dict[str, Any] = {
        "sector": "ai", "type": "PARTNERSHIP", "polarity": 1.0, "magnitude": 3, "confidence": 0.3,
        "published_at": NOW - 3 * HOUR, "title": title, "url": f"https://{host}/story", "source": f"feed {host}",
    }  # fmt: skip
    return EventRow(**(said | other))


def entered(market: Market, **other: Any) -> Event:
    """Enter an event by hand."""
    said: dict[str, Any] = {
        "sector": Sector.objects.get(slug="ai"), "type": "PARTNERSHIP", "title": "A large partnership",
        "polarity": 1.0, "magnitude": 4, "confidence": 0.8, "published_at": NOW - HOUR, "now": NOW,
    }  # fmt: skip
    return enter_event(market=market, **(said | other))


def weight(market: Market, at: datetime, *, known_until: datetime = NOW + 30 * DAY) -> float:
    """Return what all events weigh at a moment, computed with what was known later."""
    sectors = list(Sector.objects.values_list("pk", flat=True))
    table = event_table(market=market, sectors=sectors, known_until=known_until, params=DEFAULTS)
    return float(np.sum(event_points(table, instants([at]), params=DEFAULTS)))


class TestProposing:
    def test_the_same_article_in_two_feeds_is_one(self, market: Market) -> None:
        first = propose(market=market, rows=[row(), row(source="feed other.example")], now=NOW)
        assert (first.added, first.unchanged) == (1, 1)
        assert propose(market=market, rows=[row()], now=NOW + HOUR).unchanged == 1

    def test_distinct_domains_add_up_to_one_minus_the_product(self, market: Market) -> None:
        propose(market=market, rows=[row(host=f"{name}.example") for name in "abc"], now=NOW)
        (one,) = stories(market=market, moment=NOW)
        assert one.reports == 2
        assert sum(event.confidence for event in Event.objects.all()) == pytest.approx(1 - 0.7**3)

    def test_a_rumour_counts_with_two_fifths_at_most_however_many_tell_it(self, market: Market) -> None:
        propose(market=market, rows=[row(host=f"{name}.example") for name in "abc"], now=NOW)
        assert weight(market, NOW) == pytest.approx(3 / 5 * 0.4)

    def test_the_largest_magnitude_stands_for_the_story(self, market: Market) -> None:
        propose(market=market, rows=[row(), row(host="b.example", magnitude=5, confidence=0.05)], now=NOW)
        (one,) = stories(market=market, moment=NOW)
        assert one.magnitude == 5
        assert one.confidence == pytest.approx(1 - 0.7 * 0.95)
        assert one.points == pytest.approx(one.confidence)

    def test_another_story_three_days_later_is_another(self, market: Market) -> None:
        propose(market=market, rows=[row()], now=NOW)
        later = row(host="b.example", published_at=NOW + 3 * DAY)
        assert propose(market=market, rows=[later], now=NOW + 4 * DAY).added == 1
        assert len(stories(market=market, moment=NOW + 4 * DAY)) == 2

    def test_an_unknown_sector_is_refused(self, market: Market) -> None:
        assert propose(market=market, rows=[row(sector="nowhere")], now=NOW).refused[0].column == "sector"


class TestJudging:
    def test_a_confirmation_counts_from_its_moment_on(self, market: Market) -> None:
        propose(market=market, rows=[row(published_at=NOW)], now=NOW)
        before = weight(market, NOW + 4 * DAY)
        confirm(event=Event.objects.get(), now=NOW + 5 * DAY, confidence=0.8)
        assert weight(market, NOW + 4 * DAY) == before
        assert weight(market, NOW + 5 * DAY) == pytest.approx(3 / 5 * 0.8 * 0.5)

    def test_confirming_without_a_figure_takes_what_the_reports_add_up_to(self, market: Market) -> None:
        propose(market=market, rows=[row(host=f"{name}.example") for name in "abc"], now=NOW)
        report = Event.objects.exclude(story=None).latest("pk")
        verdict = confirm(event=report, now=NOW + HOUR)
        assert verdict.event.story is None
        assert verdict.confidence == pytest.approx(1 - 0.7**3)
        (one,) = stories(market=market, moment=NOW + HOUR)
        assert (one.status, one.is_open) == ("VERIFIED", False)
        assert one.points == pytest.approx(weight(market, NOW + HOUR))

    def test_a_refutation_ends_it_and_all_its_reports_but_not_the_past(self, market: Market) -> None:
        propose(market=market, rows=[row(), row(host="b.example")], now=NOW)
        before = weight(market, NOW + HOUR)
        rows = list(Event.objects.order_by("pk").values())
        refute(event=Event.objects.earliest("pk"), now=NOW + 2 * HOUR, note="It was denied.")
        propose(market=market, rows=[row(host="c.example")], now=NOW + 3 * HOUR)
        assert weight(market, NOW + HOUR) == before
        assert weight(market, NOW + 4 * HOUR) == 0
        assert list(Event.objects.order_by("pk").values())[:2] == rows

    def test_what_was_known_at_a_time_does_not_know_the_verdict(self, market: Market) -> None:
        propose(market=market, rows=[row()], now=NOW)
        refute(event=Event.objects.get(), now=NOW + 2 * HOUR)
        known = story(event=Event.objects.get(), moment=NOW + HOUR)
        assert known is not None
        assert (known.status, known.verdicts) == ("UNVERIFIED", ())
        assert story(event=Event.objects.get(), moment=NOW - DAY) is None

    def test_a_refuted_event_can_be_confirmed_again(self, market: Market) -> None:
        event = entered(market)
        refute(event=event, now=NOW + HOUR)
        confirm(event=event, now=NOW + 2 * HOUR, confidence=0.9)
        assert EventVerdict.objects.count() == 2
        assert weight(market, NOW + HOUR) == 0
        assert weight(market, NOW + 2 * HOUR) > 0.7

    def test_the_same_verdict_twice_is_refused(self, market: Market) -> None:
        event = entered(market)
        refute(event=event, now=NOW + HOUR)
        with pytest.raises(AlreadyJudgedError, match="refuted already"):
            refute(event=event, now=NOW + 2 * HOUR)

    def test_a_confidence_of_nothing_confirms_nothing(self, market: Market) -> None:
        with pytest.raises(BadEventError, match="above 0"):
            confirm(event=entered(market), now=NOW, confidence=0.0)


class TestEntering:
    def test_it_counts_from_when_it_was_entered(self, market: Market, alice: AbstractBaseUser) -> None:
        event = entered(market, published_at=NOW - 5 * DAY, author=alice)
        assert (event.status, event.source, event.author) == ("VERIFIED", "by hand", alice)
        assert weight(market, NOW - DAY) == 0
        assert weight(market, NOW) == pytest.approx(0.64)

    def test_the_worked_example_of_the_specification(self, market: Market) -> None:
        """DOMAIN 2.3: magnitude 4, confidence .8: e = .64, five days later .32."""
        entered(market)
        assert weight(market, NOW + 5 * DAY) == pytest.approx(0.32)

    def test_the_same_event_twice_names_the_one_that_is_there(self, market: Market) -> None:
        event = entered(market)
        with pytest.raises(AlreadyToldError) as caught:
            entered(market, title="A large  Partnership", published_at=NOW - 2 * HOUR)
        assert caught.value.event == event

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("type", "GOSSIP"), ("title", "  "), ("polarity", 0.0), ("polarity", 1.5), ("magnitude", 6),
            ("confidence", 0.0), ("published_at", NOW + HOUR), ("url", "javascript:alert(1)"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_by_its_field(self, market: Market, field: str, value: object) -> None:
        with pytest.raises(BadEventError) as caught:
            entered(market, **{field: value})
        assert caught.value.field == field
        assert not Event.objects.exists()

    def test_only_narratives_have_events(self, market: Market) -> None:
        core = Sector.objects.exclude(kind=Sector.Kind.NARRATIVE).first()
        with pytest.raises(BadEventError, match="no narrative"):
            entered(market, sector=core)
