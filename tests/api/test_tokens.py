"""Who may do what: no token, a wrong one, an expired one, a revoked one, one that may only read, somebody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from journal.services.rotations import log_rotation
from portfolio.models import Portfolio
from tests.api.scene import Caller, rotation_body
from tests.journal.scene import moment, scenario_a

pytestmark = pytest.mark.django_db
LISTS = ["/portfolios/", "/recommendations/", "/rotations/", "/passes/", "/markets/", "/sectors/"]


class TestTokens:
    @pytest.mark.parametrize("path", LISTS)
    def test_without_a_token_it_is_401(self, path: str) -> None:
        response = Client().get(f"/api/v1{path}")
        assert response.status_code == 401
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "word", ["Bearer", "Bearer rota_wrong", "Bearer a b", "Token rota_x", "Bearer \u00ff", "Basic eA=="]
    )
    def test_a_malformed_or_unknown_token_is_401(self, word: str, alice: User) -> None:
        response = Client().get("/api/v1/portfolios/", headers={"Authorization": word.encode().decode("latin-1")})
        assert response.status_code == 401

    def test_an_expired_token_is_401(self, alice: User) -> None:
        caller = Caller(alice)
        ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
        assert caller.get("/portfolios/").status_code == 401

    def test_a_revoked_token_is_401(self, caller: Caller) -> None:
        caller.row.delete()
        assert caller.get("/portfolios/").status_code == 401

    def test_a_disabled_person_is_401(self, caller: Caller, alice: User) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert caller.get("/portfolios/").status_code == 401

    def test_a_session_does_not_open_the_api(self, client_of_alice: Client) -> None:
        assert client_of_alice.get("/api/v1/portfolios/").status_code == 401

    def test_a_read_token_reads_and_does_not_write(self, alice: User, portfolio: Portfolio) -> None:
        reader = Caller(alice, scope="read")
        assert reader.get("/portfolios/").status_code == 200
        assert reader.post("/rotations/", rotation_body(portfolio)).status_code == 403

    def test_it_is_stored_as_a_digest_and_its_use_is_noted(self, caller: Caller) -> None:
        caller.get("/portfolios/")
        row = ApiToken.objects.get()
        assert caller.token not in {row.digest, row.token_key}
        assert row.last_used_at is not None


class TestOwnership:
    def test_a_stranger_gets_404_where_the_owner_gets_200(
        self, caller: Caller, stranger: Caller, portfolio: Portfolio
    ) -> None:
        rotation = log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation
        paths = [f"/portfolios/{portfolio.pk}/{tail}" for tail in ("", "holdings/", "positions/")]
        paths += [
            f"/rotations/{rotation.pk}/",
            f"/fills/?portfolio={portfolio.pk}",
            f"/instruments/?portfolio={portfolio.pk}",
        ]
        for path in paths:
            assert caller.get(path).status_code == 200, path
            assert stranger.get(path).status_code == 404, path

    def test_a_strangers_lists_are_empty(self, stranger: Caller, portfolio: Portfolio) -> None:
        log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11))
        for path in LISTS[:4]:
            assert stranger.get(path).json()["results"] == [], path

    def test_a_foreign_portfolio_in_a_body_is_refused_and_reveals_nothing(
        self, stranger: Caller, portfolio: Portfolio
    ) -> None:
        foreign = stranger.post("/rotations/", rotation_body(portfolio)).json()
        unknown = stranger.post("/rotations/", rotation_body(portfolio, portfolio=10**6)).json()
        assert foreign["status"] == 400
        assert foreign == unknown

    def test_a_stranger_cannot_reverse(self, stranger: Caller, portfolio: Portfolio) -> None:
        rotation = log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation
        assert stranger.post(f"/rotations/{rotation.pk}/reverse/", {"reason": "x"}).status_code == 404
        rotation.refresh_from_db()
        assert rotation.state == "logged"
