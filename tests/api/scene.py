"""Speak to the API as a person with a token."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.models import ApiToken, User, reading_scopes
from portfolio.models import Portfolio
from tests.portfolio.factories import at

BODY = {
    "thesis": "AI leads, and its turnover confirms it.",
    "executed_at": at(10).isoformat().replace("+00:00", "Z"),
    "conviction": 0.6,
    "legs": [
        {"action": "SELL_SPOT", "instrument": "UNI", "quantity": "100", "price": "25", "fee_amount": "3.75"},
        {"action": "BUY_SPOT", "instrument": "FET", "quantity": "1246.2", "price": "2", "fee_amount": "3.74"},
        {
            "action": "OPEN_LONG",
            "instrument": "FET-PERP",
            "quantity": "1500",
            "price": "2",
            "fee_amount": "1.5",
            "leverage": "3",
            "stop_price": "1.7",
            "purpose": "AMPLIFY",
        },
    ],
}


class Caller:
    """A client that sends one token."""

    def __init__(self, owner: User, scope: str = "write", **terms: Any) -> None:
        """Make the token: with every scope, with those that read, or with the ones named, with blanks between."""
        every = [each.value for each in ApiToken.Scope]
        scopes = {"write": every, "read": reading_scopes()}.get(scope, scope.split())
        terms = {"expiry": timedelta(days=30), "name": "test", **terms}
        self.row, self.token = ApiToken.objects.create(owner, scopes=scopes, **terms)
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **headers: str) -> HttpResponse:
        """Read."""
        return self.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.token}", **headers})

    def ask(self, path: str, query: dict[str, str]) -> HttpResponse:
        """Read with parameters, added to those of the path."""
        where, _, own = path.partition("?")
        query = {**dict(pair.split("=") for pair in own.split("&") if pair), **query}
        return self.client.get(f"/api/v1{where}", query, headers={"Authorization": f"Bearer {self.token}"})

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """Write JSON, or raw text."""
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        return self.client.post(f"/api/v1{path}", data=data, content_type="application/json", headers=headers)


def rotation_body(where: Portfolio, /, **changes: Any) -> dict[str, Any]:
    """Return the body that logs scenario A."""
    return {"portfolio": where.pk, **json.loads(json.dumps(BODY)), **changes}


def faults(response: HttpResponse) -> set[str | None]:
    """Return the fields that a problem names."""
    return {entry["attr"] for entry in response.json()["errors"]}
