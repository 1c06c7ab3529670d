"""Fees: every table adds up to one total, every figure opens its rotations, the page, the file and the API agree."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal as D
from html import unescape

import pytest
import time_machine
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from journal.domain.fees import ALL, FACETS, FeeRow, Paid, Reckoned, add_up
from journal.domain.habits import costs_taken, course_of
from journal.models import Review, Rotation
from journal.queries.fees import fees, paid_lines
from journal.queries.learning import decided_of, learned, rotations_behind
from journal.services.rotations import log_rotation, reverse_rotation
from journal.views.fees import difference
from portfolio.models import FeeSchedule, Portfolio
from portfolio.templatetags.money import usd
from tests.api.scene import Caller
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.journal.test_learning import decision
from tests.pages import heading, queries, said
from tests.portfolio.factories import spot

NOW = moment(45)
PAGE = "/analytics/fees/"
LINK = re.compile(r'href="(/journal/\?behind=[^"]+)"')

amounts = st.decimals(0, 10**6, places=8)
executions = st.lists(
    st.builds(
        Paid,
        rotation=st.none() | st.integers(1, 5),
        venue=st.sampled_from(["binance", "mexc"]),
        leg=st.sampled_from(["SELL_SPOT", "BUY_SPOT", ""]),
        asset=st.sampled_from(["UNI", "FET"]),
        paid_in=st.sampled_from(["USDC", "BNB"]),
        month=st.sampled_from(["2026-01", "2026-02"]),
        notional=amounts,
        fee=amounts,
        estimate=st.none() | amounts,
    ),
    max_size=20,
)


def behind(key: str, lines: Sequence[Paid]) -> set[int]:
    """Return the rotations whose executions a key names, one by one."""
    name, _, value = key.partition(":")
    found = [each for each in lines if key == ALL or FACETS[name](each) == value]
    return {each.rotation for each in found if each.rotation is not None}


class TestSums:
    @given(executions)
    @settings(max_examples=80)
    def test_every_facet_adds_up_and_counts_what_stands_behind_it(self, lines: Sequence[Paid]) -> None:
        found = add_up(lines)
        for name in FACETS:
            rows = found.facets[name]
            assert sum((row.paid for row in rows), D(0)) == found.total.paid
            assert sum((row.estimated or D(0) for row in rows), D(0)) == (found.total.estimated or D(0))
            assert [row.rotations for row in rows] == [len(behind(row.key, lines)) for row in rows]
        assert found.total.paid + found.outside.paid == sum((each.fee for each in lines), D(0))
        assert len(behind(ALL, lines)) == found.total.rotations

    @given(st.lists(st.tuples(*[st.decimals(-(10**6), 10**6, places=8)] * 3), max_size=12))
    @settings(max_examples=60)
    def test_the_way_from_before_costs_to_what_is_left_adds_up_exactly(self, rows: list[tuple[D, D, D]]) -> None:
        known = [
            decision(n, n, gross_alpha=gross, spot_alpha=gross - costs, overlay=futures, alpha=gross - costs + futures)
            for n, (gross, costs, futures) in enumerate(rows)
        ]
        found = course_of(known)
        assert found.gross - found.costs + found.futures == found.total == sum((row.alpha for row in known), D(0))

    def test_costs_of_an_edge_are_those_of_e39(self) -> None:
        found = costs_taken([decision(1, alpha=D("88.8"), spot_alpha=D("88.8"), gross_alpha=D(120))])
        assert (found.costs, found.ratio) == (D("31.2"), D("0.26"))


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """The anchor portfolio with scenario A, whose result is known, and a sale a month later that paid less."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice, days=1)
        first = log_rotation(portfolio=found, draft=scenario_a(tags=("news",)), now=NOW).rotation
        sale = (leg("SELL_SPOT", instrument=spot("FET"), quantity=D(100), price=D(2), fee_amount=D("0.1")),)
        later = scenario_a(client_key=uuid.uuid4(), legs=sale, executed_at=DECIDED + timedelta(days=31))
        log_rotation(portfolio=found, draft=later, now=NOW)
        terms = {"status": "ok", "priced_at": NOW, "computed_at": NOW, "overlay_usd": D("905.55")}
        amounts = {"total_alpha_usd": D("994.35"), "alpha_usd": D("88.8"), "gross_alpha_usd": D(120)}
        Review.objects.create(rotation=first, horizon_days=30, **terms, **amounts)
        yield Portfolio.objects.get(pk=found.pk)


class TestDifference:
    @pytest.mark.parametrize(
        ("paid", "told"),
        [
            ("10", "exactly what was"),
            ("10.004", "what was reckoned with, to the cent"),
            ("9.996", "what was reckoned with, to the cent"),
            ("10.01", "$0.01 more than"),
            ("8", "$2.00 less than"),
        ],
    )
    def test_a_difference_that_cannot_be_seen_is_none(self, paid: str, told: str) -> None:
        row = FeeRow(key="", fills=1, rotations=1, notional=D(1), paid=D(paid), compared=D(paid), estimated=D(10))
        assert f"You paid {told}" in difference(row)


