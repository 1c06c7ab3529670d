"""One refresh a source and slot, however many ask; a dead worker's is taken over; the command says what it did."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.models import Job
from jobs.services import LEASE, drain, requeue_lapsed, work
from portfolio.services.catalogue import ensure_market
from signals.models import Reading
from signals.services.live import SOURCE_TASK, queue_live
from signals.sources.live.registry import SOURCES
from tests.signals.live import internet as net
from tests.signals.live import world
from tests.signals.live.world import NOW

pytestmark = pytest.mark.django_db


class TestSlots:
    def test_without_a_live_market_nothing_is_asked(self) -> None:
        assert queue_live(now=NOW) == []

    def test_each_source_is_queued_once_a_slot(self) -> None:
        ensure_market("live")
        first, again = queue_live(now=NOW), queue_live(now=NOW + timedelta(seconds=20))
        assert len(first) == len(SOURCES)
        assert again == []

    def test_the_next_slot_is_queued_when_the_work_is_done(self) -> None:
        ensure_market("live")
        queue_live(now=NOW)
        Job.objects.update(state=Job.State.DONE)
        later = queue_live(now=NOW + timedelta(minutes=5))
        assert {job.args["source"] for job in later} == {"binance", "bybit", "bingx", "weex", "mexc"}

    def test_a_dead_workers_slot_is_taken_over(self) -> None:
        ensure_market("live")
        job = queue_live(now=NOW)[0]
        drain(now=NOW, publish=lambda _task, _job: None)
        Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, lease_until=NOW + LEASE, attempts=1)

        requeue_lapsed(now=NOW + LEASE + timedelta(seconds=1))

        ran: list[str] = []
        assert work(job.pk, now=NOW + LEASE * 2, run=lambda each: ran.append(each.args["source"]))
        assert ran == [SOURCES[0].name]
        assert job.task == SOURCE_TASK


class TestCommand:
    def test_it_says_what_it_did(self, settings: Any) -> None:
        with net.serving(world.internet()) as internet:
            settings.SOURCE_ADDRESSES = {"defillama": internet.address}
            said = StringIO()
            call_command("refresh_signals", "--once", "--source", "defillama", stdout=said)
        assert "defillama: 5 requests" in said.getvalue()
        assert "0 quarantined, 0 skipped" in said.getvalue()
        assert Reading.objects.filter(indicator="stablecoins").exists()

    def test_it_fails_with_the_reason_when_nothing_could_be_had(self, settings: Any) -> None:
        with net.serving(world.internet()) as internet:
            internet.faults["*"] = net.status(403)
            settings.SOURCE_ADDRESSES = {"fear_greed": internet.address}
            with pytest.raises(CommandError, match=r"Nothing could be had.*status 403"):
                call_command("refresh_signals", "--once", "--source", "fear_greed", stdout=StringIO())

    def test_an_unknown_source_names_the_known_ones(self) -> None:
        with pytest.raises(CommandError, match="Known are: coingecko"):
            call_command("refresh_signals", "--once", "--source", "nowhere")
