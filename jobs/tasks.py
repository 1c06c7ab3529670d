"""Ring the doorbell: the drain publishes what the database says is to be done; only here are tasks published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Task, current_app, shared_task
from django.conf import settings
from django.utils import timezone

from jobs import services
from jobs.models import Job


def job_task(name: str) -> Callable[[Callable[[Job], str | None]], Task[Any, Any]]:
    """Make a Celery task of a function over a job row: claimed once, recorded, idempotent under doubled messages."""

    def decorate(run: Callable[[Job], str | None]) -> Task[Any, Any]:
        """Register the task under its name."""

        @shared_task(name=name)  # type: ignore[untyped-decorator]
        def task(job_id: int) -> None:
            """Claim the job, run it, record its end."""
            services.work(job_id, now=timezone.now(), run=run)

        task.__doc__ = run.__doc__
        return task

    return decorate


def publish(task: str, job_id: int) -> None:
    """Send one task message."""
    current_app.send_task(task, args=[job_id], retry=False)


@shared_task(name="jobs.drain")  # type: ignore[untyped-decorator]
def drain() -> int:
    """Publish the jobs that are due."""
    return services.drain(now=timezone.now(), publish=publish)


@shared_task(name="jobs.tick")  # type: ignore[untyped-decorator]
def tick() -> list[str]:
    """Queue the periodic jobs whose slot has come."""
    return services.tick(now=timezone.now(), periodic=settings.PERIODIC_JOBS)


@job_task("jobs.sweep")
def sweep(job: Job) -> None:
    """Forget what is long done."""
    services.sweep(now=timezone.now())
