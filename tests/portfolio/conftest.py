"""Share a priced market and a portfolio between the portfolio's tests."""

from __future__ import annotations

import pytest

from accounts.models import User
from portfolio.models import Market, Portfolio
from tests.portfolio import factories


@pytest.fixture
def market(db: None) -> Market:
    """A market that closed once, the day before the portfolios open."""
    where = factories.market()
    factories.price(where, -1)
    return where


@pytest.fixture
def book(alice: User, market: Market) -> Portfolio:
    """A portfolio with core, reserve and pool: 1 BTC, 20,000 USDC, 200 UNI, and some BNB for fees."""
    return factories.portfolio(
        alice,
        {"BTC": ("1", "30000"), "USDC": ("20000", "20000"), "UNI": ("200", None), "BNB": ("1", "300")},
    )
