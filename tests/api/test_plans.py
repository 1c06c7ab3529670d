"""Plans, undocumented decisions, outcomes and what is written afterwards, over the API: the page's own numbers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.test import Client
from PIL import Image

from accounts.models import User
from journal.models import Picture, Plan, Rotation
from journal.services.reviews import measure_reviews
from journal.services.rotations import log_rotation
from portfolio.domain.display import usd
from portfolio.models import Fill, Portfolio
from portfolio.services.entries import NewFill
from portfolio.services.ledger import record_fills
from tests.api.scene import Caller, faults, rotation_body
from tests.journal.scene import DECIDED, anchor, moment, scenario_a
from tests.pages import said
from tests.portfolio.factories import PRICES, at, market, price, spot

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NOW = at(43)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Stand still 33 days after the decision."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def book(alice: User) -> Portfolio:
    """The anchor portfolio in a market that moves after day 12."""
    found = anchor(alice)
    for number in range(12, 44):
        price(market(), number, {**PRICES, "FET": f"{2 + number / 100}", "UNI": f"{25 - number / 10}"})
    return found


@pytest.fixture
def caller(alice: User) -> Caller:
    """The owner with a token that may write."""
    return Caller(alice)


def plan_body(book: Portfolio, **changes: Any) -> dict[str, Any]:
    """Return the body that plans scenario A."""
    body = rotation_body(book, **changes)
    return {name: value for name, value in body.items() if name != "executed_at"}


class TestPlans:
    def test_planned_filled_in_parts_closed_and_each_repeat_is_harmless(self, caller: Caller, book: Portfolio) -> None:
        body = plan_body(book, mood="calm", checklist=[{"question": "Did I sleep?", "is_checked": True}])
        made = [caller.post("/plans/", body, **{"Idempotency-Key": "plan"}).json() for _ in range(2)]
        assert made[0] == made[1]
        where, key = f"/plans/{made[0]['id']}/", {"Idempotency-Key": "part"}
        part = {"executed_at": "2026-01-11T12:00:00Z", "legs": [{"position": 1, "quantity": "40", "price": "25"}]}
        for _ in range(2):
            found = caller.post(f"{where}fill/", part, **key).json()
        assert (found["state"], found["legs"][0]["share"], found["legs"][0]["filled"]) == ("executing", "0.4", "40")
        assert Fill.objects.count() == 1
        ended = caller.post(f"{where}end/", {"reason": "The move is over."}).json()
        assert (ended["state"], ended["ending"]) == ("closed", "The move is over.")
        assert caller.post(f"{where}fill/", part).status_code == 409
        rotation = caller.get(f"/rotations/{found['rotation']}/").json()
        assert (rotation["plan"], rotation["mood"]) == (made[0]["id"], "calm")
        assert rotation["checklist"] == body["checklist"]
        assert [row["id"] for row in caller.get("/plans/?state=closed").json()["results"]] == [made[0]["id"]]

    def test_a_refusal_names_its_field(self, caller: Caller, book: Portfolio) -> None:
        body = plan_body(book)
        body["legs"][2].pop("stop_price")
        assert faults(caller.post("/plans/", body)) == {"legs.2.stop_price"}
        assert faults(caller.post("/plans/", {**body, "executed_at": "2026-01-11T12:00:00Z"})) >= {"executed_at"}
        assert not Plan.objects.exists()


class TestUndocumented:
    def sold(self, book: Portfolio) -> Fill:
        terms = {"quantity": D(10), "price": D(25), "executed_at": DECIDED}
        new = NewFill(instrument=spot("UNI"), side=Fill.Side.SELL, **terms)  # type: ignore[arg-type]
        return record_fills(portfolio=book, fills=[new], now=NOW).fills[0]

    def test_listed_then_adopted_once(self, caller: Caller, book: Portfolio) -> None:
        sold = self.sold(book)
        [bundle] = caller.get(f"/undocumented/?portfolio={book.pk}").json()["bundles"]
        assert [(deed["action"], deed["value_usd"], deed["fill"]["id"]) for deed in bundle["deeds"]] == [
            ("SELL_SPOT", "250", sold.pk)
        ]
        body = {"portfolio": book.pk, "fills": [sold.pk], "thesis": "I panicked."}
        for _ in range(2):
            assert caller.post("/undocumented/", body, **{"Idempotency-Key": "adopt"}).status_code == 201
        assert Rotation.objects.get().thesis == "I panicked."
        assert caller.post("/undocumented/", body).status_code == 409

    def test_attached_to_a_rotation(self, caller: Caller, book: Portfolio) -> None:
        rotation = log_rotation(portfolio=book, draft=scenario_a(), now=moment(11)).rotation
        sold = self.sold(book)
        answer = caller.post(f"/rotations/{rotation.pk}/attach/", {"fills": [sold.pk]}).json()
        assert sold.pk in answer["fills"]
        assert len(answer["fills"]) == 4


class TestAfterwards:
    @pytest.fixture
    def rotation(self, book: Portfolio) -> Rotation:
        """Scenario A, measured at 30 days."""
        found = log_rotation(portfolio=book, draft=scenario_a(), now=moment(11)).rotation
        measure_reviews(now=NOW)
        return found

    def test_the_outcome_is_the_pages(self, caller: Caller, client_of_alice: Client, rotation: Rotation) -> None:
        found = caller.get(f"/rotations/{rotation.pk}/outcome/").json()
        client_of_alice.post(f"/journal/{rotation.pk}/show/")
        page = said(client_of_alice, f"/journal/{rotation.pk}/outcome/")
        assert found["horizon_days"] == 30
        total = sum(D(each["amount"]) for each in found["causes"])
        assert total == D(found["total_alpha_usd"]).quantize(D("0.01"))
        for each in found["causes"]:
            assert usd(D(each["amount"]), is_signed=True) in page
        for name in ("costs_usd", "risk_usd"):
            assert usd(D(found[name])) in page
        assert found["risk_usd"] == "452.775"
        month = rotation.reviews.get(horizon_days=30)
        assert month.priced_at is not None
        day = (month.priced_at - timedelta(days=1)).date().isoformat()
        [point] = [each for each in found["curve"] if each["date"] == day]
        assert (D(point["hold"]), D(point["actual"])) == (month.hold_usd, month.actual_usd)

    def test_cash_agrees_with_the_ledger(self, caller: Caller, client_of_alice: Client, rotation: Rotation) -> None:
        [side] = caller.get(f"/rotations/{rotation.pk}/cash/").json()
        assert (side["asset"], side["expected"], side["change"]) == ("USDC", "-1001.39", "-1001.39")
        assert "both sides agree" in said(client_of_alice, f"/journal/{rotation.pk}/cash/")

    def test_a_wording_is_added_and_says_that_it_is_late(self, caller: Caller, rotation: Rotation) -> None:
        body = {"subject": "note", "text": "I would do it again."}
        for _ in range(2):
            assert caller.post(f"/rotations/{rotation.pk}/wordings/", body).status_code == 201
        [found] = caller.get(f"/rotations/{rotation.pk}/wordings/").json()
        assert (found["text"], found["is_after_outcome"]) == ("I would do it again.", True)

    def test_an_image_is_written_anew(self, caller: Caller, rotation: Rotation) -> None:
        out = BytesIO()
        Image.new("RGB", (8, 4), "red").save(out, "PNG")
        where = f"/rotations/{rotation.pk}/pictures/"
        made = caller.post(where, {"image_base64": base64.b64encode(out.getvalue()).decode()}).json()
        assert (made["width"], Picture.objects.get().rotation_id) == (8, rotation.pk)
        for wrong in ("no base64", base64.b64encode(b"<svg/>").decode()):
            assert faults(caller.post(where, {"image_base64": wrong})) == {"image_base64"}


class TestQuestions:
    def test_asked_and_asked_no_longer(self, caller: Caller) -> None:
        made = caller.post("/questions/", {"text": "Did I sleep on it?"}).json()
        assert caller.post(f"/questions/{made['id']}/stop/", {}).json()["is_asked"] is False
        assert [row["text"] for row in caller.get("/questions/").json()["results"]] == ["Did I sleep on it?"]
