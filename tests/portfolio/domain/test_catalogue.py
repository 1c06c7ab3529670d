"""What the platform knows from the start, read anew from its source: sectors, assets, venues, terms."""

import runpy
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain import catalogue
from portfolio.domain.catalogue import terms_of


@pytest.fixture
def known() -> dict[str, Any]:
    """The catalogue as a fresh process reads it."""
    assert catalogue.__file__
    return runpy.run_path(catalogue.__file__, run_name=catalogue.__name__)


class TestAssets:
    def test_a_sector_asset(self, known: dict[str, Any]) -> None:
        asset = {entry.symbol: entry for entry in known["ASSETS"]}["GRT"]

        assert asset._asdict() == {
            "symbol": "GRT",
            "name": "The Graph",
            "sector": "ai",
            "kind": "crypto",
            "places": 2,
            "lot_step": D(1),
            "has_perp": True,
            "is_simulated": True,
        }

    def test_digits_of_the_step_are_places(self, known: dict[str, Any]) -> None:
        asset = {entry.symbol: entry for entry in known["ASSETS"]}["BTC"]

        assert (asset.places, asset.lot_step, asset.sector) == (5, D("0.00001"), "core")

    def test_some_belong_to_no_sector(self, known: dict[str, Any]) -> None:
        outside = [entry.symbol for entry in known["ASSETS"] if entry.sector == ""]

        assert outside == ["SOL", "BNB", "XRP", "ADA", "AVAX", "LINK", "DOT", "DOGE", "ATOM", "LTC"]

    def test_cash_is_the_reserve_in_cents(self, known: dict[str, Any]) -> None:
        cash = [entry for entry in known["ASSETS"] if entry.sector == "reserve"]

        assert [tuple(entry) for entry in cash] == [
            ("USD", "US dollar", "reserve", "fiat", 2, D("0.01"), False, True),
            ("USDC", "USD Coin", "reserve", "stable", 2, D("0.01"), False, True),
            ("USDT", "Tether", "reserve", "stable", 2, D("0.01"), False, True),
        ]

    def test_what_is_simulated_and_what_has_perps(self, known: dict[str, Any]) -> None:
        spot_only = {entry.symbol for entry in known["ASSETS"] if not entry.has_perp}
        history_only = {entry.symbol for entry in known["ASSETS"] if not entry.is_simulated}

        assert spot_only == {"USD", "USDC", "USDT", "OCEAN", "NMR", "PHA", "RLC"}
        assert {"YFI", "1INCH", "NMR", "RLC"} <= history_only
        assert not {"BTC", "UNI", "OCEAN", "USDC"} & history_only


class TestVenues:
    def test_rates_are_taker_then_maker(self, known: dict[str, Any]) -> None:
        rates = {venue.slug: tuple(venue)[1:6] for venue in known["VENUES"]}

        assert rates == {
            "binance": ("Binance", D("0.001"), D("0.001"), D("0.0005"), D("0.0002")),
            "bybit": ("Bybit", D("0.001"), D("0.001"), D("0.00055"), D("0.0002")),
            "bingx": ("BingX", D("0.001"), D("0.001"), D("0.0005"), D("0.0002")),
            "weex": ("WEEX", D("0.001"), D("0.001"), D("0.0008"), D("0.0002")),
            "mexc": ("MEXC", D("0.0005"), D(0), D("0.0002"), D(0)),
        }
        assert all(venue.source for venue in known["VENUES"])


class TestTerms:
    @pytest.mark.parametrize(
        ("symbol", "terms"), [("BTC", ("0.004", 100)), ("ETH", ("0.005", 100)), ("UNI", ("0.01", 50))]
    )
    def test_what_is_not_listed_has_the_usual_ones(self, symbol: str, terms: tuple[str, int]) -> None:
        assert terms_of(symbol) == (D(terms[0]), D(terms[1]))
