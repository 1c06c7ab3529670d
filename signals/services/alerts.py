"""Write down what is to be told: find what is new, match it to what people asked for, one message a channel and key.

This is a reconciliation: it looks at what should have been told and was not, so a run that dies or runs twice changes
nothing. Messages are rows with jobs in one transaction; sending them is another matter (`deliveries`).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from jobs.bulk import insert_rows
from jobs.services import enqueue
from portfolio.models import Market, Portfolio
from signals.domain.alerts import DISCLAIMER, Alert
from signals.models import Channel, Delivery, Subscription, Topic
from signals.queries.alerts import answer_alerts, funding_alerts, portfolio_alerts
from signals.services.deliveries import queue, queue_all, requeue_stuck, sweep_deliveries

WATCH_TASK = "signals.watch_portfolios"
WATCHED_AT_ONCE = 100
OF_PORTFOLIOS = frozenset({Topic.EXPIRY, Topic.LIQUIDATION, Topic.DRIFT})
FIELDS = ("public_id", "channel_id", "topic", "key", "title", "body", "path", "payload", "state", "attempts", "error",
          "created_at", "due_at")  # fmt: skip


def raise_alerts(*, now: datetime) -> int:
    """Write what is new of answers and funding, and the digests that are due; returns how many messages are new."""
    wanted = subscriptions()
    after = min((each.after_recommendation for each in wanted), default=0)
    alerts = answer_alerts(after=after, now=now) if wanted else []
    alerts += funding_alerts(markets=_funded(wanted), now=now)
    written = tell(alerts=alerts, wanted=wanted, now=now)
    return written + bundle_digests(now=now)


def subscriptions(*, owners: Collection[int] | None = None) -> list[Subscription]:
    """Return the subscriptions of open channels, all or some people's, with what it takes to match and to time them."""
    live = Subscription.objects.filter(channel__closed_at=None, channel__owner__is_active=True)
    if owners is not None:
        live = live.filter(channel__owner__in=owners)
    return list(live.select_related("channel__owner", "portfolio", "sector"))


@transaction.atomic
def tell(*, alerts: Sequence[Alert], wanted: Sequence[Subscription], now: datetime) -> int:
    """Write a message for each channel that asked for an alert, unless it has it; returns how many are new."""
    of_owner: dict[int | None, list[Alert]] = defaultdict(list)
    for alert in alerts:
        of_owner[alert.owner].append(alert)
    found: dict[tuple[int, str], tuple[Channel, Alert]] = {}
    for subscription in wanted:
        wish = subscription.wish()
        for alert in (*of_owner.get(wish.owner, ()), *of_owner.get(None, ())):
            if wish.covers(alert):
                found[subscription.channel_id, alert.key] = (subscription.channel, alert)
    return _written(found, now) if found else 0


def _written(found: Mapping[tuple[int, str], tuple[Channel, Alert]], now: datetime) -> int:
    """Write the messages that are new, and their jobs; returns how many there are."""
    keys = {key for _, key in found}
    known = set(Delivery.objects.filter(key__in=keys).values_list("channel_id", "key"))
    rows = [_row(channel, alert, now) for key, (channel, alert) in found.items() if key not in known]
    insert_rows(Delivery, FIELDS, rows, ignore_conflicts=True)
    new = list(Delivery.objects.filter(public_id__in=[row[0] for row in rows]).only("state", "due_at"))
    queue_all([delivery for delivery in new if delivery.state == Delivery.State.WAITING], now=now)
    return len(new)


@transaction.atomic
def bundle_digests(*, now: datetime) -> int:
    """Make one message of all that a channel's digest is due for; returns how many digests were written."""
    due = Delivery.objects.filter(state=Delivery.State.HELD, due_at__lte=now)
    channels = Channel.objects.filter(pk__in=due.values("channel")).select_for_update()
    return sum(_bundle(channel, now) for channel in channels)


def watch_all(*, now: datetime) -> int:
    """Queue a look at every portfolio whose state somebody wants to be told of; returns how many there are."""
    requeue_stuck(now=now)
    sweep_deliveries(now=now)
    watching = [each for each in subscriptions() if OF_PORTFOLIOS & set(each.topics)]
    all_of = {each.channel.owner_id for each in watching if each.portfolio_id is None}
    named = {each.portfolio_id for each in watching if each.portfolio_id is not None}
    ids = sorted({*named, *Portfolio.objects.filter(owner__in=all_of).values_list("pk", flat=True)})
    with transaction.atomic():
        for start in range(0, len(ids), WATCHED_AT_ONCE):
            some = ids[start : start + WATCHED_AT_ONCE]
            enqueue(task=WATCH_TASK, args={"portfolios": some}, now=now, unique_key=f"{WATCH_TASK}:{some[0]}")
    return len(ids)


def watch(*, portfolio_ids: Iterable[int], now: datetime) -> int:
    """Write what there is to tell of some portfolios' state; returns how many messages are new."""
    books = Portfolio.objects.filter(pk__in=list(portfolio_ids)).select_related("market", "venue", "reserve_asset")
    owners = {book.owner_id for book in books}
    wanted = subscriptions(owners=owners)
    return sum(tell(alerts=portfolio_alerts(portfolio=book, now=now), wanted=wanted, now=now) for book in books)


def _funded(wanted: Iterable[Subscription]) -> list[Market]:
    """Return the markets whose funding somebody wants to be told of: those of the owners' portfolios."""
    owners = {each.channel.owner_id for each in wanted if Topic.FUNDING in each.topics}
    return list(Market.objects.filter(portfolios__owner__in=owners).distinct()) if owners else []


def _row(channel: Channel, alert: Alert, now: datetime) -> tuple[object, ...]:
    """Return a message's values in the order of FIELDS: held for the digest, or due once the quiet hours are over."""
    digest = channel.digest_moment(now, topic=alert.topic)
    due = channel.first_moment(now, topic=alert.topic) if digest is None else digest
    state = Delivery.State.WAITING if digest is None else Delivery.State.HELD
    shown = (alert.title, alert.body, alert.path, alert.payload())
    return (uuid.uuid4(), channel.pk, str(alert.topic), alert.key, *shown, str(state), 0, "", now, due)


def _bundle(channel: Channel, now: datetime) -> bool:
    """Write a channel's digest, and mark what went into it."""
    items = list(Delivery.objects.filter(channel=channel, state=Delivery.State.HELD, due_at__lte=now).order_by("pk"))
    if not items:
        return False
    title = items[0].title if len(items) == 1 else f"{len(items)} messages from Rotabook"
    digest, is_new = Delivery.objects.get_or_create(
        channel=channel,
        key=f"digest:{max(item.due_at for item in items).isoformat()}:{items[-1].pk}",
        defaults={
            "topic": Delivery.DIGEST,
            "title": title,
            "body": "\n\n".join(f"{item.title}\n{item.body}" for item in items),
            "path": items[0].path if len(items) == 1 else "/",
            "payload": {"title": title, "items": [item.payload for item in items], "disclaimer": DISCLAIMER},
            "state": Delivery.State.WAITING,
            "created_at": now,
            "due_at": channel.first_moment(now, topic=Delivery.DIGEST),
        },
    )
    ids = [item.pk for item in items]
    Delivery.objects.filter(pk__in=ids).update(state=Delivery.State.DIGESTED, digest=digest)
    if is_new:
        queue(digest, now=now)
    return is_new
