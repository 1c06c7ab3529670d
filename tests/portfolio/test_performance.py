"""What a portfolio earned is measured once, and page and API say the same (DOMAIN 4.6, 4.7, F02)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D

import numpy as np
import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from portfolio.domain.figures import Lack, found, missing
from portfolio.models import Fill, Market, Portfolio, Price, Transfer, ValuationDay
from portfolio.queries.attribution import Attribution, attribution
from portfolio.queries.performance import Performance, performance_of
from portfolio.services.ledger import record_fills, record_transfers
from portfolio.services.valuation import value_portfolio
from portfolio.views.earnings import reason_of
from tests.api.scene import Caller
from tests.api.test_counts import copies, hold
from tests.pages import said
from tests.portfolio.factories import NOW, PRICES, at, day, fill, market, perp, portfolio, price, spot, transfer
from tests.portfolio.test_contracts import contract

FLAT = {**PRICES, "CRV": "1", "GRT": "1", "NEAR": "5"}
DAYS = 40
MOVED = 3
"""The day on whose close BTC and DeFi stand 10% higher and AI 20%."""

RISEN = {"BTC": "55000", "UNI": "27.5", "AAVE": "110", "CRV": "1.1", "FET": "2.4", "GRT": "1.2", "NEAR": "6"}
BUDGET = 12


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand still after the closes, with nothing kept from another test."""
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def moved(db: None) -> Market:
    """A market that is flat but for one day, with enough members for an index of both narratives."""
    where = market()
    for number in range(-1, DAYS):
        price(where, number, FLAT if number < MOVED else {**FLAT, **RISEN})
    return where


@pytest.fixture
def anchored(alice: User, moved: Market) -> Portfolio:
    """A portfolio of exactly $100,000 at its anchor's weights: 50, 20, 15 and 15%."""
    holdings = {"BTC": ("1", "50000"), "USDC": ("20000", "20000"), "UNI": ("600", None), "FET": ("7500", None)}
    return portfolio(alice, holdings)


def rotate(book: Portfolio, **terms: str) -> None:
    """Move all of DeFi into AI on the second day."""
    sold = fill(spot("UNI"), "sell", 600, 25, at(1), **terms)
    record_fills(portfolio=book, now=NOW, fills=[sold, fill(spot("FET"), "buy", 7500, 2, at(1, 5))])


def measured(book: Portfolio, days: int | None = None) -> Performance:
    """Value every day and measure."""
    value_portfolio(portfolio=book, now=NOW)
    found = performance_of(portfolio=book, now=NOW, days=days)
    assert found is not None
    return found


def attributed(found: Performance) -> Attribution:
    """Return the attribution, which must be possible."""
    result = attribution(found)
    assert isinstance(result, Attribution)
    return result


def totals(found: Performance) -> dict[str, float | None]:
    """Return each track's return."""
    return {track.name: track.total.value for track in found.tracks}


