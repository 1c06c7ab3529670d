"""Deciding twice about one recommendation: what settles it, two rotations that share it, two passes at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as D
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import User
from journal.models import Pass, Rotation
from journal.services.passes import pass_on
from journal.services.rotations import Draft, DraftLeg, log_rotation, reverse_rotation
from signals.models import Recommendation, RecommendationLeg, StageDay
from signals.queries.books import Span
from signals.queries.recommendations import accepted_portfolios
from signals.services.recommend import recommend
from tests.portfolio.factories import spot
from tests.signals import scene

State = Recommendation.State


def answered(owner: User) -> Recommendation:
    """Recommend something to a new portfolio."""
    where = scene.market()
    evidence = scene.computed(where)
    scene.portfolio(scene.trader(owner), where)
    recommend(market=where, as_of=evidence.as_of, now=scene.after())
    return Recommendation.objects.select_related("portfolio__market", "evidence").get()


def traded(found: Recommendation, action: str, symbol: str, quantity: int, *, minutes: int) -> Rotation:
    """Trade something while a recommendation stands."""
    price = D(scene.PRICES[symbol])
    leg = DraftLeg(action=action, instrument=spot(symbol), quantity=D(quantity), price=price)
    moment = scene.after(minutes=minutes)
    draft = Draft(client_key=uuid4(), legs=(leg,), thesis="One.", executed_at=moment, recommendation=found)
    return log_rotation(portfolio=found.portfolio, draft=draft, now=moment).rotation


def sold(found: Recommendation, *, minutes: int) -> Rotation:
    """Sell what is recommended, and buy nothing."""
    return traded(found, "SELL_SPOT", "UNI", 100, minutes=minutes)


def bought(found: Recommendation, *, minutes: int) -> Rotation:
    """Buy what was to be sold."""
    return traded(found, "BUY_SPOT", "UNI", 200, minutes=minutes)


def in_half(found: Recommendation, legs: Sequence[RecommendationLeg], *, minutes: int) -> Rotation:
    """Do half of every leg given."""
    moment = scene.after(minutes=minutes)
    halves = tuple(
        DraftLeg(
            action=leg.action,
            instrument=leg.instrument,
            quantity=leg.quantity / 2,
            price=leg.reference_price,
            leverage=leg.leverage if leg.stop_price else None,
            stop_price=leg.stop_price,
        )
        for leg in sorted(legs, key=lambda leg: leg.position)
    )
    draft = Draft(client_key=uuid4(), legs=halves, thesis="Half.", executed_at=moment, recommendation=found)
    return log_rotation(portfolio=found.portfolio, draft=draft, now=moment).rotation


def is_settled(found: Recommendation) -> bool:
    """Return whether the change counts as made."""
    found.refresh_from_db()
    span = Span(found.portfolio.market, found.portfolio_id, found.portfolio_id)
    return found.portfolio_id in accepted_portfolios(span, stage=StageDay.objects.get())


@pytest.mark.django_db
class TestWhatSettles:
    def test_a_part_of_it_does(self, alice: User) -> None:
        found = answered(alice)
        assert sold(found, minutes=10).adherence == "deviated"
        assert is_settled(found)

    def test_something_else_leaves_it_open(self, alice: User) -> None:
        found = answered(alice)
        rotation = traded(found, "SELL_SPOT", "UNI", 1, minutes=10)
        assert (rotation.adherence, rotation.recommendation) == ("ignored", found)
        assert not is_settled(found)
        assert found.state == State.ISSUED

    def test_a_trade_against_it_ends_it_and_it_stays_owed(self, alice: User) -> None:
        found = answered(alice)
        assert bought(found, minutes=10).adherence == "contradicted"
        assert not is_settled(found)
        assert (found.state, found.closed_at) == (State.CONTRADICTED, scene.after(minutes=10))

    def test_who_traded_against_it_may_follow_it_yet(self, alice: User) -> None:
        found = answered(alice)
        bought(found, minutes=10)
        sold(found, minutes=11)
        assert not is_settled(found)
        traded(found, "SELL_SPOT", "UNI", 200, minutes=12)
        assert is_settled(found)

    def test_two_halves_are_the_whole(self, alice: User) -> None:
        found = answered(alice)
        legs = list(found.legs.select_related("instrument__asset"))
        for minutes in (10, 11):
            assert in_half(found, legs, minutes=minutes).adherence == "deviated"
        assert is_settled(found)
        assert found.state == State.FOLLOWED

    def test_done_too_late_it_deviates(self, alice: User) -> None:
        found = answered(alice)
        Recommendation.objects.update(expires_at=scene.after(minutes=6), state=State.EXPIRED)
        found.refresh_from_db()
        legs = list(found.legs.select_related("instrument__asset"))
        late = in_half(found, [*legs, *legs], minutes=6 + 6 * 60 + 1)
        found.refresh_from_db()
        assert (late.adherence, found.state) == ("deviated", State.DEVIATED)

    def test_a_trifle_done_too_late_takes_nothing_back(self, alice: User) -> None:
        found = answered(alice)
        legs = list(found.legs.select_related("instrument__asset"))
        in_half(found, [*legs, *legs], minutes=10)
        Recommendation.objects.update(expires_at=scene.after(minutes=12))
        found.refresh_from_db()
        assert found.state == State.FOLLOWED
        traded(found, "SELL_SPOT", "UNI", 1, minutes=12 + 6 * 60 + 1)
        found.refresh_from_db()
        assert found.state == State.FOLLOWED

    def test_what_is_left_after_a_reversal_decides(self, alice: User) -> None:
        found = answered(alice)
        bought(found, minutes=10)
        traded(found, "SELL_SPOT", "UNI", 1, minutes=11)
        reverse_rotation(rotation=sold(found, minutes=12), reason="Wrong.", now=scene.after(minutes=20))
        assert not is_settled(found)
        assert found.state == State.CONTRADICTED


@pytest.mark.django_db
class TestTwoRotations:
    def test_the_change_is_owed_again_only_when_both_are_reversed(self, alice: User) -> None:
        found = answered(alice)
        first, second = sold(found, minutes=10), sold(found, minutes=11)
        reverse_rotation(rotation=second, reason="Doubled.", now=scene.after(minutes=20))
        found.refresh_from_db()
        assert found.state == State.DEVIATED
        reverse_rotation(rotation=first, reason="Wrong.", now=scene.after(minutes=21))
        found.refresh_from_db()
        assert found.state == State.EXPIRED


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_two_passes_at_once_are_one() -> None:
    found = answered(User.objects.create_user("alice@example.org", "correct horse battery"))

    def answer(number: int) -> Pass:
        """Pass on it, as one of several requests would."""
        mine = Recommendation.objects.select_related("portfolio__market").get(pk=found.pk)
        try:
            return pass_on(recommendation=mine, reason=f"Not now, {number}.", now=scene.after(minutes=30))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as requests:
        answers = set(requests.map(answer, range(6)))

    assert answers == {Pass.objects.get()}
