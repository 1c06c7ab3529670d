"""What was observed, and when we had it: append-only readings."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from portfolio.models import Asset, Market


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
