"""Log, repeat, reverse and read rotations over the API."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from jobs.models import IdempotencyKey
from journal.models import Rotation
from journal.services.reviews import measure_reviews
from portfolio.models import Fill, Portfolio
from portfolio.queries.holdings import snapshot
from tests.api.scene import Caller, faults, rotation_body
from tests.journal.scene import moment
from tests.portfolio.factories import NOW


@pytest.mark.django_db
class TestCreate:
    def test_a_rotation_is_logged_whole(self, caller: Caller, portfolio: Portfolio) -> None:
        response = caller.post("/rotations/", rotation_body(portfolio))
        assert response.status_code == 201, response.content
        found = response.json()
        assert (found["moved_usd"], found["fees_usd"], found["spot_pnl_usd"]) == ("2500", "8.99", "496.25")
        assert [leg["fills"][0]["quantity"] for leg in found["legs"]] == ["100", "1246.2", "1500"]
        again = caller.get(f"/rotations/{found['id']}/").json()
        assert again == found
        measure_reviews(now=moment(11))
        reviews = caller.get(f"/rotations/{found['id']}/").json()["reviews"]
        assert [review["horizon_days"] for review in reviews] == [0, 1, 7, 30, 90]

    def test_amounts_are_strings_both_ways(self, caller: Caller, portfolio: Portfolio) -> None:
        body = rotation_body(portfolio)
        body["legs"][0]["quantity"] = 100
        response = caller.post("/rotations/", body)
        assert response.status_code == 400
        assert faults(response) == {"legs.0.quantity"}
        assert "string" in response.json()["detail"]

    def test_an_unknown_field_is_named(self, caller: Caller, portfolio: Portfolio) -> None:
        assert faults(caller.post("/rotations/", rotation_body(portfolio, fees_usd="0"))) == {"fees_usd"}

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"thesis": "  "}, "thesis"),
            ({"conviction": 1}, "conviction"),
            ({"conviction": True}, "conviction"),
            ({"legs": []}, "legs"),
            ({"recommendation": 999_999}, "recommendation"),
            ({"executed_at": "2199-01-01T00:00:00Z"}, "executed_at"),
            ({"portfolio": "1 OR 1=1"}, "portfolio"),
        ],
    )
    def test_a_refusal_names_its_field_and_leaves_nothing(
        self, caller: Caller, portfolio: Portfolio, change: dict[str, Any], field: str
    ) -> None:
        response = caller.post("/rotations/", rotation_body(portfolio, **change), **{"Idempotency-Key": "k"})
        assert response.status_code == 400
        assert any(str(fault).startswith(field) for fault in faults(response))
        assert not Fill.objects.exists()
        assert not IdempotencyKey.objects.exists()

    @pytest.mark.parametrize(
        ("leg", "change", "field"),
        [
            (0, {"quantity": "201"}, "legs.0.quantity"),
            (0, {"instrument": "NOPE"}, "legs.0.instrument"),
            (0, {"price": "0"}, "legs.0.price"),
            (0, {"price": "-1"}, "legs.0.price"),
            (0, {"quantity": "1e1000000"}, "legs.0.quantity"),
            (0, {"quantity": "NaN"}, "legs.0.quantity"),
            (2, {"stop_price": None}, "legs.2.stop_price"),
            (2, {"leverage": None}, "legs.2.leverage"),
            (2, {"leverage": "1000"}, "legs.2.leverage"),
            (1, {"fee_asset": "XYZ"}, "legs.1.fee_asset"),
        ],
    )
    def test_a_leg_that_cannot_be(
        self, caller: Caller, portfolio: Portfolio, leg: int, change: dict[str, Any], field: str
    ) -> None:
        body = rotation_body(portfolio)
        body["legs"][leg] |= change
        response = caller.post("/rotations/", body)
        assert response.status_code == 400
        assert field in faults(response)
        assert not Rotation.objects.exists()

    def test_core_needs_a_written_reason(self, caller: Caller, portfolio: Portfolio) -> None:
        body = rotation_body(portfolio)
        body["legs"] = [{"action": "SELL_SPOT", "instrument": "BTC", "quantity": "0.1", "price": "50000"}]
        assert faults(caller.post("/rotations/", body)) == {"core_override_reason"}
        assert caller.post("/rotations/", {**body, "core_override_reason": "Taxes."}).status_code == 201


@pytest.mark.django_db
class TestReading:
    def test_the_api_says_what_the_queries_say(self, caller: Caller, portfolio: Portfolio) -> None:
        found = snapshot(portfolio=portfolio, now=NOW)
        shown = caller.get(f"/portfolios/{portfolio.pk}/").json()
        held = caller.get(f"/portfolios/{portfolio.pk}/holdings/").json()
        assert {row["asset"]: D(row["quantity"]) for row in held} == {
            line.asset.symbol: line.quantity for line in found.holdings
        }
        assert D(shown["equity"]["value"]) == found.sleeves.equity.value
        assert {row["name"]: D(row["actual"]) for row in shown["sleeves"]} == {
            name: drift.actual for name, drift in found.sleeve_drifts.items()
        }

    def test_pages_do_not_cost_more_with_more_rows(
        self, caller: Caller, portfolio: Portfolio, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(12):
            body = rotation_body(portfolio)
            body["legs"] = [{"action": "SELL_SPOT", "instrument": "UNI", "quantity": "1", "price": str(20 + number)}]
            assert caller.post("/rotations/", body).status_code == 201
        with django_assert_max_num_queries(4):
            assert len(caller.get("/rotations/?page_size=5").json()["results"]) == 5
        with django_assert_max_num_queries(4):
            assert len(caller.get("/rotations/").json()["results"]) == 12

    def test_pages_neither_repeat_nor_skip(self, caller: Caller, portfolio: Portfolio) -> None:
        for _ in range(7):
            body = rotation_body(portfolio)
            body["legs"] = [{"action": "SELL_SPOT", "instrument": "UNI", "quantity": "1", "price": "20"}]
            caller.post("/rotations/", body)
        seen, path = [], "/rotations/?page_size=3"
        while path:
            page = caller.get(path).json()
            seen += [row["id"] for row in page["results"]]
            path = (page["next"] or "").partition("/api/v1")[2]
        assert seen == sorted(seen, reverse=True)
        assert len(set(seen)) == 7
