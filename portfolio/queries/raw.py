"""Read many rows as the database sends them or column by column, and many small reads in one statement."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import QuerySet

from portfolio.fields import ExactDecimalField

CHUNK_ROWS = 5_000

Rows = list[tuple[Any, ...]]
Reader = Callable[[Any], Any]


def raw_rows(rows: QuerySet[Any, Any]) -> Rows:
    """Return the rows of a `values_list` query as they arrive: amounts are text on SQLite, Decimal on PostgreSQL.

    Times have no zone on SQLite; JSON needs its field's converter.
    """
    connection = connections[rows.db]
    try:
        statement, parameters = rows.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def read_rows(rows: QuerySet[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a `values_list` query as Django would, converted a column of some thousand rows at a time."""
    connection = connections[rows.db]
    compiler = rows.query.get_compiler(connection=connection)
    try:
        statement, parameters = compiler.as_sql()
    except EmptyResultSet:
        return
    readers = [_reader(expression.output_field) for expression, _, _ in compiler.select or ()]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        while chunk := cursor.fetchmany(CHUNK_ROWS):
            yield from zip(*map(_column, readers, zip(*chunk, strict=True)), strict=True)


def rows_together(asked: Mapping[str, QuerySet[Any, Any]]) -> dict[str, Rows]:
    """Return the rows of several `values_list` queries, read in one statement: one round trip instead of many.

    Values are what their fields hold, zones and JSON included. Rows may come in any order: sort what needs one.
    """
    found: dict[str, Rows] = {name: [] for name in asked}
    connection = connections[next(iter(asked.values())).db]
    parts, parameters = [], []
    readers: list[tuple[str, list[Reader]]] = []
    for name, rows in asked.items():
        compiler = rows.query.get_compiler(connection=connection)
        try:
            statement, own = compiler.as_sql()
        except EmptyResultSet:
            continue
        parts.append(statement)
        parameters += own
        readers.append((name, [_reader(expression.output_field) for expression, _, _ in compiler.select or ()]))
    if not parts:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_joined(parts, [len(each) for _, each in readers], connection.vendor), parameters)
        for number, *values in cursor.fetchall():
            name, read = readers[number]
            found[name].append(
                tuple([None if v is None else r(v) for r, v in zip(read, values[: len(read)], strict=True)])
            )
    return found


def _joined(statements: list[str], widths: list[int], vendor: str) -> str:
    """Write the statements as one union.

    PostgreSQL wants one type a column, so there everything travels as text. On SQLite a plus keeps the driver from
    taking the first statement's declared types for those of all.
    """
    cast = "CAST({} AS text)" if vendor == "postgresql" else "+{}"
    named, chosen = [], []
    for number, (statement, width) in enumerate(zip(statements, widths, strict=True)):
        columns = [f"c{place}" for place in range(width)]
        named.append(f"q{number}({', '.join(columns)}) AS ({statement})")
        padding = ["NULL"] * (max(widths) - width)
        listed = ", ".join([*map(cast.format, columns), *padding])
        chosen.append(f"SELECT {number}, {listed} FROM q{number}")  # noqa: S608 - Django wrote the parts
    return f"WITH {', '.join(named)} {' UNION ALL '.join(chosen)}"


def _column(read: Reader, values: tuple[Any, ...]) -> Any:
    """Read a column; what comes as it is costs nothing."""
    return values if read is _same else [None if value is None else read(value) for value in values]


def _reader(field: Any) -> Reader:
    """Return how a field's value is read back from what the database sent, or from its text."""
    if isinstance(field, models.ForeignKey):
        field = field.target_field
    kinds: tuple[tuple[Any, Reader], ...] = (
        (models.BooleanField, lambda value: value in (1, "1", "t", "true")),
        ((models.AutoField, models.IntegerField), int),
        (models.FloatField, float),
        (models.DateTimeField, _moment),
        (models.DateField, lambda value: value if isinstance(value, date) else date.fromisoformat(value)),
        (models.JSONField, lambda value: json.loads(value) if isinstance(value, str) else value),
        (ExactDecimalField, lambda value: value if isinstance(value, Decimal) else Decimal(value)),
    )
    return next((read for kind, read in kinds if isinstance(field, kind)), _same)


def _same(value: Any) -> Any:
    return value


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
