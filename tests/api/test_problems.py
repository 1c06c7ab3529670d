"""Every refusal is a problem (RFC 9457): the same shape and media type for every status, naming the field."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from rest_framework.throttling import UserRateThrottle

from accounts.models import User
from journal.api import viewsets as journal_views
from journal.services.rotations import log_rotation
from portfolio.api.viewsets import PortfolioViewSet
from portfolio.models import Portfolio
from tests.api.scene import Caller, faults, rotation_body
from tests.journal.scene import moment, scenario_a

pytestmark = pytest.mark.django_db
MEMBERS = {"type", "title", "status", "detail", "instance", "errors"}


def problem(response: HttpResponse, status: int, kind: str) -> dict[str, Any]:
    """Hold an answer to the shape of a problem."""
    found: dict[str, Any] = response.json()
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert set(found) == MEMBERS
    assert (found["status"], found["type"]) == (status, f"urn:rotabook:problem:{kind}")
    assert found["instance"].startswith("/api/v1/")
    assert found["detail"]
    assert found["errors"]
    assert all(set(entry) == {"attr", "code", "detail"} for entry in found["errors"])
    return found


class OneAMinute(UserRateThrottle):
    """Let one request through."""

    rate = "1/min"


class TestShape:
    def test_400_names_every_field_at_once(self, caller: Caller, portfolio: Portfolio) -> None:
        body = rotation_body(portfolio, thesis="", conviction=2)
        body["legs"][1]["quantity"], body["legs"][2]["price"] = "NaN", "0"
        response = caller.post("/rotations/", body)
        found = problem(response, 400, "invalid-input")
        assert faults(response) == {"thesis", "conviction", "legs.1.quantity", "legs.2.price"}
        assert found["detail"].startswith(f"{found['errors'][0]['attr']}: ")

    def test_400_for_a_body_that_cannot_be_read(self, caller: Caller) -> None:
        assert problem(caller.post("/rotations/", "{"), 400, "parse-error")["errors"][0]["attr"] is None

    def test_400_for_a_list_in_place_of_an_object(self, caller: Caller) -> None:
        assert problem(caller.post("/rotations/", "[]"), 400, "invalid-input")["errors"][0]["attr"] is None

    def test_401(self) -> None:
        response = Client().get("/api/v1/portfolios/")
        problem(response, 401, "not-authenticated")
        assert response.headers["WWW-Authenticate"] == "Bearer"

    def test_403(self, alice: User, portfolio: Portfolio) -> None:
        problem(Caller(alice, scope="read").post("/rotations/", {}), 403, "missing-scope")

    @pytest.mark.parametrize("path", ["/portfolios/999/", "/nowhere/", "/portfolios/1/nowhere/", "/%00/"])
    def test_404(self, caller: Caller, path: str) -> None:
        problem(caller.get(path), 404, "not-found")

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
    def test_404_for_every_method(self, caller: Caller, method: str) -> None:
        problem(getattr(caller.client, method)("/api/v1/nowhere/"), 404, "not-found")

    def test_405(self, caller: Caller) -> None:
        response = caller.post("/portfolios/", {})
        problem(response, 405, "method-not-allowed")
        assert "GET" in response.headers["Allow"]

    def test_406(self, caller: Caller) -> None:
        problem(caller.get("/portfolios/", Accept="text/html"), 406, "not-acceptable")

    def test_409(self, caller: Caller, portfolio: Portfolio) -> None:
        path = (
            f"/rotations/{log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation.pk}/reverse/"
        )
        assert caller.post(path, {"reason": "x"}).status_code == 200
        problem(caller.post(path, {"reason": "x"}), 409, "conflict")

    def test_412(self, caller: Caller, portfolio: Portfolio) -> None:
        path = f"/rotations/{log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation.pk}/"
        tag = caller.get(path).headers["ETag"]
        problem(caller.post(f"{path}reverse/", {"reason": "x"}, **{"If-Match": '"0"'}), 412, "precondition-failed")
        assert caller.post(f"{path}reverse/", {"reason": "x"}, **{"If-Match": f"W/{tag}"}).status_code == 200

    def test_413(self, caller: Caller) -> None:
        problem(caller.post("/rotations/", b" " * 300_000), 413, "body-too-large")

    def test_415(self, caller: Caller) -> None:
        headers = {"Authorization": f"Bearer {caller.token}"}
        response = caller.client.post("/api/v1/rotations/", data={"thesis": "x"}, headers=headers)
        problem(response, 415, "unsupported-media-type")

    def test_422(self, caller: Caller, portfolio: Portfolio) -> None:
        key = {"Idempotency-Key": "one"}
        assert caller.post("/rotations/", rotation_body(portfolio), **key).status_code == 201
        problem(
            caller.post("/rotations/", rotation_body(portfolio, thesis="Other"), **key), 422, "idempotency-key-reused"
        )

    def test_429(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(PortfolioViewSet, "throttle_classes", [OneAMinute])
        caller.get("/portfolios/")
        response = caller.get("/portfolios/")
        problem(response, 429, "throttled")
        assert 0 < int(response.headers["Retry-After"]) <= 60

    def test_500_says_nothing_of_why(
        self, caller: Caller, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**_: Any) -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr(journal_views, "log_rotation", fail)
        response = caller.post("/rotations/", rotation_body(portfolio))
        problem(response, 500, "error")
        assert b"secret" not in response.content

    def test_503_when_the_database_is_busy(
        self, caller: Caller, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**_: Any) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(journal_views, "log_rotation", fail)
        response = caller.post("/rotations/", rotation_body(portfolio), **{"Idempotency-Key": "one"})
        problem(response, 503, "unavailable")
        assert int(response.headers["Retry-After"]) > 0


class TestSlash:
    def test_a_forgotten_slash_is_sent_on_with_method_and_query(self, caller: Caller) -> None:
        response = caller.get("/rotations?state=logged")
        assert (response.status_code, response.headers["Location"]) == (308, "/api/v1/rotations/?state=logged")
        assert caller.post("/rotations", {}).status_code == 308

    @pytest.mark.parametrize("path", ["//evil.example", "/%5Cevil.example", "/nowhere"])
    def test_nothing_else_is_sent_anywhere(self, caller: Caller, path: str) -> None:
        assert caller.get(path).status_code == 404


class TestRefusalsByLeg:
    @pytest.mark.parametrize(
        ("leg", "change", "field"),
        [
            (0, {"quantity": "201"}, "legs.0.quantity"),
            (1, {"quantity": "99999"}, "legs.1.quantity"),
            (2, {"quantity": "99999"}, "legs.2.quantity"),
            (0, {"fee_amount": "2501"}, "legs.0.fee_amount"),
            (0, {"action": "OPEN_LONG"}, "legs.0.action"),
            (2, {"leverage": "0.5"}, "legs.2.leverage"),
            (2, {"stop_price": "3"}, "legs.2.stop_price"),
        ],
    )
    def test_a_refusal_of_the_ledger_names_the_leg(
        self, caller: Caller, portfolio: Portfolio, leg: int, change: dict[str, str], field: str
    ) -> None:
        body = rotation_body(portfolio)
        body["legs"][leg] |= change
        assert faults(caller.post("/rotations/", body)) == {field}

    def test_a_moment_that_cannot_be_names_itself(self, caller: Caller, portfolio: Portfolio) -> None:
        for when in ("2199-01-01T00:00:00Z", "2008-01-01T00:00:00Z", "2026-11-20T12:00:00", "2026-11-20"):
            assert faults(caller.post("/rotations/", rotation_body(portfolio, executed_at=when))) == {"executed_at"}

    def test_a_reversal_that_later_sales_forbid_is_a_conflict(self, caller: Caller, portfolio: Portfolio) -> None:
        bought = [{"action": "BUY_SPOT", "instrument": "AAVE", "quantity": "1", "price": "100"}]
        sold = [{"action": "SELL_SPOT", "instrument": "AAVE", "quantity": "1", "price": "101"}]
        first = caller.post("/rotations/", rotation_body(portfolio, legs=bought)).json()["id"]
        assert caller.post("/rotations/", rotation_body(portfolio, legs=sold)).status_code == 201
        response = caller.post(f"/rotations/{first}/reverse/", {"reason": "x"})
        assert "AAVE" in problem(response, 409, "conflict")["detail"]
