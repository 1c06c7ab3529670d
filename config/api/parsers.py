"""Parse request bodies strictly: plain JSON, no duplicate keys, no number or text that nobody can store."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

MAX_BODY = 262_144
MAX_DEPTH = 20


class BodyTooLarge(APIException):
    """The body is longer than any rotation needs."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is larger than {MAX_BODY} bytes."
    default_code = "body_too_large"


class StrictJSONParser(JSONParser):
    """Refuse what JSON readers disagree about: duplicate keys, NaN, NUL and lone surrogates, deep nesting."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the parsed body, or raise an error that says what to change."""
        parsed = _load(_read(stream))
        _check(parsed, MAX_DEPTH)
        return parsed


def _read(stream: IO[Any]) -> bytes:
    """Read at most the largest allowed body."""
    try:
        raw: bytes = stream.read(MAX_BODY + 1)
    except OSError as error:
        raise ParseError("The body ended before it was complete.") from error
    if len(raw) > MAX_BODY:
        raise BodyTooLarge
    return raw


def _load(raw: bytes) -> Any:
    """Parse UTF-8 JSON."""
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise ParseError(f"The body nests deeper than {MAX_DEPTH} levels.") from error
    except (UnicodeDecodeError, ValueError) as error:
        raise ParseError(f"The body is not plain JSON: {error}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose keys stand once."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity."""
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    """Read a fraction; refuse one that is too large for a number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _check(value: Any, depth: int) -> None:
    """Refuse deep nesting and text that no database stores."""
    if depth == 0:
        raise ParseError(f"The body nests deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth - 1)


def _check_text(text: str) -> None:
    """Refuse NUL and lone surrogates."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("The body holds a character that cannot be stored (NUL or a lone surrogate).")
