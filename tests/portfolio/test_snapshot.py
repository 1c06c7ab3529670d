"""What is held, what it is worth, where it drifted, and what it gained: one snapshot, constant queries."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from portfolio.models import Market, Portfolio, Quote
from portfolio.queries.holdings import exposure_by_sector, holdings, positions, snapshot
from portfolio.services.ledger import record_fills, record_transfers
from portfolio.services.portfolios import set_core_quantity, set_manual_price
from tests.portfolio.factories import NOW, asset, at, fill, perp, portfolio, price, spot, transfer


@pytest.fixture
def priced(market: Market) -> Market:
    """A market that closed yesterday."""
    price(market, 322, {"BTC": "60000", "USDC": "1", "UNI": "30", "FET": "2.5", "BNB": "600"})
    return market


def rotate(book: Portfolio) -> None:
    record_fills(
        portfolio=book,
        now=NOW,
        fills=[
            fill(spot("UNI"), "sell", 100, 25, at(1), fee_amount="2.5"),
            fill(spot("FET"), "buy", 1000, 2, at(1, 5), fee_amount="2"),
            fill(perp("FET"), "buy", 1500, 2, at(1, 6), leverage="3", fee_amount="1.5"),
        ],
    )


@pytest.mark.usefixtures("priced")
class TestSnapshot:
    def test_holdings_carry_value_cost_and_gain(self, book: Portfolio) -> None:
        rotate(book)

        lines = {line.asset.symbol: line for line in holdings(portfolio=book, now=NOW)}

        assert (lines["FET"].worth.value, lines["FET"].cost_usd, lines["FET"].unrealized_usd) == (2500, 2002, 498)
        assert lines["UNI"].realized_usd == D("-2.5")
        assert (lines["BTC"].core, lines["USDC"].locked) == (1, 1000)

    def test_a_position_shows_its_risk(self, book: Portfolio) -> None:
        rotate(book)

        (line,) = positions(portfolio=book, now=NOW)

        assert (line.side, line.leverage, line.mark) == ("LONG", 3, D("2.5"))
        assert (line.unrealized_usd, line.notional_usd, line.fees_usd) == (750, 3750, D("1.5"))
        assert round(line.liquidation_price or 0, 8) == D("1.35333333")
        assert round(line.liquidation_distance or 0, 4) == D("0.4587")

    def test_sleeves_add_up_to_equity(self, book: Portfolio) -> None:
        rotate(book)
        shown = snapshot(portfolio=book, now=NOW)

        parts = shown.sleeves
        assert (parts.core.value, parts.pool.value, parts.futures.value) == (60_000, 5500, 1750)
        assert parts.reserve.value == 20_000 + D("2497.5") - 2002 - D("1.5") - 1000
        assert parts.other.value == 600
        assert parts.equity.is_complete
        assert sum(drift.actual for drift in shown.sleeve_drifts.values()) == pytest.approx(D(1), abs=D("1e-17"))

    def test_drift_is_actual_less_target(self, book: Portfolio) -> None:
        rotate(book)
        shown = snapshot(portfolio=book, now=NOW)

        assert shown.sleeve_drifts["core"].target == D("0.5")
        assert shown.sleeve_drifts["core"].drift == shown.sleeve_drifts["core"].actual - D("0.5")
        assert shown.sleeve_drifts["core"].is_outside
        assert shown.sector_drifts["defi"].actual == D("0.545454545454545455")
        assert shown.sector_drifts["defi"].target == D("0.5")

    def test_a_stage_may_set_the_split(self, book: Portfolio) -> None:
        shown = snapshot(portfolio=book, now=NOW, split={"defi": D("0.25"), "ai": D("0.75")})

        assert (shown.sector_drifts["ai"].actual, shown.sector_drifts["ai"].drift) == (0, D("-0.75"))

    def test_totals_count_each_gain_once(self, book: Portfolio) -> None:
        rotate(book)
        record_transfers(
            portfolio=book,
            now=NOW,
            transfers=[
                transfer("income", "UNI", 2, at(2)),
                transfer("funding", "USDC", "-3", at(2), instrument=perp("FET")),
            ],
        )
        totals = snapshot(portfolio=book, now=NOW).totals

        assert (totals.spot_realized, totals.futures_realized, totals.futures_fees) == (D("-2.5"), 0, D("1.5"))
        assert (totals.funding, totals.income, totals.futures_unrealized) == (-3, 50, 750)
        assert totals.realized == D("-2.5") - D("1.5") - 3 + 50
        equity = snapshot(portfolio=book, now=NOW).sleeves.equity.value
        assert totals.realized + totals.unrealized == equity - (30_000 + 20_000 + 5_000 + 300)

    def test_exposure_counts_futures_by_their_notional(self, book: Portfolio) -> None:
        rotate(book)

        found = {row.sector: row for row in exposure_by_sector(portfolio=book, now=NOW)}

        assert (found["ai"].spot_usd, found["ai"].futures_usd, found["ai"].net_usd) == (2500, 3750, 6250)
        assert found["core"].spot_usd == 60_000
        assert found["other"].spot_usd == 600

    def test_the_number_of_queries_does_not_grow(self, book: Portfolio) -> None:
        snapshot(portfolio=book, now=NOW)
        with CaptureQueriesContext(connection) as few:
            snapshot(portfolio=book, now=NOW)
        rotate(book)
        with CaptureQueriesContext(connection) as many:
            snapshot(portfolio=book, now=NOW)

        assert len(many) == len(few) <= 7


@pytest.mark.usefixtures("priced")
class TestPrices:
    def test_an_unknown_price_is_counted_and_not_zero(self, book: Portfolio) -> None:
        record_transfers(portfolio=book, now=NOW, transfers=[transfer("deposit", "TAO", 1, at(1), cost_usd="500")])

        shown = snapshot(portfolio=book, now=NOW)

        line = next(line for line in shown.holdings if line.asset.symbol == "TAO")
        assert (line.unrealized_usd, line.worth.unpriced) == (None, 1)
        assert (shown.sleeves.equity.unpriced, shown.totals.unpriced) == (1, 1)

    def test_a_manual_price_is_assumed(self, book: Portfolio) -> None:
        record_transfers(portfolio=book, now=NOW, transfers=[transfer("deposit", "TAO", 1, at(1), cost_usd="500")])
        set_manual_price(portfolio=book, asset=asset("TAO"), price_usd=D(400), now=NOW)

        equity = snapshot(portfolio=book, now=NOW).sleeves.equity

        assert (equity.unpriced, equity.assumed) == (0, 1)

    def test_a_quote_between_closes_is_newer(self, book: Portfolio, priced: Market) -> None:
        Quote.objects.create(market=priced, asset=asset("UNI"), quoted_at=NOW, price_usd=D(31), source="test")

        lines = {line.asset.symbol: line for line in holdings(portfolio=book, now=NOW)}

        assert lines["UNI"].worth.value == 6200

    def test_an_old_close_is_stale(self, alice: User, priced: Market) -> None:
        price(priced, 300, {"AAVE": "90"})
        book = portfolio(alice, {"AAVE": ("2", "100")})

        equity = snapshot(portfolio=book, now=NOW).sleeves.equity

        assert (equity.value, equity.stale) == (180, 1)

    def test_a_gain_on_an_old_mark_is_stale(self, book: Portfolio, priced: Market) -> None:
        price(priced, 300, {"ETH": "2500"})
        record_fills(portfolio=book, now=NOW, fills=[fill(perp("ETH"), "buy", 1, 2000, at(1), leverage="4")])

        futures = snapshot(portfolio=book, now=NOW).sleeves.futures

        assert (futures.value, futures.priced, futures.stale) == (1000, 1, 1)


@pytest.mark.usefixtures("priced")
def test_core_is_a_quantity(book: Portfolio) -> None:
    record_fills(portfolio=book, now=NOW, fills=[fill(spot("BTC"), "buy", "0.1", 50_000, at(1))])

    before = snapshot(portfolio=book, now=NOW).sleeves
    set_core_quantity(portfolio=book, asset=asset("BTC"), quantity=D("1.1"), now=NOW)
    after = snapshot(portfolio=book, now=NOW).sleeves

    assert (before.core.value, before.other.value) == (60_000, 6600)
    assert (after.core.value, after.other.value) == (66_000, 600)


@pytest.mark.usefixtures("priced")
def test_margin_is_carved_out_of_its_sector(alice: User) -> None:
    book = portfolio(alice, {"USDC": ("20000", "20000")}, preset="TABLE")
    record_fills(portfolio=book, now=NOW, fills=[fill(perp("FET"), "buy", 1500, 2, at(1), leverage="3")])

    shown = snapshot(portfolio=book, now=NOW)

    assert shown.sleeves.carved == {"ai": 1000}
    assert shown.sector_drifts["ai"].actual == 1
    assert shown.sleeve_drifts["pool"].actual == D("0.048192771084337349")
