"""Signals and recommendations over the API, from a market that a worker computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from portfolio.models import Asset, Market, Portfolio, Venue
from portfolio.services.catalogue import ensure_market
from portfolio.services.portfolios import Opening, open_portfolio
from signals.models import Recommendation
from signals.services.refresh import refresh
from tests.api.scene import Caller
from tests.test_architecture import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def owned(kept: Callable[[], AbstractContextManager[None]]) -> Iterator[Portfolio]:
    """The owner's portfolio, made once for all tests here."""
    with kept():
        yield live(User.objects.create_user("alice@example.org", "correct horse battery"))


@pytest.fixture
def lived(owned: Portfolio, db: None) -> Portfolio:
    """A portfolio off its targets in the simulated market, answered by the engine."""
    return Portfolio.objects.get(pk=owned.pk)


@pytest.fixture
def alice(owned: Portfolio, db: None) -> User:
    """Its owner."""
    return User.objects.get(pk=owned.owner_id)


def live(alice: User) -> Portfolio:
    """Open a portfolio off its targets in the simulated market, and let the engine answer it."""
    now = timezone.now()
    market: Market = ensure_market("simulated")
    refresh(market=market, now=now)
    holdings = [
        Opening(asset=Asset.objects.get(symbol=symbol), quantity=Decimal(quantity), cost_usd=None)
        for symbol, quantity in (("BTC", 1), ("USDC", 20000), ("UNI", 3000), ("FET", 30000))
    ]
    portfolio = open_portfolio(
        owner=alice,
        market=market,
        venue=Venue.objects.get(slug="binance"),
        reserve_asset=Asset.objects.get(symbol="USDC"),
        name="Lived",
        now=now - timedelta(hours=1),
        holdings=holdings,
    )
    refresh(market=market, now=now)
    return portfolio


class TestSignals:
    def test_contributions_add_up_to_the_score(self, caller: Caller, lived: Portfolio) -> None:
        found = caller.get("/signals/simulated/").json()
        assert found["is_simulated"] is True
        for score in found["scores"]:
            points = sum(part["points"] for part in score["contributions"])
            assert score["value"] == pytest.approx(50 + points)

    def test_a_past_day(self, caller: Caller, lived: Portfolio) -> None:
        newest = caller.get("/signals/simulated/").json()["stage"]["date"]
        found = caller.get(f"/signals/simulated/?as_of={newest}").json()
        assert found["stage"]["date"] == newest
        assert caller.get("/signals/simulated/?as_of=2001-01-01").status_code == 404

    def test_an_unknown_market_is_404(self, caller: Caller) -> None:
        assert caller.get("/signals/nowhere/").status_code == 404


class TestRecommendations:
    def test_current_is_what_the_detail_says(self, caller: Caller, lived: Portfolio) -> None:
        found = caller.get(f"/recommendations/current/?portfolio={lived.pk}")
        assert found.status_code == 200
        body = found.json()
        assert body == caller.get(f"/recommendations/{body['id']}/").json()
        assert body["is_refusal"] == (body["refusal"] != "")
        assert body["is_simulated"] is True
        assert "you decide" in body["disclaimer"]
        assert isinstance(body["moved_usd"], str)

    def test_new_ones_are_found_by_conditional_get(self, caller: Caller, lived: Portfolio) -> None:
        first = caller.get(f"/recommendations/current/?portfolio={lived.pk}")
        tag = first.headers["ETag"]
        second = caller.get(f"/recommendations/current/?portfolio={lived.pk}", **{"If-None-Match": tag})
        assert (second.status_code, second.content) == (304, b"")
        assert int(second.headers["Retry-After"]) > 0
        Recommendation.objects.update(closed_at=timezone.now())
        third = caller.get(f"/recommendations/current/?portfolio={lived.pk}", **{"If-None-Match": tag})
        assert third.status_code != 304

    def test_another_persons_is_404(self, stranger: Caller, lived: Portfolio) -> None:
        pk = Recommendation.objects.values_list("pk", flat=True)[0]
        assert stranger.get(f"/recommendations/{pk}/").status_code == 404
        assert stranger.get(f"/recommendations/current/?portfolio={lived.pk}").status_code == 404

    def test_a_pass_is_kept_with_its_reason(self, caller: Caller, stranger: Caller, lived: Portfolio) -> None:
        body = caller.get(f"/recommendations/current/?portfolio={lived.pk}").json()
        if body["is_refusal"]:
            assert caller.post("/passes/", {"recommendation": body["id"], "reason": "No."}).status_code == 409
            return
        assert stranger.post("/passes/", {"recommendation": body["id"], "reason": "No."}).status_code == 400
        passed = caller.post("/passes/", {"recommendation": body["id"], "reason": "I cannot watch it."})
        assert passed.status_code == 201
        assert caller.get(f"/recommendations/{body['id']}/").json()["state"] == "passed"

    def test_queries_stay_few(self, caller: Caller, lived: Portfolio, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(5):
            caller.get("/recommendations/")


class TestSchema:
    def test_the_committed_document_is_current(self, tmp_path: Any) -> None:
        path = tmp_path / "openapi.yaml"
        call_command("spectacular", validate=True, fail_on_warn=True, file=str(path))
        assert yaml.safe_load(path.read_text()) == yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())

    def test_its_page_needs_no_account(self, client: Any) -> None:
        assert client.get("/api/v1/docs/").status_code == 200
        assert client.get("/api/v1/schema/").status_code == 200
