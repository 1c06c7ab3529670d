"""Cut long lists into pages by keyset: a page costs the same however far back it lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Row]):
    """Hold one page, newest first, and the cursor of the next; an empty cursor ends the list."""

    rows: list[Row]
    next_cursor: str


def newest_first(rows: QuerySet[Row], *, moment: str, tie: str, cursor: str = "", size: int = PAGE_SIZE) -> Page[Row]:
    """Return the page after a cursor, ordered by a moment and a number that breaks ties; a bad cursor starts anew."""
    ordered = rows.order_by(f"-{moment}", f"-{tie}")
    place = _read(cursor)
    if place is not None:
        before = Q(**{f"{moment}__lt": place[0]}) | Q(**{moment: place[0], f"{tie}__lt": place[1]})
        ordered = ordered.filter(before, **{f"{moment}__lte": place[0]})
    found = list(ordered[: size + 1])
    shown = found[:size]
    return Page(rows=shown, next_cursor=_write(shown[-1], moment, tie) if len(found) > size else "")


def _write(row: Any, moment: str, tie: str) -> str:
    stamp: datetime = getattr(row, moment)
    return f"{stamp.astimezone(UTC):%Y%m%dT%H%M%S.%f}-{getattr(row, tie)}"


def _read(cursor: str) -> tuple[datetime, int] | None:
    stamp, _, number = cursor.partition("-")
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC), int(number)
    except ValueError:
        return None
