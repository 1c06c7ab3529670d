"""What was observed, and when we had it: append-only readings and events."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from portfolio.models import Asset, Market, Sector


class ReadingQuerySet(models.QuerySet["Reading"]):
    """Speak of readings in sets."""

    def known_at(self, moment: datetime) -> ReadingQuerySet:
        """Select what was known at a moment."""
        return self.filter(ingested_at__lte=moment)


class Reading(models.Model):
    """One observed value of an indicator; a restated value is a further row with a later `ingested_at` (DOMAIN 0)."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="readings")
    indicator = models.CharField(max_length=30, help_text="tvl, funding, fear_greed …")
    subject = models.CharField(max_length=40, blank=True, default="", help_text="Sector slug, asset symbol, or empty.")
    observed_at = models.DateTimeField(help_text="What it describes (t_event).")
    ingested_at = models.DateTimeField(help_text="When we had it (t_ingest).")
    value = models.FloatField()
    source = models.CharField(max_length=60)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["market", "indicator", "subject", "observed_at", "ingested_at"], name="reading_version_once"
            )
        ]
        indexes = [models.Index(fields=["market", "ingested_at"], name="reading_market_ingested")]

    def __str__(self) -> str:
        """Show what was read."""
        return f"{self.indicator} {self.subject} {self.value}"


class Event(models.Model):
    """News that moves a narrative: regulation, partnership, milestone, exploit … (DOMAIN 2.3)."""

    class Type(models.TextChoices):
        """What kind of news."""

        REGULATORY = "REGULATORY"
        PARTNERSHIP = "PARTNERSHIP"
        TECH_MILESTONE = "TECH_MILESTONE"
        L2_MILESTONE = "L2_MILESTONE"
        EXPLOIT = "EXPLOIT"
        LISTING = "LISTING"
        UNLOCK = "UNLOCK"

    class Status(models.TextChoices):
        """How sure we are of it."""

        UNVERIFIED = "UNVERIFIED"
        VERIFIED = "VERIFIED"
        REFUTED = "REFUTED"

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="events")
    sector = models.ForeignKey(Sector, on_delete=models.PROTECT, related_name="events")
    type = models.CharField(max_length=20, choices=Type.choices)
    title = models.CharField(max_length=300)
    url = models.URLField(max_length=500, blank=True, default="")
    polarity = models.FloatField(help_text="-1 to 1")
    magnitude = models.PositiveSmallIntegerField(help_text="1 to 5")
    confidence = models.FloatField(help_text="0 to 1")
    published_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.UNVERIFIED)
    refuted_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=60)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "sector", "type", "title", "published_at"], name="event_once"),
            models.CheckConstraint(
                condition=Q(polarity__gte=-1, polarity__lte=1, magnitude__gte=1, magnitude__lte=5)
                & Q(confidence__gte=0, confidence__lte=1),
                name="event_bounds",
            ),
        ]

    def __str__(self) -> str:
        """Show the title."""
        return self.title


class Delisting(models.Model):
    """An asset that is priced no more: reviews keep its last price, flagged; without it the price is missing."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="delistings")
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="delistings")
    delisted_at = models.DateTimeField(help_text="From when on no price is to be expected.")
    url = models.URLField(max_length=500, blank=True, default="", help_text="Where it was announced.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "asset"], name="delisting_once")]

    def __str__(self) -> str:
        """Show what ended when."""
        return f"{self.asset} until {self.delisted_at:%-d %B %Y}"


class SourcePoll(models.Model):
    """When a source was last asked, and with what success: an event-free day counts only if someone looked."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="polls")
    source = models.CharField(max_length=60)
    polled_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True, blank=True)
    message = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "source"], name="source_poll_once")]

    def __str__(self) -> str:
        """Show the source."""
        return self.source
