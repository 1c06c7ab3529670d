"""Recognise a personal token and hold it to its scope."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, User


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]
    """Authenticate `Authorization: Bearer rota_…`, found by its digest in one query; every refusal sounds alike."""

    message = "This token is unknown, was revoked, or has expired. Create one under Settings."

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """Return the person and the token, and note that it was used."""
        now = timezone.now()
        api_token = ApiToken.objects.select_related("user").filter(digest=_digest(token)).first()
        if api_token is None or api_token.is_expired(now) or not api_token.user.is_active:
            raise AuthenticationFailed(self.message)
        api_token.touch(now)
        return api_token.user, api_token


def _digest(token: bytes) -> str:
    """Return what is stored of a token; a header that is not UTF-8 matches nothing."""
    return str(hash_token(token.decode("utf-8", errors="replace")))


RESOURCES = {"portfolio": "portfolio", "signals": "market", "journal": "rotations"}
"""What an app's routes are about, unless a view says otherwise by its own `resource`."""


class HasScope(BasePermission):
    """Ask of the token the scope of the route: `read:` or `write:`, and what it is about. No route is without one."""

    code = "missing_scope"

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the token has the scope; the refusal names it."""
        scope = scope_of(view, str(request.method))
        self.message = f"This token lacks the scope {scope}. Create one that has it under Settings."
        return isinstance(request.auth, ApiToken) and request.auth.allows(scope)


def scope_of(view: Any, method: str) -> str:
    """Return the scope that a method of a view asks for."""
    resource = getattr(view, "resource", None) or RESOURCES[type(view).__module__.split(".", maxsplit=1)[0]]
    return f"{'read' if method in SAFE_METHODS else 'write'}:{resource}"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describe the token in the schema."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return a bearer scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal token that starts with `rota_`. Create one under Settings; it is shown once.",
        }