class TestTracks:
    def test_who_holds_the_anchor_earns_what_it_earns(self, anchored: Portfolio) -> None:
        found = measured(anchored)

        assert totals(found) == {
            "you": pytest.approx(0.095),
            "hold": pytest.approx(0.095),
            "anchor": pytest.approx(0.095),
            "core": pytest.approx(0.1),
        }
        assert {track.total.days for track in found.tracks} == {DAYS}

    def test_a_rotation_parts_you_from_holding_and_from_the_anchor(self, anchored: Portfolio) -> None:
        rotate(anchored)

        found = measured(anchored)

        assert totals(found)["you"] == pytest.approx(0.11)
        assert totals(found)["hold"] == totals(found)["anchor"] == pytest.approx(0.095)

    def test_money_that_comes_in_earns_nothing_by_itself(self, anchored: Portfolio) -> None:
        flow = transfer("deposit", "USDC", 50_000, at(2), cost_usd="50000")
        record_transfers(portfolio=anchored, transfers=[flow], now=NOW)

        found = measured(anchored)

        assert totals(found)["you"] == pytest.approx((0.095 * 100_000) / 150_000)
        assert totals(found)["anchor"] == pytest.approx(0.095)
        assert found.dietz.value == pytest.approx(9_500 / (100_000 + 50_000 * 37.5 / 39.5))
        assert found.money_weighted.value is not None

    def test_the_anchor_is_set_anew_every_month(self, anchored: Portfolio) -> None:
        anchor = measured(anchored).span.anchor

        assert anchor is not None
        assert anchor.weights[MOVED] == pytest.approx([0.5, 0.2, 0.15, 0.15])
        assert anchor.weights[MOVED + 1] == pytest.approx(np.array([0.55, 0.2, 0.18, 0.165]) / 1.095)
        assert anchor.weights[31] == pytest.approx([0.5, 0.2, 0.15, 0.15])

    def test_a_span_begins_at_the_close_before_it(self, anchored: Portfolio) -> None:
        found = measured(anchored, days=DAYS - MOVED)

        assert found.span.dates[0] == day(MOVED)
        assert totals(found) == {
            "you": pytest.approx(0.095),
            "hold": pytest.approx(0.095),
            "anchor": pytest.approx(0.095),
            "core": pytest.approx(0.1),
        }
        assert measured(anchored, days=10).you.total.value == pytest.approx(0)

    def test_a_day_without_a_price_is_spanned(self, anchored: Portfolio) -> None:
        value_portfolio(portfolio=anchored, now=NOW)
        ValuationDay.objects.filter(portfolio=anchored, date=day(MOVED)).update(equity_usd=D(1), unpriced_count=1)

        found = performance_of(portfolio=anchored, now=NOW)

        assert found is not None
        assert found.unpriced_days == 1
        assert found.you.total.value == pytest.approx(0.095)
        assert found.you.volatility.days == DAYS - 3

    def test_a_span_that_begins_unpriced_has_no_money_weighted_return(self, anchored: Portfolio) -> None:
        value_portfolio(portfolio=anchored, now=NOW)
        ValuationDay.objects.filter(portfolio=anchored, date=day(0)).update(unpriced_count=1)

        found = performance_of(portfolio=anchored, now=NOW, days=DAYS - 1)

        assert found is not None
        assert (found.money_weighted.lack, found.dietz.lack) == (Lack.UNPRICED, Lack.UNPRICED)
        assert found.you.total.value == pytest.approx(0.095)

    def test_without_a_sectors_index_the_anchor_is_unknown(self, anchored: Portfolio) -> None:
        Price.objects.filter(asset__symbol="NEAR").delete()

        found = measured(anchored)

        assert [track.total.lack for track in found.beside] == [None, Lack.NO_BENCHMARK, None]
        assert attribution(found) == Lack.TOO_SHORT

    def test_without_a_core_of_ones_own_it_is_the_markets(self, anchored: Portfolio) -> None:
        anchored.core_quantities.all().delete()

        assert totals(measured(anchored))["core"] == pytest.approx(0.05)

    def test_before_the_first_close_there_is_nothing(self, anchored: Portfolio) -> None:
        assert performance_of(portfolio=anchored, now=NOW) is None

    def test_costs_are_a_drag(self, anchored: Portfolio) -> None:
        rotate(anchored, fee_amount="100")

        found = measured(anchored)

        assert found.costs_usd == 100
        mean = (100_000 + 2 * 99_900 + 37 * 110_900) / 40
        assert found.fee_drag.value == pytest.approx(100 / mean * 365 / 40)
        assert found.you.annual.value is not None
        assert found.before_costs.value == pytest.approx(found.you.annual.value + found.fee_drag.value)


