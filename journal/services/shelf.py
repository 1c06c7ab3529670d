"""Keep ways of looking at the journal, and let them go."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from journal.models import SavedView
from portfolio.domain.money import Refusal

MOST_VIEWS = 30


class TooManyViews(Refusal):
    """Say that a person keeps as many views as there is room for."""


@transaction.atomic
def save_view(*, user: User, name: str, query: str, now: datetime) -> SavedView:
    """Keep a view under its name; the same name again takes the new filter."""
    mine = SavedView.objects.owned_by(user)
    if mine.count() >= MOST_VIEWS and not mine.filter(name=name).exists():
        raise TooManyViews(f"You keep {MOST_VIEWS} views already. Let one go, then keep this one.")
    kept, _ = SavedView.objects.update_or_create(user=user, name=name, defaults={"query": query, "saved_at": now})
    return kept


def drop_view(*, view: SavedView) -> None:
    """Let a view go; the rotations in it stay where they are."""
    view.delete()
