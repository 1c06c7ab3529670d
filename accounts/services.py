"""Create and revoke API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from accounts.models import ApiToken, User

MAX_TOKENS = 50


class TooManyTokens(ValueError):
    """A person has more tokens than anybody keeps track of."""


@transaction.atomic
def create_token(*, user: User, name: str, scopes: Sequence[str], lifetime: timedelta) -> tuple[ApiToken, str]:
    """Return the token's row and its text, which is not kept and cannot be shown again."""
    if ApiToken.objects.filter(user=user).count() >= MAX_TOKENS:
        raise TooManyTokens(f"You have {MAX_TOKENS} tokens. Revoke those you no longer use first.")
    created: tuple[ApiToken, str] = ApiToken.objects.create(user, expiry=lifetime, name=name, scopes=[*scopes])
    return created


@transaction.atomic
def revoke_token(*, token: ApiToken) -> None:
    """Forget a token: from now on it opens nothing."""
    token.delete()
