"""The market page says what moves, how far the next turn is, and what is missing; the past stays as it was known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from portfolio.models import Market, Sector
from signals.models import Event, Quarantine, Reading, RegimeDay, Score, SourcePoll
from tests.pages import heading, queries, said
from tests.signals import scene

MARKET = reverse("signals:market")
INDICATORS, INDICATOR, EVENTS, JUDGE = (
    reverse(f"signals:{name}") for name in ("indicators", "indicator", "events", "judge_event")
)
NOW = scene.after(minutes=10)


@pytest.fixture(autouse=True)
def _today() -> Any:
    """Ten minutes after the close that was scored."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def where(db: None) -> Market:
    """A market read five minutes ago, with a computed day of which everything is known."""
    market = scene.market()
    scene.computed(market)
    SourcePoll.objects.create(market=market, source="simulated", polled_at=NOW, succeeded_at=NOW - timedelta(minutes=5))
    for score in Score.objects.filter(market=market).select_related("sector"):
        back = (scene.DAY - score.date).days
        sign = 1 if score.sector.slug == "ai" else -1
        score.details = scene.details(rsr=100 + sign * (2 - back / 10), rsm=100 + sign * 0.5, quadrant="LEADING")
        score.save()
    return market


def news(where: Market, title: str = "A bridge was drained", **values: Any) -> Event:
    """Return an event of yesterday."""
    terms = {
        "sector": Sector.objects.get(slug="defi"),
        "type": "EXPLOIT",
        "polarity": -1.0,
        "magnitude": 4,
        "confidence": 0.8,
        "published_at": NOW - timedelta(days=1),
        "first_seen_at": NOW - timedelta(days=1),
        "status": "VERIFIED",
        "source": "test",
        **values,
    }
    return Event.objects.create(market=where, title=title, **terms)


class TestCharts:
    def test_the_map_has_its_figures_behind_it(self, client_of_alice: Client, where: Market) -> None:
        chart = client_of_alice.get(MARKET).context["map_chart"]

        assert ("AI", "1 Mar 2026", "102.00", "100.50", "leading") in chart.table.rows
        assert ("AI", "22 Feb 2026", "101.30", "100.50", "leading") in chart.table.rows

    def test_funding_names_both_gates(self, client_of_alice: Client, where: Market) -> None:
        Score.objects.filter(sector__slug="ai").update(
            details=scene.details(funding={"annual": 0.334, "percentile": 0.97, "flag": "EXTREME_HIGH"})
        )

        chart = client_of_alice.get(MARKET).context["funding_chart"]

        assert ("AI", "+33.4%", "+22.4%", "97 of 100", "extremely high") in chart.table.rows

    def test_what_is_not_known_is_no_dot_and_says_so(self, client_of_alice: Client, where: Market) -> None:
        nothing = {"quadrant": "UNKNOWN", "price_change": None, "interest_change": None}
        Score.objects.update(details=scene.details(interest=nothing))

        assert "Open interest is not known: no venue has told it in time." in said(client_of_alice, MARKET)

    def test_a_refuted_event_is_hollow_and_adds_nothing(self, client_of_alice: Client, where: Market) -> None:
        news(where, status="REFUTED", refuted_at=NOW - timedelta(hours=1))

        chart = client_of_alice.get(MARKET).context["news_chart"]

        assert chart.table.rows == (("1 Mar 2026", "DeFi", "Exploit", "A bridge was drained", "0.00", "refuted"),)


class TestOutlook:
    def test_the_distance_to_the_next_regime_is_said(self, client_of_alice: Client, where: Market) -> None:
        page = said(client_of_alice, MARKET)

        assert "Consolidation below 52 13.0 points away" in page
        assert "Risk-off down to 40 25.0 points away" in page

    def test_what_is_priced_in_names_the_news_and_how_late_one_is(self, client_of_alice: Client, where: Market) -> None:
        event = news(where, "A large partner", type="PARTNERSHIP", polarity=1.0, published_at=NOW - timedelta(days=3))
        measured = {"share": 0.59, "t": 2.1, "car": 0.071, "expected": 0.12, "event_id": str(event.pk)}
        Score.objects.filter(sector__slug="defi").update(
            details=scene.details(priced_in={**measured, "is_leaked": True})
        )

        page = said(client_of_alice, MARKET)

        assert "A large partner, 3 days ago more than half of it came before the news +7.1% t +2.1 12.0% 59%" in page

    def test_gaps_and_contradictions_stand_on_the_page(self, client_of_alice: Client, where: Market) -> None:
        Score.objects.filter(sector__slug="ai").update(
            contributions=[scene.contribution("sentiment", 0.0, weight=0.2, freshness=0.0, reason="stale")]
        )
        Quarantine.objects.create(
            market=where, source="binance", reason="conflict", subject="BTC", detail="x", first_at=NOW, last_at=NOW
        )

        page = said(client_of_alice, MARKET)

        assert "AI: Sentiment the reading is too old" in page
        assert "binance, BTC contradicts what is stored" in page

    def test_ten_queries_are_enough(self, client_of_alice: Client, where: Market, alice: Any) -> None:
        scene.portfolio(alice, where)
        news(where)

        assert queries(client_of_alice, MARKET) <= 10


