"""Answer portfolios from the database: scenario A to the cent, once a slot, one card an episode."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from portfolio.models import Asset, CoreQuantity, Market, Portfolio, Price
from portfolio.services.portfolios import set_manual_price
from signals.models import Recommendation, RecommendationLeg
from signals.queries.recommendations import optional_hedges
from signals.queries.situation import UnknownMomentError
from signals.services.recommend import RunResult, recommend
from tests.signals import scene
from tests.signals.scene import DAY, after, slot

pytestmark = pytest.mark.django_db
State = Recommendation.State


def run(where: Market, *, days: int = 0, minutes: int = 5) -> RunResult:
    """Answer everybody for a day."""
    day = DAY + timedelta(days=days)
    return recommend(market=where, as_of=slot(day), now=after(day, minutes=minutes))


def next_day(where: Market, number: int = 1, **values: Any) -> None:
    """Close a further day and compute it."""
    scene.close(where, DAY + timedelta(days=number))
    scene.computed(where, day=DAY + timedelta(days=number), **{"since": DAY, **values})


def newest(portfolio: Portfolio) -> Recommendation:
    """Return the newest answer."""
    return Recommendation.objects.filter(portfolio=portfolio).latest("issued_at", "pk")


@pytest.fixture
def where(db: None) -> Market:
    return scene.market()


@pytest.fixture
def book(where: Market, alice: User) -> Portfolio:
    return scene.portfolio(scene.trader(alice), where)


class TestScenarioA:
    """E41 from the ledger to the stored legs."""

    @pytest.fixture
    def answer(self, where: Market, book: Portfolio) -> Recommendation:
        scene.computed(where)
        run(where)
        return newest(book)

    def test_row(self, answer: Recommendation) -> None:
        assert (answer.state, answer.kind, answer.refusal) == (State.ISSUED, "stage", "")
        assert (answer.stage, answer.regime, answer.slot) == ("NI", "RISK_ON", slot())
        assert answer.leader is not None
        assert (answer.leader.slug, answer.source_sector.slug, answer.destination_sector.slug) == ("ai", "defi", "ai")
        assert (answer.moved_usd, answer.cost_usd) == (D(2500), D("8.994375"))
        assert answer.risk_usd == D("452.775")
        assert answer.hurdle == pytest.approx(0.00556159, abs=5e-9)
        assert answer.alpha == pytest.approx(0.01468855, abs=5e-9)
        assert answer.confidence == pytest.approx(0.531, abs=5e-4)
        assert (answer.issued_at, answer.expires_at) == (after(), after() + timedelta(hours=24))

    def test_legs(self, answer: Recommendation) -> None:
        legs = list(
            answer.legs.values_list("action", "instrument__asset__symbol", "quantity", "notional_usd", "stop_price")
        )

        assert legs == [
            ("SELL_SPOT", "UNI", D(100), D(2500), None),
            ("BUY_SPOT", "FET", D("1246.2"), D("2492.4"), D("1.7")),
            ("OPEN_LONG", "FET", D(1500), D(3000), D("1.7")),
        ]

    def test_overlay_leg(self, answer: Recommendation) -> None:
        leg = answer.legs.get(action="OPEN_LONG")

        assert (leg.margin_usd, leg.leverage, leg.fee_usd, leg.risk_usd) == (D(1000), D(3), D("1.5"), D("452.775"))
        assert round(leg.liquidation_price, 8) == D("1.34680135")
        assert (leg.purpose, leg.sector.slug) == ("AMPLIFY", "ai")

    def test_words(self, answer: Recommendation) -> None:
        words = answer.explanation

        assert words["headline"] == "AI is igniting: move $2,500 from DeFi to AI and open a $3,000 long on AI."
        assert words["for"][0] == "Turnover adds 6.7 points to AI (test, 3 h old)."
        assert words["costs"].startswith("All legs cost $8.99 now.")
        assert words["codes"] == {"spot": "PAYS", "overlay": "PAYS", "hedge": "NONE"}

    def test_both_readings_of_the_optional_hedge_are_offered_and_neither_is_a_leg(self, answer: Recommendation) -> None:
        hedge, insurance = optional_hedges(answer)

        assert hedge.startswith("You may hedge the $2,500 of DeFi you keep with a $566.67 short")
        assert insurance.startswith("Or insure against rotating too early with a $566.67 long")
        assert answer.legs.count() == 3


class TestLadder:
    """The table preset, the hedge, and core."""

    def test_table_preset_carves_margin_out_of_the_sleeve(self, where: Market, alice: User) -> None:
        book = scene.portfolio(scene.trader(alice), where, {"BTC": "1.2", "UNI": "800", "FET": "10000"}, preset="TABLE")
        scene.computed(where)

        run(where)
        legs = {leg.action: leg for leg in newest(book).legs.all()}

        assert legs["SELL_SPOT"].notional_usd == D(10000)
        assert legs["OPEN_LONG"].notional_usd == D(15000)
        assert legs["OPEN_LONG"].margin_usd == D(5000)
        assert legs["OPEN_LONG"].depends_on == legs["SELL_SPOT"].position
        spent = legs["BUY_SPOT"].notional_usd + legs["BUY_SPOT"].fee_usd + legs["BUY_SPOT"].slippage_usd
        assert D(4984) < spent <= D(4985)

    def test_peak_hedges_the_core_and_sells_none_of_it(self, where: Market, book: Portfolio) -> None:
        scene.computed(where, stage="PR", regime="RISK_OFF")

        run(where)
        legs = list(newest(book).legs.values_list("action", "instrument__asset__symbol", "sector__slug"))

        assert legs == [
            ("SELL_SPOT", "FET", "ai"),
            ("BUY_SPOT", "UNI", "defi"),
            ("OPEN_SHORT_HEDGE", "BTC", "core"),
        ]

    def test_a_hedge_alone_says_what_it_covers_and_what_it_costs(self, where: Market, alice: User) -> None:
        holdings = {"BTC": "0.3333333", "USDC": "6666.67", "UNI": "320", "FET": "1000"}
        book = scene.portfolio(scene.trader(alice), where, holdings)
        scene.computed(where, stage="PR", regime="RISK_OFF")

        run(where)
        answer = newest(book)

        assert [leg.action for leg in answer.legs.all()] == ["OPEN_SHORT_HEDGE"]
        assert answer.explanation["for"][0].startswith("The hedge covers $2,500 of your core, which stays as it is")
        assert "A core that rises 10% gives you $250.00 less." in answer.explanation["against"]
        assert any(words.startswith("It costs $") for words in answer.explanation["against"])

    def test_core_within_a_sector_is_never_in_a_leg(self, where: Market, book: Portfolio) -> None:
        fet = Asset.objects.get(symbol="FET")
        CoreQuantity.objects.create(portfolio=book, asset=fet, quantity=D(2400), effective_at=scene.OPENED)
        scene.computed(where, stage="PR")

        run(where)
        sold = RecommendationLeg.objects.filter(action="SELL_SPOT", instrument__asset=fet)

        assert sum(leg.quantity for leg in sold) <= D(100)

    def test_a_person_without_futures_gets_spot_only(self, where: Market, book: Portfolio, alice: User) -> None:
        scene.trader(alice, "beginner", has_overlay=False)
        scene.computed(where)

        run(where)
        answer = newest(book)

        assert {leg.action for leg in answer.legs.all()} == {"SELL_SPOT", "BUY_SPOT"}
        assert answer.explanation["against"][0] == "Futures are off in your settings, so the overlay is left out."
        assert optional_hedges(answer) == []


class TestRefusals:
    """Refusals are rows with a type, a sentence and no legs."""

    @pytest.mark.parametrize(
        ("scene_values", "refusal"),
        [
            ({"sectors": {"ai": {"z_spread": 0.5}}}, "BELOW_HURDLE"),
            ({"coverage": 0.3}, "LOW_COVERAGE"),
            ({"stage": "SC", "leader": None, "since": DAY}, "NOTHING_TO_DO"),
        ],
    )
    def test_by_market(self, where: Market, book: Portfolio, scene_values: dict[str, Any], refusal: str) -> None:
        scene.computed(where, **scene_values)

        run(where)
        answer = newest(book)

        assert (answer.state, answer.refusal) == (State.REFUSED, refusal)
        assert answer.explanation["headline"].endswith(".")
        assert not answer.legs.exists()

    def test_below_the_hurdle_shows_both_z(self, where: Market, book: Portfolio) -> None:
        scene.computed(where, sectors={"ai": {"z_spread": 0.5}})

        run(where)
        answer = newest(book)

        assert (answer.z_now, answer.z_needed) == (0.5, pytest.approx(1.0204, abs=1e-4))
        assert answer.explanation["need"] == "The score gap stands at a z of 0.50; it needs 1.02."

    def test_stale_prices(self, where: Market, book: Portfolio) -> None:
        scene.computed(where)

        recommend(market=where, as_of=slot(), now=slot() + timedelta(hours=25))

        assert newest(book).refusal == "STALE_INPUT"
        assert newest(book).explanation["headline"].startswith("The price of BTC, FET, UNI and 1 more is older")

    def test_an_unpriced_token_in_the_pool(self, where: Market, book: Portfolio) -> None:
        Price.objects.filter(asset__symbol="UNI").delete()
        scene.computed(where)

        run(where)

        assert newest(book).refusal == "UNPRICED_HOLDING"
        assert newest(book).explanation["headline"].startswith("UNI has no price. Enter one, ")

    def test_all_that_has_no_price_is_named(self, where: Market, book: Portfolio) -> None:
        Price.objects.filter(asset__symbol__in=["UNI", "FET"]).delete()
        scene.computed(where)

        run(where)

        assert newest(book).explanation["headline"].startswith("FET and UNI have no price. Enter one for each, ")

    def test_a_price_of_ones_own_mends_that(self, where: Market, book: Portfolio) -> None:
        uni = Asset.objects.get(symbol="UNI")
        Price.objects.filter(asset=uni).delete()
        set_manual_price(portfolio=book, asset=uni, price_usd=D(25), now=after())
        scene.computed(where)

        run(where)

        assert newest(book).refusal != "UNPRICED_HOLDING"

    def test_an_empty_pool(self, where: Market, alice: User) -> None:
        book = scene.portfolio(alice, where, {"BTC": "1", "USDC": "100"})
        scene.computed(where)

        run(where)

        assert newest(book).refusal == "EMPTY_POOL"

    def test_unknown_gates_open_no_futures(self, where: Market, book: Portfolio) -> None:
        scene.computed(where, sectors={"ai": {"interest": {"quadrant": "UNKNOWN"}}})

        run(where)
        answer = newest(book)

        assert {leg.action for leg in answer.legs.all()} == {"SELL_SPOT", "BUY_SPOT"}
        assert answer.explanation["codes"]["overlay"] == "UNKNOWN_GATE"
        assert "Open interest of AI cannot be read." in answer.explanation["against"]

    def test_a_moment_nobody_computed(self, where: Market, book: Portfolio) -> None:
        with pytest.raises(UnknownMomentError):
            run(where)


class TestOnceASlot:
    """A run repeated adds nothing, whatever it finds."""

    def test_repeating_adds_nothing(self, where: Market, book: Portfolio) -> None:
        scene.computed(where)
        first = run(where)
        before = list(Recommendation.objects.values()), list(RecommendationLeg.objects.values())

        again = run(where, minutes=65)

        assert (first.issued, first.kept) == (1, 0)
        assert (again.issued, again.refused, again.kept, dict(again.ended)) == (0, 0, 1, {})
        assert (list(Recommendation.objects.values()), list(RecommendationLeg.objects.values())) == before

    def test_one_answer_a_portfolio_and_slot(self, where: Market, book: Portfolio, bob: User) -> None:
        other = scene.portfolio(bob, where)
        scene.computed(where)

        run(where)
        run(where, minutes=10)

        assert sorted(Recommendation.objects.values_list("portfolio", "slot")) == sorted(
            (pk, slot()) for pk in (book.pk, other.pk)
        )

    def test_inactive_portfolios_and_other_markets_are_left_alone(self, where: Market, book: Portfolio) -> None:
        Portfolio.objects.filter(pk=book.pk).update(is_active=False)
        scene.computed(where)

        assert run(where).portfolios == 0

    def test_queries_do_not_grow_with_portfolios(self, where: Market, alice: User, bob: User) -> None:
        scene.trader(alice)
        for number in range(2):
            scene.portfolio(alice, where, name=f"A{number}")
        scene.computed(where)
        with CaptureQueriesContext(connection) as few:
            run(where)
        for number in range(8):
            scene.portfolio(scene.trader(bob), where, name=f"B{number}")
        Recommendation.objects.all().delete()

        with CaptureQueriesContext(connection) as many:
            run(where)

        assert Recommendation.objects.count() == 10
        assert len(many) == len(few)

    def test_neighbours_do_not_change_an_answer(self, where: Market, book: Portfolio, bob: User) -> None:
        scene.computed(where)
        run(where)
        alone = newest(book)
        alone_legs = list(alone.legs.values_list("action", "quantity", "notional_usd"))
        Recommendation.objects.all().delete()
        scene.portfolio(bob, where, {"BTC": "2", "USDC": "100", "UNI": "7", "FET": "90000"})

        run(where)
        crowd = newest(book)

        assert list(crowd.legs.values_list("action", "quantity", "notional_usd")) == alone_legs
        assert (crowd.hurdle, crowd.confidence, crowd.explanation) == (
            alone.hurdle,
            alone.confidence,
            alone.explanation,
        )


class TestLife:
    """What the next day does to yesterday's answer."""

    @pytest.fixture
    def open_answer(self, where: Market, book: Portfolio) -> Recommendation:
        scene.computed(where, regime="CONSOLIDATION")
        run(where)
        return newest(book)

    def test_it_stands_while_nothing_changes(self, where: Market, open_answer: Recommendation) -> None:
        next_day(where, regime="CONSOLIDATION")

        assert run(where, days=1).kept == 1
        open_answer.refresh_from_db()
        assert open_answer.state == State.ISSUED

    @pytest.mark.parametrize(
        ("day", "values", "state"),
        [
            (3, {"regime": "CONSOLIDATION"}, State.EXPIRED),
            (1, {"regime": "RISK_ON"}, State.INVALIDATED),
            (1, {"regime": "CONSOLIDATION", "stage": "PR", "since": DAY + timedelta(days=1)}, State.INVALIDATED),
            (1, {"regime": "CONSOLIDATION", "sectors": {"ai": {"index_level": 109.0}}}, State.INVALIDATED),
            (1, {"regime": "CONSOLIDATION", "sectors": {"ai": {"z_spread": 0.1}}}, State.SUPERSEDED),
        ],
    )
    def test_it_ends_and_a_new_one_follows(
        self,
        where: Market,
        book: Portfolio,
        open_answer: Recommendation,
        day: int,
        values: dict[str, Any],
        state: State,
    ) -> None:
        for number in range(1, day):
            scene.close(where, DAY + timedelta(days=number))
        next_day(where, day, **values)

        run(where, days=day)
        open_answer.refresh_from_db()

        assert open_answer.state == state
        assert open_answer.closed_at == after(DAY + timedelta(days=day))
        assert newest(book) != open_answer
        assert Recommendation.objects.filter(state__in=Recommendation.OPEN).count() <= 1

    def test_a_change_stays_owed_until_it_is_followed(
        self, where: Market, book: Portfolio, open_answer: Recommendation
    ) -> None:
        Recommendation.objects.filter(pk=open_answer.pk).update(state=State.FOLLOWED)
        next_day(where, regime="CONSOLIDATION")

        run(where, days=1)
        drift = newest(book)

        assert drift.kind == "drift"
        assert drift.moved_usd == D(2400)

    def test_a_pass_keeps_quiet_for_its_episode(
        self, where: Market, book: Portfolio, open_answer: Recommendation
    ) -> None:
        Recommendation.objects.filter(pk=open_answer.pk).update(state=State.PASSED)
        next_day(where, regime="CONSOLIDATION")
        assert run(where, days=1).kept == 1

        next_day(where, 2, regime="CONSOLIDATION", sectors={"ai": {"z_spread": 3.0}})

        assert run(where, days=2).issued == 1

    def test_a_refusal_is_one_card_an_episode(self, where: Market, book: Portfolio) -> None:
        scene.computed(where, sectors={"ai": {"z_spread": 0.50}})
        run(where)
        for number, z in ((1, 0.55), (2, 0.45), (3, 0.61)):
            next_day(where, number, sectors={"ai": {"z_spread": z}})
            run(where, days=number)

        assert [r.z_now for r in Recommendation.objects.order_by("slot")] == [0.50, 0.61]
