"""Every page: a strict policy, no other host, no inline script or style, nothing private in a shared cache."""

from __future__ import annotations

import re

import pytest
from django.test import Client

PUBLIC = ["/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nowhere/"]
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", re.IGNORECASE)
FOREIGN = re.compile(r"""(?:src|href|action|hx-[a-z]+)=["'](?:https?:)?//(?!testserver)""", re.IGNORECASE)

pytestmark = pytest.mark.django_db


class TestEveryPage:
    @pytest.mark.parametrize("path", PUBLIC)
    def test_public_pages_are_strict(self, client: Client, path: str) -> None:
        response = client.get(path)
        text = response.content.decode()
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not INLINE.search(text)
        assert not FOREIGN.search(text)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"

    def test_private_pages_are_not_stored(self, client_of_alice: Client) -> None:
        response = client_of_alice.get("/")
        assert response.headers["Cache-Control"] == "no-store"
        assert "HX-Request" in response.headers["Vary"]

    def test_a_stranger_on_the_welcome_page_gets_200(self, client: Client) -> None:
        assert client.get("/").status_code == 200


class TestHealth:
    def test_live_needs_no_account(self, client: Client) -> None:
        assert client.get("/health/live").json() == {"live": True}

    def test_ready_names_what_is_not(self, client: Client) -> None:
        response = client.get("/health/ready")
        assert response.status_code == 503
        assert response.json() == {"database": True, "migrations": True, "broker": True, "beat": False}