class TestAsOf:
    def test_only_what_was_known_then_is_shown(self, client_of_alice: Client, where: Market) -> None:
        news(where, first_seen_at=NOW - timedelta(minutes=1))
        Score.objects.filter(sector__slug="ai").update(value=61)
        later = scene.DAY + timedelta(days=1)
        earlier = RegimeDay.objects.get()
        earlier.pk, earlier.date, earlier.value = None, later, 99.0
        earlier.save()

        page = said(client_of_alice, f"{MARKET}?as_of={scene.DAY}")

        assert "as it was known on 2 Mar 2026, 00:00 UTC" in page
        assert "A bridge was drained" not in page
        assert "A bridge was drained" in said(client_of_alice, MARKET)

    @pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-03-01T00:00:00", "\x00"])
    def test_what_is_no_moment_is_not_found(self, client_of_alice: Client, where: Market, text: str) -> None:
        assert client_of_alice.get(MARKET, {"as_of": text}).status_code == 404


class TestIndicator:
    def test_every_indicator_is_listed_with_its_freshness(self, client_of_alice: Client, where: Market) -> None:
        Score.objects.update(
            contributions=[scene.contribution("turnover", 6.7, weight=0.2, freshness=0.5, raw=1.25, z=2.0)]
        )

        page = said(client_of_alice, INDICATORS)

        assert "Turnover +1.25 +2.00 50% 20% +6.7" in page

    def test_its_history_names_the_version_of_the_parameters(self, client_of_alice: Client, where: Market) -> None:
        Score.objects.update(
            contributions=[scene.contribution("turnover", 6.7, weight=0.2, freshness=1.0, raw=1.25, z=2.0)]
        )
        ask = f"{INDICATOR}?name=turnover&sector=ai"

        assert heading(client_of_alice, ask) == "Turnover of AI: +1.25"
        page = said(client_of_alice, ask)
        assert "1 Mar 2026 +1.25 +2.00 100% 20% +6.7 test" in page
        assert client_of_alice.get(ask).context["next_day"] == ""

    def test_days_are_paged_by_their_date(self, client_of_alice: Client, where: Market) -> None:
        rows = Score.objects.filter(sector__slug="ai").order_by("date")
        part = scene.contribution("turnover", 1.0, weight=0.2, raw=1.0, z=1.0)
        rows.update(contributions=[part])
        for back in range(30, 65):
            copy = rows[0]
            copy.pk, copy.date = None, scene.DAY - timedelta(days=back)
            copy.save()
        ask, seen, before = f"{INDICATOR}?name=turnover&sector=ai", [], "first"

        while before:
            found = client_of_alice.get(ask if before == "first" else f"{ask}&before={before}").context
            seen += [row["date"] for row in found["days"]]
            before = found["next_day"]

        assert seen == sorted(set(seen), reverse=True)
        assert len(seen) == 65

    def test_a_restated_value_stands_twice_and_not_before_it_was_known(
        self, client_of_alice: Client, where: Market
    ) -> None:
        terms = {"market": where, "indicator": "tvl", "subject": "defi", "source": "test", "observed_at": scene.slot()}
        first = NOW - timedelta(minutes=9)
        Reading.objects.create(**terms, ingested_at=first, value=100.0)
        Reading.objects.create(**terms, ingested_at=NOW - timedelta(minutes=1), value=120.0)
        ask = f"{INDICATOR}?name=tvl"

        now = said(client_of_alice, ask)
        then = said(client_of_alice, f"{ask}&as_of={(first + timedelta(minutes=2)):%Y-%m-%dT%H:%M:%SZ}")

        assert "restated 120" in now
        assert "earlier version 100" in now
        assert "restated" not in then
        assert "2 Mar 2026, 00:00 UTC 100" in then

    @pytest.mark.parametrize("query", ["", "?name=moon", "?name=tvl&sector=ai", "?name=tilt", "?name=tvl&market=moon"])
    def test_what_there_is_not_is_not_found(self, client_of_alice: Client, where: Market, query: str) -> None:
        assert client_of_alice.get(f"{INDICATOR}{query}").status_code == 404

    @pytest.mark.parametrize("ask", [INDICATORS, f"{INDICATOR}?name=tvl", f"{INDICATOR}?name=rs", EVENTS])
    def test_its_queries_are_few(self, client_of_alice: Client, where: Market, ask: str) -> None:
        news(where)

        assert queries(client_of_alice, ask) <= 12


