"""Parse request bodies strictly: plain JSON, amounts as strings, no duplicate keys, no text a database refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_BODY = 262_144
MAX_DEPTH = 20


class StrictJSONParser(JSONParser):
    """Refuse what JSON readers disagree about: duplicate keys, NaN, NUL and lone surrogates, deep nesting."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the parsed body, or raise a ParseError that says what to change."""
        raw = stream.read(MAX_BODY + 1)
        if len(raw) > MAX_BODY:
            raise ParseError(f"The body is larger than {MAX_BODY} bytes.")
        try:
            parsed = json.loads(
                raw.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
            )
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise ParseError(f"The body is not plain JSON: {error}") from error
        _check(parsed, MAX_DEPTH)
        return parsed


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose keys stand once."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity."""
    raise ValueError(f"{name} is not a JSON value")


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
