"""Recommendations over the API: pages asked for again cheaply, filters, acknowledging, and the example client."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from signals.models import Recommendation
from tests.api.scene import Caller, faults
from tests.test_architecture import ROOT
from tests.test_ownership import Ids, make_portfolio

LIST = "/recommendations/"


@pytest.fixture
def answer(alice: User) -> Recommendation:
    """The owner's recommendation, still open."""
    ids: Ids = make_portfolio(alice)
    Recommendation.objects.update(expires_at=timezone.now() + timedelta(days=1))
    return Recommendation.objects.get(pk=ids["recommendation_id"])


@pytest.mark.django_db
class TestList:
    def test_while_nothing_changed_it_is_304_in_two_queries_and_says_when_to_ask_again(
        self, caller: Caller, answer: Recommendation
    ) -> None:
        first = caller.get(LIST)
        tag = first.headers["ETag"]
        caller.get(LIST, **{"If-None-Match": tag})
        with CaptureQueriesContext(connection) as captured:
            again = caller.get(LIST, **{"If-None-Match": tag})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert again.headers["ETag"] == tag
        assert again.headers["Retry-After"] == first.headers["Retry-After"] == "60"
        assert len(captured) == 2
        assert "explanation" not in captured[-1]["sql"]

    def test_what_becomes_of_one_is_news(self, caller: Caller, answer: Recommendation) -> None:
        tag = caller.get(LIST).headers["ETag"]
        caller.post(f"{LIST}{answer.pk}/acknowledge/", {})
        found = caller.get(LIST, **{"If-None-Match": tag})
        assert found.status_code == 200
        assert found.json()["results"][0]["state"] == "acknowledged"
        assert found.headers["ETag"] != tag

    @pytest.mark.parametrize(
        ("query", "count"),
        [("kind=stage", 1), ("kind=risk", 0), ("stage=NI", 1), ("stage=SC&stage=NI", 1), ("stage=PR", 0),
         ("sector=ai", 1), ("sector=l1", 0), ("refusal=BELOW_HURDLE", 0)],
    )  # fmt: skip
    def test_filters(self, caller: Caller, answer: Recommendation, query: str, count: int) -> None:
        response = caller.get(f"{LIST}?{query}")
        assert response.status_code == 200
        assert len(response.json()["results"]) == count

    def test_an_unknown_refusal_is_named(self, caller: Caller) -> None:
        assert faults(caller.get(f"{LIST}?refusal=NONSENSE")) == {"refusal"}


@pytest.mark.django_db
class TestAcknowledge:
    def test_it_is_noted_once_and_repeating_changes_nothing(self, caller: Caller, answer: Recommendation) -> None:
        for _ in range(2):
            found = caller.post(f"{LIST}{answer.pk}/acknowledge/", {})
            assert (found.status_code, found.json()["state"]) == (200, "acknowledged")

    def test_one_that_no_longer_stands_is_a_conflict(self, caller: Caller, answer: Recommendation) -> None:
        Recommendation.objects.update(state="superseded")
        assert caller.post(f"{LIST}{answer.pk}/acknowledge/", {}).status_code == 409

    def test_nothing_is_ignored(self, caller: Caller, answer: Recommendation) -> None:
        assert faults(caller.post(f"{LIST}{answer.pk}/acknowledge/", {"note": "x"})) == {"note"}

    def test_reading_is_not_enough(self, alice: User, answer: Recommendation) -> None:
        reader = Caller(alice, scope="read:recommendations write:rotations")
        response = reader.post(f"{LIST}{answer.pk}/acknowledge/", {})
        assert response.status_code == 403
        assert "write:recommendations" in response.json()["detail"]


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
class TestExampleClient:
    def run(self, address: str, token: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it as the guide says."""
        known = {"ROTABOOK_URL": address, "ROTABOOK_TOKEN": token, "PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
        command = [sys.executable, "docs/example_client.py", *words]
        return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False, timeout=60)

    def test_it_prints_the_standing_answer_and_acknowledges_it(
        self, live_server: Any, alice: User, answer: Recommendation
    ) -> None:
        caller = Caller(alice, scope="read:recommendations write:recommendations")
        done = self.run(live_server.url, caller.token, str(answer.portfolio_id), "--acknowledge")
        assert done.returncode == 0, done.stderr
        assert answer.explanation["headline"] in done.stdout
        assert done.stdout.count("fee ") >= answer.legs.count()
        answer.refresh_from_db()
        assert answer.state == "acknowledged"

        none = self.run(live_server.url, caller.token, "999999")
        assert (none.returncode, none.stdout) == (0, "Nothing stands.\n")
        refused = self.run(live_server.url, "rota_wrong", str(answer.portfolio_id))
        assert (refused.returncode, refused.stderr[:3]) == (1, "401")
