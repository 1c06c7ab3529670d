"""Write a consistent copy of the database into the data folder."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection


class Command(BaseCommand):
    """Use SQLite's online backup, or pg_dump; the copy is checked before it gets its name."""

    help = "Write a consistent copy of the database into the data folder's backups."

    def add_arguments(self, parser: Any) -> None:
        """Take the folder."""
        parser.add_argument("--folder", default=str(settings.DATA_DIR / "backups"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the copy."""
        folder = Path(options["folder"])
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        if connection.vendor == "sqlite":
            target = _backup_sqlite(folder / f"rotabook-{stamp}.sqlite3")
        else:
            target = _backup_postgresql(folder / f"rotabook-{stamp}.pgdump")
        target.chmod(0o600)
        self.stdout.write(f"Backed up to {target}")


def _backup_sqlite(target: Path) -> Path:
    """Copy through the online backup interface, check, rename."""
    partial = target.with_suffix(".partial")
    with connection.cursor() as cursor, sqlite3.connect(partial) as copy:
        cursor.connection.backup(copy)
        (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
    copy.close()
    if verdict != "ok":
        raise CommandError(f"The copy is damaged: {verdict}")
    return partial.rename(target)


def _backup_postgresql(target: Path) -> Path:
    """Dump in the custom format."""
    partial = target.with_suffix(".partial")
    result = subprocess.run(
        ["pg_dump", "--format=custom", f"--file={partial}"], env=postgresql_environment(), check=False
    )
    if result.returncode:
        raise CommandError("pg_dump failed; see the lines above.")
    return partial.rename(target)


def postgresql_environment() -> dict[str, str]:
    """Return the environment in which libpq's tools find our database, without a password on a command line."""
    place = settings.DATABASES["default"]
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    return {**os.environ, **{name: str(place[key]) for name, key in names.items() if place.get(key)}}
