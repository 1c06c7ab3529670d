"""Silence is told from failure: "not modified" confirms, one part that answers is enough, and venues add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portfolio.models import Market
from portfolio.services.catalogue import ensure_market
from signals.models import Reading, SourcePoll, SourceState
from signals.services.combining import combine_venues, summed_interest, weighted_funding
from signals.services.prices import store_readings
from signals.sources.base import ReadingRow
from signals.sources.live.feeds import FEEDS
from tests.signals.live import internet as net
from tests.signals.live import world
from tests.signals.live.world import NOW, refreshed

HOUR = timedelta(hours=1)
NAMES = ("coingecko", "defillama", "fear_greed", "feeds")
AT = datetime(2026, 11, 20, 8, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def internet(settings: Any) -> Iterator[net.Internet]:
    """The whole world on loopback."""
    with net.serving(world.internet()) as found:
        settings.SOURCE_ADDRESSES = dict.fromkeys(NAMES, found.address)
        yield found


@pytest.fixture
def market() -> Market:
    """The live market."""
    return ensure_market("live")


def newest(indicator: str, subject: str = "") -> Reading:
    """Return the newest reading."""
    return Reading.objects.filter(indicator=indicator, subject=subject).latest("observed_at", "ingested_at")


class TestNotModified:
    @pytest.mark.parametrize("name", NAMES)
    def test_is_a_success_of_the_source(self, internet: net.Internet, market: Market, name: str) -> None:
        refreshed(market, name)
        refreshed(market, name, now=NOW + HOUR)

        report = refreshed(market, name, now=NOW + 2 * HOUR)

        assert not report.has_failed
        assert SourcePoll.objects.get(source=name).succeeded_at == NOW + 2 * HOUR
        assert SourceState.objects.get(name=name).failures == 0

    def test_confirms_that_what_is_of_now_still_holds(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "defillama")
        refreshed(market, "defillama", now=NOW + 5 * HOUR)
        for indicator, subject in (("l2_share", ""), ("tvl", "UNI")):
            found = newest(indicator, subject)
            assert found.observed_at == (NOW + 5 * HOUR).replace(minute=0)
            assert found.value == Reading.objects.filter(indicator=indicator, subject=subject).earliest("pk").value

    def test_is_somebody_who_looked_for_news(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "feeds")
        refreshed(market, "feeds", now=NOW + 30 * HOUR)
        assert newest("event_coverage", "EXPLOIT").observed_at == (NOW + 30 * HOUR).replace(minute=0)

    def test_one_feed_that_answers_is_enough(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "feeds")
        for path in ("/rss", "/news/pressreleases.rss"):
            internet.faults[path] = net.status(500)
        report = refreshed(market, "feeds", now=NOW + HOUR)
        assert not report.has_failed
        assert len(report.doubts) == 2
        assert newest("event_coverage", "EXPLOIT").observed_at == (NOW + HOUR).replace(minute=0)

    def test_no_feed_that_answers_leaves_the_day_uncovered(self, internet: net.Internet, market: Market) -> None:
        internet.faults["*"] = net.status(500)
        assert refreshed(market, "feeds").has_failed
        assert len(FEEDS) == 3
        assert not Reading.objects.filter(indicator="event_coverage").exists()


class TestCombining:
    """DOMAIN 2.6 and 2.7 over the venues."""

    def test_funding_is_weighted_by_open_interest_where_all_have_it(self) -> None:
        rates = {"binance": {AT: 0.10}, "mexc": {AT: 0.40}}
        assert weighted_funding(rates, {"binance": {AT: 3.0}, "mexc": {AT: 1.0}}) == {AT: pytest.approx(0.175)}
        assert weighted_funding(rates, {"binance": {AT: 3.0}}) == {AT: pytest.approx(0.25)}

    def test_open_interest_sums_binance_and_bybit(self) -> None:
        held = {"binance": {AT: 3.0}, "bybit": {AT - 2 * HOUR: 2.0}, "mexc": {AT: 9.0}}
        assert summed_interest(held)[AT] == 5.0
        assert summed_interest({"mexc": {AT: 9.0}}) == {AT: 9.0}

    def test_only_what_follows_from_new_rows_is_combined_again(self, market: Market) -> None:
        old = [ReadingRow("interest_venue", f"{venue}:BTC", AT - back * HOUR, AT - back * HOUR, 10.0 + back, venue)
               for venue in ("binance", "bybit") for back in (48, 24)]  # fmt: skip
        combine_venues(market=market, rows=store_readings(market=market, rows=old, now=NOW).fresh, now=NOW)
        new = [ReadingRow("interest_venue", f"{venue}:BTC", AT, AT, 7.0, venue) for venue in ("binance", "bybit")]
        fresh = store_readings(market=market, rows=new, now=NOW).fresh

        stored = combine_venues(market=market, rows=fresh, now=NOW)

        assert (stored.added, stored.unchanged) == (1, 0)
        combined = Reading.objects.filter(indicator="open_interest").order_by("observed_at")
        assert [row.value for row in combined] == [116.0, 68.0, 14.0]
        assert combine_venues(market=market, rows=fresh, now=NOW).added == 0

    def test_a_venue_that_comes_later_is_a_further_version(self, market: Market) -> None:
        for minutes, venue in ((1, "binance"), (6, "bybit")):
            now = AT + timedelta(minutes=minutes)
            rows = [ReadingRow("interest_venue", f"{venue}:BTC", AT, now, 5.0, venue)]
            combine_venues(market=market, rows=store_readings(market=market, rows=rows, now=now).fresh, now=now)
        versions = Reading.objects.filter(indicator="open_interest").order_by("ingested_at")
        assert [row.value for row in versions] == [5.0, 10.0]
        assert versions[1].ingested_at == AT + timedelta(minutes=6)
