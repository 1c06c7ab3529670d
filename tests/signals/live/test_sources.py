"""Every source gives what it shows, and nothing it does wrong gets past the quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.models import Asset, Market, Price, Quote, Sector
from portfolio.services.catalogue import ensure_market
from signals.models import Event, Feed, Quarantine, Reading, SectorAlias, SourceAlias, SourcePoll
from signals.sources.live.feeds import FEEDS
from signals.sources.live.names import COINGECKO
from tests.signals.live import internet as net
from tests.signals.live import world
from tests.signals.live.world import NOW, refreshed

NAMES = ("coingecko", "defillama", "defillama_yields", "fear_greed", "feeds")
MAIN = {"coingecko": "/coins/markets", "defillama": "/protocols", "fear_greed": "/fng/", "feeds": "/rss"}

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


def value_of(indicator: str, subject: str = "") -> float:
    """Return the newest reading."""
    found = Reading.objects.filter(indicator=indicator, subject=subject).latest("observed_at", "ingested_at")
    return found.value


class TestWhatSourcesShow:
    def test_coingecko(self, internet: net.Internet, market: Market) -> None:
        report = refreshed(market, "coingecko")
        assert not report.has_failed
        assert Quote.objects.get(asset__symbol="BTC").price_usd == D(90000)
        assert Price.objects.filter(asset__symbol="BTC").count() == 40
        newest = Price.objects.filter(asset__symbol="AAVE").latest("date")
        assert newest.date == (NOW - timedelta(days=1)).date()
        assert newest.volume_scope == "global"
        assert value_of("category_cap", "defi") == 1e11
        assert value_of("market_cap") == 3.1e12

    def test_coingecko_tells_which_share_of_a_category_rises(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "coingecko")
        assert value_of("category_breadth", "ai") == pytest.approx(4 / 6)

    def test_yields_are_weighted_by_what_lies_in_the_pools(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "defillama_yields")
        assert value_of("pool_yield", "AAVE") == pytest.approx(0.05)
        assert value_of("stable_yield") == pytest.approx(0.05)

    def test_what_a_source_does_not_know_is_named_with_a_remedy(self, internet: net.Internet, market: Market) -> None:
        asset = Asset.objects.get(symbol="FET")
        SourceAlias.objects.create(source="coingecko", asset=asset, external_id="fetch-ai-2")
        SectorAlias.objects.create(source="coingecko", sector=Sector.objects.get(slug="ai"), external_id="robots")
        internet.faults["/coins/markets"] = net.replaced('"id": "fetch-ai-2"', '"id": "other"')
        refreshed(market, "coingecko")
        found = dict(Quarantine.objects.filter(reason="unknown").values_list("subject", "detail"))
        assert found == {
            "FET": "CoinGecko does not know 'fetch-ai-2'; an administrator enters its id under source aliases",
            "category ai": "CoinGecko does not know 'robots'; an administrator enters its id under sector aliases",
        }

    def test_an_administrator_chooses_feeds_and_words(self, internet: net.Internet, market: Market) -> None:
        for url in FEEDS:
            Feed.objects.create(url=url, is_enabled=False)
        Feed.objects.create(url="https://blog.example.org/feed.xml")
        SectorAlias.objects.create(source="feeds", sector=Sector.objects.get(slug="ai"), external_id="robots, R2")
        news = world.FEED.replace("Bittensor teams up", "Robots: R2 teams up")
        internet.pages["/feed.xml"] = lambda _query: news.encode()
        refreshed(market, "feeds")
        assert internet.asked == ["/feed.xml"]
        assert {(event.sector.slug, event.source) for event in Event.objects.all()} == {
            ("ai", "feed blog.example.org"), ("defi", "feed blog.example.org"),
        }  # fmt: skip

    def test_defillama(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "defillama")
        assert value_of("tvl", "UNI") == 2.0e9
        assert value_of("tvl", "defi") == 1.0e11 + 1
        assert value_of("l2_share") == pytest.approx(7 / 67)
        assert value_of("dex_volume", "defi") == 7.0e9 + 1
        assert value_of("stablecoins") == 2.5e11 + 1

    def test_fear_and_greed(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "fear_greed")
        newest = Reading.objects.filter(indicator="fear_greed").latest("observed_at")
        assert (newest.value, newest.observed_at) == (50, world.midnight())
        assert newest.ingested_at == world.midnight() + timedelta(hours=1)

    def test_feeds_propose_at_low_confidence_and_tell_a_story_once(
        self, internet: net.Internet, market: Market
    ) -> None:
        refreshed(market, "feeds")
        found = {(event.sector.slug, event.type): [] for event in Event.objects.all()}  # type: ignore[var-annotated]
        for event in Event.objects.all():
            found[event.sector.slug, event.type].append(event)
            assert event.status == Event.Status.UNVERIFIED
            assert event.first_seen_at == NOW
        assert set(found) == {("ai", "PARTNERSHIP"), ("defi", "EXPLOIT")}
        assert [event.confidence for event in found["ai", "PARTNERSHIP"]] == [pytest.approx(0.3)]
        assert Reading.objects.filter(indicator="event_coverage").count() == 7

    @pytest.mark.parametrize("name", NAMES)
    def test_repeating_adds_nothing(self, internet: net.Internet, market: Market, name: str) -> None:
        for minute in range(2):
            refreshed(market, name, now=NOW + timedelta(minutes=minute))
        before = world.stored()
        again = refreshed(market, name, now=NOW + timedelta(minutes=2))
        assert world.stored() == before
        assert not again.has_failed

    def test_history_resumes_where_it_stopped(self, internet: net.Internet, market: Market) -> None:
        """The budget of a minute does not reach for a year of every asset: the next slot goes on."""
        first = refreshed(market, "coingecko", is_whole=True)
        assert any("the minute's 25 requests" in each.reason for each in first.skipped)
        done = set(Price.objects.values_list("asset__symbol", flat=True))
        assert 10 < len(done) < 30
        internet.asked.clear()

        second = refreshed(market, "coingecko", now=NOW + timedelta(minutes=15), is_whole=True)

        assert not second.skipped
        assert not [path for path in internet.asked if path.startswith("/coins/bitcoin/")]
        assert Price.objects.values("asset").distinct().count() == len(COINGECKO)
        assert Price.objects.filter(asset__symbol="UNI").count() == 40


FAULTS: dict[str, Any] = {
    "429": net.status(429, Retry_After="30"),
    "429 without a time": net.status(429),
    "500": net.status(500),
    "503 page": net.status(503, b"<html>busy</html>"),
    "302": net.status(302, Location="http://127.0.0.1:1/"),
    "page": net.body(b"<html><body>Just a moment</body></html>", "text/html"),
    "truncated": net.truncated,
    "NaN": net.body(b'[{"id":"bitcoin","current_price":NaN}]'),
    "empty": net.body(b""),
    "null": net.body(b"null"),
    "empty list": net.body(b"[]"),
    "error with 200": net.body(b'{"status":{"error_code":429,"error_message":"Throttled"}}'),
    "entities": net.body(b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><rss>&b;</rss>', "text/xml"),
    "bomb": net.bomb,
}


@pytest.mark.once
class TestWhatSourcesDoWrong:
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_broken_answer_changes_nothing_and_is_quarantined(
        self, internet: net.Internet, market: Market, name: str, fault: str
    ) -> None:
        refreshed(market, name)
        before = world.stored()
        internet.faults["*"] = FAULTS[fault]

        report = refreshed(market, name, now=NOW + timedelta(hours=1))

        assert world.stored() == before
        assert report.has_failed
        assert Quarantine.objects.filter(source=name).exists()
        poll = SourcePoll.objects.get(source=name)
        assert poll.succeeded_at == NOW
        assert poll.message

    @pytest.mark.parametrize("name", NAMES)
    def test_a_source_that_stays_broken_is_left_alone(self, internet: net.Internet, market: Market, name: str) -> None:
        internet.faults["*"] = FAULTS["page"]
        for minute in range(5):
            refreshed(market, name, now=NOW + timedelta(minutes=minute))
        internet.asked.clear()

        report = refreshed(market, name, now=NOW + timedelta(minutes=10))

        assert internet.asked == []
        assert "is not asked before" in str(report)

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ('"current_price": 90000.0', '"current_price": 0', "value"),
            ('"current_price": 90000.0', '"current_price": -5', "value"),
            ('"current_price": 90000.0', '"current_price": null', "value"),
            ('"current_price": 90000.0', '"current_price": "Infinity"', "value"),
            ('"current_price": 90000.0', '"current_price": "abc"', "value"),
            ('"current_price": 90000.0', '"current_price": 900000.0', "spike"),
            ('"current_price": 90000.0', '"current_price": 90.0', "spike"),
        ],
    )
    def test_a_bad_price_leaves_the_good_one(
        self, internet: net.Internet, market: Market, old: str, new: str, reason: str
    ) -> None:
        refreshed(market, "coingecko")
        internet.faults["/coins/markets"] = net.replaced(old, new)
        before = world.stored()

        refreshed(market, "coingecko", now=NOW + timedelta(minutes=5))

        assert world.stored()["quotes"] == before["quotes"]
        assert Quarantine.objects.filter(reason=reason, subject__endswith="BTC").exists()

    @pytest.mark.parametrize(
        ("new", "reason"),
        [("2026-11-20T09:00:00.000Z", "stale"), ("2027-11-20T09:00:00.000Z", "future"), ("yesterday", "value")],
    )
    def test_a_bad_time_leaves_the_good_price(
        self, internet: net.Internet, market: Market, new: str, reason: str
    ) -> None:
        refreshed(market, "coingecko")
        before = world.stored()
        internet.faults["/coins/markets"] = net.replaced("2026-11-20T12:28:00.000Z", new)

        refreshed(market, "coingecko", now=NOW + timedelta(minutes=5))

        assert world.stored()["quotes"] == before["quotes"]
        assert Quarantine.objects.filter(reason=reason, subject="BTC").exists()

    @pytest.mark.parametrize(
        ("old", "new"),
        [("3.0e10", "0"), ("30000000000.0", "-1"), ("30000000000.0", '"NaN"'), ("30000000000.0", "3e11")],
    )
    def test_a_bad_tvl_leaves_the_good_one(self, internet: net.Internet, market: Market, old: str, new: str) -> None:
        refreshed(market, "defillama")
        internet.faults["/protocols"] = net.replaced("30000000000.0", new)

        refreshed(market, "defillama", now=NOW + timedelta(hours=1))

        assert value_of("tvl", "AAVE") == 3.0e10
        assert Quarantine.objects.filter(subject="tvl AAVE").exists()

    def test_a_spike_in_history_is_left_out(self, internet: net.Internet, market: Market) -> None:
        internet.faults["/overview/dexs"] = net.replaced("7000000005.0", "70000000050.0")
        refreshed(market, "defillama")
        assert Reading.objects.filter(indicator="dex_volume").count() == 19
        assert Quarantine.objects.get(reason="spike").subject.startswith("dex_volume defi 2026-11-15")

    def test_a_day_said_twice_is_kept_once_and_doubted(self, internet: net.Internet, market: Market) -> None:
        twice = f'{{"value": "99", "timestamp": "{int(world.midnight().timestamp())}"}}, {{"value": "51"'
        internet.faults["/fng/"] = net.replaced('{"value": "51"', twice)
        refreshed(market, "fear_greed")
        assert value_of("fear_greed") == 50
        assert Quarantine.objects.filter(reason="duplicate").exists()

    def test_a_stale_index_is_doubted(self, internet: net.Internet, market: Market) -> None:
        report = refreshed(market, "fear_greed", now=NOW + timedelta(days=4))
        assert report.has_failed
        assert Quarantine.objects.get().reason == "stale"

    def test_a_level_that_persists_is_believed_and_logged(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "coingecko")
        prices = []
        for minute in (10, 20, 30):
            at = (NOW + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            internet.faults["/coins/markets"] = net.both(
                net.replaced("90000.0", "900000.0"), net.replaced("2026-11-20T12:28:00.000Z", at)
            )
            refreshed(market, "coingecko", now=NOW + timedelta(minutes=minute, seconds=30))
            prices.append(Quote.objects.get(asset__symbol="BTC").price_usd)
        assert prices == [D(90000), D(90000), D(900000)]
        assert Quarantine.objects.get(subject="quote BTC").accepted_at is not None

    def test_an_asset_is_known_by_its_name_not_by_its_symbol(self, internet: net.Internet, market: Market) -> None:
        refreshed(market, "coingecko")
        assert Quote.objects.get(asset__symbol="ETH").price_usd == D(3000)
