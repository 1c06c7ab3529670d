"""A draft's consequences: scenario A's printed numbers, with and without costs, and what must be warned of."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from journal.domain.preview import Aims, Book, Contract, Move, Stock, preview
from journal.queries.preview import preview_of
from portfolio.domain.futures import Position
from portfolio.domain.margin import liquidation_price_at_mark
from portfolio.domain.valuation import Quoted
from portfolio.queries.holdings import snapshot
from portfolio.services.ledger import record_fills
from tests.portfolio import factories

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AIMS = Aims(
    sleeves={"core": D("0.5"), "reserve": D("0.2"), "pool": D("0.3")},
    sectors={"defi": D("0.25"), "ai": D("0.75")},
    band=D("0.02"),
    reserve_floor=D("0.05"),
)


def quoted(price: str) -> Quoted:
    return Quoted(price=D(price), observed_at=NOW)


def book(**quantities: str) -> Book:
    """Return scenario A's book: pool 10,000 in equal halves, 6,666.67 in stables, 16,666.66 in core."""
    held = {"BTC": "0.3333332", "USDC": "6666.67", "UNI": "200", "FET": "2500", **quantities}
    return Book(
        stocks={
            "BTC": Stock(quantity=D(held["BTC"]), core=D("0.3333332"), quoted=quoted("50000"), sectors={}),
            "USDC": Stock(quantity=D(held["USDC"]), quoted=quoted("1"), is_reserve=True, sectors={}),
            "UNI": Stock(quantity=D(held["UNI"]), quoted=quoted("25"), sectors={"defi": D(1)}),
            "FET": Stock(quantity=D(held["FET"]), quoted=quoted("2"), sectors={"ai": D(1)}),
        },
        contracts={
            "FET-PERP": Contract(
                position=Position(settle="USDC"), mark=D(2), maintenance_rate=D("0.01"), sectors={"ai": D(1)}
            )
        },
        cash="USDC",
    )


def sell(quantity: str, price: str = "25", fee: str = "0", asset: str = "UNI") -> Move:
    cost = D(fee)
    return Move(
        name=asset,
        asset=asset,
        is_futures=False,
        quantity=-D(quantity),
        price=D(price),
        fee=cost,
        fee_usd=cost,
    )


def buy(quantity: str, fee: str = "0") -> Move:
    cost = D(fee)
    return Move(name="FET", asset="FET", is_futures=False, quantity=D(quantity), price=D(2), fee=cost, fee_usd=cost)


def long(**more: Any) -> Move:
    terms: dict[str, Any] = {"fee": D("1.5"), "fee_usd": D("1.5"), "stop_price": D("1.70"), "leverage": D(3), **more}
    return Move(name="FET-PERP", asset="FET", is_futures=True, quantity=D(1500), price=D(2), is_opening=True, **terms)


def look(*moves: Move, of: Book | None = None) -> Any:
    return preview(book=of or book(), moves=moves, aims=AIMS, cash_usd=D(1), now=NOW)


