"""Open channels and let them be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import User
from jobs.models import Job
from signals.models import Channel, Delivery, Topic
from signals.services.channels import open_channel, subscribe
from signals.services.deliveries import DELIVER_TASK, deliver

EVERYTHING = [topic.value for topic in Topic]
PLACES = {"chat": "ntfy://secret-topic", "webhook": "https://example.org/hook/secret-path"}


def channel(owner: User, kind: str = "email", *, now: datetime, address: str | None = None, **terms: Any) -> Channel:
    """Open a channel that tells everything."""
    where = PLACES.get(kind, "") if address is None else address
    made, _ = open_channel(owner=owner, kind=kind, name=f"My {kind}", address=where, now=now)
    Channel.objects.filter(pk=made.pk).update(**terms)
    made.refresh_from_db()
    subscribe(channel=made, topics=EVERYTHING, now=now)
    return made


def due_jobs(now: datetime) -> list[int]:
    """Return the messages whose jobs are due, and take the jobs."""
    jobs = Job.objects.due(now).filter(task=DELIVER_TASK)
    found = [job.args["delivery"] for job in jobs]
    jobs.update(state=Job.State.DONE)
    return found


def send_due(now: datetime, **terms: Any) -> list[str]:
    """Send what is due; returns what became of each."""
    return [deliver(delivery_id=pk, now=now, jitter=lambda: 0.0, **terms) for pk in due_jobs(now)]


def states() -> list[str]:
    """Return where every message stands, oldest first."""
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))
