"""A person may have the sources asked now: one job that shows how far it is, and not too often."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from jobs.models import Job
from jobs.services import work
from portfolio.models import Market
from portfolio.services.catalogue import ensure_market
from signals.models import Quarantine, Reading, SourceState
from signals.services.asking import ask_sources
from tests.pages import said
from tests.signals.live import internet as net
from tests.signals.live import world
from tests.signals.live.world import NOW

HEALTH, ASK = reverse("signals:health"), reverse("signals:ask_sources")
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand where the recorded answers do."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def live(db: None) -> Market:
    """A live market nobody has asked yet."""
    return ensure_market("live")


class TestAsking:
    def test_without_a_live_market_there_is_nothing_to_ask(self, client_of_alice: Client) -> None:
        assert client_of_alice.post(ASK).status_code == 404

    def test_htmx_gets_a_fragment_that_asks_each_second(self, client_of_alice: Client, live: Market) -> None:
        page = client_of_alice.post(ASK, {"source": "fear_greed"}, headers=HTMX).content.decode()

        assert 'hx-trigger="every 1s"' in page
        assert Job.objects.get().args == {"market": live.pk, "sources": ["fear_greed"]}

    def test_without_a_script_the_page_shows_how_far_it_is(self, client_of_alice: Client, live: Market) -> None:
        page = client_of_alice.post(ASK, follow=True).content.decode()

        assert "Waiting for the worker" in page
        assert len(Job.objects.get().args["sources"]) >= 9

    def test_a_second_person_within_two_minutes_is_told_to_wait(
        self, client_of_alice: Client, client_of_bob: Client, live: Market
    ) -> None:
        client_of_alice.post(ASK, {"source": "fear_greed"})

        assert (
            "asked within the last two minutes"
            in client_of_bob.post(ASK, {"source": "fear_greed"}, headers=HTMX).content.decode()
        )
        assert Job.objects.count() == 1
        with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
            client_of_bob.post(ASK, {"source": "fear_greed"})
        assert Job.objects.count() == 2

    def test_what_rests_is_left_alone_and_what_there_is_not_is_not_found(
        self, client_of_alice: Client, live: Market
    ) -> None:
        SourceState.objects.create(name="mexc", minute_at=NOW, month_at=NOW, open_until=NOW + timedelta(minutes=9))

        assert client_of_alice.post(ASK, {"source": "moon"}).status_code == 404
        client_of_alice.post(ASK, {"source": "mexc"})
        assert not Job.objects.exists()
        assert "rests after failures" in said(client_of_alice, HEALTH)

    def test_the_worker_asks_and_tells_how_far_it_is(
        self, client_of_alice: Client, live: Market, settings: Any
    ) -> None:
        with net.serving(world.internet()) as internet:
            settings.SOURCE_ADDRESSES = {"fear_greed": internet.address}
            client_of_alice.post(ASK, {"source": "fear_greed"})
            job = Job.objects.get()
            work(job.pk, now=NOW, run=_run)

        job.refresh_from_db()
        assert (job.state, job.progress_done, job.progress_total) == ("done", 1, 2)
        assert job.message.startswith("fear_greed: ")
        assert Reading.objects.filter(market=live, indicator="fear_greed").exists()
        page = said(client_of_alice, HEALTH)
        assert "fear_greed Working" in page
        assert "Fear and greed" in page


def _run(job: Job) -> str:
    """Do what the task does, and keep its progress."""
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int, message: str) -> None:
        told.append((done, total))
        Job.objects.filter(pk=job.pk).update(progress_done=done, progress_total=total)

    market = Market.objects.get(pk=job.args["market"])
    said_so = ask_sources(market=market, names=job.args["sources"], now=NOW, progress=progress)
    assert told == [(0, 2), (1, 2)]
    return said_so


class TestLooking:
    def test_what_was_not_believed_is_paged_and_narrowed(self, client_of_alice: Client, live: Market) -> None:
        for number in range(35):
            Quarantine.objects.create(
                market=live,
                source="binance" if number else "mexc",
                reason="value",
                subject=f"S{number}",
                detail="x",
                first_at=NOW - timedelta(minutes=number),
                last_at=NOW - timedelta(minutes=number),
            )

        first = client_of_alice.get(HEALTH).context
        second = client_of_alice.get(HEALTH, {"before": first["next_cursor"]}).context

        assert [len(first["doubts"]), len(second["doubts"])] == [30, 5]
        assert len(client_of_alice.get(HEALTH, {"source": "mexc"}).context["doubts"]) == 1

    def test_any_market_shows_what_it_keeps_up(self, client_of_alice: Client, live: Market) -> None:
        ensure_market("simulated")

        assert "No source has been asked for this market." in said(client_of_alice, f"{HEALTH}?market=simulated")
        assert client_of_alice.get(HEALTH, {"market": "moon"}).status_code == 404
