"""The demo is written once; what people did with its accounts afterwards is theirs."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from config.demo import ADMIN_EMAIL, leave_open, load_demo
from journal.models import Plan
from portfolio.models import Fill
from tests.journal.scene import anchor, moment


@pytest.mark.django_db
@pytest.mark.once
def test_a_start_after_the_trader_took_another_address_writes_no_second_demo() -> None:
    User.objects.create_superuser(ADMIN_EMAIL, "correct horse battery")
    User.objects.create_user("me@example.org", "correct horse battery")
    assert not load_demo(now=timezone.now(), password="correct horse battery", say=str)
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_the_trader_leaves_a_fill_without_a_word_and_a_plan(alice: User) -> None:
    book = anchor(alice, days=1)

    leave_open(book, moment(45))

    (fill,) = Fill.objects.filter(portfolio=book, leg_fill__isnull=True)
    (plan,) = Plan.objects.filter(portfolio=book, state=Plan.State.PLANNED)
    assert (fill.side, fill.instrument.asset.symbol) == (Fill.Side.BUY, "UNI")
    assert [(leg.action, leg.quantity) for leg in plan.legs.all()] == [("SELL_SPOT", fill.quantity)]
