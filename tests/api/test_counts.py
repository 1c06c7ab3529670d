"""A page of 1,000 rows asks as much of the database as one of 10."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiToken, User
from journal.models import Leg, Pass, Review, Rotation
from portfolio.models import Account, Asset, Fill, Holding, Instrument, Market, Portfolio, Position, Sector
from signals.models import Recommendation, RecommendationLeg
from tests.api.scene import Caller
from tests.test_ownership import Ids, make_portfolio, make_rotation

pytestmark = [pytest.mark.django_db, pytest.mark.once]
FEW, MANY = 10, 1000


@pytest.fixture
def own_ids(alice: User) -> Ids:
    """The owner's objects, one of each kind."""
    return {**make_portfolio(alice), **make_rotation(alice)}


def copies(row: models.Model, count: int, **changes: Callable[[int], Any]) -> None:
    """Insert copies of a row that differ where they must."""
    rows = []
    for number in range(count):
        twin = copy(row)
        twin.pk, twin._state = None, models.base.ModelState()
        for name, value in changes.items():
            setattr(twin, name, value(number))
        rows.append(twin)
    type(row)._default_manager.bulk_create(rows)


def grow(count: int) -> None:
    """Give the owner this many more of everything that is listed."""
    base = Fill.objects.count()
    fill, rotation, answer = Fill.objects.get(), Rotation.objects.get(), Recommendation.objects.earliest("pk")
    copies(fill, count, sequence=lambda n: 10_000 * base + n, external_id=lambda _: None)
    copies(rotation, count, client_key=lambda _: uuid.uuid4())
    over = Recommendation.State.EXPIRED
    copies(answer, count, slot=lambda n: answer.slot - timedelta(minutes=n + 1), state=lambda _: over)
    for row in Recommendation.objects.filter(decided_pass__isnull=True):
        Pass.objects.create(recommendation=row, portfolio=row.portfolio, reason="x", passed_at=row.issued_at)
    copies(Portfolio.objects.get(), count, name=lambda n: f"No. {n}")
    copies(Market.objects.get(), count, slug=lambda n: f"market-{n}")
    copies(Sector.objects.earliest("pk"), count, slug=lambda n: f"sector-{n}")


def hold(where: Portfolio, count: int, head: str) -> None:
    """Let the portfolio hold this many more assets and positions."""
    account, venue = Account.objects.filter(portfolio=where).earliest("pk"), where.venue
    assets = Asset.objects.bulk_create(Asset(symbol=f"{head}{n}", name=head) for n in range(count))
    perps = Instrument.objects.bulk_create(
        Instrument(venue=venue, asset=asset, kind="perp", lot_step=1, maintenance_rate="0.01") for asset in assets
    )
    common = {"portfolio": where, "account": account}
    Holding.objects.bulk_create(Holding(**common, asset=asset, quantity=1, cost_usd=1) for asset in assets)
    amounts = {"quantity": 1, "entry_price": 1, "entry_cost": 1, "margin": 1, "realized_pnl_usd": 0, "fees_usd": 0}
    Position.objects.bulk_create(
        Position(**common, instrument=perp, quote_asset=where.reserve_asset, **amounts) for perp in perps
    )


def cost(caller: Caller, path: str) -> tuple[int, int]:
    """Return how many queries an answer took, and how many rows it gave."""
    caller.get(path)
    # A token notes its use once a minute; the minute must not end between two measurements.
    ApiToken.objects.update(last_used_at=timezone.now())
    with CaptureQueriesContext(connection) as captured:
        response = caller.get(path)
    assert response.status_code == 200, response.content
    body = response.json()
    return len(captured), len(body["results"] if isinstance(body, dict) and "results" in body else body)


LISTED = ["portfolios", "rotations", "recommendations", "passes", "markets", "sectors", "fills"]


class TestLists:
    @pytest.mark.parametrize("name", LISTED)
    def test_a_full_page_costs_no_more_queries(self, name: str, caller: Caller, own_ids: Ids) -> None:
        which = f"&portfolio={own_ids['portfolio_id']}" if name == "fills" else ""
        path = f"/{name}/?page_size=500{which}"
        queries, _ = cost(caller, path)
        if name == "portfolios":
            copies(Portfolio.objects.get(), MANY, name=lambda n: f"No. {n}")
        else:
            grow(MANY)
        assert cost(caller, path) == (queries, 500)
        assert queries <= 4


class TestPortfolio:
    @pytest.mark.parametrize("tail", ["", "holdings/", "positions/"])
    def test_what_is_held_costs_no_more_queries(self, tail: str, caller: Caller, own_ids: Ids) -> None:
        where = Portfolio.objects.get(pk=own_ids["portfolio_id"])
        path = f"/portfolios/{where.pk}/{tail}"
        hold(where, FEW, "FEW")
        few, _ = cost(caller, path)
        hold(where, MANY, "MANY")
        many, _ = cost(caller, path)
        assert many == few
        assert few <= 12


class TestDetails:
    def test_a_rotation_of_many_legs_costs_no_more_queries(self, caller: Caller, own_ids: Ids) -> None:
        path = f"/rotations/{own_ids['rotation_id']}/"
        few, _ = cost(caller, path)
        rotation = Rotation.objects.get(pk=own_ids["rotation_id"])
        copies(rotation.legs.earliest("pk"), MANY, position=lambda n: n + 2)
        now = rotation.executed_at
        Review.objects.bulk_create(
            Review(rotation=rotation, horizon_days=n, status="pending", computed_at=now) for n in range(200, 400)
        )
        many, _ = cost(caller, path)
        assert Leg.objects.filter(rotation=rotation).count() == MANY + 1
        assert many <= few + 1

    def test_a_recommendation_of_many_legs_costs_no_more_queries(self, caller: Caller, own_ids: Ids) -> None:
        path = f"/recommendations/{own_ids['recommendation_id']}/"
        few, _ = cost(caller, path)
        copies(RecommendationLeg.objects.earliest("pk"), MANY, position=lambda n: n + 100)
        assert cost(caller, path)[0] == few

    def test_nothing_new_is_cheaper_than_something(self, caller: Caller, own_ids: Ids) -> None:
        Recommendation.objects.update(
            state=Recommendation.State.ISSUED, closed_at=None, expires_at=models.F("expires_at") + timedelta(days=9999)
        )
        path = f"/recommendations/current/?portfolio={own_ids['portfolio_id']}"
        tag = caller.get(path).headers["ETag"]
        with CaptureQueriesContext(connection) as full:
            assert caller.get(path).status_code == 200
        with CaptureQueriesContext(connection) as nothing:
            assert caller.get(path, **{"If-None-Match": tag}).status_code == 304
        assert len(nothing) < len(full)
        assert len(nothing) <= 6
