"""Rotations: one decision each, with its legs and the fills that executed them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from journal.models.plans import Mood, PlanLeg
from portfolio.fields import ExactDecimalField
from portfolio.models import Fill, Portfolio, Sector, Stage
from signals.models import Recommendation, RecommendationLeg, Regime

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class RotationQuerySet(models.QuerySet["Rotation"]):
    """Speak of rotations in sets."""

    def owned_by(self, user: User | AnonymousUser) -> RotationQuerySet:
        """Select a person's own rotations."""
        return self.filter(portfolio__owner_id=user.pk)

    def standing(self) -> RotationQuerySet:
        """Select the rotations that were not reversed."""
        return self.filter(state=Rotation.State.LOGGED)


class Rotation(models.Model):
    """One decision: its legs, its reason and the evidence as it stood, frozen. Never edited; reversed whole."""

    class State(models.TextChoices):
        """Where it stands."""

        LOGGED = "logged"
        REVERSED = "reversed"

    class Kind(models.TextChoices):
        """Which way money moved (DOMAIN F06)."""

        ROTATION = "rotation", "Rotation"
        DEPLOY = "deploy", "Deploy reserves"
        WITHDRAW = "withdraw", "Back to reserves"
        OVERLAY = "overlay", "Futures only"

    class Adherence(models.TextChoices):
        """How it relates to the recommendation that stood (DOMAIN 5.2)."""

        FOLLOWED = "followed", "Followed"
        DEVIATED = "deviated", "Deviated"
        CONTRADICTED = "contradicted", "Against it"
        IGNORED = "ignored", "Something else"
        SPONTANEOUS = "spontaneous", "No recommendation stood"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="rotations")
    recommendation = models.ForeignKey(
        Recommendation, null=True, blank=True, on_delete=models.SET_NULL, related_name="rotations"
    )
    client_key = models.UUIDField(default=uuid.uuid4, help_text="Made by the form or client; a repeat finds the first.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.LOGGED)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    adherence = models.CharField(max_length=12, choices=Adherence.choices)
    similarity = models.FloatField(null=True, blank=True, help_text="To the recommendation, 0 to 1.")
    source_sector = models.ForeignKey(Sector, null=True, on_delete=models.PROTECT, related_name="+")
    destination_sector = models.ForeignKey(Sector, null=True, on_delete=models.PROTECT, related_name="+")
    stage = models.CharField(max_length=2, choices=Stage.choices, blank=True, default="")
    regime = models.CharField(max_length=15, choices=Regime.choices, blank=True, default="")
    thesis = models.TextField(validators=[MaxLengthValidator(10_000)])
    conviction = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01), MaxValueValidator(0.99)],
        help_text="Probability of beating having held, after costs, in 30 days. Null means not asked.",
    )
    no_stop_reason = models.CharField(max_length=300, blank=True, default="")
    core_override_reason = models.CharField(max_length=300, blank=True, default="")
    tags = models.JSONField(default=list, blank=True)
    mood = models.CharField(max_length=10, choices=Mood.choices, blank=True, default="")
    checklist = models.JSONField(default=list, blank=True, help_text="What was asked, and whether it was considered.")
    executed_at = models.DateTimeField(help_text="Notional-weighted time of the fills (t0).")
    recorded_at = models.DateTimeField()
    moved_usd = ExactDecimalField(default=0, help_text="Gross value sold.")
    fees_usd = ExactDecimalField(default=0)
    spot_pnl_usd = ExactDecimalField(default=0, help_text="Realised by the spot legs (derived from the ledger).")
    futures_pnl_usd = ExactDecimalField(default=0, help_text="Realised by the futures legs (derived from the ledger).")
    evidence = models.JSONField(default=dict, help_text="What every input said at that moment.")
    evidence_sha256 = models.CharField(max_length=64, blank=True, default="")
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversal_reason = models.CharField(max_length=300, blank=True, default="")

    objects = RotationQuerySet.as_manager()

    class Meta:
        ordering = ["-executed_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "client_key"], name="rotation_client_key_once"),
            models.CheckConstraint(
                condition=Q(conviction__isnull=True) | Q(conviction__gt=0, conviction__lt=1), name="rotation_conviction"
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "-executed_at", "-id"], name="rotation_newest")]

    def __str__(self) -> str:
        """Show from where to where."""
        return f"{self.get_kind_display()} of {self.executed_at:%-d %B %Y}"


class Leg(models.Model):
    """One side of a rotation, and the fills that executed it."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="legs")
    position = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=20, choices=RecommendationLeg.Action.choices)
    purpose = models.CharField(max_length=30, choices=RecommendationLeg.Purpose.choices, blank=True, default="")
    sector = models.ForeignKey(Sector, on_delete=models.PROTECT, related_name="+")
    stop_price = ExactDecimalField(null=True, blank=True)
    planned = models.ForeignKey(PlanLeg, null=True, blank=True, on_delete=models.SET_NULL, related_name="legs")
    is_core_violation = models.BooleanField(default=False)

    class Meta:
        ordering = ["rotation", "position"]
        constraints = [models.UniqueConstraint(fields=["rotation", "position"], name="rotation_leg_once")]

    def __str__(self) -> str:
        """Show the action."""
        return f"{self.action} in {self.sector_id}"


class LegFill(models.Model):
    """Which fill executed which leg: a fill belongs to at most one rotation."""

    leg = models.ForeignKey(Leg, on_delete=models.CASCADE, related_name="leg_fills")
    fill = models.OneToOneField(Fill, on_delete=models.PROTECT, related_name="leg_fill")

    def __str__(self) -> str:
        """Show the pair."""
        return f"fill {self.fill_id} of leg {self.leg_id}"
