"""Load daily.csv and print how much longer it takes than a bare executemany of the same rows in the same run."""

from __future__ import annotations

import argparse
import os
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "market" / "daily.csv"
LIMIT = 4.0
ROUNDS = 5
HEADER = "date,asset,price_usd,market_cap_usd,volume_usd,volume_scope,tvl_usd,source\n"


def main() -> int:
    """Measure, print, and fail where the limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=REAL)
    arguments = parser.parse_args()
    room = Path(tempfile.mkdtemp(prefix="rotabook-bench-"))
    start_django(room)
    file = arguments.file if arguments.file.is_file() else invented(room)
    rounds = [(timed(load(file)), *floors(room, turn)) for turn in range(ROUNDS)]
    again = timed(load(file, is_again=True))
    best, same, plain = (min(column) for column in zip(*rounds, strict=True))
    print(f"{file.name}: {sum(1 for _ in file.open()) - 1:,} rows, best of {ROUNDS}")
    print(f"load_history         {best:.3f} s")
    print(f"load_history, again  {again:.3f} s (nothing new)")
    print(f"bare executemany     {same:.3f} s, ratio {best / same:.1f} (same tables, constraints and indexes)")
    print(f"bare executemany     {plain:.3f} s, ratio {best / plain:.1f} (neither constraints nor indexes)")
    return int(best / same > LIMIT)


def start_django(room: Path) -> None:
    """Set up the project on a fresh database in a room of its own."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DATA_DIR": str(room), "SECRET_KEY": secrets.token_urlsafe(48)}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def load(file: Path, *, is_again: bool = False) -> Callable[[], None]:
    """Return a load of the file into an empty market, or once more into the full one."""
    from django.core.management import call_command

    from portfolio.models import Market, Price
    from portfolio.services.catalogue import ensure_market
    from signals.models import Reading

    ensure_market("history")
    if not is_again:
        Price.objects.all().delete()
        Reading.objects.all().delete()
        Market.objects.update(as_of=None)
    return lambda: call_command("load_history", str(file))


def floors(room: Path, turn: int) -> tuple[float, float]:
    """Time bare executemany of what was stored: into the same tables, and into tables of bare columns."""
    database = sqlite3.connect(room / "rotabook.sqlite3")
    schema = {table: rows_of(database, table) for table in ("portfolio_price", "signals_reading")}
    database.close()
    same = timed(insert(room, f"same{turn}", schema, with_schema=True))
    return same, timed(insert(room, f"plain{turn}", schema, with_schema=False))


def rows_of(database: sqlite3.Connection, table: str) -> tuple[list[str], list[str], list[tuple]]:
    """Return a table's definition, its columns and its rows."""
    parts = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type = 'index'"
    definition = [row[0] for row in database.execute(parts, [table])]
    cursor = database.execute(f"SELECT * FROM {table}")
    return definition, [each[0] for each in cursor.description], cursor.fetchall()


def insert(room: Path, name: str, schema: dict, *, with_schema: bool) -> Callable[[], None]:
    """Return a bare insert of all rows in one transaction, with the pragmas of the project."""
    connection = sqlite3.connect(room / f"{name}.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    for table, (definition, columns, _) in schema.items():
        for statement in definition if with_schema else [f"CREATE TABLE {table} ({', '.join(columns)})"]:
            connection.execute(statement)

    def run() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for table, (_, columns, rows) in schema.items():
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
        connection.execute("COMMIT")

    return run


def invented(room: Path) -> Path:
    """Write a file of the same size from the simulated market."""
    from datetime import date

    from signals.sources.simulated import price_rows

    rows = price_rows(seed=1, first=date(2024, 1, 1), last=date(2026, 10, 1))[:43_968]
    rows = [row for row in rows if row.day < datetime.now(UTC).date()]
    file = room / "daily.csv"
    lines = [f"{r.day},{r.asset},{r.price},{r.market_cap},{r.volume},{r.volume_scope},,simulated\n" for r in rows]
    file.write_text(HEADER + "".join(lines))
    return file


def timed(run: Callable[[], None]) -> float:
    """Return how many seconds a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
