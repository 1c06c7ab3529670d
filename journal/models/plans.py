"""Plans: a rotation before it is done, from the draft on a ticket until its last leg is filled, or it is given up."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from portfolio.fields import ExactDecimalField
from portfolio.models import Instrument, Portfolio
from signals.models import Recommendation, RecommendationLeg

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class Mood(models.TextChoices):
    """How a person felt when they decided."""

    CALM = "calm", "Calm"
    CONFIDENT = "confident", "Confident"
    EXCITED = "excited", "Excited"
    ANXIOUS = "anxious", "Anxious"
    FRUSTRATED = "frustrated", "Frustrated"
    TIRED = "tired", "Tired"


class PlanQuerySet(models.QuerySet["Plan"]):
    """Speak of plans in sets."""

    def owned_by(self, user: User | AnonymousUser) -> PlanQuerySet:
        """Select a person's own plans."""
        return self.filter(portfolio__owner_id=user.pk)

    def waiting(self) -> PlanQuerySet:
        """Select the plans that ask for something: a draft to finish, a plan to do, legs to fill."""
        return self.filter(state__in=Plan.WAITING)


class Plan(models.Model):
    """What a person means to do: a ticket's draft, then a plan, then a rotation whose legs fill, until it is over."""

    class State(models.TextChoices):
        """Where it stands."""

        DRAFT = "draft", "Draft"
        PLANNED = "planned", "Planned"
        EXECUTING = "executing", "Executing"
        CLOSED = "closed", "Closed"
        ABANDONED = "abandoned", "Abandoned"

    WAITING = (State.DRAFT, State.PLANNED, State.EXECUTING)
    NEXT: dict[str, tuple[str, ...]] = {
        State.DRAFT: (State.PLANNED, State.EXECUTING, State.ABANDONED),
        State.PLANNED: (State.EXECUTING, State.ABANDONED),
        State.EXECUTING: (State.CLOSED, State.ABANDONED),
        State.CLOSED: (),
        State.ABANDONED: (),
    }
    """What may follow what; a plan that is executing is abandoned only where its rotation is reversed."""

    STAMPS: dict[str, str] = {
        State.PLANNED: "planned_at",
        State.EXECUTING: "started_at",
        State.CLOSED: "closed_at",
        State.ABANDONED: "abandoned_at",
    }

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="plans")
    recommendation = models.ForeignKey(
        Recommendation, null=True, blank=True, on_delete=models.SET_NULL, related_name="plans"
    )
    rotation = models.OneToOneField(
        "journal.Rotation", null=True, blank=True, on_delete=models.SET_NULL, related_name="plan"
    )
    client_key = models.UUIDField(default=uuid.uuid4, help_text="The ticket's own; its rotation carries it too.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    written = models.JSONField(default=dict, blank=True, help_text="The ticket as it was typed, finished or not.")
    thesis = models.TextField(blank=True, default="", validators=[MaxLengthValidator(10_000)])
    conviction = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.01), MaxValueValidator(0.99)])
    no_stop_reason = models.CharField(max_length=300, blank=True, default="")
    core_override_reason = models.CharField(max_length=300, blank=True, default="")
    tags = models.JSONField(default=list, blank=True)
    mood = models.CharField(max_length=10, choices=Mood.choices, blank=True, default="")
    checklist = models.JSONField(default=list, blank=True)
    begun_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    planned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    abandoned_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=300, blank=True, default="", help_text="Why it was given up or cut short.")

    objects = PlanQuerySet.as_manager()

    class Meta:
        ordering = ["-saved_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "client_key"], name="plan_client_key_once"),
            models.CheckConstraint(
                condition=Q(conviction__isnull=True) | Q(conviction__gt=0, conviction__lt=1), name="plan_conviction"
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "state", "-saved_at", "-id"], name="plan_newest")]

    def __str__(self) -> str:
        """Show where it stands and since when."""
        return f"{self.get_state_display()}, saved {self.saved_at:%-d %B %Y}"

    def can_become(self, state: str) -> bool:
        """Return whether a state may follow this one."""
        return state in self.NEXT[self.state]


class PlanLeg(models.Model):
    """One side of a plan: how much is to be done at about which price; its fills come later, in parts."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="legs")
    position = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=20, choices=RecommendationLeg.Action.choices)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    price = ExactDecimalField(help_text="Expected, in the quote asset.")
    leverage = ExactDecimalField(null=True, blank=True)
    stop_price = ExactDecimalField(null=True, blank=True)
    purpose = models.CharField(max_length=30, choices=RecommendationLeg.Purpose.choices, blank=True, default="")

    class Meta:
        ordering = ["plan", "position"]
        constraints = [models.UniqueConstraint(fields=["plan", "position"], name="plan_leg_once")]

    def __str__(self) -> str:
        """Show the action."""
        return f"{self.action} {self.quantity} {self.instrument_id}"
