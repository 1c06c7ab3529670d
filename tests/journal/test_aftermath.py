"""What later became of a rotation is told by the ledger: whose units were sold, whose contracts closed or paid."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from accounts.models import User
from jobs.models import Job
from journal.domain.counterfactual import Decision, Measured, measure
from journal.models import Review, Rotation
from journal.queries.legs import CLOSES, OPENS, SELLS, SPOT, Action
from journal.services.reviews import ReviewsFailedError, measure_reviews
from journal.services.rotations import DraftRefused, log_rotation
from portfolio.domain.lots import Method, Scope
from portfolio.models import Account, Portfolio
from portfolio.services.ledger import record_fills, record_transfer, set_lot_method
from portfolio.services.recompute import recompute
from signals.models import Evidence
from tests.journal.scene import ANCHOR, DECIDED, anchor, leg, moment, scenario_a
from tests.portfolio.factories import PRICES, at, fill, market, perp, portfolio, price, spot, transfer

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NOW = moment(44)


@pytest.fixture
def book(alice: User) -> Portfolio:
    """The anchor portfolio in a market where FET rises to 3 after the decision."""
    found = anchor(alice, days=11)
    for number in range(11, 45):
        price(market(), number, {**PRICES, "FET": "3"})
    return found


def log(book: Portfolio, *legs: Any, minutes: int = 0, days: int = 0) -> Rotation:
    """Log a rotation with these legs."""
    when = DECIDED + timedelta(days=days, minutes=minutes)
    draft = scenario_a(client_key=uuid.uuid4(), legs=legs, executed_at=when)
    return log_rotation(portfolio=book, draft=draft, now=NOW).rotation


def opened(quantity: str) -> Any:
    terms = {"leverage": D(3), "stop_price": D("1.7"), "purpose": "AMPLIFY"}
    return leg("OPEN_LONG", instrument=perp("FET"), quantity=D(quantity), price=D(2), **terms)


def closed(quantity: str, action: str = "CLOSE_LONG") -> Any:
    return leg(action, instrument=perp("FET"), quantity=D(quantity), price=D("2.5"))


def review(rotation: Rotation, days: int = 30) -> Review:
    measure_reviews(now=NOW)
    return rotation.reviews.get(horizon_days=days)


def defer(book: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record something back-dated that a worker has yet to derive."""
    monkeypatch.setattr("portfolio.services.recompute.AT_ONCE", 0)
    for number in (9, 8):
        record_fills(portfolio=book, fills=[fill(spot("UNI"), "buy", 1, 20, at(number))], now=NOW)
    book.refresh_from_db()
    assert book.recompute_from is not None


