"""Sign up, in and out; settings and tokens, each person their own."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.models import ApiToken, User

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough secret 7"


class TestAccount:
    def test_sign_up_and_land_in_the_empty_state(self, client: Client) -> None:
        fields = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD}
        response = client.post("/accounts/signup/", fields, follow=True)
        assert response.status_code == 200
        assert response.request["PATH_INFO"] == "/"
        assert User.objects.filter(email="new@example.org").exists()

    def test_a_short_password_is_refused(self, client: Client) -> None:
        fields = {"email": "new@example.org", "password1": "short", "password2": "short"}
        response = client.post("/accounts/signup/", fields)
        assert "12 characters" in response.content.decode()
        assert not User.objects.exists()

    def test_a_forgotten_password_is_set_anew_by_mail(self, client: Client, alice: User) -> None:
        client.post("/accounts/password/reset/", {"email": alice.email})
        link = re.search(r"http://testserver(/\S+)", mail.outbox[0].body)
        assert link
        page = client.get(link[1], follow=True)
        response = client.post(page.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD}, follow=True)
        assert response.status_code == 200
        assert client.login(email=alice.email, password=PASSWORD)

    def test_known_and_unknown_addresses_look_alike(self, client: Client, alice: User) -> None:
        known = client.post("/accounts/password/reset/", {"email": alice.email}, follow=True)
        unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.org"}, follow=True)
        assert known.status_code == unknown.status_code == 200
        assert known.request["PATH_INFO"] == unknown.request["PATH_INFO"]

    @pytest.mark.parametrize(
        "path", ["login", "signup", "password/reset", "logout", "password/change", "email", "reauthenticate"]
    )
    def test_every_page_is_in_our_dress(self, client_of_alice: Client, client: Client, path: str) -> None:
        who = client if path in {"login", "signup", "password/reset"} else client_of_alice
        text = who.get(f"/accounts/{path}/", follow=True).content.decode()
        assert "css/app.css" in text
        assert "<h1>" in text

    @pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example/"])
    def test_next_never_leads_away(self, client: Client, alice: User, target: str) -> None:
        fields = {"login": alice.email, "password": "correct horse battery", "next": target}
        response = client.post("/accounts/login/", fields)
        assert "evil" not in response.headers.get("Location", "")


class TestSettings:
    def test_preferences_are_kept_and_the_theme_rendered(self, client_of_alice: Client, alice: User) -> None:
        fields = {"time_zone": "Europe/Berlin", "theme": "dark", "experience": "advanced", "has_overlay": "on"}
        response = client_of_alice.post("/settings/", fields, follow=True)
        alice.refresh_from_db()
        assert (alice.time_zone, alice.theme, alice.has_overlay) == ("Europe/Berlin", "dark", True)
        assert 'data-theme="dark"' in response.content.decode()

    def test_a_zone_nobody_knows_is_refused(self, client_of_alice: Client, alice: User) -> None:
        fields = {"time_zone": "Mars/Olympus", "theme": "dark", "experience": "advanced"}
        assert client_of_alice.post("/settings/", fields).status_code == 422
        alice.refresh_from_db()
        assert alice.time_zone == "UTC"

    def test_a_token_is_shown_once_with_its_line(self, client_of_alice: Client, client: Client) -> None:
        response = client_of_alice.post(
            "/settings/tokens/", {"name": "Sheet", "scopes": ["read:portfolio"], "days": "90"}
        )
        text = response.content.decode()
        token = re.search(r"rota_[0-9a-f]+", text)
        assert token
        assert f"Authorization: Bearer {token[0]}" in text.replace("&quot;", '"')
        assert token[0] not in client_of_alice.get("/settings/").content.decode()
        answer = client.get("/api/v1/portfolios/", headers={"Authorization": f"Bearer {token[0]}"})
        assert answer.status_code == 200

    def test_a_stranger_cannot_revoke_mine(self, client_of_alice: Client, client_of_bob: Client) -> None:
        client_of_alice.post("/settings/tokens/", {"name": "Sheet", "scopes": ["read:portfolio"], "days": "90"})
        token = ApiToken.objects.get()
        path = f"/settings/tokens/{token.public_id}/revoke/"
        assert client_of_bob.post(path).status_code == 404
        assert ApiToken.objects.exists()
        assert client_of_alice.post(path).status_code == 302
        assert not ApiToken.objects.exists()
