"""Give every page the counts its navigation shows."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from journal.queries.today import waiting


def navigation(request: HttpRequest) -> dict[str, object]:
    """Return what waits for the person, by navigation entry; a page that shows no navigation asks for nothing."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    return {"nav": SimpleLazyObject(lambda: waiting(user=user, now=timezone.now()))}
