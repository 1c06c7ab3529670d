"""Faults on real processes: whatever is killed, flushed, frozen or doubled, each portfolio has one answer a slot.

RELIABILITY 2b: F01, F02, F07, F08, F09, F15, F19. Waiting for a lease to lapse is skipped by letting it lapse. Takes
minutes, so only `make prove` collects it: HYPOTHESIS_PROFILE=prove pytest tests/faults.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from statistics import median
from urllib.request import Request, urlopen

import pytest
import redis
from celery import Celery

from tests.faults.house import PORTFOLIOS, REFRESH, House, house, wait_until
from tests.servers import find, wait_for_port

FROZEN_SECONDS = 60

pytestmark = [pytest.mark.once, pytest.mark.postgres, pytest.mark.redis, pytest.mark.xdist_group("faults")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if not (find("initdb") and find("redis-server")):
        pytest.skip("PostgreSQL or Redis was not found")
    with house(tmp_path_factory.mktemp("faults")) as found:
        yield found


@pytest.fixture
def calm(built: House) -> House:
    """The house with everything running and nothing done."""
    for name in ("redis", "worker-a", "worker-b", "beat"):
        if name not in built.processes:
            built.start(name)
    wait_until(lambda: not built.busy_worker(), "nobody is at work")
    built.clear()
    return built


class TestKilled:
    def test_f01_a_worker_is_killed_in_the_middle_of_a_fan_out(self, calm: House) -> None:
        job = calm.request()
        calm.kill(calm.mid_run())
        half = calm.answered()
        assert 0 < half < PORTFOLIOS
        calm.let_leases_lapse()
        calm.finish(job)
        assert calm.job(job) == ("done", 2)

    def test_f02_a_child_is_killed_in_the_middle_of_a_fan_out(self, calm: House) -> None:
        job = calm.request()
        os.kill(calm.child_of(calm.mid_run()), signal.SIGKILL)
        calm.let_leases_lapse()
        calm.finish(job)
        assert calm.job(job) == ("done", 2)

    def test_f01_every_worker_is_killed_and_others_take_over(self, calm: House) -> None:
        job = calm.request()
        calm.mid_run()
        for name in ("worker-a", "worker-b"):
            calm.kill(name)
            calm.start(name)
        calm.let_leases_lapse()
        calm.finish(job)


class TestBroker:
    def test_f07_it_is_flushed_in_the_middle_of_a_fan_out(self, calm: House) -> None:
        jobs = [calm.request(), *(calm.request("jobs.sweep") for _ in range(20))]
        calm.mid_run()
        redis.Redis(port=calm.redis_port).flushall()
        calm.let_leases_lapse()
        calm.finish(jobs[0])
        wait_until(lambda: self.all_done(calm, jobs), "every job is done")

    def test_f08_it_is_killed_and_comes_back_empty(self, calm: House) -> None:
        jobs = [calm.request(), *(calm.request("jobs.sweep") for _ in range(20))]
        calm.mid_run()
        calm.kill("redis")
        calm.start("redis")
        calm.let_leases_lapse()
        calm.finish(jobs[0])
        began = time.monotonic()
        wait_until(lambda: self.all_done(calm, jobs), "every job is done")
        assert time.monotonic() - began < 30

    def test_f09_it_is_frozen_and_people_write_on(self, calm: House) -> None:
        job = calm.request()
        calm.finish(job)
        calm.start("web")
        wait_for_port(int(calm.environment["GRANIAN_PORT"]))
        ids = [row[0] for row in calm.sql("SELECT id FROM signals_recommendation WHERE state = 'issued' LIMIT 20")]
        self.acknowledge(calm, ids.pop())
        calm.processes["redis"].send_signal(signal.SIGSTOP)
        try:
            frozen = time.monotonic()
            took = []
            while time.monotonic() - frozen < FROZEN_SECONDS:
                began = time.monotonic()
                self.acknowledge(calm, ids[len(took) % len(ids)])
                took.append(time.monotonic() - began)
            again = calm.request()
        finally:
            calm.processes["redis"].send_signal(signal.SIGCONT)
        print(f"{len(took)} writes while Redis was frozen: median {median(took):.2f} s, slowest {max(took):.2f} s")
        assert median(took) <= 1
        assert max(took) <= 5
        calm.finish(again)
        calm.kill("web")

    @staticmethod
    def all_done(calm: House, jobs: list[int]) -> bool:
        """Return whether all jobs are done, letting what was lost lapse."""
        calm.sql("UPDATE jobs_job SET lease_until = now() - interval '1 second' WHERE state = 'published'")
        return all(calm.job(each)[0] == "done" for each in jobs)

    @staticmethod
    def acknowledge(calm: House, pk: int) -> None:
        """Write over the API."""
        address = f"http://127.0.0.1:{calm.environment['GRANIAN_PORT']}/api/v1/recommendations/{pk}/acknowledge/"
        headers = {"Authorization": f"Bearer {calm.token}", "Content-Type": "application/json"}
        with urlopen(Request(address, data=b"{}", headers=headers, method="POST"), timeout=30) as response:
            assert json.loads(response.read())["state"] == "acknowledged"


class TestDoubled:
    def test_f15_three_beats_make_one_run_a_slot(self, calm: House) -> None:
        for name in ("beat-2", "beat-3"):
            calm.start(name)
        calm.clear()
        began = time.monotonic()
        time.sleep(12)
        for name in ("beat-2", "beat-3"):
            calm.kill(name)
        elapsed = time.monotonic() - began
        runs = calm.number("SELECT count(*) FROM jobs_job WHERE task = 'jobs.sweep'")
        slots = calm.number("SELECT count(*) FROM jobs_periodicslot WHERE job = 'jobs.sweep'")
        assert 0 < runs <= slots <= elapsed / 2 + 1
        assert calm.number("SELECT coalesce(max(attempts), 0) FROM jobs_job") <= 1

    def test_f19_a_message_that_comes_five_times_has_one_effect(self, calm: House) -> None:
        job = calm.request()
        self.publish(calm, job, times=5)
        calm.finish(job)
        self.publish(calm, job, times=5)
        wait_until(lambda: not redis.Redis(port=calm.redis_port).llen("rotabook.celery"), "all messages are taken")
        calm.finish(job)
        assert calm.job(job) == ("done", 1)

    @staticmethod
    def publish(calm: House, job: int, *, times: int) -> None:
        """Send the message of a job again and again."""
        app = Celery(broker=calm.environment["REDIS_URL"])
        app.conf.broker_transport_options = {"global_keyprefix": "rotabook."}
        for _ in range(times):
            app.send_task(REFRESH, args=[job])
        app.close()
