"""A rotation is logged whole or not at all, once, reversed whole, and measured against having held."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from accounts.models import User
from journal.models import Leg, LegFill, Review, Rotation
from journal.services.reviews import measure_reviews
from journal.services.rotations import AlreadyReversed, DraftRefused, log_rotation, reverse_rotation
from journal.views.words import conclusion, horizon_rows
from portfolio.domain.money import Refusal
from portfolio.models import Fill, Holding, Lot, Position, closes_on
from portfolio.services.catalogue import ensure_market
from portfolio.services.entries import KeyReused
from signals.models import Delisting
from tests.journal.scene import DECIDED, anchor, leg, moment, scenario_a
from tests.portfolio.factories import PRICES, asset, day, market, price, spot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    """Have the instruments that drafts name."""
    market()


def held(portfolio: Any) -> dict[str, D]:
    """Return quantities by symbol."""
    return dict(Holding.objects.filter(portfolio=portfolio).values_list("asset__symbol", "quantity"))


class TestLog:
    def test_scenario_a_whole(self, alice: User) -> None:
        portfolio = anchor(alice)
        rotation = log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation
        assert rotation.kind == Rotation.Kind.ROTATION
        assert (rotation.source_sector.slug, rotation.destination_sector.slug) == ("defi", "ai")
        assert rotation.moved_usd == D(2500)
        assert rotation.fees_usd == D("8.99")
        assert rotation.spot_pnl_usd == D("2496.25") - D(2000)
        assert rotation.futures_pnl_usd == 0
        assert rotation.adherence == "spontaneous"
        assert held(portfolio)["UNI"] == D(100)
        assert held(portfolio)["FET"] == D("3746.2")
        position = Position.objects.get(portfolio=portfolio)
        assert (position.quantity, position.margin) == (D(1500), D(1000))
        sides = LegFill.objects.order_by("leg__position").values_list("fill__side", flat=True)
        assert list(sides) == ["sell", "buy", "buy"]

    def test_a_double_submit_is_one_rotation(self, alice: User) -> None:
        portfolio, draft = anchor(alice), scenario_a()
        first = log_rotation(portfolio=portfolio, draft=draft, now=moment(11))
        second = log_rotation(portfolio=portfolio, draft=draft, now=moment(11))
        assert (first.is_repeat, second.is_repeat) == (False, True)
        assert first.rotation == second.rotation
        assert Fill.objects.count() == 3

    @pytest.mark.parametrize("changed", [{"thesis": "Another."}, {"legs": ()}, {"executed_at": moment(9)}])
    def test_a_key_that_logged_something_else_is_refused(self, alice: User, changed: dict[str, Any]) -> None:
        portfolio, draft = anchor(alice), scenario_a()
        log_rotation(portfolio=portfolio, draft=draft, now=moment(11))
        if "legs" in changed:
            changed = {"legs": (replace(draft.legs[0], quantity=D(99)), *draft.legs[1:])}
        with pytest.raises(KeyReused):
            log_rotation(portfolio=portfolio, draft=replace(draft, **changed), now=moment(11))
        assert Fill.objects.count() == 3


class TestRefusals:
    def refused(self, owner: User, field: str, **changes: Any) -> None:
        """Log a draft that must be refused, and look that nothing is left."""
        portfolio = anchor(owner)
        before = held(portfolio)
        with pytest.raises(Refusal) as caught:
            log_rotation(portfolio=portfolio, draft=replace(scenario_a(), **changes), now=moment(11))
        if field:
            assert isinstance(caught.value, DraftRefused)
            assert caught.value.field == field
        assert not Rotation.objects.exists()
        assert not Fill.objects.exists()
        assert held(portfolio) == before

    def test_without_a_reason(self, alice: User) -> None:
        self.refused(alice, "thesis", thesis="  ")

    def test_without_legs(self, alice: User) -> None:
        self.refused(alice, "legs", legs=())

    @pytest.mark.parametrize("conviction", [0, 1, -0.1, 1.5])
    def test_a_conviction_that_is_no_probability(self, alice: User, conviction: float) -> None:
        self.refused(alice, "conviction", conviction=conviction)

    def test_a_futures_leg_without_a_stop(self, alice: User) -> None:
        legs = scenario_a().legs
        self.refused(alice, "legs.2.stop_price", legs=(*legs[:2], replace(legs[2], stop_price=None)))

    def test_a_stop_on_the_wrong_side(self, alice: User) -> None:
        legs = scenario_a().legs
        self.refused(alice, "legs.2.stop_price", legs=(*legs[:2], replace(legs[2], stop_price=D("2.3"))))

    def test_more_leverage_than_the_venue_lends(self, alice: User) -> None:
        legs = scenario_a().legs
        most = legs[2].instrument.max_leverage
        assert most is not None
        self.refused(alice, "legs.2.leverage", legs=(*legs[:2], replace(legs[2], leverage=most + D("0.1"))))

    def test_as_much_leverage_as_the_venue_lends(self, alice: User) -> None:
        legs = scenario_a().legs
        most = replace(legs[2], leverage=legs[2].instrument.max_leverage, stop_price=D("1.99"))
        draft = scenario_a(legs=(*legs[:2], most))
        assert log_rotation(portfolio=anchor(alice), draft=draft, now=moment(11)).rotation.pk

    def test_more_than_is_held(self, alice: User) -> None:
        legs = scenario_a().legs
        self.refused(alice, "", legs=(replace(legs[0], quantity=D(201)), *legs[1:]))

    def test_in_the_future(self, alice: User) -> None:
        self.refused(alice, "", executed_at=moment(11) + timedelta(seconds=1))

    def test_core_without_a_written_reason(self, alice: User) -> None:
        sale = leg("SELL_SPOT", instrument=spot("BTC"), quantity=D("0.1"), price=D(50000))
        self.refused(alice, "core_override_reason", legs=(sale,))

    def test_a_spot_action_on_a_contract(self, alice: User) -> None:
        legs = scenario_a().legs
        self.refused(alice, "legs.2.action", legs=(*legs[:2], replace(legs[2], action="BUY_SPOT")))


class TestCore:
    def test_with_a_written_reason_it_is_recorded_as_a_violation(self, alice: User) -> None:
        sale = leg("SELL_SPOT", instrument=spot("BTC"), quantity=D("0.1"), price=D(50000))
        draft = scenario_a(legs=(sale,), core_override_reason="I need the money for taxes.")
        rotation = log_rotation(portfolio=anchor(alice), draft=draft, now=moment(11)).rotation
        assert rotation.kind == Rotation.Kind.WITHDRAW
        assert rotation.core_override_reason == "I need the money for taxes."
        assert Leg.objects.get().is_core_violation

    def test_a_breach_is_counted_only_on_the_leg_that_sells_core(self, alice: User) -> None:
        sales = tuple(
            leg("SELL_SPOT", instrument=spot(symbol), quantity=D("0.1"), price=D(cost))
            for symbol, cost in (("BTC", 50000), ("UNI", 25))
        )
        draft = scenario_a(legs=sales, core_override_reason="Taxes.")
        log_rotation(portfolio=anchor(alice), draft=draft, now=moment(11))
        assert [one.is_core_violation for one in Leg.objects.order_by("position")] == [True, False]


class TestReverse:
    def test_everything_is_as_before_and_both_stay_visible(self, alice: User) -> None:
        portfolio = anchor(alice)
        lots = sorted(Lot.objects.values_list("asset__symbol", "remaining_quantity", "remaining_cost_usd"))
        before = held(portfolio)
        rotation = log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation
        reversed_one = reverse_rotation(rotation=rotation, reason="Wrong portfolio.", now=moment(11))
        assert reversed_one.state == Rotation.State.REVERSED
        assert {k: v for k, v in held(portfolio).items() if v} == before
        assert sorted(Lot.objects.values_list("asset__symbol", "remaining_quantity", "remaining_cost_usd")) == lots
        assert Fill.objects.count() == 6
        with pytest.raises(AlreadyReversed):
            reverse_rotation(rotation=rotation, reason="Again.", now=moment(11))

    def test_a_reason_is_asked_for(self, alice: User) -> None:
        rotation = log_rotation(portfolio=anchor(alice), draft=scenario_a(), now=moment(11)).rotation
        with pytest.raises(DraftRefused):
            reverse_rotation(rotation=rotation, reason=" ", now=moment(11))
        rotation.refresh_from_db()
        assert rotation.state == Rotation.State.LOGGED


class TestReviews:
    def test_horizons_are_measured_from_closes(self, alice: User) -> None:
        portfolio = anchor(alice)
        rotation = log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation
        for number in range(12, 30):
            price(market(), number, {**PRICES, "FET": "2.5", "UNI": "20"})
        assert measure_reviews(now=moment(28)) == 1
        found = {review.horizon_days: review for review in rotation.reviews.all()}
        assert [found[days].status for days in (0, 1, 7, 30, 90)] == ["ok", "ok", "ok", "pending", "pending"]
        assert found[1].hold_usd == D(2500)
        assert found[1].actual_usd == D("1246.2") * 2 + D("2496.25") - D("2492.4") - D("3.74")
        assert found[7].hold_usd == D(2000)
        assert found[7].alpha_usd == D("1246.2") * D("2.5") + D("0.11") - D(2000)
        assert found[7].overlay_usd == D(1500) * D("0.5") - D("1.5")
        assert found[7].total_alpha_usd == found[7].alpha_usd + found[7].overlay_usd

    def test_after_midnight_the_last_known_close_stands_until_the_new_one_comes(self, alice: User) -> None:
        rotation = log_rotation(portfolio=anchor(alice, days=20), draft=scenario_a(), now=moment(11)).rotation
        measure_reviews(now=moment(20) - timedelta(hours=11))
        found = rotation.reviews.get(horizon_days=0)
        assert (found.status, found.priced_at) == ("ok", moment(20) - timedelta(hours=12))
        measure_reviews(now=moment(21) - timedelta(hours=11, minutes=30))
        again = rotation.reviews.get(horizon_days=0)
        assert (again.status, again.priced_at, again.hold_usd) == ("ok", found.priced_at, found.hold_usd)

    def test_measuring_again_changes_nothing_and_rebuilding_gives_the_same(self, alice: User) -> None:
        log_rotation(portfolio=anchor(alice, days=30), draft=scenario_a(), now=moment(11))
        measure_reviews(now=moment(28))
        columns = (
            "horizon_days",
            "status",
            "hold_usd",
            "actual_usd",
            "alpha_usd",
            "total_alpha_usd",
            "gross_alpha_usd",
        )
        before = list(Review.objects.values_list(*columns))
        Review.objects.all().delete()
        measure_reviews(now=moment(28))
        assert list(Review.objects.values_list(*columns)) == before

    def test_between_closes_nothing_is_measured_again(self, alice: User) -> None:
        log_rotation(portfolio=anchor(alice, days=30), draft=scenario_a(), now=moment(11))
        assert [measure_reviews(now=moment(day)) for day in (20, 20, 21, 21)] == [1, 0, 1, 0]

    def test_until_the_new_close_arrives_the_last_one_stands(self, alice: User) -> None:
        rotation = log_rotation(portfolio=anchor(alice, days=20), draft=scenario_a(), now=moment(11)).rotation
        assert [measure_reviews(now=moment(21)) for _ in range(2)] == [1, 0]
        to_date = rotation.reviews.get(horizon_days=0)
        assert (to_date.status, to_date.priced_at) == ("ok", closes_on(day(19)))
        assert "20 Jan" in conclusion(rotation, rotation.reviews.all()).text
        price(market(), 20, {**PRICES, "FET": "3"})
        assert [measure_reviews(now=moment(21)) for _ in range(2)] == [1, 0]
        found = rotation.reviews.get(horizon_days=0)
        assert (found.status, found.priced_at) == ("ok", closes_on(day(20)))
        assert found.alpha_usd > to_date.alpha_usd

    def test_to_date_is_the_last_day_on_which_everything_had_a_price(self, alice: User) -> None:
        rotation = log_rotation(portfolio=anchor(alice, days=20), draft=scenario_a(), now=moment(11)).rotation
        price(market(), 20, {symbol: text for symbol, text in PRICES.items() if symbol != "FET"})
        measure_reviews(now=moment(21))
        assert rotation.reviews.get(horizon_days=0).priced_at == closes_on(day(19))

    def test_what_was_delisted_keeps_its_last_price_and_says_so(self, alice: User) -> None:
        rotation = log_rotation(portfolio=anchor(alice, days=13), draft=scenario_a(), now=moment(11)).rotation
        for number in range(13, 30):
            price(market(), number, {symbol: text for symbol, text in PRICES.items() if symbol != "FET"})
        measure_reviews(now=moment(28))
        assert rotation.reviews.get(horizon_days=7).status == "missing"
        Delisting.objects.create(market=market(), asset=asset("FET"), delisted_at=closes_on(day(12)))
        measure_reviews(now=moment(29))
        found = {review.horizon_days: review for review in rotation.reviews.all()}
        assert [(found[days].status, found[days].flags) for days in (1, 7, 0)] == [
            ("ok", []),
            ("ok", ["DELISTED_LAST_PRICE FET"]),
            ("ok", ["DELISTED_LAST_PRICE FET"]),
        ]
        assert found[0].priced_at == closes_on(day(28))
        assert "FET was delisted" in horizon_rows(rotation, found.values())[1].notes

    def test_a_delisting_elsewhere_says_nothing_here(self, alice: User) -> None:
        rotation = log_rotation(portfolio=anchor(alice, days=13), draft=scenario_a(), now=moment(11)).rotation
        elsewhere = ensure_market("history")
        Delisting.objects.create(market=elsewhere, asset=asset("FET"), delisted_at=closes_on(day(12)))
        measure_reviews(now=moment(28))
        assert rotation.reviews.get(horizon_days=7).status == "missing"

    def test_a_purchase_logged_late_changes_what_a_sale_realised(self, alice: User) -> None:
        portfolio = anchor(alice, days=30)
        sold = leg("SELL_SPOT", instrument=spot("UNI"), quantity=D(210), price=D(25))
        bought = leg("BUY_SPOT", instrument=spot("UNI"), quantity=D(50), price=D(10))
        early = scenario_a(legs=(bought,), executed_at=moment(5))
        log_rotation(portfolio=portfolio, draft=early, now=moment(11))
        rotation = log_rotation(portfolio=portfolio, draft=scenario_a(legs=(sold,)), now=moment(11)).rotation
        measure_reviews(now=moment(28))
        rotation.refresh_from_db()
        assert rotation.spot_pnl_usd == D(210 * 25 - 4000 - 10 * 10)
        late = scenario_a(client_key=uuid.uuid4(), legs=(replace(bought, price=D(4)),), executed_at=moment(4))
        log_rotation(portfolio=portfolio, draft=late, now=moment(28) + timedelta(minutes=30))
        later = moment(28) + timedelta(hours=1)
        assert [measure_reviews(now=later) for _ in range(2)] == [3, 0]
        rotation.refresh_from_db()
        assert rotation.spot_pnl_usd == D(210 * 25 - 4000 - 10 * 4)

    def test_a_reversed_rotation_is_not_measured(self, alice: User) -> None:
        rotation = log_rotation(portfolio=anchor(alice, days=30), draft=scenario_a(), now=moment(11)).rotation
        measure_reviews(now=moment(28))
        reverse_rotation(rotation=rotation, reason="Never happened.", now=moment(28))
        measure_reviews(now=moment(28))
        assert not Review.objects.exists()

    def test_queries_do_not_grow_with_rotations(self, alice: User, django_assert_max_num_queries: Any) -> None:
        portfolio = anchor(alice, days=30)
        for number in range(12):
            sale = leg("SELL_SPOT", instrument=spot("UNI"), quantity=D(1), price=D(25))
            draft = scenario_a(client_key=uuid.uuid4(), legs=(sale,), executed_at=DECIDED + timedelta(minutes=number))
            log_rotation(portfolio=portfolio, draft=draft, now=moment(11))
        with django_assert_max_num_queries(17):
            assert measure_reviews(now=moment(28)) == 12
