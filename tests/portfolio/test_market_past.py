"""A market's past is read again as soon as anything was added to it, or ended."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from portfolio.models import Market, SectorMembership
from portfolio.queries.market_past import market_past
from tests.portfolio.factories import NOW, asset, day, price


@pytest.fixture(autouse=True)
def _past(market: Market) -> None:
    """Begin with closes that leave a day out, and nothing kept from another test."""
    cache.clear()
    for number in (0, 1, 3, 4, 5):
        price(market, number)


class TestKept:
    def test_while_nothing_was_added_one_query_finds_it(self, market: Market, django_assert_num_queries: Any) -> None:
        market_past(market=market, now=NOW)
        with django_assert_num_queries(1):
            market_past(market=market, now=NOW)

    def test_a_close_of_an_older_day_counts_at_once(self, market: Market) -> None:
        market_past(market=market, now=NOW)

        price(market, 2, {"UNI": "77"})

        assert market_past(market=market, now=NOW).prices([asset("UNI").pk], [day(2)])[0][0] == 77

    def test_a_membership_that_ended_has_ended_at_once(self, market: Market) -> None:
        before = market_past(market=market, now=NOW).members

        SectorMembership.objects.filter(market=market, asset__symbol="UNI").update(until_date=day(5))

        after = market_past(market=market, now=NOW).members
        assert before != after
        assert {member.until for member in after if member.asset == asset("UNI").pk} == {day(5)}
