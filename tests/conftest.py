"""Share people, clients and a market between tests."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

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
