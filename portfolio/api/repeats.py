"""Answer a writing request once: a repeat under the same Idempotency-Key gets the first answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.idempotency import MAX_KEY, Answer, KeyMismatchError, fingerprint, once

HEADER = "Idempotency-Key"
LONGEST_IN_LEDGER = 90
"""An entry's id holds 100 characters: the key, and the place of the entry among those of the request."""

KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "maxLength": MAX_KEY},
    OpenApiParameter.HEADER,
    description="Make a repeat harmless: the first answer is stored and given again. At most 255 characters.",
)


class KeyMismatch(APIException):
    """An idempotency key came with another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"


def answer_once(request: Request, run: Callable[[], Answer]) -> Response:
    """Run a writing request; with a key, once."""
    key = key_of(request)
    if not key:
        answer = run()
        return Response(answer.body, status=answer.status)
    body = json.dumps(request.data, sort_keys=True).encode()
    mark = fingerprint(method=str(request.method), path=request.path, body=body)
    try:
        answer = once(user=request.user, key=key, print_of=mark, now=timezone.now(), run=run)
    except KeyMismatchError as error:
        raise KeyMismatch(str(error)) from error
    headers = {"Idempotency-Replayed": "true"} if answer.is_replay else None
    return Response(answer.body, status=answer.status, headers=headers)


def key_of(request: Request) -> str:
    """Read the key, empty where none was sent."""
    key = request.headers.get(HEADER, "").strip()
    if len(key) > MAX_KEY or not key.isprintable():
        raise ValidationError({HEADER: [f"Send at most {MAX_KEY} printable characters."]})
    return key


def ledger_key(request: Request) -> str:
    """Return the key as entries of the ledger carry it: one too long for their column by its digest."""
    key = key_of(request)
    return key if len(key) <= LONGEST_IN_LEDGER else hashlib.sha256(key.encode()).hexdigest()


def plain(data: Any) -> Any:
    """Return what is sent, as plain JSON values."""
    return json.loads(JSONRenderer().render(data))
