"""Keep ways of looking at the journal, and let them go; give programs a private address, and take it back."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from accounts.models import User
from journal.models import JournalFeed, SavedView
from journal.queries.feed import digest_of
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


@transaction.atomic
def open_feed(*, user: User, now: datetime) -> str:
    """Return a new private address, which is not kept and cannot be shown again; an earlier one ends."""
    token = secrets.token_urlsafe(32)
    JournalFeed.objects.update_or_create(user=user, defaults={"digest": digest_of(token), "made_at": now})
    return token


def close_feed(*, user: User) -> None:
    """Take the address back: from now on nobody reads there."""
    JournalFeed.objects.filter(user=user).delete()
