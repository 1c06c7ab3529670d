"""Send tables as CSV, line by line, with exact amounts, moments in UTC, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

from portfolio.domain.money import canonical

RISKY = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """Give back what is written, so that a line can be sent as soon as it is made."""

    def write(self, text: str) -> str:
        """Return the line."""
        return text


def csv_lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Return rows as lines of CSV, the first of them the names of the columns."""
    writer: Any = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def csv_answer(rows: Iterable[Sequence[Any]], *, name: str) -> StreamingHttpResponse:
    """Answer rows as a file, however many there are."""
    response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def cell(value: Any) -> str:
    """Write one value: an amount exactly, a moment with its offset, a list as JSON, a text as no formula."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return canonical(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return written(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def written(text: str) -> str:
    """Keep a spreadsheet from reading what a person wrote as a formula."""
    return f"'{text}" if text.startswith(RISKY) else text
