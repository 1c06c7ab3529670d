"""A person with a portfolio, a recommendation and a token; a stranger with a token."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import User
from portfolio.models import Portfolio
from tests.api.scene import Caller
from tests.journal.scene import anchor


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    """The anchor portfolio of scenario A."""
    return anchor(alice)


@pytest.fixture
def caller(alice: User) -> Caller:
    """The owner's token that may write."""
    return Caller(alice)


@pytest.fixture
def stranger(bob: User) -> Caller:
    """Somebody else's token."""
    return Caller(bob)


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
