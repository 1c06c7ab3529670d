"""The API says of a market what its pages say, now and as it was known, and only once while nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portfolio.models import Asset, Market, Sector, SectorMembership
from signals.models import Event, Quarantine, Reading, RegimeDay, Score, SourcePoll, StageDay
from signals.services.events import confirm, refute
from tests.api.scene import Caller, faults
from tests.signals import scene

pytestmark = pytest.mark.django_db
NOW = scene.after(minutes=10)
HEAD = "/signals/simulated"
PATHS = [
    f"{HEAD}/",
    *(f"{HEAD}/{tail}/" for tail in ("sectors", "scores", "regime", "indicators", "events", "health", "quarantine")),
    f"{HEAD}/indicators/turnover/",
    f"{HEAD}/readings/?indicator=tvl",
]


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Ten minutes after the close that was scored."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def where(db: None) -> Market:
    """A market with a computed day, news, readings of which one was restated, and a doubt."""
    market = scene.market()
    scene.computed(market)
    SourcePoll.objects.create(market=market, source="simulated", polled_at=NOW, succeeded_at=NOW - timedelta(minutes=5))
    Score.objects.update(
        contributions=[scene.contribution("turnover", 6.7, weight=0.2, freshness=1.0, raw=1.25, z=2.0)]
    )
    terms = {"market": market, "indicator": "tvl", "subject": "defi", "source": "test", "observed_at": scene.slot()}
    Reading.objects.create(**terms, ingested_at=NOW - timedelta(minutes=9), value=100.0)
    Reading.objects.create(**terms, ingested_at=NOW - timedelta(minutes=1), value=120.0)
    Event.objects.create(
        market=market, sector=Sector.objects.get(slug="defi"), type="EXPLOIT", title="A bridge was drained",
        polarity=-1.0, magnitude=4, confidence=0.8, published_at=NOW - timedelta(days=10),
        first_seen_at=NOW - timedelta(days=10), status="VERIFIED", source="test",
    )  # fmt: skip
    Quarantine.objects.create(
        market=market, source="test", reason="spike", subject="BTC", detail="x", first_at=NOW, last_at=NOW
    )
    return market


def results(caller: Caller, path: str) -> list[dict[str, Any]]:
    """Return the rows of a page."""
    found: list[dict[str, Any]] = caller.get(f"{HEAD}/{path}").json()["results"]
    return found


class TestConditional:
    @pytest.mark.parametrize("path", PATHS)
    def test_the_same_answer_is_given_once(self, caller: Caller, where: Market, path: str) -> None:
        first = caller.get(path)
        again = caller.get(path, **{"If-None-Match": first.headers["ETag"]})

        assert first.status_code == 200
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize("path", PATHS)
    def test_it_takes_few_queries(self, caller: Caller, where: Market, path: str) -> None:
        caller.get(path)
        with CaptureQueriesContext(connection) as captured:
            caller.get(path)
        assert len(captured) <= 10

    def test_news_changes_the_tag(self, caller: Caller, where: Market) -> None:
        tag = caller.get(f"{HEAD}/events/").headers["ETag"]
        refute(event=Event.objects.get(), now=NOW)

        assert caller.get(f"{HEAD}/events/", **{"If-None-Match": tag}).status_code == 200

    @pytest.mark.parametrize("path", PATHS)
    def test_what_is_no_moment_is_named(self, caller: Caller, where: Market, path: str) -> None:
        glue = "&" if "?" in path else "?"
        refused = caller.get(f"{path}{glue}as_of=yesterday")

        assert refused.status_code == 400
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert faults(refused) == {"as_of"}

    def test_what_there_is_not_is_not_found(self, caller: Caller, where: Market) -> None:
        assert caller.get("/signals/moon/scores/").status_code == 404
        assert caller.get(f"{HEAD}/indicators/moon/").status_code == 404
        assert faults(caller.get(f"{HEAD}/indicators/tvl/?sector=ai")) == {"sector"}
        assert faults(caller.get(f"{HEAD}/readings/")) == {"indicator"}
        assert faults(caller.get(f"{HEAD}/scores/?sector=moon")) == {"sector"}
        assert faults(caller.get(f"{HEAD}/scores/?date_after=today")) == {"date_after"}
        assert faults(caller.get(f"{HEAD}/events/?published_after=2026-03-01")) == {"published_after"}


class TestParity:
    def test_scores_and_indicators_are_those_of_the_page(
        self, caller: Caller, client_of_alice: Client, where: Market
    ) -> None:
        cards = client_of_alice.get(reverse("signals:market")).context["cards"]
        shown = {row["sector"]: row for row in results(caller, f"scores/?date_after={scene.DAY}")}
        parts = {(row["sector"], row["indicator"]): row["day"] for row in caller.get(f"{HEAD}/indicators/").json()}

        assert set(shown) == {card.sector.slug for card in cards}
        for card in cards:
            assert shown[card.sector.slug]["value"] == pytest.approx(float(card.score.value))
            for term in card.score.terms:
                part = parts[card.sector.slug, term.code]
                assert (D(str(part["z"])), D(str(part["points"]))) == (term.z, term.points)

    def test_an_indicators_days_are_those_of_its_page(
        self, caller: Caller, client_of_alice: Client, where: Market
    ) -> None:
        page = client_of_alice.get(f"{reverse('signals:indicator')}?name=turnover&sector=ai").context
        days = results(caller, "indicators/turnover/?sector=ai&page_size=30")

        assert [day["date"] for day in days] == [row["date"].isoformat() for row in page["days"]]
        assert [(D(str(day["z"])), day["params_version"]) for day in days] == [
            (row["z"], row["version"]) for row in page["days"]
        ]

    def test_the_regimes_distance_is_that_of_the_page(
        self, caller: Caller, client_of_alice: Client, where: Market
    ) -> None:
        lines = client_of_alice.get(reverse("signals:market")).context["switches"]
        switches = results(caller, "regime/")[0]["switches"]

        assert [f"{each['distance']:.1f} points away" for each in switches] == [line["distance"] for line in lines]

    def test_events_weigh_what_the_page_says(self, caller: Caller, client_of_alice: Client, where: Market) -> None:
        confirm(event=Event.objects.get(), now=NOW, confidence=0.9)
        row = client_of_alice.get(reverse("signals:events")).context["rows"][0]
        event = results(caller, "events/")[0]

        assert event["points"] == pytest.approx(float(row["weight"]), abs=1e-6)
        assert event["points"] == pytest.approx(-0.72 * 0.5, abs=1e-6)
        assert [each["verdict"] for each in event["verdicts"]] == ["CONFIRMED"]

    def test_health_is_that_of_the_page(self, caller: Caller, client_of_alice: Client, where: Market) -> None:
        page = client_of_alice.get(f"{reverse('signals:health')}?market=simulated").context
        health = caller.get(f"{HEAD}/health/").json()

        assert [(row["name"], row["standing"], row["quarantined"]) for row in health["sources"]] == [
            (each.name, each.standing, each.quarantined) for each in page["sources"]
        ]
        assert [row["series"] for row in health["coverage"]] == [each["series"] for each in page["coverage"]]
        assert [row["reason"] for row in results(caller, "quarantine/?source=test")] == ["spike"]


class TestAsOf:
    def test_a_restated_value_has_both_versions_and_the_past_one(self, caller: Caller, where: Market) -> None:
        before = NOW - timedelta(minutes=5)

        now = results(caller, "readings/?indicator=tvl&subject=defi")
        then = results(caller, f"readings/?indicator=tvl&as_of={before:%Y-%m-%dT%H:%M:%SZ}")

        assert [(row["value"], row["is_restated"], row["is_restatement"]) for row in now] == [
            (120.0, False, True),
            (100.0, True, False),
        ]
        assert [(row["value"], row["is_restated"]) for row in then] == [(100.0, False)]

    def test_a_verdict_does_not_change_what_was_known(self, caller: Caller, where: Market) -> None:
        refute(event=Event.objects.get(), now=NOW - timedelta(minutes=2))

        assert results(caller, "events/")[0]["status"] == "REFUTED"
        past = results(caller, f"events/?as_of={scene.DAY}")[0]
        assert (past["status"], past["verdicts"]) == ("VERIFIED", [])
        assert past["points"] < -0.3
        assert results(caller, f"events/?as_of={scene.DAY - timedelta(days=30)}") == []

    def test_later_days_are_not_shown(self, caller: Caller, where: Market) -> None:
        day = scene.DAY - timedelta(days=3)

        assert max(row["date"] for row in results(caller, f"scores/?as_of={day}")) == day.isoformat()
        assert max(row["date"] for row in results(caller, f"indicators/turnover/?as_of={day}")) == day.isoformat()
        assert results(caller, f"regime/?as_of={day}") == []
        assert caller.get(f"{HEAD}/indicators/?as_of={day}").json() == []

    def test_the_clock_of_a_replay_bounds_what_is_known(self, caller: Caller, where: Market) -> None:
        later = scene.DAY + timedelta(days=1)
        for model in (RegimeDay, StageDay):
            row = model._default_manager.get()
            row.pk, row.date = None, later
            row.save()

        assert caller.get(f"{HEAD}/").json()["as_of"] == "2026-03-02T00:00:00Z"

    def test_later_looks_and_todays_staleness_are_not_of_the_past(self, caller: Caller, where: Market) -> None:
        with time_machine.travel(NOW + timedelta(hours=5), tick=False):
            now = caller.get(f"{HEAD}/").json()
            then = caller.get(f"{HEAD}/?as_of={scene.DAY}").json()

        assert (now["is_stale"], now["read_at"]) == (True, "2026-03-02T00:05:00Z")
        assert (then["is_stale"], then["stale_reason"], then["read_at"]) == (False, "", None)

    def test_members_are_those_of_the_day(self, caller: Caller, where: Market) -> None:
        ai = Sector.objects.get(slug="ai")
        uni = Asset.objects.get(symbol="UNI")
        SectorMembership.objects.create(market=where, sector=ai, asset=uni, since_date=scene.DAY, weight=D("0.25"))

        def members(day: Any) -> dict[str, str]:
            rows = {row["slug"]: row["members"] for row in caller.get(f"{HEAD}/sectors/?as_of={day}").json()}
            assert "UNI" in {each["asset"] for each in rows["defi"]}
            return {each["asset"]: each["weight"] for each in rows["ai"]}

        assert members(scene.DAY)["UNI"] == "0.25"
        assert "UNI" not in members(scene.DAY - timedelta(days=1))

    def test_budgets_of_the_past_are_not_made_up(self, caller: Caller, where: Market) -> None:
        source = caller.get(f"{HEAD}/health/?as_of={scene.DAY}").json()["sources"][0]

        assert (source["polled_at"], source["minute_used"], source["failures"]) == (None, None, None)


class TestPages:
    def test_of_many_series_one_must_be_named(self, caller: Caller, where: Market) -> None:
        terms = {"market": where, "indicator": "funding", "source": "test", "observed_at": NOW, "ingested_at": NOW}
        for subject in ("UNI", "FET"):
            Reading.objects.create(**terms, subject=subject, value=0.1)

        refused = caller.get(f"{HEAD}/readings/?indicator=funding")

        assert faults(refused) == {"subject"}
        assert "There are 2, such as FET, UNI." in refused.json()["detail"]
        assert len(results(caller, "readings/?indicator=funding&subject=UNI")) == 1

    def test_pages_reach_every_row_once(self, caller: Caller, where: Market) -> None:
        path: str | None = f"{HEAD}/indicators/turnover/?sector=ai&page_size=7"
        seen: list[str] = []

        while path:
            found = caller.get(path).json()
            seen += [row["date"] for row in found["results"]]
            path = found["next"] and found["next"].split("/api/v1")[1]

        assert seen == sorted(set(seen), reverse=True)
        assert len(seen) == 30

    def test_a_span_of_days_and_of_moments(self, caller: Caller, where: Market) -> None:
        first = scene.DAY - timedelta(days=4)

        assert {row["date"] for row in results(caller, f"scores/?date_after={first}&date_before={scene.DAY}")} == {
            (first + timedelta(days=number)).isoformat() for number in range(4)
        }
        assert results(caller, "readings/?indicator=tvl&observed_after=2026-03-02T00:00:01Z") == []
        assert len(results(caller, "readings/?indicator=tvl&observed_before=2026-03-02T00:00:01Z")) == 2
        assert results(caller, "events/?type=LISTING") == []
        assert len(results(caller, "events/?type=EXPLOIT&sector=defi")) == 1
