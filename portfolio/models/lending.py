"""What is owed and pledged: loans, collateral, a venue's bonus credit, and what freed capital earns (DOMAIN 1.4)."""

from __future__ import annotations

from django.db import models

from portfolio.domain.lending import LoanKind
from portfolio.fields import ExactDecimalField, PositiveAmount
from portfolio.models.ledger import Account, Transfer
from portfolio.models.market import Asset
from portfolio.models.policy import Portfolio

LOAN_KINDS = [(kind.value, kind.value) for kind in LoanKind]


class LoanEntry(models.Model):
    """A change of what is owed to the lender of an account: never updated or deleted, a mistake is reversed.

    `transfer` is what it brought into the account, or took from it; without one the coins are elsewhere.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="loans")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="loans")
    kind = models.CharField(max_length=8, choices=LOAN_KINDS)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    value_usd = ExactDecimalField(help_text="What it was worth at that moment.")
    executed_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(help_text="Order within the portfolio; breaks ties of time.")
    external_id = models.CharField(max_length=100, null=True, blank=True)
    transfer = models.OneToOneField(Transfer, null=True, blank=True, on_delete=models.PROTECT, related_name="loan")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "sequence"], name="loan_sequence_once"),
            models.UniqueConstraint(fields=["account", "external_id"], name="loan_external_once"),
            PositiveAmount(field="quantity", name="loan_quantity_positive"),
        ]
        indexes = [models.Index(fields=["portfolio", "executed_at", "sequence"], name="loan_in_order")]

    def __str__(self) -> str:
        """Show what changed."""
        return f"{self.kind} {self.quantity} {self.asset_id}"


class Pledge(models.Model):
    """How much of an asset stands as collateral in an account, dated; the newest counts, zero releases it (F42)."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="pledges")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="pledges")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    threshold = ExactDecimalField(help_text="Share of its value that the lender counts before it liquidates.")
    effective_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "asset", "effective_at"], name="pledge_once"),
            PositiveAmount(field="quantity", name="pledge_quantity", is_zero_allowed=True),
            PositiveAmount(field="threshold", name="pledge_threshold", is_zero_allowed=True),
        ]

    def __str__(self) -> str:
        """Show what is pledged."""
        return f"{self.quantity} {self.asset_id} pledged"


class BonusCredit(models.Model):
    """What a venue lends as a bonus: shown beside equity, never part of it, and no deposit (DOMAIN F61)."""

    class Use(models.TextChoices):
        """What it can be used for."""

        MARGIN = "margin", "Margin"
        FEE = "fee", "Fees"
        BOTH = "both", "Margin and fees"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="bonuses")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="bonuses")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    usable_for = models.CharField(max_length=6, choices=Use.choices, default=Use.MARGIN)
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was used up or taken back.")

    class Meta:
        constraints = [PositiveAmount(field="quantity", name="bonus_quantity_positive")]

    def __str__(self) -> str:
        """Show what was granted."""
        return f"{self.quantity} {self.asset_id} of bonus"


class FreedYield(models.Model):
    """What capital that margin sets free earns a year, as a person states it from a moment on (DOMAIN F48)."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="freed_yields")
    apy = ExactDecimalField(help_text="A fraction a year.")
    source = models.CharField(max_length=80, blank=True, default="", help_text="Where it is earned.")
    effective_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "effective_at"], name="freed_yield_once"),
            PositiveAmount(field="apy", name="freed_yield_not_negative", is_zero_allowed=True),
        ]

    def __str__(self) -> str:
        """Show the yield."""
        return f"{self.apy} a year"
