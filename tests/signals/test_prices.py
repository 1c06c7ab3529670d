"""Storing what markets show: closes once, readings by version, the newest quote; no bad value replaces a good one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from portfolio.domain.catalogue import ASSETS as CATALOGUE
from portfolio.models import Market, Price, Quote
from portfolio.services.catalogue import ensure_market
from signals.models import Event, Reading, SourcePoll
from signals.services.prices import (
    refresh_prices,
    slot_of,
    store_events,
    store_prices,
    store_quotes,
    store_readings,
)
from signals.sources.base import EventRow, Indicator, PriceRow, QuoteRow, ReadingRow
from signals.sources.simulated import price_at, price_rows
from signals.sources.simulated.universe import ASSETS as SIMULATED

DAY = date(2026, 11, 18)
NOW = datetime(2026, 11, 20, 12, 3, 30, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    """The simulated market with its catalogue."""
    return ensure_market("simulated")


def price(asset: str = "BTC", price: str = "50000", *, day: date = DAY, volume: str | None = None) -> PriceRow:
    """Return a close."""
    return PriceRow(asset, day, Decimal(price), None, Decimal(volume) if volume else None, "global", "test")


def reading(value: float, *, at: datetime = NOW) -> ReadingRow:
    """Return a reading of the mood."""
    return ReadingRow(Indicator.FEAR_GREED, "", at, at + timedelta(hours=1), value, "test")


def quote(price: str, *, at: datetime = NOW, asset: str = "BTC") -> QuoteRow:
    """Return a quote."""
    return QuoteRow(asset, at, Decimal(price), None, None, "", "test")


class TestPrices:
    def test_the_same_close_again_adds_nothing(self, market: Market) -> None:
        first = store_prices(market=market, rows=[price()], now=NOW)
        second = store_prices(market=market, rows=[price("BTC", "50000.000")], now=NOW + timedelta(days=1))

        assert (first.added, second.added, second.unchanged) == (1, 0, 1)
        assert Price.objects.get().ingested_at == NOW

    @pytest.mark.parametrize("other", [price("BTC", "50001"), price(volume="7")])
    def test_another_close_does_not_replace_the_stored_one(self, market: Market, other: PriceRow) -> None:
        store_prices(market=market, rows=[price()], now=NOW)

        stored = store_prices(market=market, rows=[other], now=NOW)

        assert [refused.position for refused in stored.refused] == [0]
        assert Price.objects.get().price_usd == Decimal(50000)

    @pytest.mark.parametrize("bad", ["0", "-1", "NaN"])
    def test_a_bad_close_is_refused_and_the_others_are_stored(self, market: Market, bad: str) -> None:
        stored = store_prices(market=market, rows=[price("BTC", bad), price("ETH")], now=NOW)

        assert stored.added == 1
        assert [(refused.position, refused.column) for refused in stored.refused] == [(0, "price_usd")]

    def test_an_unknown_asset_is_refused(self, market: Market) -> None:
        stored = store_prices(market=market, rows=[price("NEWCOIN")], now=NOW)

        assert [refused.column for refused in stored.refused] == ["asset"]

    def test_a_close_is_stored_with_the_moment_it_closed(self, market: Market) -> None:
        store_prices(market=market, rows=[price()], now=NOW)

        assert Price.objects.get().closes_at == datetime(2026, 11, 19, tzinfo=UTC)

    def test_markets_do_not_share_closes(self, market: Market) -> None:
        store_prices(market=market, rows=[price()], now=NOW)
        store_prices(market=ensure_market("history"), rows=[price("BTC", "1")], now=NOW)

        assert Price.objects.count() == 2


class TestReadings:
    def test_the_same_value_again_adds_nothing(self, market: Market) -> None:
        store_readings(market=market, rows=[reading(40.0)], now=NOW)
        stored = store_readings(market=market, rows=[reading(40.0)], now=NOW + timedelta(days=2))

        assert (stored.added, stored.unchanged, Reading.objects.count()) == (0, 1, 1)

    def test_another_value_is_a_further_version_known_from_then_on(self, market: Market) -> None:
        later = NOW + timedelta(days=2)
        store_readings(market=market, rows=[reading(40.0)], now=NOW)
        stored = store_readings(market=market, rows=[reading(41.0)], now=later)

        assert (stored.added, stored.restated) == (0, 1)
        assert [row.value for row in Reading.objects.known_at(later - timedelta(seconds=1))] == [40.0]
        assert sorted(row.value for row in Reading.objects.known_at(later)) == [40.0, 41.0]

    def test_a_value_that_returns_is_a_version_too(self, market: Market) -> None:
        for value in (40.0, 41.0, 40.0):
            store_readings(market=market, rows=[reading(value)], now=NOW)

        versions = Reading.objects.order_by("ingested_at")
        assert [row.value for row in versions] == [40.0, 41.0, 40.0]
        assert len({row.ingested_at for row in versions}) == 3

    def test_the_first_version_is_known_from_when_it_was_available(self, market: Market) -> None:
        store_readings(market=market, rows=[reading(40.0)], now=NOW + timedelta(days=300))

        assert Reading.objects.get().ingested_at == NOW + timedelta(hours=1)

    def test_a_standing_clock_dates_what_is_restated(self, market: Market) -> None:
        market.as_of = NOW + timedelta(days=30)
        store_readings(market=market, rows=[reading(40.0)], now=NOW)
        store_readings(market=market, rows=[reading(41.0)], now=NOW + timedelta(days=900))

        assert Reading.objects.get(value=41.0).ingested_at == market.as_of

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_a_bad_value_is_refused_and_the_good_one_stays(self, market: Market, bad: float) -> None:
        store_readings(market=market, rows=[reading(40.0)], now=NOW)
        stored = store_readings(market=market, rows=[reading(bad)], now=NOW + timedelta(days=1))

        assert len(stored.refused) == 1
        assert Reading.objects.get().value == 40.0


class TestQuotes:
    def test_a_newer_quote_replaces_an_older_one_only(self, market: Market) -> None:
        for at, text in ((NOW, "1"), (NOW + timedelta(minutes=5), "2"), (NOW + timedelta(minutes=1), "3")):
            store_quotes(market=market, rows=[quote(text, at=at)])

        assert Quote.objects.get().price_usd == Decimal(2)

    @pytest.mark.parametrize("bad", ["0", "-1", "NaN"])
    def test_a_bad_quote_replaces_nothing(self, market: Market, bad: str) -> None:
        store_quotes(market=market, rows=[quote("1")])
        stored = store_quotes(market=market, rows=[quote(bad, at=NOW + timedelta(minutes=5))])

        assert len(stored.refused) == 1
        assert Quote.objects.get().price_usd == Decimal(1)


class TestEvents:
    def test_an_event_is_stored_once_and_a_rumour_stays_unverified(self, market: Market) -> None:
        fact = EventRow("ai", "PARTNERSHIP", 1.0, 4, 0.8, NOW, "Simulated: x", "https://simulated.invalid/1", "test")
        rumour = EventRow("ai", "LISTING", 1.0, 2, 0.4, NOW, "Simulated: y", "https://simulated.invalid/2", "test")

        first = store_events(market=market, rows=[fact, rumour])
        second = store_events(market=market, rows=[fact, rumour])

        assert (first.added, second.added, second.unchanged) == (2, 0, 2)
        assert dict(Event.objects.values_list("type", "status")) == {"PARTNERSHIP": "VERIFIED", "LISTING": "UNVERIFIED"}

    def test_an_event_of_no_sector_is_refused(self, market: Market) -> None:
        odd = EventRow("memes", "LISTING", 1.0, 2, 0.4, NOW, "Simulated: y", "https://simulated.invalid/2", "test")

        assert len(store_events(market=market, rows=[odd]).refused) == 1


class TestRefresh:
    def everything(self) -> list[list[dict[str, object]]]:
        """Return all rows that a refresh may write, but for when the source was asked."""
        return [list(model.objects.order_by("pk").values()) for model in (Price, Reading, Event, Quote)]

    def test_it_fills_the_market_up_to_its_clock(self, market: Market) -> None:
        refresh_prices(market=market, now=NOW)

        prices = Price.objects.filter(market=market, asset__symbol="BTC").order_by("date")
        expected = price_rows(seed=market.seed, first=date(2024, 1, 1), last=date(2026, 11, 19))
        assert list(prices.values_list("date", "price_usd")) == [(r.day, r.price) for r in expected if r.asset == "BTC"]
        assert Quote.objects.get(asset__symbol="BTC").price_usd == price_at(
            seed=market.seed, asset="BTC", at=datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
        )
        assert not Reading.objects.filter(ingested_at__gt=NOW).exists()
        assert SourcePoll.objects.get(market=market, source="simulated").succeeded_at == NOW

    def test_repeating_a_slot_adds_nothing(self, market: Market) -> None:
        refresh_prices(market=market, now=NOW)
        before = self.everything()

        stored = refresh_prices(market=market, now=NOW + timedelta(seconds=80))

        assert (stored.added, stored.restated, stored.refused) == (0, 0, [])
        assert self.everything() == before

    def test_after_a_pause_it_catches_up_to_the_same_rows(self, market: Market) -> None:
        later = NOW + timedelta(days=9)
        refresh_prices(market=market, now=NOW)
        refresh_prices(market=market, now=later)
        caught_up = set(Reading.objects.values_list("indicator", "subject", "observed_at", "ingested_at", "value"))

        Price.objects.all().delete()
        Reading.objects.all().delete()
        refresh_prices(market=market, now=later)

        at_once = set(Reading.objects.values_list("indicator", "subject", "observed_at", "ingested_at", "value"))
        assert caught_up == at_once

    def test_a_market_of_history_has_nothing_to_refresh(self) -> None:
        history = ensure_market("history")

        assert refresh_prices(market=history, now=NOW).added == 0
        assert not SourcePoll.objects.exists()

    def test_the_catalogue_knows_what_the_simulation_shows(self) -> None:
        known = {entry.symbol: entry.sector for entry in CATALOGUE if entry.is_simulated and entry.kind != "fiat"}

        assert known == {asset.symbol: "" if asset.sector == "other" else asset.sector for asset in SIMULATED}

    @pytest.mark.parametrize(("minute", "slot"), [(0, 0), (4, 0), (5, 5), (59, 55)])
    def test_a_slot_starts_every_five_minutes(self, minute: int, slot: int) -> None:
        moment = datetime(2026, 11, 20, 12, minute, 31, 5, tzinfo=UTC)

        assert slot_of(moment) == datetime(2026, 11, 20, 12, slot, tzinfo=UTC)
