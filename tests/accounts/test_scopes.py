"""Tokens carry scopes: chosen in Settings, shown there, and old tokens may do what they could before."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.test import Client

from accounts.models import ApiToken, reading_scopes

pytestmark = pytest.mark.django_db
MIGRATION = import_module("accounts.migrations.0002_token_scopes")


class TestSettings:
    def test_the_scopes_chosen_are_those_of_the_token_and_stand_on_the_page(self, client_of_alice: Client) -> None:
        scopes = ["read:portfolio", "write:rotations"]
        client_of_alice.post("/settings/tokens/", {"name": "Sheet", "scopes": scopes, "days": "90"})
        assert ApiToken.objects.get().scopes == scopes
        text = client_of_alice.get("/settings/").content.decode()
        assert "<code>write:rotations</code>" in text

    @pytest.mark.parametrize("scopes", [[], ["read:everything"]])
    def test_none_or_an_unknown_one_is_refused(self, client_of_alice: Client, scopes: list[str]) -> None:
        sent = {"name": "Sheet", "scopes": scopes, "days": "90"}
        assert client_of_alice.post("/settings/tokens/", sent).status_code == 422
        assert not ApiToken.objects.exists()


class TestOldTokens:
    def test_a_migrated_token_may_what_it_could_and_nothing_that_came_later(self) -> None:
        every = {scope.value for scope in ApiToken.Scope}
        assert set(MIGRATION.READING) < set(reading_scopes()) < every
        assert every - {*MIGRATION.READING, *MIGRATION.WRITING} == {"read:alerts"}
