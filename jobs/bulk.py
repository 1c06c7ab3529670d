"""Write many rows at once: executemany on SQLite, COPY on PostgreSQL; the ORM's constraints stay in the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from django.db import connections, models, router

CHUNK_ROWS = 2_000
KEPT_VALUES = 10_000


def insert_rows(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    ignore_conflicts: bool = False,
    using: str | None = None,
) -> None:
    """Insert rows of values in the order of `fields` (attribute names, `portfolio_id` for a foreign key).

    Values are adapted by each field's own database preparation unless they are already text or numbers.
    With `ignore_conflicts` a row that breaks a unique constraint is left out. Raises `IntegrityError` otherwise.
    """
    connection = connections[using or router.db_for_write(model)]
    columns = [_column(model, name) for name in fields]
    prepared: Any = _prepared(model, fields, rows, connection)
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    if connection.vendor == "postgresql" and not ignore_conflicts:
        _copy(connection, f"COPY {table} ({names}) FROM STDIN", prepared)
        return
    verb = "INSERT OR IGNORE" if ignore_conflicts and connection.vendor == "sqlite" else "INSERT"
    tail = " ON CONFLICT DO NOTHING" if ignore_conflicts and connection.vendor == "postgresql" else ""
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(f"{verb} INTO {table} ({names}) VALUES ({marks}){tail}", prepared)


def _column(model: type[models.Model], name: str) -> str:
    """Return the column of an attribute name."""
    for field in model._meta.concrete_fields:
        if name in (field.attname, field.name):
            return str(field.column)
    raise ValueError(f"{model.__name__} has no field {name!r}")


def _prepared(
    model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]], connection: Any
) -> Iterable[Sequence[Any]]:
    """Adapt values column by column; a column whose values pass through as they are costs nothing."""
    by_name = {name: f for f in model._meta.concrete_fields for name in (f.attname, f.name)}
    days: dict[type, Any] = {}
    adapters = [_adapter(by_name[name], connection, days) for name in fields]
    return _adapted(rows, adapters) if any(adapters) else rows


def _adapted(rows: Iterable[Sequence[Any]], adapters: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Adapt some thousand rows at a time, column by column."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK_ROWS)):
        yield from zip(
            *(
                column if adapt is None else adapt(column)
                for adapt, column in zip(adapters, zip(*chunk, strict=True), strict=True)
            ),
            strict=True,
        )


def _adapter(field: models.Field[Any, Any], connection: Any, days: dict[type, Any]) -> Any:
    """Return how a column of this field's values is adapted, None where it passes through.

    Days and times repeat, within a column and from one to the next: what they become is kept in `days`.
    """
    if isinstance(field, models.JSONField):
        return _each(lambda value: value if isinstance(value, str) else json.dumps(value))
    if isinstance(field, (models.AutoField, models.IntegerField, models.FloatField, models.ForeignKey)):
        return None
    if isinstance(field, models.CharField | models.TextField):
        return None
    if connection.vendor == "sqlite" and hasattr(field, "as_texts"):
        return field.as_texts
    adapt: Callable[[Any], Any] = partial(field.get_db_prep_save, connection=connection)
    if isinstance(field, models.DateTimeField) and connection.vendor == "sqlite" and connection.timezone is UTC:
        adapt = _utc_text
    if isinstance(field, models.DateField):
        adapt = days.setdefault(type(field), lru_cache(maxsize=KEPT_VALUES)(adapt))
    return _each(adapt)


def _utc_text(moment: datetime) -> str:
    """Write a moment as Django does on SQLite, without asking it for the zone of every one."""
    return str(moment)[:-6] if moment.tzinfo is UTC else str(moment.astimezone(UTC).replace(tzinfo=None))


def _each(adapt: Callable[[Any], Any]) -> Callable[[Sequence[Any]], list[Any]]:
    """Adapt a column value by value; what is empty stays empty."""
    return lambda column: [None if value is None else adapt(value) for value in column]


def _copy(connection: Any, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Stream rows through COPY."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
