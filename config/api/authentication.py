"""Recognise a personal token and hold it to its scope."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, User


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]
    """Authenticate `Authorization: Bearer rota_…`; a token that was revoked or has expired is refused with 401."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """Return the person and the token, and note that it was used."""
        try:
            user, api_token = super().authenticate_credentials(token)
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("Invalid token.") from error
        api_token.touch(timezone.now())
        return user, api_token


class HasScope(BasePermission):
    """Let a read token read; writing needs the write scope."""

    message = "This token may only read. Create one that may log rotations under Settings."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the token's scope covers the method."""
        if request.method in SAFE_METHODS:
            return True
        return isinstance(request.auth, ApiToken) and request.auth.can_write
