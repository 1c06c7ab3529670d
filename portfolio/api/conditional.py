"""Answer conditionally: 304 where the reader has this version, 412 where a writer has another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response


class PreconditionFailed(APIException):
    """The writer saw another version than the one that stands."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "This changed since you read it. Read it again, then decide."


class Conflict(APIException):
    """What is asked for no longer fits what there is."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


def tag_of(content: Any) -> str:
    """Return the version of a content: the same content has the same tag, whoever serves it."""
    return hashlib.sha256(JSONRenderer().render(content)).hexdigest()[:32]


def conditional(request: Request, *, tag: str, answer: Callable[[], Any], retry_after: int | None = None) -> Response:
    """Answer 304 where the reader has this version already; `Retry-After` says when to ask again (DECISIONS 6).

    `answer` is called only when there is something new to say.
    """
    unchanged = unchanged_for(request, tag=tag, retry_after=retry_after)
    return unchanged or Response(answer(), headers=_headers(tag, retry_after))


def unchanged_for(request: Request, *, tag: str, retry_after: int | None = None) -> Response | None:
    """Return the 304 for a reader who has this version already, else None."""
    if tag not in _tags(request.headers.get("If-None-Match", "")):
        return None
    return Response(status=status.HTTP_304_NOT_MODIFIED, headers=_headers(tag, retry_after))


def require_version(request: Request, *, tag: str) -> None:
    """Refuse a write whose `If-Match` names another version; without the header nothing is asked."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and wanted.strip() != "*" and tag not in _tags(wanted):
        raise PreconditionFailed


def _headers(tag: str, retry_after: int | None) -> dict[str, str]:
    """Return the headers of a version."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    return headers if retry_after is None else {**headers, "Retry-After": str(retry_after)}


def _tags(header: str) -> set[str]:
    """Return the tags of a header; a proxy that compresses marks them weak."""
    return {each.strip().removeprefix("W/").strip('"') for each in header.split(",")}
