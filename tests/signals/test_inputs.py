"""Every number of an answer leads to the stored inputs it came from, on the page and over the API."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from rest_framework.renderers import JSONRenderer

from accounts.models import User
from portfolio.models import Asset, FeeSchedule, Policy, Price
from signals.api.serializers import RecommendationSerializer
from signals.models import Recommendation, Score
from signals.queries.inputs import Input, Number, trace_of
from signals.queries.recommendations import detail
from signals.services.recommend import recommend
from tests.api.scene import Caller
from tests.signals import scene

pytestmark = [pytest.mark.django_db, pytest.mark.once]
TABLES = {"score": Score, "price": Price, "policy": Policy, "fee schedule": FeeSchedule}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand still after the close that was scored."""
    with time_machine.travel(scene.after(), tick=False):
        yield


@pytest.fixture
def answer(db: None, alice: User) -> Recommendation:
    """Scenario A, answered."""
    where = scene.market()
    book = scene.portfolio(scene.trader(alice), where)
    scene.computed(where)
    recommend(market=where, as_of=scene.slot(), now=scene.after())
    found = detail(user=alice, pk=Recommendation.objects.get(portfolio=book).pk)
    assert found is not None
    return found


def number(found: Recommendation, key: str) -> Number:
    """Return one of an answer's numbers."""
    return next(each for each in trace_of(found).numbers if each.key == key)


class TestInputs:
    def test_alpha_follows_from_its_inputs(self, answer: Recommendation) -> None:
        alpha = number(answer, "alpha")

        ic, z, sigma, horizon = (float(each.value) for each in alpha.inputs)
        assert ic * z * sigma * math.sqrt(horizon / 365) == pytest.approx(answer.alpha, rel=1e-6)

    def test_sums_follow_from_the_legs(self, answer: Recommendation) -> None:
        parts = [each for each in number(answer, "cost").inputs if each.table == "leg"]

        assert sum(float(each.value.strip("$").replace(",", "")) for each in parts) == pytest.approx(8.99, abs=0.02)

    def test_every_row_exists(self, answer: Recommendation) -> None:
        rows = [each for one in trace_of(answer).numbers for each in one.inputs if each.table in TABLES]

        assert {each.table for each in rows if each.row is not None} >= {"score", "price", "policy"}
        assert all(TABLES[each.table].objects.filter(pk=each.row).exists() for each in rows)

    def test_a_leg_names_the_close_it_is_priced_at(self, answer: Recommendation) -> None:
        first: Input = number(answer, "leg-1").inputs[0]

        close = Price.objects.get(asset=Asset.objects.get(symbol="UNI"), date=scene.DAY)
        assert (first.value, first.table, first.row, first.source) == ("25.0000", "price", close.pk, "test")

    def test_contributions_are_named_with_source_and_time(self, answer: Recommendation) -> None:
        inputs = number(answer, "score-ai").inputs

        assert [(each.what, each.value, each.source) for each in inputs] == [
            ("Turnover", "+6.70 points", "test"), ("Relative strength", "-2.00 points", "test"),
        ]  # fmt: skip

    def test_four_queries_beside_the_legs(self, answer: Recommendation, django_assert_num_queries: object) -> None:
        with django_assert_num_queries(4):  # type: ignore[operator]
            trace_of(answer)


class TestShown:
    def test_every_link_on_the_page_leads_somewhere(self, answer: Recommendation, client: Client, alice: User) -> None:
        client.force_login(alice)

        html = client.get(reverse("signals:recommendation", args=[answer.pk])).content.decode()

        links = set(re.findall(r'href="#(n-[\w-]+)"', html))
        assert links >= {"n-moved", "n-cost", "n-needed", "n-alpha", "n-confidence", "n-coverage", "n-risk", "n-leg-3"}
        assert "n-score-ai" in links
        assert links <= set(re.findall(r'id="(n-[\w-]+)"', html))

    def test_the_api_gives_the_same(self, answer: Recommendation, alice: User) -> None:
        found = Caller(alice, scope="read").get(f"/recommendations/{answer.pk}/").json()["numbers"]

        assert [(each["key"], each["value"], len(each["inputs"])) for each in found] == [
            (each.key, each.value, len(each.inputs)) for each in trace_of(answer).numbers
        ]


class TestListed:
    def test_the_list_says_what_the_serializer_says(self, answer: Recommendation, alice: User) -> None:
        shown = Caller(alice, scope="read").get("/recommendations/").json()["results"]

        assert shown == [json.loads(JSONRenderer().render(RecommendationSerializer(answer).data))]

    def test_so_does_a_refusal(self, answer: Recommendation, alice: User) -> None:
        Recommendation.objects.update(
            refusal="BELOW_HURDLE", leader=None, explanation={}, closed_at=scene.after(minutes=7)
        )

        shown = Caller(alice, scope="read").get("/recommendations/").json()["results"]

        stored = Recommendation.objects.get()
        assert shown == [json.loads(JSONRenderer().render(RecommendationSerializer(stored).data))]
