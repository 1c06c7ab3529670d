"""The periodic refresh: one market that fails stops no other, and the failure is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.urls import reverse

from jobs import services
from jobs.models import Job
from portfolio.models import Market
from portfolio.services.catalogue import ensure_market
from signals import tasks
from signals.services import refresh as service
from signals.services.market import Refreshed
from tests.pages import said
from tests.signals import scene

pytestmark = pytest.mark.django_db
NOW = scene.after()


@pytest.fixture(autouse=True)
def _markets() -> None:
    for slug in ("simulated", "history", "live"):
        ensure_market(slug)


def breaking(monkeypatch: pytest.MonkeyPatch, seen: list[str], error: Exception, slug: str = "simulated") -> None:
    """Let one market fail at its first step, and note whose turn came."""

    def compute(*, market: Market, now: object) -> Refreshed:
        """Fail for one market."""
        seen.append(market.slug)
        if market.slug == slug:
            raise error
        return Refreshed(0, None, None)

    monkeypatch.setattr(service, "refresh_prices", lambda **_: None)
    monkeypatch.setattr(service, "refresh_market", compute)


class TestOneThatFails:
    def test_the_others_have_their_turn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str] = []
        breaking(monkeypatch, seen, ValueError("no such column"))
        with pytest.raises(service.MarketsFailedError, match="Simulated market failed: ValueError: no such column"):
            service.refresh_all(now=NOW)
        assert seen == ["simulated", "history", "live"]

    def test_each_turn_begins_with_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str] = []
        breaking(monkeypatch, seen, SoftTimeLimitExceeded())
        for turn in (3, 4):
            with pytest.raises(SoftTimeLimitExceeded):
                service.refresh_all(now=NOW, turn=turn)
        assert seen == ["simulated", "history", "live", "simulated"]

    def test_without_a_market_there_is_nothing_to_do(self) -> None:
        Market.objects.all().delete()
        assert service.refresh_all(now=NOW, turn=7) == []


class TestHealth:
    def run(self) -> Job:
        """Do a queued refresh, as a worker does."""
        job = services.enqueue(task="signals.refresh_markets", now=NOW)
        tasks.refresh_markets(job.pk)
        job.refresh_from_db()
        return job

    def test_a_failure_is_recorded_and_shown(self, monkeypatch: pytest.MonkeyPatch, client_of_alice: Client) -> None:
        breaking(monkeypatch, [], ValueError("no such column"), slug="history")
        with time_machine.travel(NOW, tick=False):
            with pytest.raises(service.MarketsFailedError):
                self.run()
            assert Job.objects.get().state == Job.State.FAILED
            page = said(client_of_alice, reverse("signals:health"))
        assert "It did not succeed everywhere. Market history failed: ValueError: no such column" in page
        assert "Live market: 0 days computed" in page

    def test_success_is_shown_too(self, monkeypatch: pytest.MonkeyPatch, client_of_alice: Client) -> None:
        breaking(monkeypatch, [], ValueError(), slug="none")
        with time_machine.travel(NOW, tick=False):
            assert self.run().state == Job.State.DONE
        with time_machine.travel(NOW + timedelta(minutes=3), tick=False):
            page = said(client_of_alice, reverse("signals:health"))
        assert "Simulated market: 0 days computed" in page
        assert "did not succeed" not in page
