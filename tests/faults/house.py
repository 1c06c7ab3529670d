"""A house of real processes: PostgreSQL, Redis, two workers, a beat; and what can be done to each of them."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import find, free_port, postgresql, wait_for_port
from tests.test_architecture import ROOT

PORTFOLIOS = 320
CELERY = [sys.executable, "-m", "celery", "-A", "tests.faults.slow_app"]
REFRESH = "signals.refresh_market"


@dataclass
class House:
    """Hold the processes by name, and a connection to the database beside them."""

    environment: dict[str, str]
    redis_port: int
    token: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement; returns its rows."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def number(self, statement: str, *values: Any) -> int:
        """Return a statement's only number."""
        return int(self.sql(statement, *values)[0][0])

    def start(self, name: str) -> None:
        """Start a process: redis, worker-a, worker-b, beat, web."""
        environment = {**self.environment, "PGAPPNAME": name}
        self.processes[name] = subprocess.Popen(
            self._command(name), cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
        )
        if name == "redis":
            wait_for_port(self.redis_port)

    def kill(self, name: str) -> None:
        """Kill a process and all its children with SIGKILL."""
        process = self.processes.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def child_of(self, name: str) -> int:
        """Return the process id of a worker's only child."""
        main = self.processes[name].pid
        return int(Path(f"/proc/{main}/task/{main}/children").read_text().split()[0])

    def stop(self) -> None:
        """Stop everything."""
        for name in list(self.processes):
            self.processes[name].send_signal(signal.SIGCONT)
            self.kill(name)

    def clear(self) -> None:
        """Forget all answers and jobs."""
        for table in ("signals_recommendationleg", "signals_recommendation", "jobs_job", "jobs_periodicslot"):
            self.sql(f"DELETE FROM {table}")

    def request(self, task: str = REFRESH) -> int:
        """Queue a job as a service does."""
        fields = "public_id, task, args, unique_key, state, attempts, progress_done, progress_total, message, error"
        args = '{"market": 1}' if task == REFRESH else "{}"
        return self.number(
            f"INSERT INTO jobs_job ({fields}, created_at, publish_after) "
            "VALUES (gen_random_uuid(), %s, %s, '', 'queued', 0, 0, 0, '', '', now(), now()) RETURNING id",
            task,
            args,
        )

    def answered(self) -> int:
        """Return how many answers are stored."""
        return self.number("SELECT count(*) FROM signals_recommendation")

    def busy_worker(self) -> str:
        """Return the worker that is inside a chunk's transaction, empty where none is."""
        asked = "SELECT application_name FROM pg_stat_activity WHERE state = 'idle in transaction'"
        return next((str(row[0]) for row in self.sql(asked) if str(row[0]).startswith("worker")), "")

    def mid_run(self) -> str:
        """Wait until some portfolios are answered and others are not; returns who is at it."""
        wait_until(lambda: 0 < self.answered() < PORTFOLIOS and self.busy_worker(), "a run is half done")
        return self.busy_worker()

    def let_leases_lapse(self) -> None:
        """Let three minutes pass for the jobs at work."""
        self.sql("UPDATE jobs_job SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")

    def job(self, job: int) -> tuple[str, int]:
        """Return a job's state and attempts."""
        state, attempts = self.sql("SELECT state, attempts FROM jobs_job WHERE id = %s", job)[0]
        return str(state), int(attempts)

    def finish(self, job: int, *, seconds: float = 60) -> None:
        """Wait until a job is done, and hold it to exactly one answer a portfolio and slot."""
        wait_until(lambda: self.job(job)[0] == "done", f"job {job} is done", seconds)
        assert self.answered() == PORTFOLIOS
        twice = (
            "SELECT count(*) FROM (SELECT 1 FROM signals_recommendation "
            "GROUP BY portfolio_id, slot HAVING count(*) > 1) t"
        )
        assert self.number(twice) == 0
        open_twice = (
            "SELECT count(*) FROM (SELECT 1 FROM signals_recommendation WHERE state IN ('issued', 'acknowledged') "
            "GROUP BY portfolio_id HAVING count(*) > 1) t"
        )
        assert self.number(open_twice) == 0
        legless = (
            "SELECT count(*) FROM signals_recommendation r WHERE state = 'issued' AND NOT EXISTS "
            "(SELECT 1 FROM signals_recommendationleg l WHERE l.recommendation_id = r.id)"
        )
        assert self.number(legless) == 0

    def _command(self, name: str) -> list[str]:
        if name == "redis":
            keep = ["--save", "", "--appendonly", "no", "--dir", self.environment["DATA_DIR"]]
            return [str(find("redis-server")), "--port", str(self.redis_port), "--bind", "127.0.0.1", *keep]
        if name.startswith("beat"):
            return [*CELERY, "beat", "-s", f"{self.environment['DATA_DIR']}/{name}", "--loglevel", "error"]
        if name == "web":
            return [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "config.wsgi:application"]
        quiet = ["--without-gossip", "--without-mingle", "--loglevel", "critical"]
        return [*CELERY, "worker", "-n", f"{name}@%h", "--concurrency", "1", *quiet]


@contextmanager
def house(room: Path) -> Iterator[House]:
    """Build the house, fill its database, and start redis, two workers and a beat."""
    with postgresql() as database:
        port = free_port()
        values = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": str(database),
            "DATA_DIR": str(room),
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "GRANIAN_HOST": "127.0.0.1",
            "GRANIAN_PORT": str(free_port()),
            "ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        built = House(values, port)
        try:
            for name in ("redis", "worker-a", "worker-b"):
                built.start(name)
            filled = [sys.executable, "-m", "tests.faults.world", str(PORTFOLIOS)]
            done = subprocess.run(filled, cwd=ROOT, env=values, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-2000:]
            built.token = done.stdout.split()[-1]
            built.start("beat")
            yield built
        finally:
            built.stop()


def wait_until(is_so: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait until something is so, looking ten times a second."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