class TestScenarioA:
    def test_frictionless_as_printed(self) -> None:
        """E02: 2,500 and 7,500, a quarter and three quarters of the pool."""
        found = look(sell("100"), buy("1250"))
        assert {name: worth.value for name, worth in found.after.sleeves.sectors.items()} == {"defi": 2500, "ai": 7500}
        assert found.after.sector_drifts["ai"].actual == D("0.75")
        assert found.after.sector_drifts["ai"].drift == 0
        assert found.before.sector_drifts["ai"].actual == D("0.5")
        assert found.fees == 0
        assert (found.one_way, found.round_trip) == (0, 0)

    def test_net_of_costs(self) -> None:
        """E06: 2,492.505625 are bought for 2,500, and both ways have to earn .602257%."""
        found = look(sell("100", fee="3.75"), buy("1246.2528125", fee="3.744375"))
        assert found.fees == D("7.494375")
        assert found.after.sleeves.sectors["ai"].value == D("7492.505625")
        assert found.after.sleeves.pool.value == D("9992.505625")
        assert found.after.sector_drifts["defi"].actual.quantize(D("1e-8")) == D("0.25018750")
        assert found.after.sleeves.reserve.value == D("6666.67")
        assert found.one_way.quantize(D("1e-8")) == D("0.00300676")
        assert found.round_trip.quantize(D("1e-8")) == D("0.00602257")

    def test_the_overlay(self) -> None:
        """E03: 10,500 of AI is 105% of the pool; liquidation, stop and 1R."""
        found = look(sell("100"), buy("1250"), long())
        rung = next(each for each in found.ladder if each.sector == "ai")
        risk = found.risks[0]
        assert (rung.spot, rung.futures, rung.total, rung.over_pool) == (7500, 3000, 10500, D("1.05"))
        assert (found.margin, risk.notional) == (1000, 3000)
        assert risk.one_r == found.one_r == D("452.775")
        assert abs(found.one_r_share - D("0.01358325")) < D("1e-6")
        assert risk.liquidation.quantize(D("1e-8")) == D("1.35333333")
        assert risk.is_stop_in_time

    def test_the_other_venue_convention_is_further_away(self) -> None:
        opened = Position(settle="USDC", quantity=D(1500), entry_cost=D(3000), margin=D(1000))
        at_mark = liquidation_price_at_mark(position=opened, mmr=D("0.01"))
        assert at_mark is not None
        assert at_mark.quantize(D("1e-8")) == D("1.34680135")
        assert at_mark < look(long()).risks[0].liquidation

    def test_margin_leaves_the_reserve_free_of_it(self) -> None:
        found = look(long(fee=D(0), fee_usd=D(0)))
        assert found.reserve_left == D("5666.67")
        assert found.after.sleeves.equity.value == found.before.sleeves.equity.value


class TestWarnings:
    def test_a_stop_beyond_two_thirds_of_the_way_is_late(self) -> None:
        assert not look(long(stop_price=D("1.5"))).risks[0].is_stop_in_time

    def test_no_stop_has_no_1r(self) -> None:
        found = look(long(stop_price=None))
        assert found.one_r is None
        assert found.risks[0].is_stop_in_time

    def test_selling_core_is_named(self) -> None:
        found = look(sell("0.1", price="50000", asset="BTC"))
        assert [(each.asset, each.left) for each in found.core_sales] == [("BTC", D("0.2333332"))]

    def test_selling_more_than_is_held_is_named(self) -> None:
        found = look(sell("201"))
        assert [(each.asset, each.missing) for each in found.shortfalls] == [("UNI", 1)]
        assert found.after.sleeves.sectors["defi"].value == 0

    def test_spending_more_than_the_reserve_is_named(self) -> None:
        assert [each.asset for each in look(buy("4000")).shortfalls] == ["USDC"]

    def test_margin_beyond_the_reserve_is_named(self) -> None:
        found = look(long(leverage=D(1)), of=book(USDC="2000"))
        assert [(each.asset, each.missing) for each in found.shortfalls] == [("USDC", D("1001.5"))]

    def test_futures_alone_have_no_spot_break_even(self) -> None:
        assert look(long()).one_way is None

    @pytest.mark.parametrize("moves", [(), (sell("0.000000000000000001"),)])
    def test_nothing_and_next_to_nothing_can_be_previewed(self, moves: tuple[Move, ...]) -> None:
        assert look(*moves).fees == 0


@pytest.mark.django_db
class TestOfAPortfolio:
    @pytest.mark.parametrize("preset", ["ANCHOR", "TABLE"])
    def test_starts_from_what_every_page_shows(self, alice: User, preset: str) -> None:
        """The figures before a draft are the snapshot's own, margin carved out or not."""
        factories.price(factories.market(), -1)
        holdings = {"BTC": ("1", "30000"), "USDC": ("20000", "20000"), "UNI": ("200", None), "FET": ("500", None)}
        portfolio = factories.portfolio(alice, holdings, preset=preset)
        opened = factories.fill(factories.perp("FET"), "buy", 1500, 2, factories.at(1), fee_amount="1.5", leverage="3")
        record_fills(portfolio=portfolio, fills=[opened], now=factories.NOW)
        found = snapshot(portfolio=portfolio, now=factories.NOW)
        shown = preview_of(found=found, legs=[], stage=None, now=factories.NOW)
        assert shown.before.sleeves == found.sleeves
        assert shown.before == shown.after
        assert shown.before.sleeve_drifts == found.sleeve_drifts
        assert shown.before.sector_drifts == found.sector_drifts
        ai = next(rung for rung in shown.ladder if rung.sector == "ai")
        assert (ai.spot, ai.futures) == (1000, 3000)
