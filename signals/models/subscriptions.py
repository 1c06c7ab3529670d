"""Who wants to be told what, how, and what was told: channels, subscriptions and the log of deliveries."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from portfolio.models import Portfolio, Sector
from signals.domain.alerts import Wish
from signals.domain.quiet_hours import QuietHours, first_moment, next_time
from signals.fields import SealedField

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class Topic(models.TextChoices):
    """What a person can be told of."""

    RECOMMENDATION = "recommendation", "A new recommendation"
    REFUSAL = "refusal", "A refusal, with its reason"
    EXPIRY = "expiry", "A contract expires in 14, 7, 3 or 1 days"
    LIQUIDATION = "liquidation", "A position comes near its liquidation"
    FUNDING = "funding", "Funding becomes extreme"
    DRIFT = "drift", "A portfolio drifts out of its band"


class ChannelQuerySet(models.QuerySet["Channel"]):
    """Speak of channels in sets."""

    def owned_by(self, user: User | AnonymousUser) -> ChannelQuerySet:
        """Select a person's own channels."""
        return self.filter(owner_id=user.pk)


class Channel(models.Model):
    """One way to reach a person, and when they may be reached by it."""

    class Kind(models.TextChoices):
        """How it reaches them."""

        EMAIL = "email", "E-mail"
        CHAT = "chat", "Chat"
        WEBHOOK = "webhook", "Webhook"
        FEED = "feed", "Atom feed"

    ROTATION = timedelta(hours=24)

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="channels")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=80)
    address = SealedField(blank=True, default="", help_text="Where to; a chat's holds its password, so none is shown.")
    shown_as = models.CharField(max_length=120, blank=True, default="", help_text="As much of the address as is shown.")
    secret = SealedField(blank=True, default="", help_text="Signs webhooks.")
    old_secret = SealedField(blank=True, default="", help_text="Signs beside the new one for a day.")
    old_secret_until = models.DateTimeField(null=True, blank=True)
    token_digest = models.CharField(max_length=64, null=True, blank=True, unique=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    digest_at = models.TimeField(null=True, blank=True)
    is_waking = models.BooleanField(default=True, help_text="A position near its liquidation is told of at any hour.")
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()

    objects = ChannelQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        """Show its name, never its address."""
        return self.name

    def secrets(self, now: datetime) -> list[str]:
        """Return what signs now: the secret, and for a day the one before it."""
        is_both = bool(self.old_secret) and self.old_secret_until is not None and now < self.old_secret_until
        return [self.secret, self.old_secret] if is_both else [self.secret]

    def first_moment(self, moment: datetime, *, topic: str) -> datetime:
        """Return when the owner may be disturbed from a moment on: a liquidation at any hour, unless they said no."""
        if topic == Topic.LIQUIDATION and self.is_waking:
            return moment
        has_quiet = self.quiet_from is not None and self.quiet_until is not None
        quiet = QuietHours(self.quiet_from, self.quiet_until) if has_quiet else None  # type: ignore[arg-type]
        return first_moment(moment, zone=self.owner.time_zone, quiet=quiet)

    def digest_moment(self, moment: datetime, *, topic: str) -> datetime | None:
        """Return when the digest that a topic waits for is due, None where it is told at once."""
        if self.digest_at is None or (topic == Topic.LIQUIDATION and self.is_waking):
            return None
        return next_time(moment, zone=self.owner.time_zone, clock=self.digest_at)


class Subscription(models.Model):
    """What a channel is to tell of: topics of one portfolio, of one narrative, or of everything."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="subscriptions")
    portfolio = models.ForeignKey(Portfolio, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    sector = models.ForeignKey(Sector, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    topics = models.JSONField(default=list)
    after_recommendation = models.PositiveBigIntegerField(default=0, help_text="Older ones are no news.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(portfolio__isnull=True) | Q(sector__isnull=True), name="subscription_one_subject"
            )
        ]

    def __str__(self) -> str:
        """Name what it is about."""
        return str(self.portfolio or self.sector or "Everything of mine")

    @property
    def topic_names(self) -> list[str]:
        """Return in words what is told."""
        return [topic.label for topic in Topic if topic in self.topics]

    def wish(self) -> Wish:
        """Return it as the domain knows it; its channel and portfolio came with it."""
        return Wish(
            owner=self.channel.owner_id,
            topics=frozenset(self.topics),
            portfolio=self.portfolio_id,
            market=self.portfolio.market_id if self.portfolio else None,
            sector=self.sector_id,
            after_recommendation=self.after_recommendation,
        )


class Delivery(models.Model):
    """One message to one channel, written once a key; its public id is the same however often it is sent."""

    class State(models.TextChoices):
        """What became of it."""

        HELD = "held", "Waits for the digest"
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"
        DIGESTED = "digested", "In a digest"

    TEST, DIGEST = "test", "digest"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    topic = models.CharField(max_length=14)
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True, default="")
    path = models.CharField(max_length=200, blank=True, default="")
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempted_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    digest = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="items")

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="delivery_key_once")]
        indexes = [
            models.Index(fields=["state", "due_at"], name="delivery_state_due"),
            models.Index(fields=["channel", "-created_at", "-id"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        """Show what it says."""
        return self.title

    @property
    def kind(self) -> str:
        """Return in words what it is about."""
        return {self.TEST: "A test", self.DIGEST: "The daily digest"}.get(self.topic) or str(Topic(self.topic).label)
