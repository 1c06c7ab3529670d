"""Nothing that anybody sends makes the API fail: a dictionary of what breaks other systems (RELIABILITY 2c)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portfolio.models import Portfolio
from tests.api.scene import Caller, rotation_body

pytestmark = pytest.mark.django_db

VALUES: list[Any] = [
    "NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e1000000", "1e-1000000", "-0", "+1", ".5", "5.", "0x10", "1_000",
    "\u0661\u0662\u0663", "\uff11\uff12", " 1 ", "1,5", "1.000,50", "9" * 39, "9" * 5000, 1, 1.5, -1,
    10**400, True, [], {},
    None, "", "0", "-1", "\u202e", "\u200b", "e\u0301" * 500, "=cmd|' /C calc'!A0", "{{7*7}}",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)", "a\r\nb", "../../etc/passwd", "\U0001f600", "x" * 20_000, "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+14:00", "2026-02-30", "2026-11-20T12:00:00", "1700000000", "2016-12-31T23:59:60Z",
]  # fmt: skip
RAW = [
    b"", b"{", b"[1", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"portfolio": 1, "portfolio": 2}', b'{"a": NaN}',
    b'{"a": 1e999}',
    b'{"thesis": "\\u0000"}', b'{"\\u0000": 1}', b'{"thesis": "\\ud800"}', b"[" * 100_000, b'{"a":' * 50_000,
    b"\xef\xbb\xbf{}", b"{} {}", b'{"a": ' + b"9" * 10_000 + b"}", b" " * 300_000,
]  # fmt: skip
QUERIES = [
    "page_size",
    "cursor",
    "portfolio",
    "state",
    "executed_after",
    "issued_after",
    "as_of",
    "kind",
    "ordering",
    "format",
]
TEXTS = [
    "",
    "-1",
    "0",
    "abc",
    "9" * 100,
    "\uff11",
    "\x00",
    "%00",
    "' OR 1=1 --",
    "null",
    "1e9",
    "2026-13-45",
    "[]",
    "x" * 5000,
]
LISTS = [
    "/portfolios/",
    "/rotations/",
    "/recommendations/",
    "/recommendations/current/",
    "/fills/",
    "/signals/simulated/",
]


def is_answered(response: Any) -> bool:
    """Return whether it is an answer, not a failure."""
    return response.status_code < 500


class TestBodies:
    @pytest.mark.parametrize(
        "field", ["portfolio", "thesis", "executed_at", "conviction", "recommendation", "tags", "legs"]
    )
    def test_every_value_in_every_field(self, caller: Caller, portfolio: Portfolio, field: str) -> None:
        for value in VALUES:
            assert is_answered(caller.post("/rotations/", rotation_body(portfolio, **{field: value}))), repr(value)[:80]

    @pytest.mark.parametrize(
        "field", ["action", "instrument", "quantity", "price", "fee_amount", "fee_asset", "leverage"]
    )
    def test_every_value_in_every_field_of_a_leg(self, caller: Caller, portfolio: Portfolio, field: str) -> None:
        for value in VALUES:
            body = rotation_body(portfolio)
            body["legs"][2][field] = value
            assert is_answered(caller.post("/rotations/", body)), repr(value)[:80]

    @pytest.mark.parametrize("path", ["/rotations/", "/passes/", "/rotations/1/reverse/"])
    def test_bodies_that_are_none(self, caller: Caller, portfolio: Portfolio, path: str) -> None:
        for raw in RAW:
            response = caller.post(path, raw)
            assert 400 <= response.status_code < 500, raw[:60]
            assert response.headers["Content-Type"] == "application/problem+json"

    def test_a_key_that_is_strange(self, caller: Caller, portfolio: Portfolio) -> None:
        for key in ("x" * 256, "\x00", "a\tb", "\u00e9", " "):
            assert is_answered(caller.post("/rotations/", rotation_body(portfolio), **{"Idempotency-Key": key})), key


class TestQueries:
    @pytest.mark.parametrize("path", LISTS)
    def test_every_text_in_every_parameter(self, caller: Caller, portfolio: Portfolio, path: str) -> None:
        for name in QUERIES:
            for text in TEXTS:
                response = caller.client.get(
                    f"/api/v1{path}", {name: text}, headers={"Authorization": f"Bearer {caller.token}"}
                )
                assert is_answered(response), (name, text[:40])

    @pytest.mark.parametrize("pk", ["0", "-1", "9" * 19, "9" * 60, "abc", "\uff11", "1.5", "%00"])
    def test_ids_that_are_none_are_404(self, caller: Caller, pk: str) -> None:
        for head in ("/portfolios", "/rotations", "/recommendations", "/signals"):
            assert caller.get(f"{head}/{pk}/").status_code == 404

    def test_methods_that_are_not_there(self, caller: Caller) -> None:
        headers = {"Authorization": f"Bearer {caller.token}"}
        for method in ("put", "patch", "delete"):
            response = getattr(caller.client, method)("/api/v1/rotations/", headers=headers)
            assert response.status_code == 405
            assert json.loads(response.content)["status"] == 405
