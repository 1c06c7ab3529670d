"""The person beside two shadows: the page and the API say what signals computed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from portfolio.models import Portfolio, ValuationDay
from portfolio.templatetags.money import usd
from signals.models import ShadowDay
from signals.queries.shadows import shadow_curves
from tests.api.scene import Caller
from tests.journal.scene import anchor, moment
from tests.pages import heading, queries, said

pytestmark = pytest.mark.django_db
NOW = moment(12)
PAGE = "/analytics/shadows/"


@pytest.fixture
def book(alice: User) -> Iterator[Portfolio]:
    """Five days: the person ends at 104, who follows at 110, who stays at 99."""
    with time_machine.travel(NOW, tick=False):
        found = anchor(alice, days=1)
        for number in range(5):
            day = (moment(2) + timedelta(days=number)).date()
            worth = {"you": 100 + number, "follow": 100 + number * D("2.5"), "stay": 100 - number * D("0.25")}
            own = dict.fromkeys(("core_usd", "reserve_usd", "pool_usd", "held_usd", "flow_usd"), 0)
            ValuationDay.objects.update_or_create(
                portfolio=found, date=day, defaults=own | {"equity_usd": worth["you"]}
            )
            for kind in ("follow", "stay"):
                ShadowDay.objects.create(portfolio=found, kind=kind, date=day, equity_usd=worth[kind], fee_usd=1)
        yield found


class TestShadows:
    def test_page_and_api_say_who_is_ahead(self, book: Portfolio, client_of_alice: Client, alice: User) -> None:
        found = shadow_curves(portfolio=book)
        assert found is not None
        assert (found.ahead_of_following, found.ahead_of_staying) == (D(-6), D(5))
        answer = f"You are {usd(D(6))} behind following everything, and {usd(D(5))} ahead of never rotating"
        assert heading(client_of_alice, PAGE) == answer
        body = Caller(alice).get(f"/shadows/?portfolio={book.pk}").json()
        assert (body["ahead_of_following"], body["ahead_of_staying"], body["days"]) == ("-6", "5", 5)
        shown = said(client_of_alice, PAGE)
        for name in ("you", "follow", "stay"):
            assert usd(D(body[name]["points"][-1]["equity"])) in shown
        assert usd(D(body["follow"]["costs"])) in shown
        assert queries(client_of_alice, PAGE) <= 12

    def test_before_the_first_day_it_says_when(self, alice: User, client_of_alice: Client) -> None:
        assert heading(client_of_alice, PAGE) == "Shadows begin with a portfolio"
        where = anchor(alice, days=1)
        assert heading(client_of_alice, PAGE) == "Your shadows have no day yet"
        body = Caller(alice).get(f"/shadows/?portfolio={where.pk}").json()
        assert (body["days"], body["you"], body["ahead_of_following"]) == (0, None, None)
