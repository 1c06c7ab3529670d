"""Open, change and close the ways to reach a person; what is secret is shown once and then only sealed."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, time
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from portfolio.models import Portfolio, Sector
from signals.domain.webhooks import SECRET_BYTES, written
from signals.models import Channel, Delivery, Recommendation, Subscription
from signals.services.deliveries import queue
from signals.sources.chat import ChatAddressError, service_of

MAX_CHANNELS = 20
MAX_SUBSCRIPTIONS = 50
FEED_BYTES = 32
LONGEST_ADDRESS = 1_000


class ChannelError(ValueError):
    """A channel cannot be opened or changed like this; the message says what to do, `field` where."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        """Keep the field that is wrong."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hold when a channel is quiet, and when its digest comes; a digest's time makes a digest of everything."""

    quiet_from: time | None = None
    quiet_until: time | None = None
    digest_at: time | None = None
    is_waking: bool = True


@transaction.atomic
def open_channel(*, owner: User, kind: str, name: str, address: str = "", now: datetime) -> tuple[Channel, str]:
    """Return the channel and its secret (a webhook's, a feed's), which cannot be shown again. Raises `ChannelError`."""
    if Channel.objects.select_for_update().filter(owner=owner).count() >= MAX_CHANNELS:
        raise ChannelError(f"You have {MAX_CHANNELS} channels. Remove those you no longer use first.")
    channel = Channel(owner=owner, kind=kind, name=name, created_at=now)
    channel.address, channel.shown_as = _addressed(kind, address.strip())
    shown = _renewed(channel, now) if kind in (Channel.Kind.WEBHOOK, Channel.Kind.FEED) else ""
    channel.save()
    return channel, shown


@transaction.atomic
def renew_secret(*, channel: Channel, now: datetime) -> str:
    """Return a new secret, shown this once: a webhook's old one signs for another day, a feed's old address is gone."""
    if channel.kind not in (Channel.Kind.WEBHOOK, Channel.Kind.FEED):
        raise ChannelError("This channel has no secret of its own.")
    shown = _renewed(channel, now)
    channel.save(update_fields=["secret", "old_secret", "old_secret_until", "token_digest"])
    return shown


@transaction.atomic
def set_hours(*, channel: Channel, hours: Hours) -> None:
    """Keep when a channel may disturb. Raises `ChannelError`."""
    if (hours.quiet_from is None) != (hours.quiet_until is None):
        missing = "quiet_from" if hours.quiet_from is None else "quiet_until"
        raise ChannelError("Say both when quiet begins and when it ends, or neither.", field=missing)
    for name in ("quiet_from", "quiet_until", "digest_at", "is_waking"):
        setattr(channel, name, getattr(hours, name))
    channel.save(update_fields=["quiet_from", "quiet_until", "digest_at", "is_waking"])


@transaction.atomic
def reopen_channel(*, channel: Channel) -> None:
    """Try a channel again that was closed, or that pauses after failures."""
    Channel.objects.filter(pk=channel.pk).update(
        closed_at=None, close_reason="", failures=0, failing_since=None, paused_until=None
    )


@transaction.atomic
def remove_channel(*, channel: Channel) -> None:
    """Forget a channel, its secrets, its subscriptions and its log."""
    channel.delete()


@transaction.atomic
def send_test(*, channel: Channel, now: datetime) -> Delivery:
    """Queue a message that says nothing but that the channel works; quiet hours do not hold it back."""
    delivery = Delivery.objects.create(
        channel=channel,
        topic=Delivery.TEST,
        key=f"test:{uuid.uuid4()}",
        title="This is a test from Rotabook",
        body="If you read this, the channel works.",
        path="/settings/alerts/",
        payload={"title": "This is a test from Rotabook"},
        state=Delivery.State.WAITING,
        created_at=now,
        due_at=now,
    )
    queue(delivery, now=now)
    return delivery


@transaction.atomic
def subscribe(
    *,
    channel: Channel,
    topics: list[str],
    portfolio: Portfolio | None = None,
    sector: Sector | None = None,
    now: datetime,
) -> Subscription:
    """Let a channel tell of topics from now on; what it was to tell of the same subject is replaced."""
    mine = Subscription.objects.filter(channel=channel)
    same = mine.filter(portfolio=portfolio, sector=sector).first()
    if same is None and mine.count() >= MAX_SUBSCRIPTIONS:
        raise ChannelError(f"This channel has {MAX_SUBSCRIPTIONS} subscriptions. Remove some first.")
    if same is not None:
        same.topics = topics
        same.save(update_fields=["topics"])
        return same
    newest = Recommendation.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return Subscription.objects.create(
        channel=channel, portfolio=portfolio, sector=sector, topics=topics, after_recommendation=newest, created_at=now
    )


def digest_of(token: str) -> str:
    """Return what is kept of a feed's address."""
    return hashlib.sha256(token.encode()).hexdigest()


def _addressed(kind: str, address: str) -> tuple[str, str]:
    """Return a checked address, and as much of it as may be shown."""
    if len(address) > LONGEST_ADDRESS:
        raise ChannelError("This address is too long.", field="address")
    if kind == Channel.Kind.WEBHOOK:
        return address, _webhook_host(address)
    if kind == Channel.Kind.CHAT:
        try:
            return address, service_of(address)[:120]
        except ChatAddressError as error:
            raise ChannelError(str(error), field="address") from error
    return "", ""


def _webhook_host(address: str) -> str:
    """Return the host of a webhook's address. Raises `ChannelError` unless it is a plain http or https address."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not address.isascii() or " " in address:
        raise ChannelError("Write the whole address, such as https://example.org/hooks/rotabook.", field="address")
    if parts.username or parts.password or parts.fragment:
        raise ChannelError(
            "Leave names, passwords and # out of the address: the signature says it is us.", field="address"
        )
    return f"{parts.scheme}://{parts.netloc}/…"[:120]


def _renewed(channel: Channel, now: datetime) -> str:
    """Give a channel a new secret."""
    if channel.kind == Channel.Kind.FEED:
        token = secrets.token_urlsafe(FEED_BYTES)
        channel.token_digest = digest_of(token)
        return token
    if channel.secret:
        channel.old_secret, channel.old_secret_until = channel.secret, now + Channel.ROTATION
    secret = written(secrets.token_bytes(SECRET_BYTES))
    channel.secret = secret
    return secret
