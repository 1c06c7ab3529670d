"""Record what is to be done: the database is the record of work, the broker only a doorbell."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q


class JobQuerySet(models.QuerySet["Job"]):
    """Speak of jobs in sets."""

    def active(self) -> JobQuerySet:
        """Select the jobs that are not yet over."""
        return self.filter(state__in=Job.ACTIVE)

    def due(self, now: datetime) -> JobQuerySet:
        """Select the jobs that wait to be published."""
        return self.filter(state=Job.State.QUEUED, publish_after__lte=now).order_by("publish_after", "id")

    def lapsed(self, now: datetime) -> JobQuerySet:
        """Select the jobs whose worker went silent: their lease ran out."""
        return self.filter(state__in=[Job.State.PUBLISHED, Job.State.RUNNING], lease_until__lt=now)


class Job(models.Model):
    """One unit of work: queued in its cause's transaction, published by the drain, done by a worker."""

    class State(models.TextChoices):
        """Where a job stands."""

        QUEUED = "queued"
        PUBLISHED = "published"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    ACTIVE = (State.QUEUED, State.PUBLISHED, State.RUNNING)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    task = models.CharField(max_length=100)
    args = models.JSONField(default=dict)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    unique_key = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True, default="")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    publish_after = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "publish_after"], name="job_state_due"),
            models.Index(fields=["state", "lease_until"], name="job_state_lease"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unique_key"],
                condition=Q(state__in=["queued", "published"]) & ~Q(unique_key=""),
                name="job_waiting_once",
            )
        ]

    def __str__(self) -> str:
        """Name the task and where it stands."""
        return f"{self.task} ({self.state})"


class PeriodicSlot(models.Model):
    """The claim on one run of a periodic job: a second beat finds the slot taken."""

    job = models.CharField(max_length=100)
    slot = models.DateTimeField()
    claimed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "slot"], name="periodic_slot_once")]

    def __str__(self) -> str:
        """Name the job and its slot."""
        return f"{self.job} at {self.slot:%Y-%m-%d %H:%M}"


class Heartbeat(models.Model):
    """When a process of ours was last heard of."""

    name = models.CharField(max_length=50, unique=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        """Name the process and its last sign of life."""
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"


class IdempotencyKey(models.Model):
    """The stored answer to a request that may be repeated, written in the same transaction as its effect."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        """Show the key."""
        return self.key