class TestAttribution:
    def test_the_weight_of_the_narratives_made_the_difference(self, anchored: Portfolio) -> None:
        rotate(anchored)

        found = attributed(measured(anchored))

        effects = {effect.sector: effect for effect in found.sectors}
        assert found.active.value == pytest.approx(0.015)
        assert found.active.days == DAYS - 1
        assert effects["ai"].allocation + effects["defi"].allocation == pytest.approx(0.015, abs=1e-4)
        assert found.rotation_skill == pytest.approx(0.015, abs=1e-4)
        assert found.token_skill == pytest.approx(0, abs=1e-9)
        assert sum(effect.total for effect in found.sectors) + sum(found.lines.values()) == pytest.approx(0.015)
        assert found.alarms == 0

    def test_the_tokens_held_made_the_difference(self, anchored: Portfolio, moved: Market) -> None:
        Price.objects.filter(asset__symbol="FET", date__gte=day(MOVED)).update(price_usd=D(3))

        found = attributed(measured(anchored))

        chosen = {effect.sector: effect.choice for effect in found.sectors}
        index = (0.5 + 0.2 + 0.2) / 3
        assert chosen["ai"] == pytest.approx(0.15 * (0.5 - index), abs=1e-3)
        assert found.rotation_skill == pytest.approx(0, abs=1e-3)

    def test_fees_funding_income_and_futures_have_lines_of_their_own(self, anchored: Portfolio) -> None:
        rotate(anchored, fee_amount="100")
        long = fill(perp("FET"), "buy", 1500, 2, at(2), leverage="3")
        record_fills(portfolio=anchored, now=NOW, fills=[long, fill(perp("UNI"), "sell", 10, 25, at(2), leverage="2")])
        funding = transfer("funding", "USDC", "-12", at(5), instrument=perp("FET"))
        income = transfer("income", "USDC", 30, at(6), value_usd="30")
        record_transfers(portfolio=anchored, transfers=[funding, income], now=NOW)

        found = attributed(measured(anchored))

        assert found.lines["overlay"] == pytest.approx(600 / 99_900, rel=0.02)
        assert found.lines["hedge"] == pytest.approx(-25 / 99_900, rel=0.02)
        assert found.lines["fees"] == pytest.approx(-0.0011, rel=0.02)
        assert found.lines["funding"] == pytest.approx(-12 / 111_000 * 1.1, rel=0.02)
        assert found.lines["yield"] == pytest.approx(30 / 111_000 * 1.1, rel=0.02)
        assert found.structure_skill == found.lines["overlay"] + found.lines["hedge"]
        assert abs(found.lines["timing"]) < 1e-6
        parts = sum(effect.total for effect in found.sectors) + sum(found.lines.values())
        assert parts == pytest.approx(found.active.value)

    def test_a_contract_sized_in_dollars_gains_by_the_move(self, anchored: Portfolio) -> None:
        coin = contract(is_inverse=True, contract_size=D(100))
        long = fill(coin, "buy", 100, 50_000, at(1), leverage="10")
        record_fills(portfolio=anchored, now=NOW, fills=[long, fill(coin, "sell", 60, 55_000, at(MOVED + 1))])

        found = attributed(measured(anchored))

        assert found.lines["overlay"] == pytest.approx(10_000 * 0.1 / 100_000, rel=0.02)
        assert abs(found.lines["timing"]) < 1e-6

    def test_what_was_traded_away_from_the_close_is_timing(self, anchored: Portfolio) -> None:
        record_fills(portfolio=anchored, now=NOW, fills=[fill(spot("UNI"), "sell", 600, 30, at(1))])

        found = attributed(measured(anchored))

        assert found.lines["timing"] == pytest.approx(0.03, rel=0.1)
        assert found.alarms == 1

    def test_one_day_cannot_be_attributed(self, anchored: Portfolio) -> None:
        value_portfolio(portfolio=anchored, now=NOW)
        ValuationDay.objects.filter(portfolio=anchored, date__gt=day(0)).delete()

        found = performance_of(portfolio=anchored, now=NOW)

        assert found is not None
        assert attribution(found) == Lack.TOO_SHORT


def page(book: Portfolio, span: str = "") -> str:
    """Return the address of the page."""
    return reverse("portfolio:performance", args=[book.pk]) + (f"?span={span}" if span else "")


class TestPage:
    def test_it_answers_in_its_heading(self, anchored: Portfolio, client_of_alice: Client) -> None:
        rotate(anchored)
        value_portfolio(portfolio=anchored, now=NOW)

        text = said(client_of_alice, page(anchored))

        assert "You earned 11.0% since 1 Jan 2026, 1.5 points ahead of your anchor" in text
        assert "Where the difference to your anchor came from" in text
        assert "39 of 40 days" in text
        assert "n 40" in text

    def test_it_says_why_a_figure_is_missing(self, anchored: Portfolio, client_of_alice: Client) -> None:
        value_portfolio(portfolio=anchored, now=NOW)

        text = said(client_of_alice, page(anchored, "30"))

        assert "Nothing moved, so there is no risk to divide by." in text

    def test_a_short_span_is_not_annualised(self, anchored: Portfolio, client_of_alice: Client) -> None:
        value_portfolio(portfolio=anchored, now=NOW)
        ValuationDay.objects.filter(portfolio=anchored, date__gte=day(20)).delete()

        assert "Less than 30 days say nothing about a year." in said(client_of_alice, page(anchored))

    def test_before_the_first_close_it_says_so(self, anchored: Portfolio, client_of_alice: Client) -> None:
        assert "There is no return to measure yet" in said(client_of_alice, page(anchored))
        assert client_of_alice.get(reverse("portfolio:index_spec", args=[anchored.pk])).json() == {}

    def test_an_unknown_span_is_not_there(self, anchored: Portfolio, client_of_alice: Client) -> None:
        assert client_of_alice.get(page(anchored, "7")).status_code == 404

    @pytest.mark.parametrize("name", ["index_spec", "drawdown_spec"])
    def test_its_charts_can_be_explored(self, name: str, anchored: Portfolio, client_of_alice: Client) -> None:
        value_portfolio(portfolio=anchored, now=NOW)

        spec = client_of_alice.get(reverse(f"portfolio:{name}", args=[anchored.pk])).json()

        assert spec["layer"]

    def test_it_stays_within_its_queries_at_ten_and_a_thousand_rows(
        self, anchored: Portfolio, client_of_alice: Client
    ) -> None:
        rotate(anchored)
        value_portfolio(portfolio=anchored, now=NOW)

        counts = list[int]()
        for count in (10, 990):
            base = 10_000 * Fill.objects.count()
            copies(Fill.objects.earliest("pk"), count, sequence=lambda n, b=base: b + n, external_id=lambda _: None)
            copies(Transfer.objects.earliest("pk"), count, sequence=lambda n, b=base: b + n, external_id=lambda _: None)
            hold(anchored, count, f"OWN{count}X")
            client_of_alice.get(page(anchored))
            with CaptureQueriesContext(connection) as captured:
                assert client_of_alice.get(page(anchored)).status_code == 200
            counts.append(len(captured))

        assert counts[0] == counts[1] <= BUDGET