class TestOverlays:
    def test_two_share_what_is_closed_by_their_sizes(self, book: Portfolio) -> None:
        first, second = log(book, opened("300")), log(book, opened("100"), minutes=1)
        log(book, closed("200", "REDUCE_LONG"), days=5)
        assert review(first).overlay_usd == 150 * D("0.5") + 150
        assert review(second).overlay_usd == 50 * D("0.5") + 50

    def test_funding_belongs_to_what_was_open_when_it_was_paid(self, book: Portfolio) -> None:
        first = log(book, opened("300"))
        log(book, closed("300"), days=2)
        second = log(book, opened("100"), days=3)
        for day in (1, 4):
            paid = transfer("funding", "USDC", "-6", DECIDED + timedelta(days=day), instrument=perp("FET"))
            record_transfer(portfolio=book, transfer=paid, now=NOW)
        assert review(first).overlay_usd == 150 - 6
        assert review(second).overlay_usd == 100 - 6

    def test_a_trimmed_long_is_a_closing(self, book: Portfolio) -> None:
        log(book, opened("300"))
        trimmed = log(book, closed("100", "TRIM_OVERLAY"), days=1)
        log(book, closed("200"), days=2)
        assert review(trimmed).overlay_usd == -100 * D("0.5")

    def test_every_action_opens_closes_or_is_spot_and_has_a_side(self) -> None:
        assert {frozenset(SPOT), frozenset(OPENS), frozenset(CLOSES)} == {
            frozenset({Action.SELL_SPOT, Action.BUY_SPOT}),
            frozenset({Action.OPEN_LONG, Action.OPEN_SHORT_HEDGE}),
            frozenset({Action.REDUCE_LONG, Action.TRIM_OVERLAY, Action.CLOSE_LONG, Action.CLOSE_HEDGE}),
        }
        assert CLOSES - {Action.CLOSE_HEDGE} == SELLS & CLOSES

    @pytest.mark.parametrize(("quantity", "action"), [("301", "CLOSE_LONG"), ("1", "CLOSE_HEDGE")])
    def test_more_than_is_open_cannot_be_closed(self, book: Portfolio, quantity: str, action: str) -> None:
        log(book, opened("300"))
        with pytest.raises(DraftRefused) as caught:
            log(book, closed(quantity, action), days=1)
        assert caught.value.field == "legs.0.quantity"
        assert Rotation.objects.count() == 1

    def test_nor_while_the_ledger_is_derived_anew(self, book: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
        log(book, opened("300"))
        defer(book, monkeypatch)
        with pytest.raises(DraftRefused) as caught:
            log(book, closed("301"), days=1)
        assert caught.value.field == "legs.0.quantity"
        log(book, closed("300"), days=1)
        with pytest.raises(DraftRefused):
            log(book, closed("1"), days=2)


class TestWaiting:
    def test_what_waits_to_be_derived_is_measured_afterwards(
        self, bob: User, book: Portfolio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        defer(book, monkeypatch)
        waiting = log(book, opened("300"))
        other = log(
            portfolio(bob, ANCHOR, market=market()),
            leg("SELL_SPOT", instrument=spot("UNI"), quantity=D(1), price=D(25)),
        )

        assert measure_reviews(now=NOW) == 1

        assert not waiting.reviews.exists()
        assert other.reviews.exists()
        Job.objects.all().delete()
        recompute(portfolio=book, now=NOW)
        assert Job.objects.filter(task="journal.measure_reviews").exists()
        assert review(waiting).overlay_usd == 300

    def test_one_that_cannot_be_measured_stops_no_other(self, book: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
        rotations = [log(book, opened("10"), minutes=number) for number in range(4)]
        broken = rotations[1].executed_at

        def failing(*, decision: Decision, **terms: Any) -> Measured:
            """Fail for one of them."""
            if decision.decided_at == broken:
                raise KeyError("gone")
            return measure(decision=decision, **terms)

        monkeypatch.setattr("journal.services.reviews.measure", failing)
        with pytest.raises(ReviewsFailedError, match=f": {rotations[1].pk}. 3 others"):
            measure_reviews(now=NOW)
        assert [each.reviews.exists() for each in rotations] == [True, False, True, True]


class TestSales:
    def test_what_was_held_before_is_sold_first(self, book: Portfolio) -> None:
        bought = log(book, leg("BUY_SPOT", instrument=spot("FET"), quantity=D(1000), price=D(2)))
        record_fills(portfolio=book, fills=[fill(spot("FET"), "sell", "2500", "2.6", at(12))], now=NOW)
        assert review(bought).freeze_usd == review(bought).actual_usd
        record_fills(portfolio=book, fills=[fill(spot("FET"), "sell", "400", "2.6", at(13))], now=NOW)
        Review.objects.all().delete()
        found = review(bought)
        assert found.actual_usd == 1000 * 3 - 2000
        assert found.freeze_usd == 600 * 3 + 400 * D("2.6") - 2000

    def test_a_sale_before_the_horizon_counts_only_from_then_on(self, book: Portfolio) -> None:
        bought = log(book, leg("BUY_SPOT", instrument=spot("FET"), quantity=D(1000), price=D(2)))
        record_fills(portfolio=book, fills=[fill(spot("FET"), "sell", "3500", "2.6", at(19))], now=NOW)
        assert review(bought, 7).freeze_usd == review(bought, 7).actual_usd
        assert review(bought, 30).freeze_usd == 1000 * D("2.6") - 2000

    def test_from_a_pool_everybody_sells_the_same_share(self, book: Portfolio) -> None:
        pooled = {"method": Method.AVG, "scope": Scope.ACCOUNT, "effective_at": at(1)}
        set_lot_method(portfolio=book, now=NOW, **pooled)
        bought = log(book, leg("BUY_SPOT", instrument=spot("FET"), quantity=D(2500), price=D(2)))
        record_fills(portfolio=book, fills=[fill(spot("FET"), "sell", "2000", "2.6", at(12))], now=NOW)
        assert review(bought).freeze_usd == 1500 * 3 + 1000 * D("2.6") - 5000

    def test_what_moved_to_another_account_is_sold_there(self, book: Portfolio) -> None:
        vault = Account.objects.create(portfolio=book, venue=book.venue, name="Vault")
        bought = log(book, leg("BUY_SPOT", instrument=spot("AAVE"), quantity=D(10), price=D(100)))
        record_transfer(portfolio=book, transfer=transfer("move", "AAVE", 10, at(11), to_account=vault), now=NOW)
        record_fills(portfolio=book, fills=[fill(spot("AAVE"), "sell", 4, 200, at(12), account=vault)], now=NOW)
        assert review(bought).freeze_usd == 6 * 100 + 4 * 200 - 1000


class TestEvidence:
    def test_without_a_recommendation_the_stage_and_regime_of_that_moment_are_kept(self, book: Portfolio) -> None:
        payload = {"stage": {"code": "NI"}, "regime": {"code": "RISK_ON"}, "sectors": {}}
        terms = {"computed_at": DECIDED, "sha256": "0" * 64, "params_version": "1", "market": book.market}
        Evidence.objects.create(as_of=DECIDED - timedelta(hours=12), payload=payload, **terms)
        Evidence.objects.create(as_of=DECIDED + timedelta(hours=12), payload={}, **terms)
        rotation = log(book, opened("300"))
        assert (rotation.stage, rotation.regime) == ("NI", "RISK_ON")
        assert rotation.evidence == payload