class TestEvents:
    def test_what_is_left_of_news_is_said(self, client_of_alice: Client, where: Market) -> None:
        news(where, published_at=NOW - timedelta(days=10), first_seen_at=NOW - timedelta(days=10))

        page = said(client_of_alice, EVENTS)

        assert "It adds −0.32 of the −0.64 it had" in page
        assert "magnitude 4 of 5, confidence 80%, 50% left" in page

    def test_a_refutation_does_not_change_what_was_known(self, client_of_alice: Client, where: Market) -> None:
        news(where, status="REFUTED", refuted_at=NOW - timedelta(minutes=5))

        assert "refuted" in said(client_of_alice, EVENTS)
        assert "confirmed" in said(client_of_alice, f"{EVENTS}?as_of={scene.DAY}")


@pytest.fixture
def administrator(alice: User) -> User:
    """Alice, who keeps the shared market."""
    alice.is_staff = alice.is_superuser = True
    alice.save()
    return alice


ENTRY = {
    "type": "EXPLOIT",
    "title": "A bridge was drained",
    "url": "https://example.org/a",
    "published_at": "2026-03-01T12:00:00",
    "polarity": "-1",
    "magnitude": "4",
    "confidence": "0.8",
}


class TestJudging:
    def entry(self, **values: Any) -> dict[str, Any]:
        """Return what the form sends."""
        return {**ENTRY, "sector": Sector.objects.get(slug="defi").pk, **values}

    def test_an_administrator_enters_one_and_it_counts_from_now(
        self, client_of_alice: Client, where: Market, administrator: User
    ) -> None:
        response = client_of_alice.post(EVENTS, self.entry(), follow=True)

        event = Event.objects.get()
        assert (event.status, event.author, event.first_seen_at) == ("VERIFIED", administrator, NOW)
        assert "Entered. It counts from now on" in response.content.decode()

    def test_what_is_wrong_stands_beside_its_field(
        self, client_of_alice: Client, where: Market, administrator: User
    ) -> None:
        response = client_of_alice.post(EVENTS, self.entry(published_at="2027-01-01T00:00:00"))

        assert response.status_code == 422
        assert "Enter it when it has." in response.content.decode()
        assert client_of_alice.post(EVENTS, self.entry()).status_code == 302
        assert "has been entered already" in client_of_alice.post(EVENTS, self.entry()).content.decode()
        assert Event.objects.count() == 1

    def test_a_verdict_is_kept_with_its_reason_and_author(
        self, client_of_alice: Client, where: Market, administrator: User
    ) -> None:
        event = news(where)

        for verdict in ("confirm", "refute", "refute"):
            client_of_alice.post(JUDGE, {"event": event.pk, "verdict": verdict, "note": "Seen it."})

        page = said(client_of_alice, EVENTS)
        assert [each.verdict for each in event.verdicts.all()] == ["CONFIRMED", "REFUTED"]
        assert f"Confirmed at 80% by {administrator}: Seen it." in page
        assert "Refuted by" in page
        assert "It adds nothing any more." in page
        assert "confirmed" in said(client_of_alice, f"{EVENTS}?as_of={scene.DAY}")

    def test_others_are_told_who_may_and_change_nothing(self, client_of_bob: Client, where: Market) -> None:
        event = news(where)

        assert "Only an administrator enters, confirms or refutes events" in said(client_of_bob, EVENTS)
        assert client_of_bob.post(EVENTS, self.entry(title="Another")).status_code == 403
        assert client_of_bob.post(JUDGE, {"event": event.pk, "verdict": "refute"}).status_code == 403
        assert (Event.objects.count(), event.verdicts.count()) == (1, 0)

    def test_what_there_is_not_cannot_be_judged(
        self, client_of_alice: Client, where: Market, administrator: User
    ) -> None:
        for data in ({"event": 10**9, "verdict": "refute"}, {"event": news(where).pk, "verdict": "burn"}, {}):
            assert client_of_alice.post(JUDGE, data).status_code == 404