class TestApi:
    def test_it_says_what_the_page_says(self, anchored: Portfolio, alice: User) -> None:
        rotate(anchored)
        found = measured(anchored)
        caller = Caller(alice)

        body = caller.get(f"/portfolios/{anchored.pk}/performance/").json()
        parts = caller.get(f"/portfolios/{anchored.pk}/attribution/").json()

        you, _, anchor, _ = body["tracks"]
        assert you["total"] == {"value": found.you.total.value, "days": DAYS, "lack": None, "is_flagged": False}
        assert anchor["ahead"]["value"] == pytest.approx(0.015)
        assert you["index"][-1] == pytest.approx(1.11)
        assert (you["fall"]["depth"], you["ahead"], body["costs_usd"]) == (0.0, None, "0")
        assert body["modified_dietz"]["value"] == found.dietz.value
        assert parts["active"]["value"] == pytest.approx(0.015)
        effects = sum(part["allocation"] + part["choice"] for part in parts["sectors"])
        assert effects + sum(parts["lines"].values()) == pytest.approx(0.015)

    def test_before_the_first_close_it_says_why_there_is_nothing(self, anchored: Portfolio, alice: User) -> None:
        caller = Caller(alice)

        body = caller.get(f"/portfolios/{anchored.pk}/performance/").json()
        parts = caller.get(f"/portfolios/{anchored.pk}/attribution/").json()

        assert (body["tracks"], body["money_weighted"]["lack"]) == ([], "too_short")
        assert (parts["lack"], parts["active"], parts["sectors"]) == ("too_short", None, [])

    @pytest.mark.parametrize("days", ["0", "x", "-1", "99999"])
    def test_days_that_cannot_be_are_refused(self, days: str, anchored: Portfolio, alice: User) -> None:
        response = Caller(alice).get(f"/portfolios/{anchored.pk}/performance/?days={days}")

        assert response.status_code == 400

    def test_days_narrow_the_span(self, anchored: Portfolio, alice: User) -> None:
        value_portfolio(portfolio=anchored, now=NOW)

        assert len(Caller(alice).get(f"/portfolios/{anchored.pk}/performance/?days=5").json()["dates"]) == 5


class TestTime:
    def test_a_flow_counts_from_its_moment(self, anchored: Portfolio) -> None:
        moments = {"deposit": at(1), "withdrawal": at(1) + timedelta(hours=6)}
        flows = [transfer(kind, "USDC", 1000, moment, value_usd="1000") for kind, moment in moments.items()]
        record_transfers(portfolio=anchored, transfers=flows, now=NOW)

        found = measured(anchored)

        assert [(flow.amount, flow.passed) for flow in found.span.values[1].flows] == [(1000, 0.5), (-1000, 0.75)]
        assert [flow.amount for flow in found.span.values[2].flows] == []


class TestReasons:
    def test_days_are_only_blamed_where_they_are_few(self) -> None:
        few, many = (missing(Lack.NOT_ANNUALISED, days=days) for days in (29, 30))

        assert reason_of(few) == "Less than 30 days say nothing about a year."
        assert reason_of(many) == "Carried to a year, this is beyond any number worth naming."
        assert reason_of(found(0.1, days=30)) == ""
