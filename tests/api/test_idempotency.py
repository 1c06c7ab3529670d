"""A repeat is harmless: one key, one effect, one answer, whatever dies or runs beside it (RELIABILITY 1.2)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.http import HttpResponse

from accounts.models import User
from jobs.idempotency import Answer, KeyMismatchError, fingerprint, once
from jobs.models import IdempotencyKey, Job
from jobs.services import KEEP, sweep
from journal.api import viewsets
from journal.models import Pass, Rotation
from portfolio.models import Fill, Market, Portfolio
from tests.api.scene import Caller, faults, rotation_body
from tests.journal.scene import ANCHOR, anchor
from tests.portfolio.factories import portfolio as opened

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ONE = {"Idempotency-Key": "one"}


def log(caller: Caller, where: Portfolio, key: str = "one", **changes: Any) -> HttpResponse:
    """Log scenario A under a key."""
    return caller.post("/rotations/", rotation_body(where, **changes), **{"Idempotency-Key": key})


@pytest.mark.django_db
class TestRepeat:
    def test_it_gets_the_first_answer(self, caller: Caller, portfolio: Portfolio) -> None:
        first, second = log(caller, portfolio), log(caller, portfolio)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert "Idempotency-Replayed" not in first.headers
        assert second.headers["Idempotency-Replayed"] == "true"
        assert Rotation.objects.count() == 1
        assert Fill.objects.count() == 3

    def test_the_first_answer_stays_what_it_was(self, caller: Caller, portfolio: Portfolio) -> None:
        first = log(caller, portfolio)
        caller.post(f"/rotations/{first.json()['id']}/reverse/", {"reason": "x"})
        assert log(caller, portfolio).json() == first.json()

    def test_blanks_and_the_order_of_keys_do_not_matter(self, caller: Caller, portfolio: Portfolio) -> None:
        body = rotation_body(portfolio)
        first = caller.post("/rotations/", body, **ONE)
        again = caller.post("/rotations/", json.dumps(dict(reversed(body.items())), indent=4), **ONE)
        assert again.json() == first.json()

    def test_another_body_is_422(self, caller: Caller, portfolio: Portfolio) -> None:
        log(caller, portfolio)
        assert log(caller, portfolio, thesis="Other.").status_code == 422
        assert Rotation.objects.count() == 1

    def test_another_address_is_422(self, caller: Caller, portfolio: Portfolio) -> None:
        pk = log(caller, portfolio).json()["id"]
        assert caller.post(f"/rotations/{pk}/reverse/", {"reason": "x"}, **ONE).status_code == 422
        assert Rotation.objects.get().state == "logged"

    def test_a_reversal_is_repeated_too(self, caller: Caller, portfolio: Portfolio) -> None:
        path = f"/rotations/{log(caller, portfolio).json()['id']}/reverse/"
        first, second = (caller.post(path, {"reason": "x"}, **{"Idempotency-Key": "two"}) for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json() == second.json()
        assert Fill.objects.count() == 6
        assert caller.post(path, {"reason": "x"}).status_code == 409

    def test_keys_are_each_persons_own(self, caller: Caller, stranger: Caller, bob: User, portfolio: Portfolio) -> None:
        other = opened(bob, ANCHOR, market=Market.objects.get(slug="simulated"))
        assert log(caller, portfolio).status_code == 201
        found = log(stranger, other)
        assert found.status_code == 201
        assert found.json()["portfolio"] == other.pk

    def test_without_a_key_two_posts_are_two_rotations(self, caller: Caller, portfolio: Portfolio) -> None:
        crumb = [{"action": "SELL_SPOT", "instrument": "UNI", "quantity": "1", "price": "25"}]
        for _ in range(2):
            assert caller.post("/rotations/", rotation_body(portfolio, legs=crumb)).status_code == 201
        assert Rotation.objects.count() == 2

    def test_a_key_that_was_forgotten_still_finds_the_rotation(self, caller: Caller, portfolio: Portfolio) -> None:
        first = log(caller, portfolio)
        IdempotencyKey.objects.update(created_at=NOW - KEEP - timedelta(days=1))
        sweep(now=NOW)
        again = log(caller, portfolio)
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
        assert Rotation.objects.count() == 1

    @pytest.mark.parametrize("key", ["k" * 256, "a\x01b", "a\x7fb"])
    def test_a_key_that_cannot_be_is_refused(self, caller: Caller, portfolio: Portfolio, key: str) -> None:
        assert faults(log(caller, portfolio, key)) == {"Idempotency-Key"}
        assert not Rotation.objects.exists()

    def test_the_longest_key_is_taken(self, caller: Caller, portfolio: Portfolio) -> None:
        assert log(caller, portfolio, "k" * 255).status_code == 201


@pytest.mark.django_db
class TestErrors:
    def test_a_refusal_is_not_stored(self, caller: Caller, portfolio: Portfolio) -> None:
        assert log(caller, portfolio, thesis="").status_code == 400
        assert not IdempotencyKey.objects.exists()
        assert log(caller, portfolio).status_code == 201

    def test_what_dies_midway_leaves_nothing_and_may_be_repeated(
        self, caller: Caller, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        jobs = Job.objects.count()
        with monkeypatch.context() as patch:
            patch.setattr(viewsets, "plain", lambda _: 1 / 0)
            assert log(caller, portfolio).status_code == 500
        assert not Rotation.objects.exists()
        assert not Fill.objects.exists()
        assert not IdempotencyKey.objects.exists()
        assert Job.objects.count() == jobs
        assert log(caller, portfolio).status_code == 201

    def test_a_pass_that_is_none_is_not_stored(self, caller: Caller, portfolio: Portfolio) -> None:
        assert caller.post("/passes/", {"recommendation": 1, "reason": "x"}, **ONE).status_code == 400
        assert not IdempotencyKey.objects.exists()
        assert not Pass.objects.exists()


@pytest.mark.django_db
class TestService:
    def test_the_answer_is_stored_with_its_effect(self, alice: User) -> None:
        mark = fingerprint(method="POST", path="/x/", body=b"{}")

        def run() -> Answer:
            assert connection.in_atomic_block
            return Answer(201, {"amount": "0.10", "list": [1, None]})

        first = once(user=alice, key="k", print_of=mark, now=NOW, run=run)
        second = once(user=alice, key="k", print_of=mark, now=NOW, run=lambda: pytest.fail("ran twice"))
        assert (first.status, first.body, first.is_replay) == (201, second.body, False)
        assert second.is_replay

    @pytest.mark.parametrize("change", [{"method": "PUT"}, {"path": "/y/"}, {"body": b"[]"}])
    def test_everything_of_a_request_counts(self, alice: User, change: dict[str, Any]) -> None:
        same = {"method": "POST", "path": "/x/", "body": b"{}"}
        once(user=alice, key="k", print_of=fingerprint(**same), now=NOW, run=lambda: Answer(200, None))
        other = fingerprint(**{**same, **change})
        with pytest.raises(KeyMismatchError):
            once(user=alice, key="k", print_of=other, now=NOW, run=lambda: Answer(200, None))

    def test_parts_do_not_run_into_each_other(self) -> None:
        assert fingerprint(method="A", path="BC", body=b"") != fingerprint(method="AB", path="C", body=b"")


class TestBesideEachOther:
    def test_twenty_posts_with_one_key_make_one_rotation(self, real_database: None, alice: User) -> None:
        where, caller = anchor(alice), Caller(alice)
        answers = at_once(caller, [("one", json.dumps(rotation_body(where)))] * 20)

        assert Rotation.objects.count() == 1
        assert Fill.objects.count() == 3
        assert {status for status, _ in answers} <= {201, 409, 503}
        assert len({body for status, body in answers if status == 201}) == 1
        again = caller.post("/rotations/", rotation_body(where), **ONE)
        assert again.headers["Idempotency-Replayed"] == "true"

    def test_twenty_keys_make_twenty_rotations_and_never_sell_too_much(self, real_database: None, alice: User) -> None:
        where, caller = anchor(alice), Caller(alice)
        legs = [{"action": "SELL_SPOT", "instrument": "UNI", "quantity": "20", "price": "25"}]
        body = json.dumps(rotation_body(where, legs=legs))
        statuses = [status for status, _ in at_once(caller, [(f"k{n}", body) for n in range(20)])]

        assert statuses.count(201) == Rotation.objects.count() <= 10
        assert set(statuses) <= {201, 400, 503}
        assert statuses.count(201) + statuses.count(503) >= 10


def at_once(caller: Caller, posts: list[tuple[str, str]]) -> list[tuple[int, str]]:
    """Send rotations from eight threads; returns each status and body."""

    def post(each: tuple[str, str]) -> tuple[int, str]:
        try:
            response = caller.post("/rotations/", each[1], **{"Idempotency-Key": each[0]})
            return response.status_code, json.dumps(response.json(), sort_keys=True)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(post, posts))
