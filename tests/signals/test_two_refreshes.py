"""A refresh that a person asks for while the periodic one runs waits for it, and then finds nothing new."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from portfolio.models import Price
from signals.services.prices import refresh_prices
from tests.conftest import NOW
from tests.signals import scene

# Threads share one connection to an in-memory database, so that SQLite cannot show this.
pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]


def test_two_at_once_store_each_close_once() -> None:
    where = scene.market(days=1, until=(NOW - timedelta(days=3)).date())

    def refresh(_: int) -> int:
        """Fetch the newest days, as a worker does."""
        try:
            return refresh_prices(market=where, now=NOW).added
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        added = sorted(workers.map(refresh, range(2)))

    assert added[0] == 0 < added[1]
    assert Price.objects.filter(market=where).dates("date", "day").count() > 1
