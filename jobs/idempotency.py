"""Make a repeated request harmless: its first answer is stored in the same transaction as its effect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from jobs.models import IdempotencyKey

MAX_KEY = 255


class KeyMismatchError(ValueError):
    """The key was used before, with another request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and whether it was stored before."""

    status: int
    body: Any
    is_replay: bool = False


def fingerprint(*, method: str, path: str, body: bytes) -> str:
    """Return what makes two requests the same."""
    return hashlib.sha256(b"\0".join([method.encode(), path.encode(), body])).hexdigest()


def once(*, user: Any, key: str, print_of: str, now: datetime, run: Callable[[], Answer]) -> Answer:
    """Run and store the answer, or return the stored one; an error stores nothing.

    The key is inserted first, in the effect's own transaction: a twin waits for it and then finds the answer, and a
    process that dies leaves neither. Raises `KeyMismatchError`.
    """
    known = _known(user, key, print_of)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                user=user, key=key, fingerprint=print_of, status=0, body=None, created_at=now
            )
            answer = run()
            IdempotencyKey.objects.filter(pk=row.pk).update(status=answer.status, body=answer.body)
            return answer
    except IntegrityError:
        known = _known(user, key, print_of)
        if known is None:
            raise
        return known


def _known(user: Any, key: str, print_of: str) -> Answer | None:
    row = IdempotencyKey.objects.filter(user=user, key=key).first()
    if row is None:
        return None
    if row.fingerprint != print_of:
        raise KeyMismatchError("This Idempotency-Key was used before with another request. Use a new key.")
    return Answer(row.status, row.body, is_replay=True)
