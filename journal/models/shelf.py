"""What a person keeps at hand: ways of looking at their journal, by a name of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Speak of saved views in sets."""

    def owned_by(self, user: User | AnonymousUser) -> SavedViewQuerySet:
        """Select a person's own views."""
        return self.filter(user=user.pk)


class SavedView(models.Model):
    """A filter of the journal under a name: the query of its address, read again whenever it is opened."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=600, help_text="Of the journal's address, without the page.")
    saved_at = models.DateTimeField()

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="saved_view_name_once")]

    def __str__(self) -> str:
        """Show the name."""
        return self.name


class JournalFeed(models.Model):
    """The private address at which programs read a person's journal; only its digest is kept, and it is revocable."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="journal_feed")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        """Show since when."""
        return f"Feed since {self.made_at:%-d %B %Y}"
