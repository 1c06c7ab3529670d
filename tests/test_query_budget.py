"""Hold every page to its budget of queries, and to the same count at 10 and at 1,000 rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from journal.models import Peek, Plan, Review, Rotation
from portfolio.models import Fill, Portfolio, Transfer
from portfolio.services.valuation import value_portfolio
from signals.models import Channel, Delivery, Recommendation, RecommendationLeg, Subscription
from signals.services.channels import send_test
from tests.api.scene import Caller
from tests.api.test_counts import copies, hold
from tests.portfolio.factories import spot
from tests.signals import scene
from tests.test_ownership import Ids, make_channel, make_plan, make_portfolio, make_rotation, parameters

BUDGET = 12
FEW, MANY = 10, 1000
MOST_LEGS = 10
MOST_HELD = 120
"""Lists are as long as they get; what is held, and stands in every select of a ticket, is as much as a person holds."""

NOW = scene.after(minutes=10)

PAGES = {
    "today": "today",
    "overview": "portfolio:overview",
    "opening": "portfolio:new_portfolio",
    "fills": "portfolio:fills",
    "transfers": "portfolio:transfers",
    "transfer": "portfolio:new_transfer",
    "move": "portfolio:new_move",
    "migration": "portfolio:new_migration",
    "rebase": "portfolio:new_rebase",
    "swap": "portfolio:new_swap",
    "dust": "portfolio:new_dust",
    "account": "portfolio:new_account",
    "fill in futures": "portfolio:new_futures_fill",
    "end of a position": "portfolio:new_close",
    "cash of a position": "portfolio:new_cash",
    "roll": "portfolio:new_roll",
    "owed and freed": "portfolio:lending",
    "loan": "portfolio:new_loan",
    "collateral": "portfolio:new_pledge",
    "bonus credit": "portfolio:new_bonus",
    "price": "portfolio:new_price",
    "asset": "portfolio:new_asset",
    "performance": "portfolio:performance",
    "proof": "portfolio:proof",
    "proof of an asset": "portfolio:asset_proof",
    "proof of a fill": "portfolio:fill_proof",
    "policy": "portfolio:policy",
    "change of policy": "portfolio:new_policy",
    "chart of equity": "portfolio:equity_spec",
    "chart of sleeves": "portfolio:sleeve_spec",
    "market": "signals:market",
    "health": "signals:health",
    "indicators": "signals:indicators",
    "an indicator": "signals:indicator?name=turnover",
    "events": "signals:events",
    "narratives": "signals:narratives",
    "recommendations": "signals:recommendations",
    "recommendation": "signals:recommendation",
    "evidence": "signals:evidence",
    "what if": "signals:what_if",
    "what if it peaked elsewhere": "signals:what_if?stage=PR&venue=mexc",
    "journal": "journal:timeline",
    "rotation": "journal:rotation",
    "outcome of a rotation": "journal:outcome",
    "cash of a rotation": "journal:cash",
    "plans": "journal:plans",
    "plan": "journal:plan",
    "ticket of a plan": "journal:new_rotation?plan={plan_id}",
    "undocumented": "journal:undocumented",
    "questions": "journal:questions",
    "reviews": "learning:review_queue",
    "review": "learning:review_rotation",
    "what one learns": "learning:learning",
    "what one learns after 90 days": "learning:learning?days=90",
    "fees": "learning:fees",
    "shadows": "learning:shadows",
    "calendar": "journal:calendar?month=2026-01",
    "take along": "journal:take_along",
    "journal on paper": "journal:report_of_period",
    "rotation on paper": "journal:report_of_rotation",
    "rotations found by words": "journal:timeline?words=less&tag=news",
    "rotations behind a figure": "journal:timeline?behind=known:yes",
    "ticket": "journal:new_rotation",
    "ticket of a recommendation": "journal:new_rotation?recommendation={recommendation_id}",
    "ticket of a rotation": "journal:new_rotation?rotation={rotation_id}",
    "ticket of scenario A": "journal:new_rotation?template=A",
    "ticket of scenario B": "journal:new_rotation?template=B",
    "pass": "journal:pass_recommendation",
    "settings": "accounts:settings",
    "alerts": "signals:alerts",
    "channel": "signals:alert_channel",
    "alert log": "signals:alert_log",
}


pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand still after the close that was scored; sessions begin then too."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def own_ids(alice: User) -> Ids:
    """The owner's portfolio, valued daily, with an open recommendation and a rotation."""
    ids = {**make_portfolio(alice), **make_rotation(alice), **make_channel(alice), **make_plan(alice)}
    send_test(channel=Channel.objects.get(), now=NOW)
    value_portfolio(portfolio=Portfolio.objects.get(pk=ids["portfolio_id"]), now=NOW)
    Peek.objects.create(rotation_id=ids["rotation_id"], horizon_days=90, peeked_at=NOW)
    return ids


