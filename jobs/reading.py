"""Read many rows at once, converted column by column; the mirror of `jobs.bulk`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Any

from django.db import connections, models
from django.db.models import QuerySet

CHUNK_ROWS = 5_000

Convert = Callable[[Sequence[Any]], Sequence[Any]]


def read_rows(rows: QuerySet[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a `values_list` query as Django would, converted a column of some thousand rows at a time."""
    connection = connections[rows.db]
    compiler = rows.query.get_compiler(connection=connection)
    statement, parameters = compiler.as_sql()
    converts = [_convert(expression, connection) for expression, _, _ in compiler.select]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        while chunk := cursor.fetchmany(CHUNK_ROWS):
            yield from _converted(chunk, converts)


def _convert(expression: Any, connection: Any) -> Convert | None:
    """Return how a column becomes what Django makes of it; nothing where it comes as it is."""
    field = expression.output_field
    if hasattr(field, "from_column"):
        return None if connection.vendor == "postgresql" else field.from_column
    if isinstance(field, models.DateTimeField) and connection.vendor == "sqlite" and connection.timezone is UTC:
        return lambda column: [None if moment is None else moment.replace(tzinfo=UTC) for moment in column]
    steps = [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
    return _each(steps, expression, connection) if steps else None


def _each(steps: Sequence[Any], expression: Any, connection: Any) -> Convert:
    def convert(column: Sequence[Any]) -> list[Any]:
        """Take every value through the steps."""
        values = list(column)
        for step in steps:
            values = [step(value, expression, connection) for value in values]
        return values

    return convert


def _converted(chunk: Sequence[tuple[Any, ...]], converts: Sequence[Convert | None]) -> Iterator[tuple[Any, ...]]:
    columns = zip(*chunk, strict=True)
    return zip(
        *(column if convert is None else convert(column) for convert, column in zip(converts, columns, strict=True)),
        strict=True,
    )
