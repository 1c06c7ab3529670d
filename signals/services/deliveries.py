"""Deliver what was written down: at least once, with the same id each time, more slowly after each failure.

A message is sent outside any transaction, and that it was sent is recorded after. Only a crash that falls between the
two makes it be sent again. Its attempt is counted before it is sent, so that one that kills its worker ends too.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from jobs.bulk import insert_rows
from jobs.models import Job
from jobs.services import enqueue
from signals.domain.retries import MAX_ATTEMPTS, pause_after
from signals.models import Channel, Delivery
from signals.services.senders import Outcome, Sender, send

DELIVER_TASK = "signals.deliver"
CLOSED_TASK = "signals.tell_closed"
FAILURES_TO_PAUSE = 5
PAUSE = timedelta(minutes=30)
PATIENCE = timedelta(days=5)
STUCK = timedelta(minutes=15)
KEEP = timedelta(days=30)
NOUGHT = {"attempts": 0, "progress_done": 0, "progress_total": 0, "message": "", "error": ""}
"""What a new job starts with."""


def queue(delivery: Delivery, *, now: datetime) -> None:
    """Queue a message for when it is due, in the caller's transaction."""
    enqueue(
        task=DELIVER_TASK,
        args={"delivery": delivery.pk},
        now=now,
        not_before=delivery.due_at,
        unique_key=_key(delivery),
    )


def queue_all(deliveries: Sequence[Delivery], *, now: datetime) -> None:
    """Queue many messages at once, in the caller's transaction."""
    fields = ("public_id", "task", "args", "unique_key", "state", "created_at", "publish_after", *NOUGHT)
    waiting = str(Job.State.QUEUED)
    rows = [
        (uuid.uuid4(), DELIVER_TASK, {"delivery": each.pk}, _key(each), waiting, now, each.due_at, *NOUGHT.values())
        for each in deliveries
    ]
    insert_rows(Job, fields, rows, ignore_conflicts=True)


def deliver(
    *, delivery_id: int, now: datetime, sender: Sender = send, jitter: Callable[[], float] = random.random
) -> str:
    """Send one message if it still waits, and record what came of it; returns that in a sentence."""
    delivery = _begin(delivery_id, now)
    if delivery is None:
        return "Nothing was to be sent."
    outcome = sender(delivery, now)
    return _record(delivery, outcome, now=now, jitter=jitter)


@transaction.atomic
def _begin(delivery_id: int, now: datetime) -> Delivery | None:
    """Count the attempt before it is made; None where there is none to make now."""
    found = Delivery.objects.select_related("channel__owner").select_for_update(of=("self",)).filter(pk=delivery_id)
    delivery = found.first()
    if delivery is None or delivery.state != Delivery.State.WAITING:
        return None
    channel = delivery.channel
    if channel.closed_at is not None or not channel.owner.is_active or delivery.attempts >= MAX_ATTEMPTS:
        _give_up(Delivery.objects.filter(pk=delivery.pk), channel.close_reason or "It was tried often enough.")
        return None
    free_at = _free_at(delivery, now)
    if free_at > now:
        _postpone(delivery, free_at, now=now)
        return None
    delivery.attempts += 1
    delivery.attempted_at = now
    delivery.save(update_fields=["attempts", "attempted_at"])
    return delivery


def _free_at(delivery: Delivery, now: datetime) -> datetime:
    """Return when a message may be sent: after its channel's pause and its owner's quiet hours; a test at once."""
    if delivery.topic == Delivery.TEST:
        return now
    pause = delivery.channel.paused_until or now
    return delivery.channel.first_moment(max(now, pause), topic=delivery.topic)


@transaction.atomic
def _record(delivery: Delivery, outcome: Outcome, *, now: datetime, jitter: Callable[[], float]) -> str:
    """Write down what came of an attempt, and queue the next one."""
    waiting = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING)
    mine = Channel.objects.filter(pk=delivery.channel_id)
    if outcome.is_sent:
        waiting.update(state=Delivery.State.SENT, sent_at=now, error="")
        mine.update(failures=0, failing_since=None, paused_until=None)
        return "Sent."
    waiting.update(error=outcome.error[:300])
    _count_failure(mine, now)
    channel = mine.get()
    if outcome.is_gone or (channel.failing_since and now - channel.failing_since >= PATIENCE):
        close_channel(channel=channel, reason=outcome.error if outcome.is_gone else _tired(channel), now=now)
        return "The channel was closed."
    pause = pause_after(delivery.attempts, jitter=jitter(), wanted=outcome.wait)
    if pause is None or delivery.topic == Delivery.TEST:
        _give_up(waiting, outcome.error)
        return f"Given up: {outcome.error}"
    due = delivery.channel.first_moment(now + pause, topic=delivery.topic)
    _postpone(delivery, due, now=now)
    return f"{outcome.error} Next try at {due:%Y-%m-%d %H:%M:%S} UTC."


@transaction.atomic
def close_channel(*, channel: Channel, reason: str, now: datetime) -> None:
    """Close a channel that has failed for too long, give up what waits for it, and have its owner told by mail."""
    open_still = Channel.objects.filter(pk=channel.pk, closed_at=None)
    if not open_still.update(closed_at=now, close_reason=reason[:200]):
        return
    lost = Delivery.objects.filter(channel=channel, state__in=[Delivery.State.WAITING, Delivery.State.HELD])
    _give_up(lost, reason)
    enqueue(task=CLOSED_TASK, args={"channel": channel.pk}, now=now, unique_key=f"{CLOSED_TASK}:{channel.pk}")


def requeue_stuck(*, now: datetime) -> int:
    """Queue again what waits without a job, its job having been parked; returns how many."""
    late = Delivery.objects.filter(state=Delivery.State.WAITING, due_at__lt=now - STUCK).order_by("due_at")[:500]
    active = Job.objects.active().filter(task=DELIVER_TASK).values_list("args", flat=True)
    at_work = {args.get("delivery") for args in active}
    lost = [delivery for delivery in late if delivery.pk not in at_work]
    for delivery in lost:
        queue(delivery, now=now)
    return len(lost)


def sweep_deliveries(*, now: datetime) -> None:
    """Forget what was delivered or given up a month ago."""
    over = [Delivery.State.SENT, Delivery.State.FAILED, Delivery.State.DIGESTED]
    Delivery.objects.filter(state__in=over, created_at__lt=now - KEEP).delete()


def _key(delivery: Delivery) -> str:
    """Return what makes a message's job the only one that waits."""
    return f"{DELIVER_TASK}:{delivery.pk}"


def _count_failure(mine: Any, now: datetime) -> None:
    """Count a failure of a channel; the fifth in a row lets it rest, and each further one again."""
    mine.filter(failing_since=None).update(failing_since=now)
    mine.update(failures=F("failures") + 1)
    mine.filter(failures__gte=FAILURES_TO_PAUSE).update(paused_until=now + PAUSE)


def _tired(channel: Channel) -> str:
    """Say why a channel was closed."""
    return f"Nothing got through since {channel.failing_since:%Y-%m-%d %H:%M} UTC."


def _postpone(delivery: Delivery, due: datetime, *, now: datetime) -> None:
    """Try later."""
    delivery.due_at = due
    delivery.save(update_fields=["due_at"])
    queue(delivery, now=now)


def _give_up(rows: Any, error: str) -> None:
    """Record that messages will not be sent."""
    rows.update(state=Delivery.State.FAILED, error=error[:300])
