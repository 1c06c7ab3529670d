"""Queue work, publish it, claim it, finish it: conditional updates, right on SQLite and on PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from jobs.models import Heartbeat, IdempotencyKey, Job, PeriodicSlot

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=180)
MAX_ATTEMPTS = 3
KEEP = timedelta(days=14)


def enqueue(
    *,
    task: str,
    now: datetime,
    args: dict[str, Any] | None = None,
    user: Any = None,
    unique_key: str = "",
    not_before: datetime | None = None,
) -> Job:
    """Write down a unit of work in the caller's transaction; with a unique key a waiting twin is returned instead.

    With `not_before` it is published no sooner. The twin is held until the caller commits: a worker that took it
    before would not see what the caller wrote.
    """
    fields = {"args": args or {}, "user": user, "created_at": now, "publish_after": not_before or now}
    if not unique_key:
        return Job.objects.create(task=task, **fields)
    waiting = [Job.State.QUEUED, Job.State.PUBLISHED]
    twins = Job.objects.select_for_update().filter(unique_key=unique_key, state__in=waiting)
    with transaction.atomic(savepoint=False):
        found = twins.first()
        if found is not None:
            return found
        try:
            with transaction.atomic():
                return Job.objects.create(task=task, unique_key=unique_key, **fields)
        except IntegrityError:
            return twins.get()


def drain(*, now: datetime, publish: Callable[[str, int], None], limit: int = 100) -> int:
    """Publish what is due and requeue what went silent; returns how many were published.

    A row is claimed before it is published, and given back if the broker cannot be reached.
    """
    requeue_lapsed(now=now)
    published = 0
    for job in Job.objects.due(now)[:limit]:
        claimed = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
        if not claimed.update(state=Job.State.PUBLISHED, lease_until=now + LEASE):
            continue
        try:
            publish(job.task, job.pk)
        except Exception:
            Job.objects.filter(pk=job.pk, state=Job.State.PUBLISHED).update(state=Job.State.QUEUED, lease_until=None)
            raise
        published += 1
    return published


def requeue_lapsed(*, now: datetime) -> None:
    """Give the work of a silent worker back, or park it after three attempts."""
    for job in Job.objects.lapsed(now):
        row = Job.objects.filter(pk=job.pk, state=job.state, lease_until=job.lease_until)
        if job.attempts >= MAX_ATTEMPTS:
            row.update(state=Job.State.FAILED, finished_at=now, error="Its worker went silent three times.")
        else:
            _requeue(row, now)


def _requeue(row: Any, now: datetime) -> None:
    """Queue a row again, unless a twin with its key waits already."""
    try:
        with transaction.atomic():
            row.update(state=Job.State.QUEUED, lease_until=None, publish_after=now)
    except IntegrityError:
        row.update(state=Job.State.DONE, finished_at=now, message="A later request did the same work.")


def work(job_id: int, *, now: datetime, run: Callable[[Job], str | None]) -> bool:
    """Claim a published job, run it, record how it ended; returns whether it was ours to run.

    A doubled message finds the row taken and does nothing.
    """
    waiting = Job.objects.filter(pk=job_id, state__in=[Job.State.PUBLISHED, Job.State.QUEUED])
    if not waiting.update(state=Job.State.RUNNING, lease_until=now + LEASE, attempts=F("attempts") + 1):
        return False
    job = Job.objects.get(pk=job_id)
    try:
        message = run(job)
    except Exception as error:
        log.exception("job %s failed", job)
        finish(job, state=Job.State.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    finish(job, state=Job.State.DONE, message=message or "")
    return True


def finish(job: Job, *, state: str, message: str = "", error: str = "") -> None:
    """Record how a running job ended."""
    Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
        state=state, message=message[:300], error=error[:2000], finished_at=datetime.now(UTC), lease_until=None
    )


def report_progress(job: Job, *, done: int, total: int, message: str = "") -> None:
    """Show how far a job has come, and prolong its lease."""
    Job.objects.filter(pk=job.pk).update(
        progress_done=done, progress_total=total, message=message[:300], lease_until=datetime.now(UTC) + LEASE
    )


def claim_slot(*, job: str, every: int, now: datetime) -> bool:
    """Claim the current slot of a periodic job; False when somebody has it. Slots are UTC; missed ones are gone."""
    slot = datetime.fromtimestamp(now.timestamp() // every * every, tz=UTC)
    if PeriodicSlot.objects.filter(job=job, slot=slot).exists():
        return False
    try:
        with transaction.atomic():
            PeriodicSlot.objects.create(job=job, slot=slot, claimed_at=now)
    except IntegrityError:
        return False
    return True


def tick(*, now: datetime, periodic: dict[str, int]) -> list[str]:
    """Queue the periodic jobs whose slot has come, and leave a sign of life; returns their names."""
    Heartbeat.objects.update_or_create(name="beat", defaults={"beat_at": now})
    claimed = []
    for name, every in periodic.items():
        with transaction.atomic():
            if claim_slot(job=name, every=every, now=now):
                enqueue(task=name, now=now, unique_key=name)
                claimed.append(name)
    return claimed


def sweep(*, now: datetime) -> None:
    """Forget finished jobs, old slots and old idempotency keys."""
    Job.objects.filter(state=Job.State.DONE, finished_at__lt=now - KEEP).delete()
    PeriodicSlot.objects.filter(slot__lt=now - KEEP).delete()
    IdempotencyKey.objects.filter(created_at__lt=now - KEEP).delete()