def crowd(ids: Ids, count: int) -> None:
    """Give the owner this many more of everything that is listed."""
    book, rotation = Portfolio.objects.get(pk=ids["portfolio_id"]), Rotation.objects.get(pk=ids["rotation_id"])
    advice = Recommendation.objects.get(pk=ids["recommendation_id"])
    over, base = Recommendation.State.EXPIRED, 10_000 * Fill.objects.count()
    copies(Fill.objects.earliest("pk"), count, sequence=lambda n: base + n, external_id=lambda _: None)
    copies(Transfer.objects.earliest("pk"), count, sequence=lambda n: base + n, external_id=lambda _: None)
    copies(rotation, count, client_key=lambda _: uuid4(), executed_at=lambda n: NOW - timedelta(minutes=n + 10))
    plan = Plan.objects.get(pk=ids["plan_id"])
    copies(plan, count, client_key=lambda _: uuid4(), saved_at=lambda n: plan.saved_at - timedelta(minutes=n + 1))
    copies(
        advice,
        count,
        slot=lambda n: advice.slot - timedelta(minutes=base + n),
        issued_at=lambda n: advice.issued_at - timedelta(minutes=n + 1),
        state=lambda _: over,
    )
    written = set(Review.objects.values_list("rotation_id", flat=True))
    Review.objects.bulk_create(
        Review(rotation=row, horizon_days=30, status="ok", priced_at=NOW, total_alpha_usd=1, computed_at=NOW)
        for row in Rotation.objects.exclude(pk__in=written)
    )
    legs = RecommendationLeg.objects.count()
    copies(RecommendationLeg.objects.earliest("pk"), min(count, MOST_LEGS), position=lambda n: 100 + legs + n)
    told = Delivery.objects.count()
    copies(Delivery.objects.earliest("pk"), count, key=lambda n: f"{told}:{n}", public_id=lambda _: uuid4())
    copies(Subscription.objects.earliest("pk"), min(count, MOST_LEGS))
    hold(book, min(count, MOST_HELD), f"OWN{count}X")


def address(ids: Ids, name: str) -> str:
    """Return where the owner's page is."""
    route, _, query = PAGES[name].partition("?")
    known = {key: ids[key] for key in parameters(route)}
    return f"{reverse(route, kwargs=known)}?{query.format(**ids)}"


def counted(ask: Callable[[], HttpResponse]) -> int:
    """Return how many queries an answer takes."""
    with CaptureQueriesContext(connection) as captured:
        assert ask().status_code == 200
    return len(captured)


def preview_of(client: Client) -> HttpResponse:
    """Ask what one sale would do."""
    row = {"action": "SELL_SPOT", "instrument": spot("UNI").pk, "quantity": "1", "price": "25"}
    data = {"legs-TOTAL_FORMS": 1, "legs-INITIAL_FORMS": 0, **{f"legs-0-{key}": value for key, value in row.items()}}
    return client.post(reverse("journal:preview"), data)


class TestBudget:
    def test_everything_costs_the_same_at_ten_and_a_thousand_rows_and_at_most_twelve_queries(
        self, own_ids: Ids, client_of_alice: Client, alice: User
    ) -> None:
        caller, api = Caller(alice), f"/portfolios/{own_ids['portfolio_id']}/"
        asks = {name: partial(client_of_alice.get, address(own_ids, name)) for name in PAGES}
        asks |= {f"API {tail}": partial(caller.get, api + tail) for tail in ("", "holdings/", "positions/")}
        asks["preview"] = partial(preview_of, client_of_alice)

        crowd(own_ids, FEW)
        for ask in asks.values():
            ask()  # A first answer reads what is read once a process.
        few = {name: counted(ask) for name, ask in asks.items()}
        crowd(own_ids, MANY - FEW)
        many = {name: counted(ask) for name, ask in asks.items()}

        assert many == few
        assert {name: count for name, count in few.items() if count > BUDGET} == {}
