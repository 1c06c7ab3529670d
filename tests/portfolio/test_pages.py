"""Walk through the portfolio's pages as a person without a script would."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import User
from portfolio.charts.bundle import bundle_name
from portfolio.models import Asset, CoreQuantity, Fill, Lot, Market, Portfolio, Transfer, Venue
from portfolio.services.ledger import record_fills, record_transfers, reverse_fills
from portfolio.services.portfolios import add_asset
from portfolio.services.valuation import value_portfolio
from tests.pages import heading, queries, said, words
from tests.portfolio.factories import NOW, at, fill, perp, portfolio, price, spot, transfer

OVERVIEW = reverse("portfolio:overview")
NEW = reverse("portfolio:new_portfolio")


@pytest.fixture(autouse=True)
def _today() -> Any:
    """The day the scene is set on; sessions begin on it too."""
    with time_machine.travel(at(10), tick=False):
        yield


@pytest.fixture
def priced(market: Market) -> Market:
    """A market with flat prices up to today."""
    for number in range(10):
        price(market, number)
    return market


@pytest.fixture
def anchor(alice: User, priced: Market) -> Portfolio:
    """An anchor portfolio of exactly $100,000, on target but for the pool."""
    return portfolio(
        alice,
        {
            "BTC": ("1", "40000"),
            "USDC": ("20000", "20000"),
            "UNI": ("800", "8000"),
            "FET": ("5000", None),
        },
    )


def answers(**changes: Any) -> dict[str, Any]:
    """Fill in the form for a first portfolio."""
    rows = changes.pop("rows", [("BTC", "1", "30000", True), ("USDC", "20000", "", False)])
    form = {
        "name": "Mine",
        "preset": "ANCHOR",
        "market": Market.objects.get(slug="simulated").pk,
        "venue": Venue.objects.get(slug="binance").pk,
        "reserve_asset": "USDC",
        "holdings-TOTAL_FORMS": str(len(rows)),
        "holdings-INITIAL_FORMS": "0",
        **changes,
    }
    for place, (symbol, quantity, cost, is_core) in enumerate(rows):
        asset = Asset.objects.filter(symbol=symbol).values_list("pk", flat=True).first()
        form |= {f"holdings-{place}-asset": asset or "", f"holdings-{place}-quantity": quantity}
        form |= {f"holdings-{place}-cost_usd": cost} | ({f"holdings-{place}-is_core": "on"} if is_core else {})
    return form


class TestOpening:
    def test_an_empty_state_has_one_action(self, client_of_alice: Client) -> None:
        html = client_of_alice.get(OVERVIEW).content.decode()

        assert "You have no portfolio yet" in html
        assert html.count("button primary") == 1
        assert NEW in html

    def test_one_action_opens_it(self, client_of_alice: Client, alice: User, priced: Market) -> None:
        response = client_of_alice.post(NEW, answers(), follow=True)

        opened = Portfolio.objects.get(owner=alice)
        assert response.redirect_chain == [(OVERVIEW, 302)]
        assert opened.policies.get().preset == "ANCHOR"
        assert CoreQuantity.objects.get(portfolio=opened).asset.symbol == "BTC"
        assert "Mine is open." in words(response.content.decode())
        assert "$70,000.00" in words(response.content.decode())

    def test_an_unknown_cost_is_assumed_and_said(self, client_of_alice: Client, priced: Market) -> None:
        client_of_alice.post(NEW, answers())

        assert Lot.objects.get(asset__symbol="USDC").is_cost_assumed
        assert not Lot.objects.get(asset__symbol="BTC").is_cost_assumed

    @pytest.mark.parametrize(
        ("weights", "sentence"),
        [
            (("60", "40", "10"), "Your weights add to 110%: take 10 points away."),
            (("60", "20", "15"), "Your weights add to 95%: 5 points are missing."),
            (("60", "20", "19"), "Your weights add to 99%: 1 point is missing."),
            (("33.3", "33.3", "33.3"), "Your weights add to 99.9%: 0.1 points are missing."),
        ],
    )
    def test_own_weights_with_a_gap_are_refused(
        self, client_of_alice: Client, priced: Market, weights: tuple[str, ...], sentence: str
    ) -> None:
        own = dict(zip(("core", "reserve", "pool"), weights, strict=True))

        response = client_of_alice.post(NEW, answers(preset="OWN", **own))

        assert response.status_code == 422
        assert sentence in words(response.content.decode())
        assert not Portfolio.objects.exists()

    def test_own_weights_that_add_up_are_kept(self, client_of_alice: Client, priced: Market) -> None:
        client_of_alice.post(NEW, answers(preset="OWN", core="40", reserve="10", pool="50"))

        policy = Portfolio.objects.get().policies.get()
        assert (policy.preset, policy.core_weight, policy.reserve_weight, policy.pool_weight) == (
            "OWN", D("0.4"), D("0.1"), D("0.5"),
        )  # fmt: skip

    def test_more_rows_come_by_a_button_and_keep_what_was_written(
        self, client_of_alice: Client, priced: Market
    ) -> None:
        html = client_of_alice.post(NEW, answers(name="Kept", more="1")).content.decode()

        assert 'value="Kept"' in html
        assert 'value="20000"' in html
        assert 'name="holdings-4-quantity"' in html
        assert "errorlist" not in html
        assert not Portfolio.objects.exists()

    @pytest.mark.parametrize(
        ("row", "sentence"),
        [
            (("BTC", "", "", False), "Say how much BTC you hold."),
            (("", "3", "", False), "Choose the asset."),
            (("BTC", "1,5", "", False), "Write the amount in plain digits"),
            (("BTC", "-1", "", False), "must not be negative"),
            (("BTC", "0", "", False), "zero"),
            (("BTC", "1e5", "", False), "Write the amount in plain digits"),
            (("BTC", "NaN", "", False), "Write the amount in plain digits"),
        ],
    )
    def test_a_bad_row_says_what_to_do(
        self, client_of_alice: Client, priced: Market, row: tuple[Any, ...], sentence: str
    ) -> None:
        response = client_of_alice.post(NEW, answers(rows=[row]))

        assert response.status_code == 422
        assert sentence in words(response.content.decode())

    def test_a_name_is_used_once(self, client_of_alice: Client, anchor: Portfolio) -> None:
        response = client_of_alice.post(NEW, answers(name="Test"))

        assert response.status_code == 422
        assert "You have a portfolio named Test already." in words(response.content.decode())

    @pytest.mark.parametrize("count", ["", "-1", "abc", "99999", "²"])
    def test_a_forged_number_of_rows_is_survived(self, client_of_alice: Client, priced: Market, count: str) -> None:
        form = {**answers(), "holdings-TOTAL_FORMS": count}

        assert client_of_alice.post(NEW, form).status_code in (302, 422)
        assert client_of_alice.post(NEW, {**form, "more": "1"}).status_code == 200

    @pytest.mark.parametrize("asset", ["999999999", "x", "1 OR 1=1", "-1"])
    def test_a_forged_asset_is_refused(self, client_of_alice: Client, priced: Market, asset: str) -> None:
        response = client_of_alice.post(NEW, answers() | {"holdings-1-asset": asset})
        assert response.status_code == 422
        assert not Portfolio.objects.exists()

    def test_the_sum_is_said_while_writing(self, client_of_alice: Client) -> None:
        url = reverse("portfolio:weight_sum")

        assert "add to 110%: take 10 points away" in said(client_of_alice, f"{url}?core=60&reserve=0&pool=50")
        assert "add to 100%." in said(client_of_alice, f"{url}?core=50&reserve=20&pool=30")
        assert "from 0 to 100" in said(client_of_alice, f"{url}?core=half")


class TestOverview:
    def test_the_heading_is_the_answer(self, client_of_alice: Client, anchor: Portfolio) -> None:
        assert heading(client_of_alice, OVERVIEW) == "$100,000.00"

    def test_sleeves_and_narratives_stand_against_their_targets(
        self, client_of_alice: Client, anchor: Portfolio
    ) -> None:
        page = said(client_of_alice, OVERVIEW)

        assert "Core $50,000.00 50.0% 50.0% on target" in page
        assert "DeFi $20,000.00 66.7% 50.0% 16.7 points over, outside the band of 2.0 points" in page
        assert "AI $10,000.00 33.3% 50.0% 16.7 points under, outside the band of 2.0 points" in page

    def test_holdings_show_cost_core_and_outcome(self, client_of_alice: Client, anchor: Portfolio) -> None:
        page = said(client_of_alice, OVERVIEW)

        assert "BTC core, locked 1.00000 50,000.00 $50,000.00 $40,000.00 +$10,000.00 $0.00" in page
        assert "UNI 800.0000 25.0000 $20,000.00 $8,000.00 +$12,000.00 $0.00" in page

    def test_what_has_no_price_is_counted_and_named(self, client_of_alice: Client, anchor: Portfolio) -> None:
        add_asset(portfolio=anchor, symbol="FOO", name="", now=NOW)
        record_transfers(portfolio=anchor, transfers=[transfer("deposit", "FOO", "3", at(1), cost_usd="30")], now=NOW)

        page = said(client_of_alice, OVERVIEW)

        assert "1 part has no price and is not counted" in page
        assert "FOO 3.00000000 unpriced — $30.00 — $0.00" in page
        assert heading(client_of_alice, OVERVIEW) == "$100,000.00"

    def test_a_price_of_yesterday_is_stale(self, client_of_alice: Client, anchor: Portfolio) -> None:
        with time_machine.travel(at(12), tick=False):
            assert "25.0000 stale" in said(client_of_alice, OVERVIEW)

    def test_a_change_since_the_last_close_is_said(self, client_of_alice: Client, anchor: Portfolio) -> None:
        assert "recomputing" in said(client_of_alice, OVERVIEW)

        value_portfolio(portfolio=anchor, now=NOW)

        assert "recomputing" not in said(client_of_alice, OVERVIEW)

    def test_futures_show_what_can_be_lost(self, client_of_alice: Client, anchor: Portfolio) -> None:
        record_fills(
            portfolio=anchor,
            fills=[fill(perp("FET"), "buy", "1500", "2", at(2), fee_amount="1.5", leverage="3")],
            now=NOW,
        )

        page = said(client_of_alice, OVERVIEW)

        assert "FET-PERP long 3.0×" in page
        assert "Margin, what you can lose $1,000.00" in page
        assert "Liquidation is away" in page

    def test_several_portfolios_are_switched_without_a_script(
        self, client_of_alice: Client, alice: User, anchor: Portfolio
    ) -> None:
        other = portfolio(alice, {"USDC": ("500", "500")}, name="Other")

        assert heading(client_of_alice, OVERVIEW) == "$100,000.00"
        assert heading(client_of_alice, f"{OVERVIEW}?portfolio={other.pk}") == "$500.00"
        assert heading(client_of_alice, OVERVIEW) == "$500.00"

    @pytest.mark.parametrize("asked", ["0", "abc", "-1", "99999999999999999999999", "1 OR 1=1", "²"])
    def test_a_portfolio_that_is_not_there_is_not_found(
        self, client_of_alice: Client, anchor: Portfolio, asked: str
    ) -> None:
        assert client_of_alice.get(OVERVIEW, {"portfolio": asked}).status_code == 404

    def test_charts_can_be_explored(self, client_of_alice: Client, anchor: Portfolio) -> None:
        value_portfolio(portfolio=anchor, now=NOW)

        for name in ("equity_spec", "sleeve_spec"):
            assert client_of_alice.get(reverse(f"portfolio:{name}", args=[anchor.pk])).json()["layer"]

    def test_what_explores_them_is_kept_for_ever(self, client: Client, db: None) -> None:
        response = client.get(reverse("charts:bundle", args=[bundle_name()]), headers={"Accept-Encoding": "br"})

        assert response.status_code == 200
        assert response.headers["Content-Encoding"] == "br"
        assert "immutable" in response.headers["Cache-Control"]
        response.close()
        assert client.get(reverse("charts:bundle", args=["explore-0-0.js"])).status_code == 404


def many_fills(book: Portfolio, count: int) -> None:
    """Write executions as rows: the list reads nothing else."""
    template = Fill.objects.filter(portfolio=book).order_by("sequence").last()
    assert template is not None
    first = template.sequence + 1
    rows = []
    for number in range(count):
        row = Fill.objects.get(pk=template.pk) if not rows else Fill(**_values(rows[0]))
        row.pk, row.sequence, row.external_id = None, first + number, None
        row.executed_at = template.executed_at + timedelta(seconds=number // 3)
        rows.append(row)
    Fill.objects.bulk_create(rows)


def _values(row: Fill) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in Fill._meta.concrete_fields if not field.primary_key}


class TestFills:
    @pytest.fixture
    def book(self, anchor: Portfolio) -> Portfolio:
        record_fills(portfolio=anchor, fills=[fill(spot("UNI"), "sell", "1", "25", at(1), fee_amount="0.1")], now=NOW)
        return anchor

    def test_each_shows_what_it_realised(self, client_of_alice: Client, book: Portfolio) -> None:
        page = said(client_of_alice, reverse("portfolio:fills", args=[book.pk]))

        assert "Sell UNI 1 25.0000 USDC 0.1000 USDC" in page
        assert "+$14.90" in page

    def test_a_reversal_stays_visible(self, client_of_alice: Client, book: Portfolio) -> None:
        reverse_fills(portfolio=book, fills=Fill.objects.filter(portfolio=book), now=NOW)

        page = said(client_of_alice, reverse("portfolio:fills", args=[book.pk]))

        assert "Sell UNI reversed" in page
        assert "Buy UNI reversal" in page

    def test_pages_reach_every_fill_once(self, client_of_alice: Client, book: Portfolio) -> None:
        many_fills(book, 130)
        url, seen = reverse("portfolio:fills", args=[book.pk]), []

        while url:
            response = client_of_alice.get(url)
            page = response.context["page"]
            seen += [line.fill.pk for line in page.lines]
            url = f"{reverse('portfolio:fills', args=[book.pk])}?before={page.next_cursor}" if page.next_cursor else ""

        assert len(seen) == len(set(seen)) == 131

    @pytest.mark.parametrize("cursor", ["x", "-", "20260101T000000.0-x", "99999999T000000.0-1", "\x00"])
    def test_a_forged_cursor_begins_anew(self, client_of_alice: Client, book: Portfolio, cursor: str) -> None:
        response = client_of_alice.get(reverse("portfolio:fills", args=[book.pk]), {"before": cursor})

        assert response.status_code == 200
        assert len(response.context["page"].lines) == 1

    def test_ten_and_a_thousand_cost_the_same(self, client_of_alice: Client, book: Portfolio) -> None:
        url = reverse("portfolio:fills", args=[book.pk])
        many_fills(book, 9)
        few = queries(client_of_alice, url)
        many_fills(book, 990)

        assert queries(client_of_alice, url) == few
        assert few <= 12


class TestTransfers:
    def post(self, client: Client, book: Portfolio, **form: str) -> Any:
        url = reverse("portfolio:new_transfer", args=[book.pk])
        stated = {"kind": "deposit", "asset": "USDC", "quantity": "100", "executed_at": "2026-01-05T10:00", **form}
        return client.post(url, stated, follow=True)

    def test_a_deposit_is_recorded(self, client_of_alice: Client, anchor: Portfolio) -> None:
        response = self.post(client_of_alice, anchor)

        assert "Deposit of 100 USDC recorded." in words(response.content.decode())
        assert "100 USDC" in said(client_of_alice, reverse("portfolio:transfers", args=[anchor.pk]))

    def test_a_double_submit_is_one_deposit(self, client_of_alice: Client, anchor: Portfolio) -> None:
        page = client_of_alice.get(reverse("portfolio:new_transfer", args=[anchor.pk])).content.decode()
        (key,) = re.findall(r'name="client_key" value="([^"]+)"', page)
        before = Transfer.objects.count()
        for _ in range(2):
            self.post(client_of_alice, anchor, client_key=key)
        assert Transfer.objects.count() == before + 1

    def test_more_than_is_held_cannot_go_out(self, client_of_alice: Client, anchor: Portfolio) -> None:
        response = self.post(client_of_alice, anchor, kind="withdrawal", quantity="20001")

        assert response.status_code == 422
        assert "You hold 20000 USDC, and this needs 20001." in words(response.content.decode())

    def test_a_deposit_is_reversed_once_asked_for(self, client_of_alice: Client, anchor: Portfolio) -> None:
        self.post(client_of_alice, anchor)
        row = Transfer.objects.latest("sequence")
        url = reverse("portfolio:reverse_transfer", args=[anchor.pk, row.pk])
        assert url in client_of_alice.get(reverse("portfolio:transfers", args=[anchor.pk])).content.decode()
        assert "Reverse this entry?" in said(client_of_alice, url)
        assert not Transfer.objects.filter(reverses=row).exists()

        for _ in range(2):
            listed = client_of_alice.post(url, follow=True).content.decode()

        assert Transfer.objects.filter(reverses=row).count() == 1
        assert url not in listed
        assert "Deposit reversed" in words(listed)
        assert "was reversed already" in said(client_of_alice, url)

    def test_what_was_spent_since_cannot_be_reversed(self, client_of_alice: Client, anchor: Portfolio) -> None:
        row = Transfer.objects.get(portfolio=anchor, asset__symbol="USDC")
        self.post(client_of_alice, anchor, kind="withdrawal", quantity="15000")
        response = client_of_alice.post(reverse("portfolio:reverse_transfer", args=[anchor.pk, row.pk]))

        assert response.status_code == 422
        assert not Transfer.objects.filter(reverses=row).exists()

    def test_the_future_is_refused(self, client_of_alice: Client, anchor: Portfolio) -> None:
        response = self.post(client_of_alice, anchor, executed_at="2027-01-05T10:00")

        assert response.status_code == 422
        assert "future" in words(response.content.decode())

    def test_times_are_those_of_the_person(self, client_of_alice: Client, alice: User, anchor: Portfolio) -> None:
        alice.time_zone = "Asia/Tokyo"
        alice.save()

        self.post(client_of_alice, anchor)

        assert Transfer.objects.latest("pk").executed_at.isoformat() == "2026-01-05T01:00:00+00:00"

    def test_an_asset_of_ones_own_has_an_assumed_price(self, client_of_alice: Client, anchor: Portfolio) -> None:
        url = reverse("portfolio:new_asset", args=[anchor.pk])

        client_of_alice.post(url, {"symbol": "foo", "name": "Foo", "price_usd": "2.5"})
        self.post(client_of_alice, anchor, asset="FOO", quantity="10", executed_at="2026-01-11T12:00:00")

        page = said(client_of_alice, OVERVIEW)
        assert "FOO 10.00000000 2.5000 assumed $25.00" in page

    def test_ten_and_a_thousand_cost_the_same(self, client_of_alice: Client, anchor: Portfolio) -> None:
        url = reverse("portfolio:transfers", args=[anchor.pk])
        template = Transfer.objects.filter(portfolio=anchor).order_by("sequence").last()
        assert template is not None
        few = self.grown(client_of_alice, url, template, 10)

        assert self.grown(client_of_alice, url, template, 990) == few
        assert few <= 12

    def grown(self, client: Client, url: str, template: Transfer, count: int) -> int:
        """Add transfers and count the queries of the list."""
        first = Transfer.objects.latest("sequence").sequence + 1
        fields = [field.attname for field in Transfer._meta.concrete_fields if not field.primary_key]
        values = {name: getattr(template, name) for name in fields}
        Transfer.objects.bulk_create(Transfer(**{**values, "sequence": first + n}) for n in range(count))
        return queries(client, url)


class TestPolicy:
    def test_the_stage_table_carries_my_numbers(self, client_of_alice: Client, anchor: Portfolio) -> None:
        page = said(client_of_alice, reverse("portfolio:policy", args=[anchor.pk]))

        assert "$50,000 $20,000 DeFi $15,000 AI $15,000 $0" in page
        assert "$50,000 $20,000 DeFi $7,500 AI $22,500 +$9,000 3× margin $3,000" in page
        assert "$50,000 $20,000 DeFi $24,000 AI $6,000 −$7,500 2× margin $3,750" in page
        assert "$50,000 $20,000 DeFi $26,250 AI $3,750 +$7,500 2× margin $3,750" in page

    def test_the_printed_row_is_explained(self, client_of_alice: Client, anchor: Portfolio) -> None:
        page = said(client_of_alice, reverse("portfolio:policy", args=[anchor.pk]))

        assert "The printed row that adds to 110%" in page
        assert "DeFi 32% and AI 8%; of your equity $60,000, $32,000 and $8,000." in page

    def change(self, client: Client, book: Portfolio, **form: str) -> Any:
        url = reverse("portfolio:new_policy", args=[book.pk])
        stated = {"preset": "OWN", "core": "40", "reserve": "20", "pool": "40", "share_defi": "60", "share_ai": "40"}
        return client.post(url, {**stated, "band": "3", "safety": "1.5", **form}, follow=True)

    def test_a_change_is_the_next_version(self, client_of_alice: Client, anchor: Portfolio) -> None:
        response = self.change(client_of_alice, anchor)

        policy = anchor.policies.order_by("-version").first()
        assert policy is not None
        assert (policy.version, policy.core_weight, policy.band, policy.safety) == (2, D("0.4"), D("0.03"), D("1.5"))
        assert heading_of(response) == "You aim for 40% core, 20% reserve and 40% pool"

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({"core": "50"}, "Your weights add to 110%: take 10 points away."),
            ({"share_ai": "30"}, "Your shares add to 90%: 10 points are missing."),
        ],
    )
    def test_gaps_are_refused(
        self, client_of_alice: Client, anchor: Portfolio, form: dict[str, str], sentence: str
    ) -> None:
        response = self.change(client_of_alice, anchor, **form)

        assert response.status_code == 422
        assert sentence in words(response.content.decode())
        assert anchor.policies.count() == 1


def heading_of(response: Any) -> str:
    """Return the heading of an answer."""
    return words(response.content.decode().split("<h1>")[1].split("</h1>")[0])


class TestQueryCounts:
    def test_the_overview_costs_the_same_whatever_happened(self, client_of_alice: Client, anchor: Portfolio) -> None:
        record_fills(portfolio=anchor, fills=[fill(spot("UNI"), "sell", "1", "25", at(1))], now=NOW)
        value_portfolio(portfolio=anchor, now=NOW)
        few = queries(client_of_alice, OVERVIEW)
        many_fills(anchor, 1000)

        assert queries(client_of_alice, OVERVIEW) == few
