"""Ask the engine on changed inputs: unchanged it answers what is stored, changed it stays one engine."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from portfolio.models import FeeSchedule, Market, Portfolio, Venue
from signals.domain.what_if import Changes, ChangesError
from signals.models import Recommendation
from signals.queries.situation import UnknownMomentError
from signals.queries.what_if import Ground, NothingToAskError, ground_of, memory
from signals.services.answers import RECOMMENDATION_FIELDS
from signals.services.recommend import LEG_FIELDS, recommend
from signals.services.what_if import WhatIf, as_rows, ask_what_if, turnover, venue_lines
from tests.signals import scene

pytestmark = pytest.mark.django_db
NOW = scene.after()
COLUMNS = [name for name in RECOMMENDATION_FIELDS if name != "portfolio_id"]
LEG_COLUMNS = [name for name in LEG_FIELDS if name != "recommendation_id"]


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Begin with nothing kept: other tests have portfolios of the same ids."""
    memory.clear()


@pytest.fixture
def where(db: None) -> Market:
    return scene.market()


@pytest.fixture
def book(where: Market, alice: User) -> Portfolio:
    return scene.portfolio(scene.trader(alice), where)


def ground(book: Portfolio) -> Ground:
    """Read afresh what the portfolio is answered from."""
    memory.clear()
    return ground_of(portfolio=book, now=NOW)


def ask(book: Portfolio, **changes: Any) -> WhatIf:
    """Ask with changes; amounts may be text."""
    amounts = {"size_usd", "futures_usd", "leverage", "spot_discount", "futures_discount"}
    exact = {name: D(value) if name in amounts else value for name, value in changes.items()}
    return ask_what_if(ground=ground(book), changes=Changes(**exact))


def actions(answer: WhatIf) -> list[tuple[str, D]]:
    """Return what each leg does and its notional to the cent."""
    return [(leg.action, round(leg.notional, 2)) for leg in answer.stored.legs]


SCENES: dict[str, dict[str, Any]] = {
    "an ignition": {},
    "a refusal": {"sectors": {"ai": {"z_spread": 0.1}}},
    "little coverage": {"coverage": 0.3},
    "a peak": {"stage": "PR", "regime": "RISK_OFF"},
    "a re-emergence": {"stage": "RE", "regime": "CONSOLIDATION"},
    "a consolidation": {"stage": "SC", "leader": None},
    "hot funding": {"sectors": {"ai": {"funding": {"annual": 0.9, "percentile": 0.95, "flag": "HOT"}}}},
}


class TestUnchanged:
    @pytest.mark.parametrize("name", SCENES)
    def test_it_is_what_the_slot_gets(self, where: Market, book: Portfolio, bob: User, name: str) -> None:
        scene.portfolio(scene.trader(bob, "beginner"), where, {"BTC": "1", "USDC": "3000", "UNI": "90", "FET": "800"})
        evidence = scene.computed(where, **SCENES[name])
        row, legs = as_rows([ask_what_if(ground=ground(book))])[0]

        recommend(market=where, as_of=evidence.as_of, now=NOW)
        stored = Recommendation.objects.get(portfolio=book)

        assert {each: getattr(row, each) for each in COLUMNS} == {each: getattr(stored, each) for each in COLUMNS}
        assert [tuple(getattr(leg, each) for each in LEG_COLUMNS) for leg in legs] == list(
            stored.legs.order_by("position").values_list(*LEG_COLUMNS)
        )
        assert [(leg.sector.pk, leg.instrument.pk) for leg in legs] == list(
            stored.legs.order_by("position").values_list("sector_id", "instrument_id")
        )

    def test_a_beginner_without_futures_too(self, where: Market, bob: User) -> None:
        book = scene.portfolio(scene.trader(bob, "beginner", has_overlay=False), where)
        evidence = scene.computed(where)
        answer = ask(book)
        recommend(market=where, as_of=evidence.as_of, now=NOW)
        stored = Recommendation.objects.get(portfolio=book)
        assert (answer.values["cost_usd"], len(answer.stored.legs)) == (stored.cost_usd, stored.legs.count())

    def test_the_same_stage_and_venue_change_nothing(self, where: Market, book: Portfolio) -> None:
        scene.computed(where)
        same = {"stage": "NI", "leader": "ai", "venue": "binance", "horizon_days": 14, "spot_discount": "0"}
        assert ask(book, **same).stored == ask(book).stored

    def test_nothing_is_stored(self, where: Market, book: Portfolio) -> None:
        scene.computed(where)
        with CaptureQueriesContext(connection) as captured:
            ask(book, stage="PR", venue="mexc")
        reads = ("SELECT", "DECLARE", "WITH q0(c0")
        assert [query["sql"] for query in captured if not query["sql"].startswith(reads)] == []


