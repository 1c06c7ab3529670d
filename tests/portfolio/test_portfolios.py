"""A portfolio opens whole, and its aim changes in versions."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from accounts.models import User
from portfolio.domain.money import Refusal
from portfolio.domain.policy import ANCHOR, WeightGap
from portfolio.models import Account, CoreQuantity, Lot, ManualPrice, Market, Portfolio, Sector, Stage
from portfolio.queries.policies import current_policy
from portfolio.services.entries import BadMoment
from portfolio.services.ledger import record_fills
from portfolio.services.portfolios import (
    Aim,
    BadSymbol,
    NameTaken,
    Opening,
    UnknownPreset,
    add_asset,
    change_policy,
    open_portfolio,
    set_core_quantity,
    set_manual_price,
)
from tests.portfolio.factories import NOW, asset, at, fill, portfolio, spot


@pytest.mark.usefixtures("market")
class TestOpening:
    def test_the_anchor_is_the_default(self, book: Portfolio) -> None:
        policy = current_policy(portfolio=book, moment=NOW)

        assert policy is not None
        assert (policy.core_weight, policy.reserve_weight, policy.pool_weight) == (D("0.5"), D("0.2"), D("0.3"))
        assert {row.sector.slug: row.share for row in policy.sectors.all()} == {"defi": D("0.5"), "ai": D("0.5")}
        stages = {row.stage: (row.leader_share, row.futures_ratio, row.leverage) for row in policy.stages.all()}
        assert stages[Stage.NI] == (D("0.75"), D("0.3"), 3)
        assert stages[Stage.PR] == (D("0.2"), D("-0.25"), 2)
        assert stages[Stage.SC][0] is None

    def test_the_table_is_the_other_preset(self, alice: User) -> None:
        policy = current_policy(portfolio=portfolio(alice, {}, preset="TABLE"), moment=NOW)

        assert policy is not None
        assert (policy.core_weight, policy.margin_source, policy.reserve_floor) == (D("0.6"), "carve_out", 0)

    def test_bitcoin_at_the_start_is_core(self, book: Portfolio) -> None:
        rows = CoreQuantity.objects.filter(portfolio=book)

        assert [(row.asset.symbol, row.quantity) for row in rows] == [("BTC", 1)]

    def test_core_may_be_chosen(self, alice: User) -> None:
        book = portfolio(alice, {"BTC": ("1", "1")}, core={})

        assert not CoreQuantity.objects.filter(portfolio=book).exists()

    def test_the_pool_may_be_split_otherwise(self, alice: User) -> None:
        split = {Sector.objects.get(slug="defi"): D("0.7"), Sector.objects.get(slug="ai"): D("0.3")}

        policy = current_policy(portfolio=portfolio(alice, {}, sectors=split), moment=NOW)

        assert policy is not None
        assert {row.sector.slug: row.share for row in policy.sectors.all()} == {"defi": D("0.7"), "ai": D("0.3")}

    def test_names_are_taken_once(self, alice: User, bob: User, book: Portfolio) -> None:
        with pytest.raises(NameTaken):
            portfolio(alice, {})

        assert portfolio(bob, {}).pk != book.pk

    def test_nothing_stays_of_a_portfolio_that_cannot_open(self, alice: User, market: Market) -> None:
        with pytest.raises(Refusal, match="Give a cost or a price for TAO"):
            portfolio(alice, {"BTC": ("1", "1"), "TAO": ("1", None)})
        with pytest.raises(UnknownPreset):
            portfolio(alice, {}, preset="MOON")
        with pytest.raises(BadMoment):
            open_portfolio(
                owner=alice,
                market=market,
                venue=spot("BTC").venue,
                reserve_asset=asset("USDC"),
                name="Later",
                now=NOW,
                opened_at=at(999),
            )

        assert not Portfolio.objects.exists()
        assert not Account.objects.exists()

    def test_an_own_price_opens_an_unpriced_holding(self, alice: User, market: Market) -> None:
        book = open_portfolio(
            owner=alice,
            market=market,
            venue=spot("BTC").venue,
            reserve_asset=asset("USDC"),
            name="Own",
            now=NOW,
            holdings=[Opening(asset=asset("TAO"), quantity=D(2), price_usd=D(300))],
            opened_at=at(0),
        )

        lot = Lot.objects.get(portfolio=book)
        assert (lot.cost_usd, lot.is_cost_assumed) == (600, True)
        assert ManualPrice.objects.get(portfolio=book).price_usd == 300


@pytest.mark.usefixtures("market")
class TestPolicy:
    def test_a_change_is_a_new_version(self, book: Portfolio) -> None:
        aim = Aim(
            preset=ANCHOR,
            weights={"core": D("0.4"), "reserve": D("0.2"), "pool": D("0.4")},
            parameters={"band": D("0.03")},
        )

        policy = change_policy(portfolio=book, aim=aim, now=NOW)

        assert (policy.version, policy.band) == (2, D("0.03"))
        assert current_policy(portfolio=book, moment=NOW) == policy
        before = current_policy(portfolio=book, moment=at(1))
        assert before is not None
        assert before.version == 1

    def test_weights_must_add_up(self, book: Portfolio) -> None:
        aim = Aim(preset=ANCHOR, weights={"core": D("0.6"), "reserve": D("0.1"), "pool": D("0.4")})

        with pytest.raises(WeightGap, match="110%: 10 points over"):
            change_policy(portfolio=book, aim=aim, now=NOW)

        assert book.policies.count() == 1


@pytest.mark.usefixtures("market")
class TestAssets:
    def test_what_the_catalogue_lacks_can_be_added_and_traded(self, book: Portfolio) -> None:
        added = add_asset(portfolio=book, symbol="NEWCOIN", name="New Coin", now=NOW, price_usd=D("0.5"))

        record_fills(portfolio=book, now=NOW, fills=[fill(spot("NEWCOIN"), "buy", 100, "0.5", at(1))])

        assert added.name == "New Coin"
        assert Lot.objects.get(portfolio=book, asset=added).cost_usd == 50

    def test_adding_twice_finds_the_first(self, book: Portfolio) -> None:
        first = add_asset(portfolio=book, symbol="NEWCOIN", name="New Coin", now=NOW)

        assert add_asset(portfolio=book, symbol="NEWCOIN", name="Other", now=NOW) == first

    @pytest.mark.parametrize("symbol", ["", "btc", "ВТС", "A B", "X" * 21, "UNI\n", "１"])
    def test_symbols_cannot_be_mistaken(self, book: Portfolio, symbol: str) -> None:
        with pytest.raises(BadSymbol):
            add_asset(portfolio=book, symbol=symbol, name="", now=NOW)

    @pytest.mark.parametrize(("symbol", "price"), [("FET", "0"), ("FET", "-1"), ("FET", "NaN"), ("USD", "1")])
    def test_impossible_prices_are_refused(self, book: Portfolio, symbol: str, price: str) -> None:
        with pytest.raises(Refusal):
            set_manual_price(portfolio=book, asset=asset(symbol), price_usd=D(price), now=NOW)

    def test_core_cannot_be_negative(self, book: Portfolio) -> None:
        with pytest.raises(Refusal):
            set_core_quantity(portfolio=book, asset=asset("BTC"), quantity=D(-1), now=NOW)