@pytest.mark.django_db
class TestStored:
    def test_they_are_what_the_ledger_charged_and_what_the_venue_lists(self, book: Portfolio) -> None:
        found = fees(portfolio=book)
        rates = {row.product: row.taker_rate for row in FeeSchedule.objects.filter(venue__slug="binance")}
        assert found.total.paid == D("9.09") == sum(Rotation.objects.values_list("fees_usd", flat=True), D(0))
        assert found.total.notional == D(2500) + D("2492.4") + D(3000) + D(200)
        spot_side = (D(2500) + D("2492.4") + D(200)) * rates["spot"]
        assert found.total.estimated == spot_side + D(3000) * rates["perp"]
        assert {row.key: row.paid for row in found.facets["month"]} == {
            "month:2026-02": D("0.1"),
            "month:2026-01": D("8.99"),
        }
        assert found.listed == 4

    def test_what_a_recommendation_reckoned_with_goes_before_the_list(self, book: Portfolio) -> None:
        lines = paid_lines(portfolio=book)
        assert {each.source for each in lines if each.rotation} == {Reckoned.LISTED}

    def test_a_reversed_rotation_costs_nothing(self, book: Portfolio) -> None:
        before = fees(portfolio=book).total.paid
        reverse_rotation(rotation=Rotation.objects.latest("executed_at"), reason="Wrong.", now=NOW)
        after = fees(portfolio=Portfolio.objects.get(pk=book.pk)).total.paid
        assert (before, after) == (D("9.09"), D("8.99"))

    def test_they_are_the_fees_of_what_was_learned(self, book: Portfolio) -> None:
        assert learned(portfolio=book, moment=NOW).summary.fees == fees(portfolio=book).total.paid


@pytest.mark.django_db
class TestShown:
    def test_every_link_opens_the_rotations_behind_its_figure(self, book: Portfolio, client_of_alice: Client) -> None:
        page = client_of_alice.get(PAGE).content.decode()
        links = {unescape(each) for each in LINK.findall(page)}
        assert len(links) > 8
        for link in links:
            context = client_of_alice.get(link).context
            shown = {row["it"].pk for row in context["rows"]}
            assert shown == set(rotations_behind(portfolio=book, key=context["behind"])), link
            assert shown, link
            assert context["behind_name"], link

    def test_page_and_api_say_the_same(self, book: Portfolio, client_of_alice: Client, alice: User) -> None:
        page, body = said(client_of_alice, PAGE), Caller(alice).get(f"/fees/?portfolio={book.pk}").json()
        rows = [row for name in FACETS for row in body[f"by_{name}"]]
        assert len(rows) >= 8
        for row in [body["total"], *rows]:
            assert usd(D(row["paid_usd"])) in page
            assert usd(D(row["estimated_usd"])) in page
        assert heading(client_of_alice, PAGE).startswith(f"Your rotations cost {usd(D(body['total']['paid_usd']))}")

    def test_the_chart_ends_where_the_results_do(self, book: Portfolio, client_of_alice: Client) -> None:
        chart = client_of_alice.get(PAGE).context["chart"]
        assert [row[1] for row in chart.table.rows] == ["+$120.00", "−$31.20", "+$905.55", "+$994.35"]
        [known] = [each for each in decided_of(portfolio=book) if each.is_known]
        assert known.alpha == D("994.35")

    def test_other_horizons_have_their_own_results(self, book: Portfolio, client_of_alice: Client) -> None:
        assert "No 7 days are over yet." in said(client_of_alice, f"{PAGE}?days=7")
        assert "scored there and not after 90" in said(client_of_alice, "/analytics/?days=90")

    def test_queries_stay_few(self, book: Portfolio, client_of_alice: Client) -> None:
        assert queries(client_of_alice, PAGE) <= 12
        assert queries(client_of_alice, "/journal/?behind=venue:binance") <= 12

    def test_before_the_first_fill_it_says_what_will_be(self, alice: User, client_of_alice: Client) -> None:
        assert heading(client_of_alice, PAGE) == "Fees begin with a portfolio"
        anchor(alice, days=1)
        assert heading(client_of_alice, PAGE) == "You have paid no fee for a rotation yet"

    def test_a_stranger_sees_nothing_of_it(self, book: Portfolio, client_of_bob: Client, bob: User) -> None:
        assert client_of_bob.get(f"{PAGE}?portfolio={book.pk}").status_code == 404
        assert Caller(bob).get(f"/fees/?portfolio={book.pk}").status_code == 404
