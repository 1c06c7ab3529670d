"""Hold callers to their rate; a cache that does not answer holds nobody up."""

from __future__ import annotations

from typing import Any

from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle


class StrangerThrottle(AnonRateThrottle):
    """Count callers without a token by address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Allow what cannot be counted."""
        try:
            return super().allow_request(request, view)
        except RedisError:
            return True


class PersonThrottle(UserRateThrottle):
    """Count a person's calls."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Allow what cannot be counted."""
        try:
            return super().allow_request(request, view)
        except RedisError:
            return True
