"""Keep what is dear to make in the cache; a cache that is down or frozen costs time, never an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache
from redis.exceptions import RedisError

Made = TypeVar("Made")
log = logging.getLogger(__name__)


def kept(key: str, *, seconds: int, make: Callable[[], Made]) -> Made:
    """Return what the cache holds under a key, else make it and keep it for some seconds."""
    try:
        found: Made | None = cache.get(key)
    except RedisError as error:
        log.warning("the cache does not answer, %s is made anew: %s", key.partition(":")[0], error)
        return make()
    if found is None:
        found = make()
        _keep(key, found, seconds)
    return found


def _keep(key: str, made: object, seconds: int) -> None:
    try:
        cache.set(key, made, seconds)
    except RedisError as error:
        log.warning("the cache does not answer, %s is not kept: %s", key.partition(":")[0], error)
