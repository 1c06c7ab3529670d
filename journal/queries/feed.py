"""Find whose journal a private address reads, and what stands in it."""

from __future__ import annotations

import hashlib

from accounts.models import User
from journal.models import JournalFeed, Rotation

SHOWN = 50


def digest_of(token: str) -> str:
    """Return what is kept of a private address."""
    return hashlib.sha256(token.encode()).hexdigest()


def feed_owner(*, token: str) -> User | None:
    """Return whose journal an address reads; None where nobody gave it out. One query."""
    found = JournalFeed.objects.filter(digest=digest_of(token), user__is_active=True).select_related("user").first()
    return None if found is None else found.user


def newest_rotations(*, user: User) -> list[Rotation]:
    """Return a person's newest rotations. One query."""
    rows = Rotation.objects.owned_by(user).select_related("portfolio", "source_sector", "destination_sector")
    return list(rows.defer("evidence").order_by("-recorded_at", "-id")[:SHOWN])
