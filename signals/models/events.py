"""News and what people found about it: an event is written once, each verdict is a further row."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from portfolio.models import Market, Sector


class Event(models.Model):
    """News that moves a narrative, as it was first told; what became of it are its verdicts (DOMAIN 2.3)."""

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
    occurred_at = models.DateTimeField(null=True, blank=True, help_text="When it happened, where that is known.")
    published_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.UNVERIFIED)
    refuted_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=60)
    jurisdiction = models.CharField(max_length=60, blank=True, default="", help_text="Of regulation: EU, US …")
    story = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reports",
        help_text="The event that this one reports again; what it adds counts beside it.",
    )  # fmt: skip
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


class EventVerdict(models.Model):
    """What somebody found about an event, from a moment on: the newest verdict stands, the past stays as it was."""

    class Verdict(models.TextChoices):
        """What was found."""

        CONFIRMED = "CONFIRMED"
        REFUTED = "REFUTED"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="verdicts")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    decided_at = models.DateTimeField(help_text="From when on it counts.")
    confidence = models.FloatField(help_text="Of the whole story from then on; 0 where it is refuted.")
    note = models.CharField(max_length=500, blank=True, default="")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["decided_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="event_verdict_bounds")
        ]
        indexes = [models.Index(fields=["event", "decided_at"], name="event_verdict_newest")]

    def __str__(self) -> str:
        """Show what was found."""
        return f"{self.verdict} {self.decided_at:%Y-%m-%d}"
