"""Deciding twice about one recommendation: two rotations share it, and two passes at once are one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as D
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import User
from journal.models import Pass, Rotation
from journal.services.passes import pass_on
from journal.services.rotations import Draft, DraftLeg, log_rotation, reverse_rotation
from signals.models import Recommendation
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


def sold(found: Recommendation, *, minutes: int) -> Rotation:
    """Sell one UNI on a recommendation."""
    leg = DraftLeg(action="SELL_SPOT", instrument=spot("UNI"), quantity=D(1), price=D(25))
    moment = scene.after(minutes=minutes)
    draft = Draft(client_key=uuid4(), legs=(leg,), thesis="One.", executed_at=moment, recommendation=found)
    return log_rotation(portfolio=found.portfolio, draft=draft, now=moment).rotation


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
