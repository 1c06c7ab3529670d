"""The catalogue: added once, left alone afterwards, in the same few queries however often it is asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portfolio.domain.catalogue import ASSETS, SECTORS, VENUES
from portfolio.models import Asset, FeeSchedule, Instrument, Market, Sector, SectorMembership, Venue
from portfolio.services.catalogue import UnknownMarketError, add_assets, ensure_catalogue, ensure_market

MODELS = (Market, Sector, Asset, Venue, FeeSchedule, Instrument, SectorMembership)


class TestData:
    def test_symbols_are_listed_once(self) -> None:
        assert len({entry.symbol for entry in ASSETS}) == len(ASSETS)

    def test_every_sector_that_is_named_exists(self) -> None:
        assert {entry.sector for entry in ASSETS if entry.sector} == {sector.slug for sector in SECTORS}

    def test_rates_are_fractions(self) -> None:
        rates = [rate for v in VENUES for rate in (v.spot_taker, v.spot_maker, v.perp_taker, v.perp_maker)]

        assert all(0 <= rate <= Decimal("0.01") for rate in rates)


@pytest.mark.django_db
class TestEnsureCatalogue:
    def test_both_markets_share_assets_and_have_members_of_their_own(self) -> None:
        simulated, history = ensure_market("simulated"), ensure_market("history")

        assert simulated.is_simulated
        assert not history.is_simulated
        assert Asset.objects.count() == len(ASSETS)
        members = {m: set(m.memberships.values_list("asset__symbol", flat=True)) for m in (simulated, history)}
        assert {"UNI", "FET", "BTC", "USDC", "USD"} <= members[simulated] < members[history]
        assert "YFI" not in members[simulated]

    def test_again_changes_nothing(self) -> None:
        ensure_market("simulated")
        before = [list(model.objects.order_by("id").values()) for model in MODELS]

        ensure_market("simulated")

        assert [list(model.objects.order_by("id").values()) for model in MODELS] == before

    def test_what_was_edited_is_left_alone(self) -> None:
        market = ensure_market("simulated")
        FeeSchedule.objects.filter(venue__slug="binance", product="spot").update(taker_rate=Decimal("0.00075"))
        Sector.objects.filter(slug="ai").update(name="Artificial intelligence")

        ensure_catalogue(market)

        assert FeeSchedule.objects.get(venue__slug="binance", product="spot").taker_rate == Decimal("0.00075")
        assert Sector.objects.get(slug="ai").name == "Artificial intelligence"

    def test_it_takes_the_same_few_queries_every_time(self) -> None:
        market = ensure_market("simulated")

        with CaptureQueriesContext(connection) as second:
            ensure_catalogue(market)
        with CaptureQueriesContext(connection) as third:
            ensure_catalogue(market)

        assert len(second) == len(third) <= 16

    def test_fees_are_those_of_the_specification(self) -> None:
        ensure_market("simulated")

        taker = dict(FeeSchedule.objects.filter(product="perp").values_list("venue__slug", "taker_rate"))

        assert taker == {
            "binance": Decimal("0.0005"),
            "bybit": Decimal("0.00055"),
            "bingx": Decimal("0.0005"),
            "weex": Decimal("0.0008"),
            "mexc": Decimal("0.0002"),
        }

    def test_every_traded_asset_has_instruments_on_every_venue(self) -> None:
        ensure_market("simulated")

        assert Instrument.objects.filter(asset__symbol="FET").count() == 2 * Venue.objects.count()
        assert set(Instrument.objects.filter(asset__symbol="OCEAN").values_list("kind", flat=True)) == {"spot"}
        assert not Instrument.objects.filter(asset__symbol="USD").exists()
        perp = Instrument.objects.get(asset__symbol="FET", kind="perp", venue__slug="binance")
        assert perp.maintenance_rate == Decimal("0.01")

    def test_a_market_that_is_not_known_is_refused(self) -> None:
        with pytest.raises(UnknownMarketError, match="nowhere"):
            ensure_market("nowhere")

    def test_an_existing_market_of_another_name_is_kept(self) -> None:
        other = Market.objects.create(slug="replay-2022", name="2022")

        assert ensure_market("replay-2022") == other

    def test_assets_are_added_once(self) -> None:
        add_assets(["NEWCOIN", "NEWCOIN2"])
        add_assets(["NEWCOIN"])

        assert Asset.objects.count() == 2
