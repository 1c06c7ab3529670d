"""A cache that is down costs time, never an answer."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.test import RequestFactory
from redis.exceptions import ConnectionError as Down
from rest_framework.request import Request

from config.api.throttles import PersonThrottle, StrangerThrottle
from portfolio.kept import kept


class TestKept:
    def test_what_was_made_is_made_once(self) -> None:
        made: list[int] = []
        for _ in range(2):
            assert kept("kept-test:1", seconds=60, make=lambda: made.append(1) or "picture") == "picture"
        assert made == [1]

    @pytest.mark.parametrize("broken", ["get", "set"])
    def test_a_cache_that_does_not_answer_is_left_alone(self, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise Down("no answer")

        monkeypatch.setattr(type(cache._connections["default"]), broken, fail)  # type: ignore[attr-defined]
        assert kept("kept-test:2", seconds=60, make=lambda: "picture") == "picture"


class TestThrottles:
    def test_nobody_is_held_up_by_a_cache_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise Down("no answer")

        monkeypatch.setattr(type(cache._connections["default"]), "get", fail)  # type: ignore[attr-defined]
        request = Request(RequestFactory().get("/api/v1/sectors/"))
        request.user = AnonymousUser()

        assert StrangerThrottle().allow_request(request, None)
        assert PersonThrottle().allow_request(request, None)
