"""Read many rows as the database sends them, without converting every amount on the way."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.models import QuerySet


def raw_rows(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a `values_list` query as they arrive: amounts are text on SQLite, Decimal on PostgreSQL.

    Times have no zone on SQLite; JSON needs its field's converter.
    """
    connection = connections[rows.db]
    statement, parameters = rows.query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
