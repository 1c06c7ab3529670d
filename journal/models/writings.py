"""What people write and add beside a decision: later wordings, pictures, and the questions they ask themselves."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q

from journal.models.plans import Plan
from journal.models.rotations import Rotation


class Wording(models.Model):
    """A later wording of a reason, or of a note; none is ever changed, and the reason as it was first stays."""

    class Subject(models.TextChoices):
        """What was written anew."""

        THESIS = "thesis", "Why"
        NOTE = "note", "Note"

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="wordings")
    subject = models.CharField(max_length=6, choices=Subject.choices)
    text = models.TextField(validators=[MaxLengthValidator(10_000)], blank=True)
    written_at = models.DateTimeField()
    is_after_outcome = models.BooleanField(help_text="A comparison with having held was known by then.")

    class Meta:
        ordering = ["written_at", "id"]

    def __str__(self) -> str:
        """Show what and when."""
        return f"{self.subject} of {self.written_at:%-d %B %Y}"


class Picture(models.Model):
    """An image beside a plan or a rotation, read and written anew: nothing but its pixels is kept (always WebP)."""

    rotation = models.ForeignKey(Rotation, null=True, blank=True, on_delete=models.CASCADE, related_name="pictures")
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.CASCADE, related_name="pictures")
    data = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    caption = models.CharField(max_length=200, blank=True, default="")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["rotation", "sha256"], name="picture_of_rotation_once"),
            models.UniqueConstraint(fields=["plan", "sha256"], name="picture_of_plan_once"),
            models.CheckConstraint(
                condition=Q(rotation__isnull=True, plan__isnull=False) | Q(rotation__isnull=False, plan__isnull=True),
                name="picture_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        """Show its size."""
        return f"{self.width} × {self.height}"


class Question(models.Model):
    """What a person asks themselves on every ticket, beside the playbook's considerations."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="questions")
    text = models.CharField(max_length=200)
    is_asked = models.BooleanField(default=True, help_text="No longer asked, it stays on the tickets it was asked on.")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "text"], name="question_once")]

    def __str__(self) -> str:
        """Show the question."""
        return self.text
