"""What the engine suggests (derived): a recommendation with its legs, or a reasoned refusal."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from portfolio.fields import ExactDecimalField
from portfolio.models import Instrument, Portfolio, Sector, Stage
from signals.models.market import Evidence, Regime

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class RecommendationQuerySet(models.QuerySet["Recommendation"]):
    """Speak of recommendations in sets."""

    def owned_by(self, user: User | AnonymousUser) -> RecommendationQuerySet:
        """Select a person's own recommendations."""
        return self.filter(portfolio__owner_id=user.pk)

    def open(self, now: datetime) -> RecommendationQuerySet:
        """Select the recommendations that still stand."""
        return self.filter(state__in=Recommendation.OPEN, expires_at__gt=now)


class Recommendation(models.Model):
    """One answer for one portfolio and slot: legs that pass, or a refusal with its reason (DOMAIN 3.8, 3.9)."""

    class State(models.TextChoices):
        """Where it stands in its life."""

        ISSUED = "issued"
        ACKNOWLEDGED = "acknowledged"
        REFUSED = "refused", "No recommendation"
        FOLLOWED = "followed"
        DEVIATED = "deviated"
        CONTRADICTED = "contradicted"
        PASSED = "passed"
        IGNORED = "ignored"
        EXPIRED = "expired"
        SUPERSEDED = "superseded"
        INVALIDATED = "invalidated"

    OPEN = (State.ISSUED, State.ACKNOWLEDGED)

    class Kind(models.TextChoices):
        """What moved the engine."""

        STAGE = "stage", "Stage change"
        DRIFT = "drift", "Drift out of band"
        RISK = "risk", "Risk reduction"

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="recommendations")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="recommendations")
    slot = models.DateTimeField(help_text="The market moment it answers; one a portfolio and slot.")
    state = models.CharField(max_length=12, choices=State.choices)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    refusal = models.CharField(
        max_length=30, blank=True, default="", help_text="Type of the refusal, empty if accepted."
    )
    stage = models.CharField(max_length=2, choices=Stage.choices)
    stage_since = models.DateField()
    regime = models.CharField(max_length=15, choices=Regime.choices)
    leader = models.ForeignKey(Sector, null=True, on_delete=models.PROTECT, related_name="+")
    source_sector = models.ForeignKey(Sector, null=True, on_delete=models.PROTECT, related_name="+")
    destination_sector = models.ForeignKey(Sector, null=True, on_delete=models.PROTECT, related_name="+")
    moved_usd = ExactDecimalField(default=0, help_text="What the spot sells bring, before costs.")
    cost_usd = ExactDecimalField(default=0, help_text="All legs, one way: fees and slippage.")
    hurdle = models.FloatField(
        default=0.0, help_text="What the destination must earn over the source, in and out again."
    )
    alpha = models.FloatField(default=0.0, help_text="What the model expects.")
    z_now = models.FloatField(default=0.0)
    z_needed = models.FloatField(default=0.0)
    confidence = models.FloatField(default=0.0)
    coverage = models.FloatField(default=0.0)
    risk_usd = ExactDecimalField(default=0, help_text="1R of the futures legs (DECISIONS 32).")
    policy_version = models.PositiveIntegerField()
    ledger_version = models.PositiveBigIntegerField(default=0)
    explanation = models.JSONField(default=dict, help_text="Headline, for, against, costs, risk, what would cancel it.")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=200, blank=True, default="")

    objects = RecommendationQuerySet.as_manager()

    class Meta:
        ordering = ["-issued_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "slot"], name="recommendation_slot_once"),
            models.UniqueConstraint(
                fields=["portfolio"],
                condition=Q(state__in=["issued", "acknowledged"]),
                name="recommendation_open_once",
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "-issued_at", "-id"], name="recommendation_newest")]

    def __str__(self) -> str:
        """Show what it says."""
        return f"{self.state} {self.stage} for {self.portfolio_id}"

    @property
    def is_refusal(self) -> bool:
        """Return whether this is a reasoned refusal."""
        return bool(self.refusal)

    def is_open(self, now: datetime) -> bool:
        """Return whether it can still be acted on."""
        return self.state in self.OPEN and self.expires_at > now


class RecommendationLeg(models.Model):
    """One side of a recommendation, exact and rounded to the venue's step (DOMAIN 3.4). Prices in USD."""

    class Action(models.TextChoices):
        """What to do."""

        SELL_SPOT = "SELL_SPOT", "Sell"
        BUY_SPOT = "BUY_SPOT", "Buy"
        OPEN_LONG = "OPEN_LONG", "Open long"
        REDUCE_LONG = "REDUCE_LONG", "Reduce long"
        TRIM_OVERLAY = "TRIM_OVERLAY", "Trim long"
        CLOSE_LONG = "CLOSE_LONG", "Close long"
        OPEN_SHORT_HEDGE = "OPEN_SHORT_HEDGE", "Open hedge"
        CLOSE_HEDGE = "CLOSE_HEDGE", "Close hedge"

    class Reason(models.TextChoices):
        """What asks for the leg."""

        NONE = "", "—"
        STAGE = "STAGE", "The stage changed"
        DRIFT = "DRIFT", "The pool drifted"
        FUNDING = "FUNDING", "Funding ran hot"
        STOPPED_OUT = "STOPPED_OUT", "Stopped out in this stage"
        LIMITS = "LIMITS", "Your limits or reserve"

    class Purpose(models.TextChoices):
        """Why a futures leg exists (DOMAIN F15)."""

        NONE = "", "—"
        AMPLIFY = "AMPLIFY", "Amplify"
        CORE_HEDGE = "CORE_HEDGE", "Hedge the core"
        RESIDUAL_SPOT_HEDGE = "RESIDUAL_SPOT_HEDGE", "Hedge what is left of the spot"
        PREMATURE_ROTATION_INSURANCE = "PREMATURE_ROTATION_INSURANCE", "Insure against rotating too early"
        YIELD = "YIELD", "Yield"

    recommendation = models.ForeignKey(Recommendation, on_delete=models.CASCADE, related_name="legs")
    position = models.PositiveSmallIntegerField(help_text="Order of execution, from 1.")
    action = models.CharField(max_length=20, choices=Action.choices)
    purpose = models.CharField(max_length=30, choices=Purpose.choices, blank=True, default="")
    sector = models.ForeignKey(Sector, on_delete=models.PROTECT, related_name="+")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    quantity = ExactDecimalField()
    reference_price = ExactDecimalField()
    limit_low = ExactDecimalField(null=True, blank=True, help_text="Lowest price at which the leg still makes sense.")
    limit_high = ExactDecimalField(null=True, blank=True, help_text="Highest price at which the leg still makes sense.")
    notional_usd = ExactDecimalField()
    fee_usd = ExactDecimalField()
    slippage_usd = ExactDecimalField()
    margin_usd = ExactDecimalField(default=0)
    leverage = ExactDecimalField(default=1)
    liquidation_price = ExactDecimalField(null=True, blank=True)
    stop_price = ExactDecimalField(null=True, blank=True)
    risk_usd = ExactDecimalField(default=0)
    depends_on = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Position of the leg that comes first."
    )
    is_accepted = models.BooleanField(default=True)
    reason = models.CharField(max_length=12, choices=Reason.choices, blank=True, default="")

    class Meta:
        ordering = ["recommendation", "position"]
        constraints = [models.UniqueConstraint(fields=["recommendation", "position"], name="leg_position_once")]

    def __str__(self) -> str:
        """Show the leg."""
        return f"{self.action} {self.quantity} {self.instrument_id}"
