"""Put a backup in the place of the database, and prove the ledger afterwards."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.management.commands.backup import postgresql_environment


class Command(BaseCommand):
    """Refuse a damaged copy, keep what was there as a backup, restore, migrate, verify."""

    help = "Replace the database by a backup; what was there is backed up first."

    def add_arguments(self, parser: Any) -> None:
        """Take the file."""
        parser.add_argument("file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore the file."""
        source = Path(options["file"])
        if not source.is_file():
            raise CommandError(f"{source} is not a file.")
        is_sqlite = connection.vendor == "sqlite"
        _check_sqlite(source) if is_sqlite else _check_postgresql(source)
        if connection.introspection.table_names():
            call_command("backup")
        _restore_sqlite(source) if is_sqlite else _restore_postgresql(source)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("verify_ledger")
        self.stdout.write(f"Restored {source}")


def _check_sqlite(source: Path) -> None:
    """Refuse what is not a sound database of ours."""
    try:
        with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as copy:
            (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
            tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        copy.close()
    except sqlite3.DatabaseError as error:
        raise CommandError(f"{source} is damaged: {error}. Nothing was changed.") from error
    if verdict != "ok" or "portfolio_fill" not in tables:
        raise CommandError(f"{source} is damaged or not a backup of Rotabook. Nothing was changed.")


def _restore_sqlite(source: Path) -> None:
    """Copy the backup over the live database through the online backup interface."""
    with sqlite3.connect(source) as copy, connection.cursor() as cursor:
        copy.backup(cursor.connection)
    copy.close()
    connection.close()


def _check_postgresql(source: Path) -> None:
    """Refuse a dump that pg_restore cannot list."""
    result = subprocess.run(["pg_restore", "--list", str(source)], capture_output=True, check=False)
    if result.returncode or b"portfolio_fill" not in result.stdout:
        raise CommandError(f"{source} is damaged or not a backup of Rotabook. Nothing was changed.")


def _restore_postgresql(source: Path) -> None:
    """Restore in one transaction."""
    environment = postgresql_environment()
    words = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
    connection.close()
    if subprocess.run([*words, "-d", environment["PGDATABASE"], str(source)], env=environment, check=False).returncode:
        raise CommandError("pg_restore failed; see the lines above. Nothing was changed.")
