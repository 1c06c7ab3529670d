"""Each of the five venues is read from its markets on, as far as it tells, and its faults stay outside (DOMAIN 2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.models import Market, Quote
from portfolio.services.catalogue import ensure_market
from signals.models import Quarantine, Reading, SourceState
from signals.services.live import LiveReport, refresh_source
from signals.sources.fetch import Fetcher, Policy
from signals.sources.live.registry import Listed
from signals.sources.live.venues import Venue
from tests.signals.live import internet as net
from tests.signals.live import world
from tests.signals.live.venue_pages import VENUES, pages
from tests.signals.live.world import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def market() -> Market:
    """The live market."""
    return ensure_market("live")


@pytest.fixture(params=VENUES)
def venue(request: pytest.FixtureRequest, settings: Any) -> Iterator[net.Internet]:
    """One venue after the other on loopback."""
    with net.serving(net.Internet(pages=pages(request.param), name=request.param)) as found:
        settings.SOURCE_ADDRESSES = {request.param: found.address}
        yield found


def refreshed(market: Market, venue: net.Internet, *, minutes: int = 0) -> LiveReport:
    """Refresh a venue without really sleeping."""
    now, policy = NOW + timedelta(minutes=minutes), Policy(venue.name, 1000)
    ask = Fetcher(policy, now, sleep=lambda _seconds: None)
    source = Listed(Venue(policy.name), policy, 300)
    return refresh_source(market=market, source=source, now=now, fetcher=ask)


def values(indicator: str) -> list[float]:
    """Return what was read, oldest first."""
    found = Reading.objects.filter(indicator=indicator).order_by("observed_at", "ingested_at")
    return [round(value, 6) for value in found.values_list("value", flat=True)]


def prices() -> list[D]:
    """Return the quoted prices; a venue that gives its tickers no time is always of now."""
    return list(Quote.objects.order_by("pk").values_list("price_usd", flat=True))


class TestFromItsMarketsOn:
    def test_everything_it_tells_comes_in_one_unit(self, venue: net.Internet, market: Market) -> None:
        report = refreshed(market, venue)

        assert not report.has_failed, report
        assert not [each for each in report.doubts if each.reason != "value"], report.doubts
        assert Quote.objects.get(asset__symbol="BTC").price_usd == D(90000)
        assert values("funding_venue") == [pytest.approx(0.1095)] * 6
        assert values("funding_now") == [pytest.approx(0.1095)]
        assert set(values("interest_venue")) == {80000.0}
        assert set(values("open_interest")) == {80000.0}
        assert values("mark_venue") == [90000.0] * 4
        assert values("volume_venue") == [1_800_000.0] * 4
        assert len(values("maintenance_rate")) == 1

    def test_degrades_as_the_specification_says(self, venue: net.Internet, market: Market) -> None:
        refreshed(market, venue)
        name = venue.name
        has_history = len(values("interest_venue")) > 1
        assert has_history == (name in {"binance", "bybit"})
        tier = Reading.objects.get(indicator="maintenance_rate")
        assert tier.source.endswith("(estimate)") == (name in {"binance", "bingx", "weex"})
        assert all(rate <= 0.01 for rate in values("taker_rate"))

    def test_repeating_adds_nothing(self, venue: net.Internet, market: Market) -> None:
        """The first refresh has open interest by days, the second the snapshot of now; from then on nothing is new."""
        for _ in range(2):
            refreshed(market, venue)
        before = world.stored()
        refreshed(market, venue)
        assert world.stored() == before

    def test_only_get_is_sent_and_no_key(self, venue: net.Internet, market: Market) -> None:
        refreshed(market, venue)
        assert venue.asked
        names = {name for heard in venue.heard for name in heard}
        assert not [name for name in names if "key" in name or "sign" in name or name == "authorization"]


FAULTS = {
    "429": net.status(429, Retry_After="9"),
    "500": net.status(500),
    "page": net.body(b"<html>no</html>", "text/html"),
    "truncated": net.truncated,
    "empty": net.body(b"[]"),
    "null": net.body(b"null"),
    "error with 200": net.body(b'{"code":-1003,"retCode":10006,"success":false,"msg":"Too many","retMsg":"Too many"}'),
    "NaN": net.replaced("90000", "NaN"),
    "negative": net.replaced("90000", "-90000"),
    "zero": net.replaced("90000", "0"),
    "spike": net.replaced("90000", "900000"),
    "stale": net.replaced(str(int(NOW.timestamp()))[:4], "1600"),
    "future": net.replaced(str(int(NOW.timestamp()))[:4], "1900"),
}


UNNOTICED = {("bybit", "stale")}
"""Its tickers have no time, and ccxt drops payments from before what was asked for: nothing is left to be doubted."""


class TestWhatItDoesWrong:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_changes_no_good_value(self, venue: net.Internet, market: Market, fault: str) -> None:
        refreshed(market, venue)
        good = prices()
        venue.asked.clear()
        venue.faults["*"] = FAULTS[fault]

        report = refreshed(market, venue, minutes=70)

        assert prices() == good
        assert {round(value, 4) for value in values("funding")} <= {0.1095}
        assert set(values("open_interest")) <= {80000.0}
        if (venue.name, fault) not in UNNOTICED:
            assert report.doubts or report.skipped
            assert Quarantine.objects.exists() or SourceState.objects.get().wait_until
