"""Work is written once, published once, done once, whatever beats, brokers and workers do."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, transaction

from jobs import services
from jobs.models import Job, PeriodicSlot
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def published(messages: list[tuple[str, int]]):
    """Return a publisher that only notes what it was given."""
    return lambda task, job_id: messages.append((task, job_id))


class TestEnqueue:
    def test_a_unique_key_waits_once(self) -> None:
        first = services.enqueue(task="x", now=NOW, unique_key="k")
        assert services.enqueue(task="x", now=NOW, unique_key="k") == first

    def test_while_one_runs_another_may_wait(self) -> None:
        first = services.enqueue(task="x", now=NOW, unique_key="k")
        Job.objects.update(state=Job.State.RUNNING)
        assert services.enqueue(task="x", now=NOW, unique_key="k") != first

    def test_a_rolled_back_cause_leaves_no_work(self) -> None:
        with transaction.atomic():
            services.enqueue(task="x", now=NOW)
            transaction.set_rollback(True)
        assert not Job.objects.exists()


class TestDrain:
    def test_publishes_each_job_once(self) -> None:
        messages: list[tuple[str, int]] = []
        job = services.enqueue(task="x", now=NOW)
        services.drain(now=NOW, publish=published(messages))
        services.drain(now=NOW, publish=published(messages))
        assert messages == [("x", job.pk)]

    def test_a_silent_broker_gives_the_job_back(self) -> None:
        def broken(task: str, job_id: int) -> None:
            raise ConnectionError

        services.enqueue(task="x", now=NOW)
        with pytest.raises(ConnectionError):
            services.drain(now=NOW, publish=broken)
        assert Job.objects.get().state == Job.State.QUEUED

    def test_a_silent_worker_is_replaced_and_given_up_after_three_attempts(self) -> None:
        job = services.enqueue(task="x", now=NOW)
        later = NOW
        for _ in range(services.MAX_ATTEMPTS):
            Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, lease_until=later, attempts=job.attempts + 1)
            job.refresh_from_db()
            later += timedelta(minutes=10)
            services.requeue_lapsed(now=later)
        job.refresh_from_db()
        assert job.state == Job.State.FAILED
        assert "silent" in job.error


class TestWork:
    def test_a_doubled_message_runs_once(self) -> None:
        runs: list[int] = []
        job = services.enqueue(task="x", now=NOW)
        for _ in range(5):
            services.work(job.pk, now=NOW, run=lambda row: runs.append(row.pk))
        assert runs == [job.pk]
        assert Job.objects.get().state == Job.State.DONE

    def test_a_failure_is_recorded_and_raised(self) -> None:
        def fail(row: Job) -> None:
            raise ValueError("no prices")

        job = services.enqueue(task="x", now=NOW)
        with pytest.raises(ValueError, match="no prices"):
            services.work(job.pk, now=NOW, run=fail)
        job.refresh_from_db()
        assert (job.state, job.error) == (Job.State.FAILED, "ValueError: no prices")


class TestTick:
    def test_a_second_beat_is_harmless(self) -> None:
        periodic = {"a": 300, "b": 60}
        assert services.tick(now=NOW, periodic=periodic) == ["a", "b"]
        assert services.tick(now=NOW + timedelta(seconds=5), periodic=periodic) == []
        assert Job.objects.count() == 2

    def test_after_a_silence_each_job_runs_once(self) -> None:
        services.tick(now=NOW, periodic={"a": 300})
        Job.objects.update(state=Job.State.DONE)
        services.tick(now=NOW + timedelta(hours=3), periodic={"a": 300})
        assert PeriodicSlot.objects.count() == 2
        assert Job.objects.count() == 2


@pytest.mark.postgres_only
class TestRace:
    @pytest.mark.django_db(transaction=True)
    def test_a_waiting_twin_is_not_run_before_its_second_cause_is_committed(self) -> None:
        seen: list[bool] = []

        def work() -> None:
            """Run the job as a worker does."""
            services.work(first.pk, now=NOW, run=lambda _: seen.append(PeriodicSlot.objects.exists()))
            connection.close()

        first = services.enqueue(task="x", now=NOW, unique_key="k")
        worker = Thread(target=work)
        with transaction.atomic():
            assert services.enqueue(task="x", now=NOW, unique_key="k") == first
            worker.start()
            worker.join(0.5)
            PeriodicSlot.objects.create(job="cause", slot=NOW, claimed_at=NOW)
        worker.join()
        assert seen == [True]
