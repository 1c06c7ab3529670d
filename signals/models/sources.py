"""Keep how each live source behaves: its budget and circuit, its validators, and what it said that was not believed."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from portfolio.models import Asset, Market, Sector


class SourceState(models.Model):
    """One source's budget, circuit and last outcomes, shared by all workers; changed by conditional updates only."""

    name = models.CharField(max_length=60, unique=True)
    minute_at = models.DateTimeField(help_text="The minute that `minute_used` counts.")
    minute_used = models.PositiveIntegerField(default=0)
    month_at = models.DateTimeField(help_text="The month that `month_used` counts.")
    month_used = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    open_until = models.DateTimeField(null=True, blank=True, help_text="The circuit is open until then.")
    wait_until = models.DateTimeField(null=True, blank=True, help_text="The source asked to be left alone until then.")
    asked_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True, help_text="Last answer that could be read.")
    message = models.CharField(max_length=300, blank=True, default="", help_text="What went wrong last.")

    def __str__(self) -> str:
        """Show the source."""
        return self.name

    def is_open(self, now: datetime) -> bool:
        """Return whether the circuit is open: the source is not asked."""
        return self.open_until is not None and self.open_until > now


class SourceValidator(models.Model):
    """What a source wants to hear to answer "not modified"; kept only once its answer has been stored."""

    source = models.CharField(max_length=60)
    url_hash = models.CharField(max_length=64)
    etag = models.CharField(max_length=300, blank=True, default="")
    last_modified = models.CharField(max_length=100, blank=True, default="")
    stored_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "url_hash"], name="source_validator_once")]

    def __str__(self) -> str:
        """Show the source."""
        return f"{self.source} {self.etag or self.last_modified}"


class Quarantine(models.Model):
    """Something a source said that was not believed, and why; repeats are counted, so the table stays small."""

    class Reason(models.TextChoices):
        """Why it was not believed."""

        UNREACHABLE = "unreachable"
        REFUSED = "refused", "Refused with an error"
        UNREADABLE = "unreadable", "Not in the expected form"
        VALUE = "value", "No possible value"
        SPIKE = "spike", "Too far from the value before"
        STALE = "stale", "Too old"
        FUTURE = "future", "From the future"
        DUPLICATE = "duplicate", "Said twice, differently"
        UNKNOWN = "unknown", "Not in the catalogue"
        CONFLICT = "conflict", "Contradicts what is stored"

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="quarantined")
    source = models.CharField(max_length=60)
    reason = models.CharField(max_length=12, choices=Reason.choices)
    subject = models.CharField(max_length=120, blank=True, default="", help_text="What it was about.")
    detail = models.CharField(max_length=300)
    value = models.FloatField(null=True, blank=True)
    streak = models.PositiveIntegerField(default=1, help_text="How often in a row nearly the same value was said.")
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    said_at = models.DateTimeField(null=True, blank=True, help_text="The moment the value was about.")
    accepted_at = models.DateTimeField(null=True, blank=True, help_text="Believed after all, as it persisted.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "source", "reason", "subject"], name="quarantine_once")
        ]
        indexes = [models.Index(fields=["market", "-last_at"], name="quarantine_newest")]

    def __str__(self) -> str:
        """Show what and why."""
        return f"{self.source} {self.subject}: {self.reason}"


class SourceAlias(models.Model):
    """How a source names one of our assets; symbols are not unique outside, so nothing is matched by symbol."""

    source = models.CharField(max_length=60)
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="aliases")
    external_id = models.CharField(max_length=100)

    class Meta:
        verbose_name_plural = "source aliases"
        constraints = [
            models.UniqueConstraint(fields=["source", "asset"], name="source_alias_once"),
            models.UniqueConstraint(fields=["source", "external_id"], name="source_alias_external_once"),
        ]

    def __str__(self) -> str:
        """Show the name."""
        return f"{self.source} {self.external_id}"


class SectorAlias(models.Model):
    """How a source names one of our narratives: a category of CoinGecko; words that feeds use, set off by commas."""

    source = models.CharField(max_length=60)
    sector = models.ForeignKey(Sector, on_delete=models.CASCADE, related_name="aliases")
    external_id = models.CharField(max_length=300)

    class Meta:
        verbose_name_plural = "sector aliases"
        constraints = [models.UniqueConstraint(fields=["source", "sector"], name="sector_alias_once")]

    def __str__(self) -> str:
        """Show the name."""
        return f"{self.source} {self.external_id}"


class Feed(models.Model):
    """A feed of news that an administrator added to the listed ones, or switched off."""

    url = models.URLField(max_length=300, unique=True)
    is_enabled = models.BooleanField(default=True)
    note = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        """Show the address."""
        return self.url
