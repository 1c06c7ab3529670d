"""Give every page the counts its navigation shows."""

from __future__ import annotations

from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, object]:
    """Return what waits for the person, by navigation entry."""
    return {}
