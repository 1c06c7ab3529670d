"""Say how the house is: database, migrations, broker, beat."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from jobs.models import Heartbeat

BEAT_LIMIT = timedelta(minutes=3)


def readiness(*, now: datetime) -> dict[str, bool]:
    """Return which parts are ready: database, migrations, broker, beat."""
    database, migrations = _database()
    return {"database": database, "migrations": migrations, "broker": _broker(), "beat": database and _beat(now)}


def last_beat() -> datetime | None:
    """Return when the beat was last heard of."""
    return Heartbeat.objects.filter(name="beat").values_list("beat_at", flat=True).first()


def _database() -> tuple[bool, bool]:
    """Return whether the database answers, and whether its schema is the code's."""
    try:
        executor = MigrationExecutor(connection)
        return True, not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False, False


def _broker() -> bool:
    """Return whether the broker, which is the cache too, answers."""
    try:
        cache.set("health", "1", 10)
        return bool(cache.get("health") == "1")
    except Exception:  # noqa: BLE001 - whatever the client raises, the broker is not ready
        return False


def _beat(now: datetime) -> bool:
    """Return whether the beat was heard of lately."""
    try:
        beat_at = last_beat()
    except DatabaseError:
        return False
    return beat_at is not None and now - beat_at < BEAT_LIMIT
