"""What became of decisions: reviews against having held, passes, what was expected, seen and learned."""

from __future__ import annotations

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q

from journal.models.rotations import Rotation
from portfolio.fields import ExactDecimalField
from portfolio.models import Portfolio
from signals.models import Recommendation


class Review(models.Model):
    """A rotation against having held, at one horizon or to date (derived; DOMAIN 5.1). Amounts in USD."""

    class Status(models.TextChoices):
        """What is known at this horizon."""

        PENDING = "pending", "Not yet"
        OK = "ok", "Known"
        MISSING = "missing", "No price"

    TO_DATE = 0

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="reviews")
    horizon_days = models.PositiveSmallIntegerField(help_text="1, 7, 30, 90; 0 is to date.")
    status = models.CharField(max_length=8, choices=Status.choices)
    priced_at = models.DateTimeField(null=True, blank=True, help_text="The close that was used.")
    hold_usd = ExactDecimalField(null=True, blank=True)
    actual_usd = ExactDecimalField(null=True, blank=True, help_text="Bought units kept, plus cash (PAPER).")
    freeze_usd = ExactDecimalField(null=True, blank=True, help_text="Sold parts frozen at their proceeds (FREEZE).")
    overlay_usd = ExactDecimalField(
        null=True, blank=True, help_text="Futures legs: realised, unrealised, fees, funding."
    )
    alpha_usd = ExactDecimalField(null=True, blank=True, help_text="Spot: actual less hold, net of costs.")
    total_alpha_usd = ExactDecimalField(null=True, blank=True, help_text="Spot and overlay together.")
    gross_alpha_usd = ExactDecimalField(null=True, blank=True, help_text="At decision prices and without fees.")
    flags = models.JSONField(default=list)
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ["rotation", "horizon_days"]
        constraints = [models.UniqueConstraint(fields=["rotation", "horizon_days"], name="review_horizon_once")]

    def __str__(self) -> str:
        """Show the horizon."""
        return f"{self.horizon_days} days of rotation {self.rotation_id}"


class Pass(models.Model):
    """Not now, because: a decision not to act on a recommendation, kept and later measured like an action."""

    recommendation = models.OneToOneField(Recommendation, on_delete=models.CASCADE, related_name="decided_pass")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="passes")
    reason = models.TextField(validators=[MaxLengthValidator(2_000)])
    passed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "passes"
        ordering = ["-passed_at", "-id"]

    def __str__(self) -> str:
        """Show when."""
        return f"Pass of {self.passed_at:%-d %B %Y}"


class Lesson(models.Model):
    """What a person expected before the outcome was shown, what was shown, and what they learned; neither is changed.

    Of a rotation's result at one horizon, or of what was passed on.
    """

    class Expectation(models.TextChoices):
        """How it went against having held, as the person thinks."""

        BETTER = "better", "Better than holding"
        SAME = "same", "About the same"
        WORSE = "worse", "Worse than holding"

    class Mistake(models.TextChoices):
        """What one would do otherwise; counted."""

        GUT = "gut", "Decided by gut, not by the evidence"
        LATE = "late", "Too late: the move had gone"
        EARLY = "early", "Too early: nothing confirmed it"
        CHASED = "chased", "Chased what had already risen"
        OVERSIZED = "oversized", "Too large for what I knew"
        UNDERSIZED = "undersized", "Too small to matter"
        NO_STOP = "no_stop", "No stop, or one I did not keep"
        AGAINST_PLAN = "against_plan", "Against my own policy"
        COSTS = "costs", "Costs left nothing to win"
        IGNORED_DOUBT = "ignored_doubt", "Did not heed what spoke against it"

    rotation = models.ForeignKey(Rotation, null=True, blank=True, on_delete=models.CASCADE, related_name="lessons")
    decided_pass = models.ForeignKey(Pass, null=True, blank=True, on_delete=models.CASCADE, related_name="lessons")
    horizon_days = models.PositiveSmallIntegerField(help_text="7, 30 or 90.")
    expectation = models.CharField(max_length=6, choices=Expectation.choices)
    expected_because = models.CharField(max_length=300, blank=True, default="")
    had_seen = models.BooleanField(default=False, help_text="Knew the outcome before: not counted as a guess.")
    expected_at = models.DateTimeField()
    outcome_seen_at = models.DateTimeField(help_text="When the outcome was shown; never before the expectation.")
    shown_alpha_usd = ExactDecimalField(help_text="The outcome as it was shown.")
    lesson = models.CharField(max_length=500, blank=True, default="")
    mistakes = models.JSONField(default=list, blank=True, help_text="Codes of what went wrong.")
    learned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-expected_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["rotation", "horizon_days"], name="lesson_of_rotation_once"),
            models.UniqueConstraint(fields=["decided_pass", "horizon_days"], name="lesson_of_pass_once"),
            models.CheckConstraint(
                condition=Q(rotation__isnull=True, decided_pass__isnull=False)
                | Q(rotation__isnull=False, decided_pass__isnull=True),
                name="lesson_of_one_decision",
            ),
            models.CheckConstraint(condition=Q(outcome_seen_at__gte=F("expected_at")), name="lesson_blind_first"),
        ]

    def __str__(self) -> str:
        """Show the expectation."""
        return f"{self.expectation} after {self.horizon_days} days"

    @property
    def names(self) -> list[str]:
        """Return its mistakes in words."""
        return [str(self.Mistake(code).label) for code in self.mistakes]


class Peek(models.Model):
    """That somebody looked at an outcome before they had guessed it: their guess counts as none from then on."""

    rotation = models.ForeignKey(Rotation, null=True, blank=True, on_delete=models.CASCADE, related_name="peeks")
    decided_pass = models.ForeignKey(Pass, null=True, blank=True, on_delete=models.CASCADE, related_name="peeks")
    horizon_days = models.PositiveSmallIntegerField(help_text="The longest result that was known then: 7, 30 or 90.")
    peeked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rotation", "horizon_days"], name="peek_at_rotation_once"),
            models.UniqueConstraint(fields=["decided_pass", "horizon_days"], name="peek_at_pass_once"),
            models.CheckConstraint(
                condition=Q(rotation__isnull=True, decided_pass__isnull=False)
                | Q(rotation__isnull=False, decided_pass__isnull=True),
                name="peek_at_one_decision",
            ),
        ]

    def __str__(self) -> str:
        """Show the horizon."""
        return f"{self.horizon_days} days, seen {self.peeked_at:%-d %B %Y}"
