"""Find a person's channels with what each tells, what was told, and the channel behind a feed's address."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from portfolio.queries.paging import Page, newest_first
from signals.models import Channel, Delivery, Subscription

IN_FEED = 50
LATEST = 20


def channels_of(user: User) -> QuerySet[Channel]:
    """Return a person's channels with their subscriptions. Two queries."""
    told = Subscription.objects.select_related("portfolio", "sector")
    return Channel.objects.owned_by(user).select_related("owner").prefetch_related(Prefetch("subscriptions", told))


def channel_of(user: User, channel_id: int) -> Channel | None:
    """Return one of a person's own channels, None where it is not theirs."""
    return channels_of(user).filter(pk=channel_id).first()


def log_of(user: User, *, channel: int | None = None, state: str = "", cursor: str = "") -> Page[Delivery]:
    """Return a page of what a person was told, newest first."""
    rows = Delivery.objects.filter(channel__owner=user).select_related("channel")
    if channel is not None:
        rows = rows.filter(channel=channel)
    if state:
        rows = rows.filter(state=state)
    return newest_first(rows, moment="created_at", tie="pk", cursor=cursor)


def latest_of(channel: Channel) -> list[Delivery]:
    """Return a channel's newest messages."""
    return list(Delivery.objects.filter(channel=channel).order_by("-created_at", "-pk")[:LATEST])


def feed_behind(digest: str) -> Channel | None:
    """Return the feed that an address leads to, None where none does any more."""
    live = Channel.objects.filter(kind=Channel.Kind.FEED, closed_at=None, owner__is_active=True)
    return live.filter(token_digest=digest).first()


def feed_entries(channel: Channel) -> list[Delivery]:
    """Return what stands in a feed, newest first."""
    sent = Delivery.objects.filter(channel=channel, state=Delivery.State.SENT)
    return list(sent.order_by("-sent_at", "-pk")[:IN_FEED])


def feed_changed_at(channel: Channel) -> datetime:
    """Return when a feed changed last."""
    newest = Delivery.objects.filter(channel=channel, state=Delivery.State.SENT).order_by("-sent_at").first()
    return newest.sent_at if newest is not None and newest.sent_at is not None else channel.created_at
