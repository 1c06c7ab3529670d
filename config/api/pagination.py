"""Page through lists by a key, never by an offset: the cost of a page does not grow with history."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import DateTimeField, Model, Q, QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

_WHOLE = re.compile(r"[0-9]{1,3}")
_LONGEST_CURSOR = 400


@dataclass(frozen=True)
class Cursor:
    """A place in a list: the values of the last row seen, and which way to read on."""

    is_backward: bool
    position: tuple[str, ...]


class NewestFirst(BasePagination):
    """Return the newest rows first, `page_size` up to 500; a view's `ordering` names one or two fields that fall.

    The last of them must be unique, so that a page neither repeats nor skips a row, however many share a moment.
    """

    page_size = 50
    max_page_size = 500
    default_ordering = ("-id",)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page, having read one row more than it holds."""
        self.url = request.build_absolute_uri()
        self.fields = [name.removeprefix("-") for name in getattr(view, "ordering", self.default_ordering)]
        size, self.cursor = _page_size(request, self), _decode(request)
        is_backward = self.cursor is not None and self.cursor.is_backward
        rows = list(self._beyond(queryset).order_by(*self._order(is_backward))[: size + 1])
        self.has_more, self.page = len(rows) > size, rows[:size]
        if is_backward:
            self.page.reverse()
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with links to its neighbours."""
        return Response({"next": self._next(), "previous": self._previous(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the two parameters of a page."""
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [
            _parameter("cursor", "Where the page starts: follow the links `next` and `previous`.", {"type": "string"}),
            _parameter("page_size", "Rows on a page.", size),
        ]

    def _order(self, is_backward: bool) -> list[str]:
        """Return the ordering of the query."""
        return [name if is_backward else f"-{name}" for name in self.fields]

    def _beyond(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows that lie beyond the cursor."""
        if self.cursor is None:
            return queryset
        values = _positions(queryset.model, self.fields, self.cursor.position)
        side = "gt" if self.cursor.is_backward else "lt"
        first, last = self.fields[0], self.fields[-1]
        if len(self.fields) == 1:
            return queryset.filter(**{f"{first}__{side}": values[0]})
        beyond = Q(**{f"{first}__{side}": values[0]}) | Q(**{f"{last}__{side}": values[1]})
        return queryset.filter(beyond, **{f"{first}__{side}e": values[0]})

    def _next(self) -> str | None:
        """Return the link to older rows."""
        has_next = self.has_more or (self.cursor is not None and self.cursor.is_backward)
        return self._link(self.page[-1], is_backward=False) if has_next and self.page else None

    def _previous(self) -> str | None:
        """Return the link to newer rows."""
        if self.cursor is None or (self.cursor.is_backward and not self.has_more):
            return None
        return self._link(self.page[0], is_backward=True) if self.page else remove_query_param(self.url, "cursor")

    def _link(self, row: Any, *, is_backward: bool) -> str:
        """Return the address of the page beyond a row."""
        position = [_text(row[name] if isinstance(row, dict) else getattr(row, name)) for name in self.fields]
        raw = json.dumps([is_backward, *position], separators=(",", ":")).encode()
        return replace_query_param(self.url, "cursor", urlsafe_b64encode(raw).decode().rstrip("="))


def _page_size(request: Request, page: NewestFirst) -> int:
    """Read `page_size` strictly."""
    text = request.query_params.get("page_size")
    if text is None:
        return page.page_size
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= page.max_page_size:
        raise ValidationError({"page_size": [f"Give a whole number from 1 to {page.max_page_size}."]})
    return int(text)


def _decode(request: Request) -> Cursor | None:
    """Read `cursor`, which only ever comes from a link."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        if len(text) > _LONGEST_CURSOR:
            raise ValueError("too long")
        is_backward, *position = json.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        if not isinstance(is_backward, bool) or not all(isinstance(value, str) for value in position):
            raise ValueError("not of ours")
    except (ValueError, TypeError, RecursionError) as error:
        raise _stray_cursor() from error
    return Cursor(is_backward=is_backward, position=tuple(position))


def _positions(model: type[Model], fields: Sequence[str], position: Sequence[str]) -> list[Any]:
    """Turn a cursor's texts into values that the columns take."""
    if len(position) != len(fields):
        raise _stray_cursor()
    return [_value(model, name, text) for name, text in zip(fields, position, strict=True)]


def _value(model: type[Model], name: str, text: str) -> Any:
    """Turn one text into a value of its column."""
    field = model._meta.get_field(name)
    try:
        value = field.to_python(text)  # type: ignore[union-attr]
        field.run_validators(value)  # type: ignore[union-attr]
    except (DjangoValidationError, ValueError, OverflowError) as error:
        raise _stray_cursor() from error
    if value is None or (isinstance(field, DateTimeField) and timezone.is_naive(value)):
        raise _stray_cursor()
    return value


def _text(value: Any) -> str:
    """Write a column's value so that it is read back exactly."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _stray_cursor() -> ValidationError:
    """Return the refusal of a cursor that no link of this list carries."""
    return ValidationError({"cursor": ["Follow the links `next` and `previous`: this cursor is none of them."]})


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Describe one query parameter."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