class TestChanged:
    @pytest.fixture(autouse=True)
    def _day(self, where: Market) -> None:
        scene.computed(where)

    def test_a_size_takes_the_place_of_the_policys_cap(self, book: Portfolio) -> None:
        assert actions(ask(book, size_usd="1000"))[0] == ("SELL_SPOT", D(1000))
        assert actions(ask(book, size_usd="9000"))[0] == ("SELL_SPOT", D(2500))

    def test_futures_of_another_size_or_none(self, book: Portfolio) -> None:
        assert actions(ask(book, futures_usd="1500"))[-1] == ("OPEN_LONG", D(1500))
        assert [action for action, _ in actions(ask(book, futures_usd="0"))] == ["SELL_SPOT", "BUY_SPOT"]

    def test_leverage_moves_margin_liquidation_and_stop(self, book: Portfolio) -> None:
        leg = ask(book, leverage="2").stored.legs[-1]
        assert (leg.notional, leg.margin, leg.leverage) == (D(3000), D(1500), D(2))
        assert round(leg.liquidation, 8) == D("1.01010101")

    def test_a_venue_takes_its_own_rates_and_instruments(self, book: Portfolio) -> None:
        answer = ask(book, venue="mexc")
        fees = [leg.fee for leg in answer.stored.legs]
        assert fees[0] == D("1.25")
        assert fees[-1] == D("0.6")
        legs = as_rows([answer])[0].legs
        assert {leg.instrument.venue.slug for leg in legs} == {"mexc"}

    def test_a_discount_is_taken_off_each_product(self, book: Portfolio) -> None:
        answer = ask(book, spot_discount="0.2", futures_discount="0.1")
        assert (answer.stored.legs[0].fee, answer.stored.legs[-1].fee) == (D(2), D("1.35"))

    def test_a_short_horizon_does_not_pay(self, book: Portfolio) -> None:
        usual, short = ask(book), ask(book, horizon_days=1)
        assert usual.values["refusal"] == ""
        assert short.values["refusal"] == "BELOW_HURDLE"
        assert short.stored.legs == []
        assert short.values["alpha"] < usual.values["alpha"]

    def test_a_peak_is_defended_as_if_the_market_stood_there(self, where: Market, book: Portfolio) -> None:
        answer = ask(book, stage="PR")
        assert (answer.values["stage"], answer.values["stage_since"]) == ("PR", scene.DAY)
        assert actions(answer)[-1] == ("OPEN_SHORT_HEDGE", D(2500))
        row = as_rows([answer])[0]
        assert (row.recommendation.leader.slug, row.legs[-1].sector.slug) == ("ai", "core")

    def test_a_stage_reads_the_same_as_if_it_were_computed(self, where: Market, book: Portfolio) -> None:
        asked = ask(book, stage="RE")
        scene.StageDay.objects.update(stage="RE")
        assert actions(asked) == actions(ask(book))
        assert asked.values["hurdle"] == ask(book).values["hurdle"]

    def test_from_a_consolidation_the_strongest_leads_unless_one_is_named(self, where: Market, book: Portfolio) -> None:
        scene.StageDay.objects.update(stage="SC", leader=None)
        assert ask(book, stage="NI").desk.found.day.stage.leader.slug == "ai"
        assert ask(book, stage="NI", leader="defi").desk.found.day.stage.leader.slug == "defi"


