"""Share people, clients and a market between tests."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

import tests.profiles  # noqa: F401 - loads the profile
from accounts.models import User

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def alice(db: None) -> User:
    """The owner."""
    return User.objects.create_user("alice@example.org", "correct horse battery")


@pytest.fixture
def bob(db: None) -> User:
    """A stranger."""
    return User.objects.create_user("bob@example.org", "correct horse battery")


@pytest.fixture
def client_of_alice(alice: User) -> Client:
    """A browser in which the owner is signed in."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def client_of_bob(bob: User) -> Client:
    """A browser in which a stranger is signed in."""
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def real_database(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    """On SQLite a database in a file, as people run it: one in memory locks whole tables and waits for nobody."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    memory, name, path = connection.connection, connection.settings_dict["NAME"], tmp_path / "real.sqlite3"
    with sqlite3.connect(path) as file:
        memory.backup(file)
    file.close()
    connection.connection, connection.settings_dict["NAME"] = None, str(path)
    yield
    connection.close()
    connection.connection, connection.settings_dict["NAME"] = memory, name


@pytest.fixture(scope="module")
def kept(django_db_setup: None, django_db_blocker: Any) -> Callable[[], AbstractContextManager[None]]:
    """Keep what a module's fixture writes for all its tests, each of which is still undone alone; undone at the end."""

    @contextmanager
    def keep() -> Iterator[None]:
        """Hold a transaction open around them all."""
        with django_db_blocker.unblock(), transaction.atomic():
            yield
            transaction.set_rollback(True)

    return keep


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each pass its tests: all on SQLite, on PostgreSQL those that touch the database or that only it can show."""
    if os.environ.get("ONLY_DATABASE_TESTS"):
        kept = [item for item in items if _touches_database(item) and not _runs_once(item)]
    else:
        kept = [item for item in items if not item.get_closest_marker("postgres_only")]
        if not os.environ.get("POSTGRESQL_FOLLOWS"):
            kept = items
            for item in items:
                if item.get_closest_marker("postgres_only"):
                    item.add_marker(pytest.mark.skip(reason="needs PostgreSQL, which was not found"))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _runs_once(item: pytest.Item) -> bool:
    """Return whether one database is enough for a test."""
    return any(item.get_closest_marker(name) for name in ("browser", "once"))


def _touches_database(item: pytest.Item) -> bool:
    """Return whether a test asks for the database."""
    fixtures = set(getattr(item, "fixturenames", ()))
    is_django_case = bool(getattr(getattr(item, "cls", None), "databases", None))
    return bool(fixtures & {"db", "transactional_db"} or item.get_closest_marker("django_db")) or is_django_case
