"""Two sales at once cannot both take the last units: the portfolio's lock lets one through after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as D

import pytest
from django.db import connection

from accounts.models import User
from portfolio.domain.outcomes import Oversold
from portfolio.models import Fill, Holding, Portfolio
from portfolio.queries.invariants import violations
from portfolio.services.ledger import METHOD, record_fills
from tests.portfolio import factories
from tests.portfolio.factories import NOW, at, fill, spot

# Threads share one connection to an in-memory database, so that SQLite cannot show this.
pytestmark = pytest.mark.postgres_only


@pytest.mark.django_db(transaction=True)
def test_only_what_is_held_is_sold() -> None:
    owner = User.objects.create_user("alice@example.org", "correct horse battery")
    factories.price(factories.market(), -1)
    book = factories.portfolio(owner, {"UNI": ("10", "100")})
    instrument = spot("UNI")

    def sell(number: int) -> bool:
        """Sell three of ten units; say whether it was accepted."""
        stated = fill(instrument, "sell", 3, 25, at(1, number))
        try:
            record_fills(portfolio=book, fills=[stated], now=NOW, client_key=f"sale-{number}")
        except Oversold:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as people:
        accepted = list(people.map(sell, range(8)))

    assert sum(accepted) == 3 == Fill.objects.count()
    assert Holding.objects.get(portfolio=book, asset__symbol="UNI").quantity == D(1)
    assert Portfolio.objects.get().ledger_version == 4
    assert violations(portfolio=Portfolio.objects.get(), method=METHOD) == []
