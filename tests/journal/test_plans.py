"""A plan is kept, filled in parts, closed or given up, by legal steps; executions find their rotation afterwards."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from itertools import product

import pytest

from accounts.models import User
from journal.models import Leg, LegFill, Plan, Review, Rotation
from journal.queries.cash import cash_of
from journal.queries.plans import overall_share, progress_of
from journal.queries.undocumented import undocumented
from journal.services.adoption import NotAttachable, adopt_fills, attach_fills, attach_to_plan
from journal.services.plans import Filled, NotNow, abandon, close_short, fill_legs, keep_draft, keep_plan
from journal.services.reviews import measure_reviews
from journal.services.rotations import DraftRefused, log_rotation, reverse_rotation
from portfolio.domain.money import exact
from portfolio.models import Fill, Lot, Portfolio
from portfolio.services.entries import NewFill
from portfolio.services.ledger import record_fills
from tests.journal.scene import ANCHOR, DECIDED, anchor, leg, moment, scenario_a
from tests.portfolio.factories import market, perp, portfolio, spot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    """Have the instruments that drafts name."""
    market()


@pytest.fixture
def book(alice: User) -> Portfolio:
    """The anchor portfolio, priced for a month."""
    return anchor(alice, days=40)


@pytest.fixture
def plan(book: Portfolio) -> Plan:
    """Scenario A as a plan."""
    return keep_plan(portfolio=book, draft=scenario_a(), now=moment(10))


def part(plan: Plan, position: int, quantity: str, price: str) -> Filled:
    return Filled(leg=plan.legs.get(position=position), quantity=D(quantity), price=D(price))


def fill(plan: Plan, *parts: Filled, day: int = 10) -> Plan:
    at = DECIDED + timedelta(days=day - 10)
    return fill_legs(plan=plan, filled=parts, executed_at=at, client_key=uuid.uuid4(), now=moment(11 + day - 10))


def traded(book: Portfolio, side: str, instrument: object, quantity: str, price: str, *, hours: int = 0) -> Fill:
    """Record an execution without a reason."""
    terms = {"side": side, "quantity": D(quantity), "price": D(price), "executed_at": DECIDED + timedelta(hours=hours)}
    leverage = D(3) if instrument.kind != "spot" else None  # type: ignore[attr-defined]
    new = NewFill(instrument=instrument, leverage=leverage, **terms)  # type: ignore[arg-type]
    return record_fills(portfolio=book, fills=[new], now=moment(11), client_key=str(uuid.uuid4())).fills[0]


class TestStates:
    def test_only_the_legal_steps_may_be_taken(self) -> None:
        legal = {
            ("draft", "planned"), ("draft", "executing"), ("draft", "abandoned"), ("planned", "executing"),
            ("planned", "abandoned"), ("executing", "closed"), ("executing", "abandoned"),
        }  # fmt: skip
        found = {(a, b) for a, b in product(Plan.State.values, repeat=2) if Plan(state=a).can_become(b)}
        assert found == legal

    def test_a_draft_is_kept_unfinished_and_overwritten(self, book: Portfolio) -> None:
        key = uuid.uuid4()
        keep_draft(portfolio=book, client_key=key, written={"thesis": "AI le"}, now=moment(10))
        found = keep_draft(portfolio=book, client_key=key, written={"thesis": "AI leads\x00"}, now=moment(11))
        assert (Plan.objects.count(), found.state, found.written) == (1, "draft", {"thesis": "AI leads"})
        assert found.saved_at == moment(11)

    def test_a_plan_carries_its_dates(self, book: Portfolio, plan: Plan) -> None:
        assert (plan.state, plan.planned_at, plan.started_at) == ("planned", moment(10), None)
        fill(plan, part(plan, 1, "100", "25"))
        plan.refresh_from_db()
        assert (plan.state, plan.started_at, plan.closed_at) == ("executing", moment(11), None)
        fill(plan, part(plan, 2, "1246.2", "2"), part(plan, 3, "1500", "2"), day=11)
        plan.refresh_from_db()
        assert (plan.state, plan.closed_at) == ("closed", moment(12))

    def test_a_plan_may_be_changed_until_its_first_fill(self, book: Portfolio, plan: Plan) -> None:
        legs = scenario_a().legs
        draft = scenario_a(client_key=plan.client_key, legs=(replace(legs[0], quantity=D(50)),))
        assert keep_plan(portfolio=book, draft=draft, now=moment(10)).legs.get().quantity == D(50)
        fill(plan, part(plan, 1, "10", "25"))
        with pytest.raises(NotNow):
            keep_plan(portfolio=book, draft=draft, now=moment(11))

    def test_what_is_executed_is_closed_with_a_reason_and_never_abandoned(self, plan: Plan) -> None:
        fill(plan, part(plan, 1, "50", "25"))
        with pytest.raises(NotNow):
            abandon(plan=plan, reason="Changed my mind.", now=moment(12))
        with pytest.raises(DraftRefused):
            close_short(plan=plan, reason=" ", now=moment(12))
        done = close_short(plan=plan, reason="The move is over.", now=moment(12))
        assert (done.state, done.ending) == ("closed", "The move is over.")
        with pytest.raises(NotNow):
            fill(done, part(done, 2, "1", "2"))

    def test_a_plan_is_abandoned_with_a_reason_and_stays_so(self, plan: Plan) -> None:
        with pytest.raises(DraftRefused):
            abandon(plan=plan, reason="", now=moment(11))
        assert abandon(plan=plan, reason="Too late.", now=moment(11)).abandoned_at == moment(11)
        with pytest.raises(NotNow):
            fill(plan, part(plan, 1, "1", "25"))
        with pytest.raises(NotNow):
            close_short(plan=plan, reason="Done.", now=moment(11))

    def test_reversing_its_rotation_gives_a_plan_up(self, plan: Plan) -> None:
        fill(plan, part(plan, 1, "50", "25"))
        plan.refresh_from_db()
        assert plan.rotation is not None
        reverse_rotation(rotation=plan.rotation, reason="Typed twice.", now=moment(12))
        plan.refresh_from_db()
        assert (plan.state, plan.ending) == ("abandoned", "Typed twice.")
        assert [each.filled for each in progress_of(plan)] == [0, 0, 0]

    def test_a_ticket_logged_whole_closes_its_draft(self, book: Portfolio) -> None:
        draft = scenario_a()
        keep_draft(portfolio=book, client_key=draft.client_key, written={"thesis": "AI"}, now=moment(10))
        rotation = log_rotation(portfolio=book, draft=draft, now=moment(11)).rotation
        assert (rotation.plan.state, rotation.plan.closed_at) == ("closed", moment(11))

    def test_a_plan_without_a_reason_or_a_stop_is_refused(self, book: Portfolio) -> None:
        for changed in ({"thesis": " "}, {"legs": (replace(scenario_a().legs[2], stop_price=None),)}):
            with pytest.raises(DraftRefused):
                keep_plan(portfolio=book, draft=scenario_a(**changed), now=moment(10))
        assert not Plan.objects.exists()


class TestParts:
    def test_a_leg_fills_in_parts_and_shows_how_far(self, plan: Plan) -> None:
        fill(plan, part(plan, 1, "40", "25"))
        fill(plan, part(plan, 1, "20", "28"), day=12)
        sale = progress_of(plan)[0]
        assert (sale.filled, sale.share, sale.left, sale.average) == (60, D("0.6"), 40, 26)
        assert Leg.objects.count() == 1
        assert LegFill.objects.count() == 2
        assert overall_share(progress_of(plan)) == exact(D(1500) / (2500 + D("2492.4") + 3000))

    def test_the_rotation_grows_with_its_parts_and_is_measured_anew(self, plan: Plan) -> None:
        fill(plan, part(plan, 1, "40", "25"))
        rotation = Rotation.objects.get()
        assert (rotation.kind, rotation.moved_usd) == ("withdraw", 1000)
        measure_reviews(now=moment(20))
        fill(plan, part(plan, 2, "1000", "2"), day=12)
        rotation.refresh_from_db()
        assert (rotation.kind, rotation.moved_usd) == ("rotation", 1000)
        assert rotation.executed_at == DECIDED + timedelta(days=2) * 2 / 3
        assert not Review.objects.exists()
        assert rotation.thesis == scenario_a().thesis

    def test_a_repeated_part_is_recorded_once(self, plan: Plan) -> None:
        key, done = uuid.uuid4(), [part(plan, 1, "40", "25")]
        for _ in range(2):
            fill_legs(plan=plan, filled=done, executed_at=DECIDED, client_key=key, now=moment(11))
        assert Fill.objects.count() == 1


class TestAdopt:
    def test_executions_close_together_are_one_undocumented_decision(self, book: Portfolio) -> None:
        traded(book, "sell", spot("UNI"), "100", "25")
        traded(book, "buy", spot("FET"), "1200", "2", hours=1)
        traded(book, "buy", perp("FET"), "100", "2", hours=20)
        traded(book, "sell", perp("FET"), "40", "2", hours=21)
        log_rotation(portfolio=book, draft=scenario_a(legs=scenario_a().legs[:1]), now=moment(11))
        found = undocumented(portfolio=book).bundles
        actions = [[deed.action for deed in bundle.deeds] for bundle in found]
        assert actions == [["OPEN_LONG", "REDUCE_LONG"], ["SELL_SPOT", "BUY_SPOT"]]

    def test_they_become_a_rotation_with_one_leg_a_side(self, book: Portfolio) -> None:
        sales = [traded(book, "sell", spot("UNI"), "50", price, hours=n) for n, price in enumerate(("25", "27"))]
        bought = traded(book, "buy", spot("FET"), "1200", "2", hours=2)
        draft = scenario_a(legs=())
        rotation = adopt_fills(portfolio=book, fills=[*(f.pk for f in sales), bought.pk], draft=draft, now=moment(11))
        assert (rotation.kind, rotation.moved_usd) == ("rotation", D(2600))
        assert [leg.leg_fills.count() for leg in rotation.legs.all()] == [2, 1]
        again = adopt_fills(portfolio=book, fills=[bought.pk], draft=draft, now=moment(11))
        assert again == rotation
        assert undocumented(portfolio=book).bundles == ()

    def test_they_are_attached_to_a_rotation_once_and_to_no_other(self, book: Portfolio) -> None:
        first = log_rotation(portfolio=book, draft=scenario_a(legs=scenario_a().legs[:1]), now=moment(11)).rotation
        second = log_rotation(portfolio=book, draft=scenario_a(legs=scenario_a().legs[2:]), now=moment(11)).rotation
        bought = traded(book, "buy", spot("FET"), "1200", "2")
        for _ in range(2):
            attach_fills(rotation=first, fills=[bought.pk], now=moment(11))
        first.refresh_from_db()
        assert (first.kind, LegFill.objects.filter(leg__rotation=first).count()) == ("rotation", 2)
        with pytest.raises(NotAttachable):
            attach_fills(rotation=second, fills=[bought.pk], now=moment(11))
        with pytest.raises(NotAttachable):
            adopt_fills(portfolio=book, fills=[bought.pk], draft=scenario_a(legs=()), now=moment(11))

    def test_what_was_reversed_or_is_anothers_is_refused(self, book: Portfolio, bob: User) -> None:
        rotation = log_rotation(portfolio=book, draft=scenario_a(), now=moment(11)).rotation
        fills = list(Fill.objects.values_list("pk", flat=True))
        reverse_rotation(rotation=rotation, reason="Wrong.", now=moment(11))
        for owner in (book, portfolio(bob, ANCHOR, market=market())):
            with pytest.raises(NotAttachable):
                adopt_fills(portfolio=owner, fills=fills, draft=scenario_a(legs=()), now=moment(12))

    def test_they_count_for_the_plan_they_belong_to(self, book: Portfolio, plan: Plan) -> None:
        sold = traded(book, "sell", spot("UNI"), "100", "25")
        attach_to_plan(plan=plan, fills=[sold.pk], now=moment(11))
        plan.refresh_from_db()
        assert [each.share for each in progress_of(plan)] == [1, 0, 0]
        assert (plan.state, plan.rotation is not None) == ("executing", True)

    def test_a_reason_is_asked_for(self, book: Portfolio) -> None:
        sold = traded(book, "sell", spot("UNI"), "100", "25")
        with pytest.raises(DraftRefused):
            adopt_fills(portfolio=book, fills=[sold.pk], draft=scenario_a(legs=(), thesis=" "), now=moment(11))


class TestCash:
    def test_both_sides_agree_for_every_leg(self, book: Portfolio) -> None:
        rotation = log_rotation(portfolio=book, draft=scenario_a(), now=moment(11)).rotation
        [found] = cash_of(list(LegFill.objects.filter(leg__rotation=rotation).select_related("fill__quote_asset")))
        assert (found.proceeds, found.purchases, found.fees, found.margin) == (2500, D("2492.4"), D("8.99"), 1000)
        assert found.change == found.expected == D(2500) - D("2492.4") - D("8.99") - 1000
        assert found.is_within

    def test_a_closing_sets_margin_free_and_realises(self, book: Portfolio) -> None:
        log_rotation(portfolio=book, draft=scenario_a(), now=moment(11))
        closing = leg("CLOSE_LONG", instrument=perp("FET"), quantity=D(1500), price=D("2.2"), fee_amount=D(1))
        draft = scenario_a(legs=(closing,), executed_at=DECIDED + timedelta(hours=1))
        rotation = log_rotation(portfolio=book, draft=draft, now=moment(11)).rotation
        [found] = cash_of(list(LegFill.objects.filter(leg__rotation=rotation).select_related("fill__quote_asset")))
        assert (found.realised, found.margin, found.fees) == (300, -1000, 1)
        assert (found.change, found.is_within) == (1299, True)

    def test_what_is_counted_twice_shows(self, book: Portfolio) -> None:
        rotation = log_rotation(portfolio=book, draft=scenario_a(), now=moment(11)).rotation
        lot = Lot.objects.filter(fill__leg_fill__leg__rotation=rotation, asset__symbol="USDC").get()
        Lot.objects.filter(pk=lot.pk).update(quantity=lot.quantity + D("0.02"))
        [found] = cash_of(list(LegFill.objects.filter(leg__rotation=rotation).select_related("fill__quote_asset")))
        assert (found.difference, found.is_within) == (D("0.02"), False)
