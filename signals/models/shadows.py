"""What would have been (derived): a book that follows the engine and one that never trades, beside every portfolio."""

from __future__ import annotations

from django.db import models

from portfolio.fields import ExactDecimalField
from portfolio.models import Instrument, Portfolio


class Kind(models.TextChoices):
    """What a shadow does."""

    FOLLOW = "follow", "Follows every recommendation"
    STAY = "stay", "Never rotates"


class Shadow(models.Model):
    """A book on paper: how far it was written, and everything needed to go on. Delete it, and it is written anew."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="shadows")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    through = models.DateField(null=True, blank=True, help_text="The last day that was written.")
    ledger_version = models.PositiveBigIntegerField(default=0, help_text="Of the person's ledger, when last compared.")
    mirrored = models.CharField(max_length=64, blank=True, default="", help_text="What came in and went out, hashed.")
    state = models.TextField(blank=True, default="", help_text="Its folded ledger.")
    memory = models.JSONField(default=dict, help_text="Waiting orders, stops, and what the engine looks back on.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "kind"], name="shadow_once")]

    def __str__(self) -> str:
        """Show whose it is."""
        return f"{self.kind} of {self.portfolio_id}"


class ShadowDay(models.Model):
    """What a shadow was worth at a day's close, in USD; `flow_usd` came in (positive) or went out that day."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="shadow_days")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    date = models.DateField()
    equity_usd = ExactDecimalField()
    flow_usd = ExactDecimalField(default=0)
    fee_usd = ExactDecimalField(default=0)
    slippage_usd = ExactDecimalField(default=0)
    funding_usd = ExactDecimalField(default=0, help_text="Received (positive) or paid.")
    unpriced_count = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "kind", "date"], name="shadow_day_once")]

    def __str__(self) -> str:
        """Show day and worth."""
        return f"{self.kind} {self.date} {self.equity_usd}"


class ShadowFill(models.Model):
    """What a shadow traded: an order of the close before at the first price after it. Prices in USD, slippage in them.

    `slot` is the close that was answered; a stop or a liquidation answers none.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="shadow_fills")
    date = models.DateField()
    position = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=20)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    price_usd = ExactDecimalField()
    fee_usd = ExactDecimalField()
    slippage_usd = ExactDecimalField()
    slot = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["portfolio", "date"], name="shadow_fill_in_order")]

    def __str__(self) -> str:
        """Show the fill."""
        return f"{self.action} {self.quantity} {self.instrument_id}"
