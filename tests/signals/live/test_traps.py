"""The six traps of DOMAIN 2.1, each by its number; Retry-After as a date; several workers and one budget."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from portfolio.models import Price
from portfolio.services.catalogue import ensure_market
from signals.models import Reading, SourceState
from signals.sources.fetch import Fetcher, FetchError, NotAskedError, Policy, take_turn
from signals.sources.live.base import BadValueError
from signals.sources.live.venues.units import base_units, fee_rate, interval_hours, yearly
from tests.signals.live import internet as net
from tests.signals.live import test_five_venues, world
from tests.signals.live.venue_pages import DAYS, pages
from tests.signals.live.world import NOW, refreshed

HOUR = 3_600_000


@pytest.fixture
def world_wide(settings: Any) -> Iterator[net.Internet]:
    """CoinGecko on loopback."""
    with net.serving(world.internet()) as found:
        settings.SOURCE_ADDRESSES = {"coingecko": found.address}
        yield found


def asked_of(venue: str, settings: Any) -> tuple[list[str], list[Reading]]:
    """Refresh a venue, and return what was asked and the readings."""
    with net.serving(net.Internet(pages=pages(venue), name=venue)) as found:
        settings.SOURCE_ADDRESSES = {venue: found.address}
        test_five_venues.refreshed(ensure_market("live"), found)
    return found.asked, list(Reading.objects.all())


@pytest.mark.django_db
@pytest.mark.once
class TestTrapOne:
    def test_thirty_days_of_open_interest_are_asked_for_once_and_kept(self, settings: Any) -> None:
        asked, kept = asked_of("binance", settings)
        (path,) = [each for each in asked if each.startswith("/futures/data/openInterestHist")]
        assert "limit=30" in path
        assert "period=1d" in path
        assert len([row for row in kept if row.indicator == "interest_venue"]) == len(DAYS)


class TestTrapTwo:
    def test_four_ways_of_telling_open_interest_are_one_unit(self) -> None:
        linear, inverse = {"linear": True}, {"inverse": True, "contractSize": 100}
        assert base_units({"openInterestAmount": 100}, market=linear, price=9e4) == 100
        assert base_units({"openInterestAmount": None, "openInterestValue": 9e6}, market=linear, price=9e4) == 100
        assert base_units({"openInterestAmount": 90_000}, market=inverse, price=9e4) == 100
        with pytest.raises(BadValueError):
            base_units({"openInterestAmount": None, "openInterestValue": 9e6}, market=linear, price=None)


class TestTrapThree:
    def test_the_interval_is_stated_else_the_usual_gap_else_eight_hours(self) -> None:
        assert interval_hours("4h", [0, 8 * HOUR]) == 4
        assert interval_hours("480m", []) == 8
        assert interval_hours(None, [0, 4 * HOUR + 7, 8 * HOUR, 12 * HOUR, 20 * HOUR]) == 4
        assert interval_hours(None, []) == 8
        assert yearly(0.0001, hours=4) == pytest.approx(2 * 0.1095)


class TestTrapFour:
    def test_a_percentage_is_no_fraction(self) -> None:
        for percent in (0.1, 0.08):
            with pytest.raises(BadValueError):
                fee_rate(percent)
        assert fee_rate(0.0008) == 0.0008


@pytest.mark.django_db
@pytest.mark.once
class TestTrapFive:
    def test_mexc_is_asked_for_each_contract_by_itself(self, settings: Any) -> None:
        asked, kept = asked_of("mexc", settings)
        assert "/api/v1/contract/funding_rate/BTC_USDT" in asked
        assert [row.value for row in kept if row.indicator == "funding_now"] == [pytest.approx(0.1095)]

    def test_bybit_tells_it_in_its_tickers(self, settings: Any) -> None:
        asked, kept = asked_of("bybit", settings)
        tickers = [each for each in asked if each.startswith("/v5/market/tickers?category=linear")]
        assert tickers
        assert [row.value for row in kept if row.indicator == "funding_now"] == [pytest.approx(0.1095)]


@pytest.mark.django_db
class TestTrapSix:
    def test_rolling_volumes_are_taken_a_day_apart(self, world_wide: net.Internet) -> None:
        """Two quotes 15 minutes apart tell overlapping volumes: neither becomes a day's."""
        market = ensure_market("live")
        refreshed(market, "coingecko")
        before = list(Price.objects.order_by("pk").values_list("date", "volume_usd"))
        world_wide.faults["/coins/markets"] = net.replaced('"total_volume": 900000000.0', '"total_volume": 990000000.0')
        refreshed(market, "coingecko", now=NOW + timedelta(minutes=15))
        assert list(Price.objects.order_by("pk").values_list("date", "volume_usd")) == before
        days = [day for day, _ in Price.objects.filter(asset__symbol="BTC").order_by("date").values_list("date", "pk")]
        assert all((after - one).days == 1 for one, after in pairwise(days))


@pytest.mark.django_db
class TestRetryAfter:
    def test_a_date_is_honoured(self) -> None:
        with net.serving(net.Internet(pages={"/": lambda _query: {}})) as internet:
            served_at = datetime.now(UTC)
            internet.faults["*"] = net.status(
                429, Retry_After=format_datetime(served_at + timedelta(minutes=7), usegmt=True)
            )
            ask = Fetcher(Policy("test", 10), NOW, sleep=lambda _seconds: None)
            with pytest.raises(FetchError, match="429"):
                ask.get(f"{internet.address}/")
        wait = SourceState.objects.get().wait_until
        assert wait is not None
        assert abs((wait - NOW - timedelta(minutes=7)).total_seconds()) < 30
        with pytest.raises(NotAskedError, match="left alone"):
            take_turn(Policy("test", 10), now=NOW + timedelta(minutes=6))


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
class TestManyWorkers:
    def test_share_one_budget(self) -> None:
        """Eight workers want five requests each of a budget of twelve: twelve are made."""
        policy, now = Policy("shared", 12), datetime(2026, 11, 20, 12, tzinfo=UTC)
        SourceState.objects.create(name="shared", minute_at=now, month_at=now)
        made: list[int] = []

        def work() -> None:
            """Take what is left."""
            for _ in range(5):
                try:
                    take_turn(policy, now=now)
                    made.append(1)
                except NotAskedError:
                    pass
            connection.close()

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert sum(made) == 12
        assert SourceState.objects.get().minute_used == 12
