"""Which recommendation a rotation may name: one that stood when it was decided, by form and by API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from journal.models import Rotation
from journal.services.rotations import Draft, DraftLeg, DraftRefused, log_rotation
from signals.models import Recommendation
from tests.api.scene import Caller, faults
from tests.journal.test_repeated_decisions import answered
from tests.portfolio.factories import spot
from tests.signals import scene

pytestmark = pytest.mark.django_db
EARLY = timedelta(minutes=1)


@pytest.fixture
def found(alice: User) -> Recommendation:
    return answered(alice)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(scene.after(minutes=60), tick=False):
        yield


def draft(found: Recommendation, **changes: Any) -> Draft:
    """Sell one UNI at the minute of issue."""
    leg = DraftLeg(action="SELL_SPOT", instrument=spot("UNI"), quantity=D(1), price=D(25))
    terms: dict[str, Any] = {"legs": (leg,), "executed_at": found.issued_at, "recommendation": found}
    return Draft(client_key=uuid4(), thesis="One.", **{**terms, **changes})


def body(found: Recommendation, **changes: Any) -> dict[str, Any]:
    legs = [{"action": "SELL_SPOT", "instrument": "UNI", "quantity": "1", "price": "25"}]
    terms = {"portfolio": found.portfolio_id, "legs": legs, "thesis": "One.", "recommendation": found.pk}
    return {**terms, "executed_at": found.issued_at.isoformat(), **changes}


class TestIssuedLater:
    def test_it_is_refused_and_nothing_is_kept(self, found: Recommendation) -> None:
        late = draft(found, executed_at=found.issued_at - EARLY)
        with pytest.raises(DraftRefused, match=r"issued on 2 March 2026, 00:05 UTC, after you traded") as caught:
            log_rotation(portfolio=found.portfolio, draft=late, now=scene.after(minutes=60))
        assert caught.value.field == "recommendation"
        assert not Rotation.objects.exists()

    def test_a_time_to_the_minute_is_exact_enough(self, found: Recommendation) -> None:
        Recommendation.objects.update(issued_at=found.issued_at + timedelta(seconds=20))
        found.refresh_from_db()
        stated = draft(found, executed_at=found.issued_at.replace(second=0))
        logged = log_rotation(portfolio=found.portfolio, draft=stated, now=scene.after(minutes=60))
        assert logged.rotation.recommendation == found

    def test_the_api_names_the_field(self, alice: User, found: Recommendation) -> None:
        late = body(found, executed_at=(found.issued_at - EARLY).isoformat())
        response = Caller(alice).post("/rotations/", late)
        assert (response.status_code, faults(response)) == (400, {"recommendation"})

    def test_the_form_says_it(self, client_of_alice: Client, found: Recommendation) -> None:
        moment = f"{found.issued_at - EARLY:%Y-%m-%dT%H:%M:%S}"
        data = {"client_key": uuid4(), "executed_at": moment, "thesis": "One.", "recommendation": found.pk}
        data |= {"legs-TOTAL_FORMS": 1, "legs-INITIAL_FORMS": 0, "legs-0-action": "SELL_SPOT"}
        data |= {"legs-0-instrument": spot("UNI").pk, "legs-0-quantity": "1", "legs-0-price": "25"}
        response = client_of_alice.post("/journal/new/", data)
        assert response.status_code == 422
        assert "after you traded" in response.content.decode()


class TestRefusal:
    def test_what_recommends_nothing_cannot_be_named(self, alice: User, found: Recommendation) -> None:
        Recommendation.objects.update(state=Recommendation.State.REFUSED, refusal="BELOW_HURDLE")
        found.refresh_from_db()
        with pytest.raises(DraftRefused) as caught:
            log_rotation(portfolio=found.portfolio, draft=draft(found), now=scene.after(minutes=60))
        assert caught.value.field == "recommendation"
        response = Caller(alice).post("/rotations/", body(found))
        assert (response.status_code, faults(response)) == (400, {"recommendation"})
        assert not Rotation.objects.exists()
