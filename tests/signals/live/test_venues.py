"""The venues' recorded answers, served on loopback, give through the real ccxt what they should, errors included."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from signals.sources.fetch import Fetcher, FetchError, Policy
from signals.sources.live.base import BadValueError
from signals.sources.live.venues.gateway import connect
from signals.sources.live.venues.units import base_units, fee_rate, interval_hours, yearly
from tests.signals.live import internet as net

FOLDER = Path(os.environ.get("CASES_FOLDER") or Path(__file__).parents[4] / "shared" / "cases")
FILE = FOLDER / "ccxt_responses.json"
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
RECORDED: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"cases": [], "markets_preloaded": {}}


def fetcher(name: str) -> Fetcher:
    """Return a fetcher that does not really sleep."""
    return Fetcher(Policy(name, 1000), NOW, sleep=lambda _seconds: None)


def market_of(exchange: Any, name: str, symbol: str, extra: dict[str, Any]) -> dict[str, Any]:
    """Describe a market as ccxt would have loaded it."""
    base, _, rest = symbol.partition("/")
    quote, _, settle = rest.partition(":")
    settle = settle.split("-")[0]
    is_contract = bool(settle)
    kind = extra.get("type", "swap" if is_contract else "spot")
    is_linear = settle == quote if is_contract else None
    described = {
        "id": name,
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "settle": settle or None,
        "baseId": base,
        "quoteId": quote,
        "settleId": settle or None,
        "type": kind,
        "spot": kind == "spot",
        "margin": False,
        "swap": kind == "swap",
        "future": kind == "future",
        "option": False,
        "active": True,
        "contract": is_contract,
        "linear": is_linear,
        "inverse": (not is_linear) if is_contract else None,
        "contractSize": 1 if is_contract else None,
        "info": {},
    }
    return exchange.safe_market_structure({**described, **extra})  # type: ignore[no-any-return]


def exchange_of(case: dict[str, Any], address: str) -> Any:
    """Return a connected exchange that knows the recording's markets."""
    venue = case["ccxt_class"]
    exchange = connect(venue, fetcher(venue), address=address)
    known = [market_of(exchange, *row) for row in RECORDED["markets_preloaded"].get(case["venue"], ())]
    exchange.set_markets(known)
    exchange.apiKey, exchange.secret, exchange.password, exchange.uid = "k", "s", "p", "u"
    exchange.enableRateLimit = False
    return exchange


def without_info(value: Any) -> Any:
    """Drop what the venue said verbatim."""
    if isinstance(value, dict):
        return {key: without_info(each) for key, each in value.items() if key != "info"}
    return [without_info(each) for each in value] if isinstance(value, list) else value


@pytest.mark.cases
class TestTheFile:
    def test_is_there(self) -> None:
        if "CASES_FOLDER" in os.environ or (not FILE.exists() and os.environ.get("CI") != "true"):
            pytest.skip("The recorded cases do not lie beside the project, or others are read.")
        assert len(RECORDED["cases"]) >= 50


@pytest.mark.cases
@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["id"])
class TestRecordedAnswers:
    def test_give_the_same_unified_values_or_the_same_error(self, case: dict[str, Any]) -> None:
        told = case["http_response"]
        said = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        asked = case.get("http_calls_made_by_ccxt") or [["GET", case["fixture_path"]]]
        page = net.Internet(pages={path: lambda _query: said for _, path in asked})
        if "http_status" in case:
            page.faults["*"] = net.status(case["http_status"], said)
        with net.serving(page) as internet:
            exchange = exchange_of(case, internet.address)
            call = getattr(exchange, case["ccxt_method"])
            if "expected_exception" in case:
                with pytest.raises(Exception) as caught:
                    call(*case["args"])
                assert case["expected_exception"] in [kind.__name__ for kind in type(caught.value).__mro__]
            else:
                assert without_info(call(*case["args"])) == case["ccxt_unified"]


@pytest.mark.django_db
class TestGateway:
    def test_nothing_is_ever_sent_but_get(self) -> None:
        exchange = connect("binance", fetcher("binance"), address="http://127.0.0.1:9")
        with pytest.raises(FetchError, match="never sent"):
            exchange.fetch("https://api.binance.com/api/v3/order", "POST", {}, "a=1")


class TestUnits:
    """DOMAIN 2.1, traps 2 to 4."""

    def test_a_linear_amount_is_in_base_units(self) -> None:
        assert base_units({"openInterestAmount": 12.5}, market={"linear": True}, price=None) == 12.5

    def test_a_lone_value_is_divided_by_the_price(self) -> None:
        found = base_units({"openInterestAmount": None, "openInterestValue": 9e6}, market={"linear": True}, price=9e4)
        assert found == 100

    def test_an_inverse_amount_counts_contracts(self) -> None:
        inverse = {"inverse": True, "contractSize": 100}
        assert base_units({"openInterestAmount": 9000, "openInterestValue": None}, market=inverse, price=9e4) == 10

    def test_a_value_without_a_price_is_refused(self) -> None:
        with pytest.raises(BadValueError, match="without a price"):
            base_units({"openInterestValue": 9e6}, market={"linear": True}, price=None)

    def test_the_interval_is_stated_else_the_usual_gap_else_eight_hours(self) -> None:
        hour = 3_600_000
        assert interval_hours("4h", []) == 4
        assert interval_hours(None, [0, 4 * hour + 7, 8 * hour, 20 * hour]) == 4
        assert interval_hours(None, [0]) == 8

    def test_funding_is_brought_to_a_year(self) -> None:
        assert yearly("0.0001", hours=8) == pytest.approx(0.1095)
        with pytest.raises(BadValueError):
            yearly(0.2, hours=8)

    def test_a_fee_in_percent_is_refused(self) -> None:
        assert fee_rate(0.001) == 0.001
        for percent in (0.1, 0.08):
            with pytest.raises(BadValueError):
                fee_rate(percent)
