"""An asset that one person added is nobody else's to see or to trade, over the API and in the pages' lists."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from portfolio.models import Asset, Portfolio
from portfolio.queries.catalogue import known_assets
from portfolio.services.catalogue import add_assets
from portfolio.services.portfolios import add_asset
from tests.api.scene import Caller, faults, rotation_body
from tests.journal.scene import ANCHOR
from tests.portfolio import factories
from tests.portfolio.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def foreign(bob: User, portfolio: Portfolio) -> Portfolio:
    """Bob's portfolio on the same venue, after Alice has added an asset of her own."""
    add_asset(portfolio=portfolio, symbol="MYSECRET", name="My secret plan", now=NOW, price_usd=Decimal(1))
    return factories.portfolio(bob, ANCHOR, market=portfolio.market)


def names(caller: Caller, where: Portfolio) -> set[str]:
    """Return the instruments that the API lists, over all pages."""
    found, path = set(), f"/instruments/?portfolio={where.pk}"
    while path:
        page = caller.get(path).json()
        found |= {row["name"] for row in page["results"]}
        path = (page["next"] or "").partition("/api/v1")[2]
    return found


class TestInstruments:
    def test_mine_are_listed_and_another_persons_are_not(
        self, caller: Caller, stranger: Caller, portfolio: Portfolio, foreign: Portfolio
    ) -> None:
        mine, theirs = names(caller, portfolio), names(stranger, foreign)
        assert mine - theirs == {"MYSECRET"}
        assert {"UNI", "FET-PERP"} <= theirs

    def test_another_persons_asset_is_as_unknown_as_one_that_is_not_there(
        self, stranger: Caller, foreign: Portfolio
    ) -> None:
        said = []
        for symbol in ("MYSECRET", "NOTTHERE"):
            leg = {"action": "BUY_SPOT", "instrument": symbol, "quantity": "1", "price": "1"}
            paid = {**leg, "instrument": "UNI", "fee_asset": symbol, "fee_amount": "1"}
            answers = [stranger.post("/rotations/", rotation_body(foreign, legs=[each])) for each in (leg, paid)]
            assert [faults(each) for each in answers] == [{"legs.0.instrument"}, {"legs.0.fee_asset"}]
            said.append([each.json()["errors"] for each in answers])
        assert said[0] == said[1]


class TestNames:
    def test_who_adds_the_same_symbol_reads_no_name_of_another(self, foreign: Portfolio) -> None:
        added = add_asset(portfolio=foreign, symbol="MYSECRET", name="Mine", now=NOW)
        assert added.name == "MYSECRET"

    def test_who_adds_it_again_keeps_the_name(self, portfolio: Portfolio, foreign: Portfolio) -> None:
        again = add_asset(portfolio=portfolio, symbol="MYSECRET", name="", now=NOW)
        assert again.name == "My secret plan"

    def test_a_name_of_the_catalogue_stays(self, foreign: Portfolio) -> None:
        assert add_asset(portfolio=foreign, symbol="UNI", name="Mine", now=NOW).name == "Uniswap"

    def test_what_a_market_begins_to_price_loses_the_name(self, foreign: Portfolio) -> None:
        add_assets(["MYSECRET", "UNI"])
        factories.price(foreign.market, 3, {"MYSECRET": "2"})
        assert known_assets().get(symbol="MYSECRET").name == "MYSECRET"
        assert Asset.objects.get(symbol="UNI").name == "Uniswap"

    def test_a_name_that_is_everybodys_stays_though_nothing_prices_it(self, foreign: Portfolio) -> None:
        Asset.objects.create(symbol="SHARED", name="Shared protocol")
        added = add_asset(portfolio=foreign, symbol="SHARED", name="Mine", now=NOW)
        add_assets(["SHARED"])
        assert (added.name, Asset.objects.get(symbol="SHARED").name) == ("Shared protocol", "Shared protocol")

    def test_what_two_people_added_is_nobodys_name(self, portfolio: Portfolio, foreign: Portfolio) -> None:
        add_asset(portfolio=foreign, symbol="MYSECRET", name="Mine", now=NOW)
        again = add_asset(portfolio=portfolio, symbol="MYSECRET", name="Still mine", now=NOW)
        assert (again.name, again.owner) == ("MYSECRET", None)
