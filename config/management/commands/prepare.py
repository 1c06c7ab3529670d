"""Make the database and the static files fit the code, with a backup before any migration."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    """Back up if a migration waits and there is something to lose, migrate, collect static files."""

    help = "Back up, migrate and collect static files, each only where something is to be done."

    def handle(self, *args: Any, **options: Any) -> None:
        """Bring everything up to date."""
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting and executor.loader.applied_migrations:
            call_command("backup")
        if waiting:
            call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
