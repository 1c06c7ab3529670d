"""What an entry brought is told by the entry, not by the lot that it joined (DOMAIN 4.1)."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.core.cache import cache

from accounts.models import User
from portfolio.domain.lots import Method, Scope
from portfolio.domain.trails import sales_of
from portfolio.models import Account, Disposal, Fill, Market, Portfolio
from portfolio.queries.attribution import held_units
from portfolio.queries.outcomes import outcomes_since
from portfolio.queries.performance import span_of
from portfolio.queries.proof import fill_proof
from portfolio.services.entries import NewFill
from portfolio.services.ledger import record_fills, record_transfer, set_lot_method
from portfolio.services.valuation import value_portfolio
from tests.portfolio.factories import NOW, asset, at, fill, market, portfolio, price, spot, transfer


@pytest.fixture
def book(alice: User) -> Portfolio:
    """A portfolio of dollars and some FET, with closes of twelve days."""
    cache.clear()
    where: Market = market()
    for number in range(-1, 12):
        price(where, number)
    return portfolio(alice, {"USDC": ("100000", "100000"), "FET": ("100", "200")})


def method(book: Portfolio, name: Method, *, day: int = 0, scope: Scope = Scope.ACCOUNT) -> None:
    set_lot_method(portfolio=book, method=name, scope=scope, effective_at=at(day, 5), now=NOW)


def record(book: Portfolio, *fills: NewFill) -> list[Fill]:
    done = record_fills(portfolio=book, fills=fills, now=NOW).fills
    return [Fill.objects.get(pk=row.pk) for row in done]


def buy(quantity: object, day: int, symbol: str = "FET", **terms: object) -> NewFill:
    return fill(spot(symbol), "buy", quantity, 2, at(day), **terms)


def sell(quantity: object, day: int, **terms: object) -> NewFill:
    return fill(spot("FET"), "sell", quantity, 3, at(day), **terms)


def sold(book: Portfolio, bought: Fill) -> tuple[D, D]:
    """Return how much of a purchase was sold, and for how much."""
    done = outcomes_since(portfolio=book, since=bought.executed_at)
    parts = sales_of(opening=done.opening, outcomes=done.outcomes, origins={bought.sequence})
    return sum((part.quantity for part in parts), D(0)), sum((part.proceeds for part in parts), D(0))


@pytest.mark.parametrize("name", list(Method))
class TestEveryMethod:
    def test_the_units_at_the_start_of_a_day_are_those_bought_before(self, book: Portfolio, name: Method) -> None:
        method(book, name)
        record(book, buy(10, 1, "UNI"), buy(30, 8, "UNI"))
        value_portfolio(portfolio=book, now=NOW)
        span = span_of(portfolio=book, now=NOW, days=6)
        assert span is not None

        held = held_units(span)

        units = held.units[:, held.assets.index(asset("UNI").pk)]
        assert units.tolist() == [10 if day < at(9).date() else 40 for day in span.dates]

    def test_a_fill_shows_what_it_brought_itself(self, book: Portfolio, name: Method) -> None:
        method(book, name)
        fees = {"fee_amount": "0.5", "fee_asset": asset("FET")}

        first, second = record(book, buy(10, 1), buy(30, 2, **fees))

        brought = [
            [(p.quantity, p.cost) for p in fill_proof(each).parts if p.amount is None] for each in (first, second)
        ]
        assert brought == [[(10, 20)], [(D("29.5"), 60)]]


class TestSales:
    def test_a_sale_from_a_pool_takes_the_same_share_of_everybodys(self, book: Portfolio) -> None:
        method(book, Method.AVG)
        (bought,) = record(book, buy(300, 1))
        record(book, sell(200, 2))
        record(book, buy(200, 3), sell(100, 4), sell(300, 5))

        assert sold(book, bought) == (300, 900)

        record(book, buy(10, 6), sell(10, 7))
        assert sold(book, bought) == (300, 900)

    def test_of_a_part_sold_it_is_told_how_much_was_whose(self, book: Portfolio) -> None:
        method(book, Method.AVG)
        (bought,) = record(book, buy(300, 1))
        record(book, sell(200, 2))

        assert sold(book, bought) == (150, 450)

    def test_it_is_followed_to_another_account(self, book: Portfolio) -> None:
        vault = Account.objects.create(portfolio=book, venue=book.venue, name="Vault")
        (bought,) = record(book, buy(300, 1))
        record_transfer(portfolio=book, transfer=transfer("move", "FET", 250, at(2), to_account=vault), now=NOW)
        record(book, sell(120, 3, account=vault))

        assert sold(book, bought) == (20, 60)

    @pytest.mark.parametrize("scope", list(Scope))
    def test_it_is_followed_through_changes_of_method(self, book: Portfolio, scope: Scope) -> None:
        (bought,) = record(book, buy(300, 1))
        method(book, Method.AVG, day=2, scope=scope)
        record(book, buy(400, 3), sell(400, 4))
        method(book, Method.LIFO, day=5)
        record(book, sell(400, 6))

        assert sold(book, bought) == (300, 900)

    def test_without_pools_it_is_what_the_lots_say(self, book: Portfolio) -> None:
        bought = record(book, buy(300, 1), buy(50, 2), buy(70, 4))
        record(book, sell(120, 5), sell(370, 6))

        for each in bought:
            parts = Disposal.objects.filter(lot__fill=each, kind="sold").values_list("quantity", "proceeds_usd")
            assert sold(book, each) == tuple(map(sum, zip(*parts, strict=True)))
