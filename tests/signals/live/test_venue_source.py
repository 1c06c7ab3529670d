"""A venue's figures come in one unit, and what it does wrong stays outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from portfolio.models import Market, Quote
from portfolio.services.catalogue import ensure_market
from signals.models import Quarantine, Reading
from signals.services.live import LiveReport, refresh_source
from signals.sources.fetch import Fetcher, Policy
from signals.sources.live.registry import Listed
from signals.sources.live.venues import Venue
from signals.sources.live.venues.gateway import connect
from tests.signals.live import internet as net
from tests.signals.live import venue_pages, world
from tests.signals.live.test_venues import market_of
from tests.signals.live.world import NOW

POLICY = Policy("binance", 1000)

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def milliseconds(back: timedelta) -> int:
    """Return a moment in the past as the venue writes it."""
    return int((NOW - back).timestamp() * 1000)


def settled(back: int) -> int:
    """Return a settlement, a few milliseconds late as they are."""
    return milliseconds(timedelta(minutes=30, hours=4 + 8 * back)) + 7


def pages() -> dict[str, net.Page]:
    """Answer as Binance does about BTC."""
    ticker = {
        "symbol": "BTCUSDT",
        "lastPrice": "90000",
        "quoteVolume": "1000000",
        "closeTime": milliseconds(timedelta(0)),
    }
    return {
        "/api/v3/ticker/24hr": lambda _query: [{**ticker, "bidQty": "1"}],
        "/fapi/v1/ticker/24hr": lambda _query: [ticker],
        "/fapi/v1/fundingRate": lambda _query: [
            {"symbol": "BTCUSDT", "fundingTime": settled(back), "fundingRate": "0.0001"} for back in range(5, -1, -1)
        ],
        "/futures/data/openInterestHist": lambda _query: [
            {
                "symbol": "BTCUSDT",
                "sumOpenInterest": "80000",
                "sumOpenInterestValue": "7200000000",
                "timestamp": milliseconds(timedelta(hours=12, minutes=30, days=back)),
            }
            for back in range(2, -1, -1)
        ],
        "/fapi/v1/openInterest": lambda _query: {
            "symbol": "BTCUSDT",
            "openInterest": "81000",
            "time": milliseconds(timedelta(0)),
        },
    }


@pytest.fixture
def internet(settings: Any) -> Iterator[net.Internet]:
    """Binance on loopback."""
    with net.serving(net.Internet(pages=pages())) as found:
        settings.SOURCE_ADDRESSES = {"binance": found.address}
        yield found


@pytest.fixture
def market() -> Market:
    """The live market."""
    return ensure_market("live")


def refreshed(market: Market, *, minutes: int = 0) -> LiveReport:
    """Refresh Binance, whose markets are BTC spot and perpetual."""
    now = NOW + timedelta(minutes=minutes)
    ask = Fetcher(POLICY, now, sleep=lambda _seconds: None)
    bare = connect("binance", ask)
    markets = [
        market_of(bare, "BTCUSDT", symbol, {"taker": fee, "maker": 0.0002})
        for symbol, fee in (("BTC/USDT", 0.1), ("BTC/USDT:USDT", 0.0005))
    ]
    source = Listed(Venue("binance", markets=markets), POLICY, 300)
    return refresh_source(market=market, source=source, now=now, fetcher=ask)


class TestVenue:
    def test_funding_and_open_interest_reach_the_signals(self, internet: net.Internet, market: Market) -> None:
        report = refreshed(market)
        assert not report.has_failed
        funding = Reading.objects.filter(indicator="funding", subject="BTC").order_by("observed_at")
        assert [row.value for row in funding] == [pytest.approx(0.1095)] * 6
        assert funding[5].observed_at.minute == 0
        interest = Reading.objects.filter(indicator="open_interest", subject="BTC")
        assert [row.value for row in interest] == [80000.0] * 3
        assert Quote.objects.get(asset__symbol="BTC").source == "binance"

    def test_a_fee_in_percent_is_quarantined(self, internet: net.Internet, market: Market) -> None:
        refreshed(market)
        assert Quarantine.objects.get(subject="taker_rate binance:spot").value == pytest.approx(0.1)
        assert not Reading.objects.filter(indicator="taker_rate", subject="binance:spot").exists()
        assert Reading.objects.get(indicator="taker_rate", subject="binance:perp").value == 0.0005

    def test_tiers_that_need_a_key_are_an_estimate_and_say_so(self, internet: net.Internet, market: Market) -> None:
        refreshed(market)
        tier = Reading.objects.get(indicator="maintenance_rate")
        assert (tier.value, tier.source) == (0.01, "binance (estimate)")

    def test_repeating_adds_nothing(self, internet: net.Internet, market: Market) -> None:
        refreshed(market)
        before = world.stored()
        refreshed(market)
        after = world.stored()
        assert after["readings"] == before["readings"] or len(after["readings"]) == len(before["readings"]) + 2
        assert after["quotes"] == before["quotes"]

    @pytest.mark.parametrize(
        "fault",
        [
            net.status(429, Retry_After="9"),
            net.status(500),
            net.status(418),
            net.body(b"<html>no</html>", "text/html"),
            net.body(b'{"code":-1003,"msg":"Too many requests"}'),
            net.truncated,
            net.body(b"[]"),
            net.body(b"null"),
            net.replaced("90000", "NaN"),
        ],
        ids=["429", "500", "418", "page", "error with 200", "truncated", "empty", "null", "NaN"],
    )
    def test_a_fault_everywhere_changes_no_good_value(
        self, internet: net.Internet, market: Market, fault: net.Fault
    ) -> None:
        refreshed(market)
        good = world.stored()["quotes"]
        internet.faults["*"] = fault

        refreshed(market, minutes=10)

        assert world.stored()["quotes"] == good
        known = Reading.objects.filter(indicator__in=["funding", "open_interest"])
        assert {round(row.value, 4) for row in known} <= {0.1095, 80000.0, 81000.0}

    @pytest.mark.parametrize("price", ["0", "-90000", "900000", "9000"])
    def test_a_bad_price_leaves_the_good_one(self, internet: net.Internet, market: Market, price: str) -> None:
        refreshed(market)
        internet.faults["/api/v3/ticker/24hr"] = net.replaced(
            f'"lastPrice": "90000", "quoteVolume": "1000000", "closeTime": {milliseconds(timedelta(0))}',
            f'"lastPrice": "{price}", "quoteVolume": "1000000", "closeTime": {milliseconds(timedelta(0)) + 60000}',
        )

        refreshed(market, minutes=10)

        assert Quote.objects.get(asset__symbol="BTC").price_usd == 90000
        assert Quarantine.objects.filter(subject__endswith="BTC", reason__in=["value", "spike"]).exists()


class TestRatesOneByOne:
    def test_a_rate_that_is_refused_takes_no_other_with_it(self, market: Market, settings: Any) -> None:
        """MEXC tells its rates one by one; of ETH it tells none here."""
        policy = Policy("mexc", 1000)
        ask = Fetcher(policy, NOW, sleep=lambda _seconds: None)
        bare = connect("mexc", ask)
        markets = [market_of(bare, f"{base}_USDT", f"{base}/USDT:USDT", {}) for base in ("ETH", "BTC")]
        with net.serving(net.Internet(pages=venue_pages.pages("mexc"), name="mexc")) as found:
            settings.SOURCE_ADDRESSES = {"mexc": found.address}
            source = Listed(Venue("mexc", markets=markets), policy, 300)
            refresh_source(market=market, source=source, now=NOW, fetcher=ask)

        rates = Reading.objects.filter(indicator="funding_now")
        assert [(row.subject, row.value) for row in rates] == [("mexc:BTC", pytest.approx(0.1095))]
