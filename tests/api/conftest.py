"""A person with a portfolio, a recommendation and a token; a stranger with a token."""

from __future__ import annotations

import pytest

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
