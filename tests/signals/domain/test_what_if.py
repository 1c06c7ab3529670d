"""Hold questions to their bounds, and five venues to the playbook's legs (E34)."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from signals.domain.venue_costs import OwnDiscounts, TakerRates, Turnover, VenueCost, venue_costs
from signals.domain.what_if import Bounds, Changes, faults_of
from tests.test_architecture import ROOT

NOW = datetime(2026, 3, 2, tzinfo=UTC)
EXAMPLES = ROOT.parent / "shared" / "domain_examples.json"
TURNOVER = Turnover(D(5000), D(3000))
VENUES = {
    "binance": TakerRates(D(".001"), D(".0005")),
    "bybit": TakerRates(D(".001"), D(".00055")),
    "bingx": TakerRates(D(".001"), D(".0005")),
    "weex": TakerRates(D(".001"), D(".0008")),
    "mexc": TakerRates(D(".0005"), D(".0002")),
}
DISCOUNTS = {"binance": OwnDiscounts(D(".2"), D(".1")), "bingx": OwnDiscounts(D(".5"), D(".5"))}


def compared(turnover: Turnover = TURNOVER, **more: Any) -> dict[str, VenueCost]:
    """Return the costs by venue."""
    terms: dict[str, Any] = {"venues": VENUES, "discounts": {}, **more}
    return {cost.venue: cost for cost in venue_costs(turnover, moment=NOW, **terms)}


class TestFiveVenues:
    """E34, by hand: 5,000 of spot and 3,000 of futures."""

    def test_at_list_price(self) -> None:
        listed = {venue: cost.listed for venue, cost in compared().items()}
        assert listed == {
            "binance": D("6.5"),
            "bybit": D("6.65"),
            "bingx": D("6.5"),
            "weex": D("7.4"),
            "mexc": D("3.1"),
        }

    def test_with_the_discounts_that_are_advertised(self) -> None:
        found = compared(discounts=DISCOUNTS)
        assert (found["binance"].own, found["bingx"].own) == (D("5.35"), D("3.25"))
        assert [found[venue].own for venue in ("bybit", "weex", "mexc")] == [None] * 3

    def test_the_cheapest_counts_each_discount_where_it_is_had(self) -> None:
        assert [cost.venue for cost in compared(discounts=DISCOUNTS).values() if cost.is_cheapest] == ["mexc"]
        deep = {"bingx": OwnDiscounts(D(".6"), D(".6"))}
        assert [cost.venue for cost in compared(discounts=deep).values() if cost.is_cheapest] == ["bingx"]

    def test_equals_are_all_cheapest(self) -> None:
        same = {venue: VENUES[venue] for venue in ("binance", "bingx", "weex")}
        found = compared(venues=same)
        assert [cost.venue for cost in found.values() if cost.is_cheapest] == ["binance", "bingx"]

    def test_a_source_in_percent_does_not_make_it_740(self) -> None:
        weex = compared(venues={**VENUES, "weex": TakerRates(D(".1"), D(".08"))})["weex"]
        assert (weex.listed, weex.paid, weex.is_cheapest) == (None, None, False)
        assert "in percent" in weex.fault

    def test_as_the_worked_examples_have_it(self) -> None:
        if not EXAMPLES.exists():
            assert not os.environ.get("CI"), "The worked examples are missing."
            pytest.skip("The worked examples are not here.")
        example = next(each for each in json.loads(EXAMPLES.read_text())["examples"] if each["id"] == "E34")
        given, expected = example["inputs"], example["expected"]
        found = compared(
            Turnover(D(given["spot_turnover"]), D(given["futures_notional"])),
            venues={venue: TakerRates(*map(D, rates)) for venue, rates in given["fees"].items()},
            discounts={venue: OwnDiscounts(*map(D, shares)) for venue, shares in given["discounts"].items()},
        )
        worked = {venue: cost.listed for venue, cost in found.items()}
        worked |= {f"{venue}_discounted": cost.own for venue, cost in found.items() if cost.own is not None}
        assert worked == {name: D(value) for name, value in expected.items() if "raw" not in name}


BOUNDS = Bounds(pool=D(10000), smallest=D(10), most_futures=D("13333.33"), most_leverage=D(5), is_hedge=False)
OUTSIDE = [
    ("size_usd", "9.99", "$10.00"),
    ("size_usd", "10000.01", "$10,000.00"),
    ("futures_usd", "13333.34", "$13,333.33"),
    ("leverage", "5.01", "from 1 to 5"),
    ("leverage", "0.99", "from 1 to 5"),
    ("spot_discount", "1.01", "0 to 100"),
    ("futures_discount", "-0.01", "0 to 100"),
]


class TestBounds:
    @pytest.mark.parametrize(("field", "value", "limit"), OUTSIDE)
    def test_outside_the_field_and_its_limit_are_named(self, field: str, value: str, limit: str) -> None:
        faults = faults_of(Changes(**{field: D(value)}), BOUNDS)
        assert list(faults) == [field]
        assert limit in faults[field]

    @pytest.mark.parametrize("days", [0, 366])
    def test_a_horizon_is_a_year_at_most(self, days: int) -> None:
        assert "365" in faults_of(Changes(horizon_days=days), BOUNDS)["horizon_days"]

    def test_at_the_limits_nothing_is_wrong(self) -> None:
        least = Changes(size_usd=D(10), futures_usd=D(0), leverage=D(1), horizon_days=1, spot_discount=D(0))
        most = Changes(
            size_usd=D(10000), futures_usd=D("13333.33"), leverage=D(5), horizon_days=365, futures_discount=D(1)
        )
        assert faults_of(least, BOUNDS) == faults_of(most, BOUNDS) == {}

    def test_each_reason_has_its_words(self) -> None:
        asked = Changes(size_usd=D(20), futures_usd=D(20000), leverage=D(2))
        off = faults_of(asked, BOUNDS._replace(most_leverage=D(0), most_futures=D(0), pool=D(5)))
        assert "switched off" in off["leverage"]
        assert "switched off" in off["futures_usd"]
        assert "too little" in off["size_usd"]
        assert "your core" in faults_of(asked, BOUNDS._replace(is_hedge=True))["futures_usd"]
        assert "no futures" in faults_of(asked, BOUNDS._replace(most_futures=D(0)))["futures_usd"]