class TestBounds:
    @pytest.fixture(autouse=True)
    def _day(self, where: Market) -> None:
        scene.computed(where)

    def test_the_field_and_its_limit_are_named(self, book: Portfolio) -> None:
        cases = [
            ("size_usd", "10000.01", "$10,000.00"),
            ("futures_usd", "50000", "$13,333.33"),
            ("leverage", "6", "5"),
            ("horizon_days", 366, "365"),
            ("stage", "XX", "SC, NI, PR, RE"),
            ("leader", "nobody", "defi"),
            ("venue", "nowhere", "binance"),
        ]
        for field, value, limit in cases:
            with pytest.raises(ChangesError) as caught:
                ask(book, **{field: value})
            assert list(caught.value.faults) == [field]
            assert limit in caught.value.faults[field]

    def test_nobody_leads_a_consolidation_and_the_base_leads_no_peak(self, book: Portfolio) -> None:
        for stage, leader in (("SC", "ai"), ("PR", "defi")):
            with pytest.raises(ChangesError) as caught:
                ask(book, stage=stage, leader=leader)
            assert list(caught.value.faults) == ["leader"]

    def test_without_futures_switched_on_neither_is_to_be_had(self, where: Market, bob: User) -> None:
        book = scene.portfolio(scene.trader(bob, has_overlay=False), where)
        for name in ("leverage", "futures_usd"):
            with pytest.raises(ChangesError, match="switched off"):
                ask(book, **{name: "2"})


class TestGround:
    def test_it_is_read_once_a_minute_in_one_query(self, where: Market, book: Portfolio) -> None:
        scene.computed(where)
        ground_of(portfolio=book, now=NOW)
        with CaptureQueriesContext(connection) as captured:
            ask_what_if(ground=ground_of(portfolio=book, now=NOW), changes=Changes(venue="weex"))
        assert len(captured) == 1

    def test_what_changed_is_seen_at_once(self, where: Market, book: Portfolio, alice: User) -> None:
        scene.computed(where)
        before = ask_what_if(ground=ground_of(portfolio=book, now=NOW))
        scene.trader(alice, has_overlay=False)
        after = ask_what_if(ground=ground_of(portfolio=book, now=NOW))
        assert (len(before.stored.legs), len(after.stored.legs)) == (3, 2)

    def test_a_market_without_a_day_and_a_resting_portfolio_have_nothing_to_ask(
        self, where: Market, book: Portfolio
    ) -> None:
        with pytest.raises(UnknownMomentError):
            ground_of(portfolio=book, now=NOW)
        scene.computed(where)
        Portfolio.objects.update(is_active=False)
        with pytest.raises(NothingToAskError):
            ground_of(portfolio=book, now=NOW)


class TestVenues:
    @pytest.fixture(autouse=True)
    def _day(self, where: Market) -> None:
        scene.computed(where)

    def test_the_venue_asked_about_costs_what_the_legs_say(self, book: Portfolio) -> None:
        for venue in ("binance", "mexc"):
            answer = ask(book, venue=venue, spot_discount="0.2", futures_discount="0.1")
            own = next(line.cost for line in venue_lines(answer, legs=[]) if line.venue.slug == venue)
            assert round(own.own, 7) == round(sum(leg.fee for leg in answer.stored.legs), 7)

    def test_whoever_pays_nothing_is_cheapest(self, book: Portfolio) -> None:
        answer = ask(book, spot_discount="1", futures_discount="1")
        costs = {line.venue.slug: line.cost for line in venue_lines(answer, legs=[])}
        assert costs["binance"].own == 0
        assert round(costs["binance"].listed, 2) == D("6.50")
        assert [slug for slug, cost in costs.items() if cost.is_cheapest] == ["binance"]

    def test_the_cheapest_is_marked_and_rates_are_dated(self, book: Portfolio) -> None:
        answer = ask(book)
        lines = venue_lines(answer, legs=as_rows([answer])[0].legs)
        assert [line.venue.slug for line in lines if line.cost.is_cheapest] == ["mexc"]
        assert len(lines) == Venue.objects.count() == 5
        assert all(line.venue.since and line.venue.source and not line.lacks for line in lines)

    def test_a_refusal_is_compared_by_what_its_stage_asked_for(self, book: Portfolio) -> None:
        answer = ask(book, horizon_days=1)
        assert tuple(turnover(answer)) == (D(5000), D(3000))

    def test_a_rate_in_percent_is_named_and_not_worked_with(self, book: Portfolio) -> None:
        FeeSchedule.objects.filter(venue__slug="weex").update(taker_rate=D("0.1"))
        lines = {line.venue.slug: line.cost for line in venue_lines(ask(book), legs=[])}
        assert "probably in percent" in lines["weex"].fault
        assert lines["weex"].listed is None
        with pytest.raises(ChangesError) as caught:
            ask(book, venue="weex", spot_discount="0.1")
        assert list(caught.value.faults) == ["venue"]
