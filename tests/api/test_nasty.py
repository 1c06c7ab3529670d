"""Nothing that anybody sends makes the API fail, and what is refused names its field."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from journal.services.rotations import log_rotation
from portfolio.api.fields import ExactField
from portfolio.models import Portfolio
from tests.api.nasty import AMOUNT, BODIES, HEADERS, NUMBERS, QUERY_TEXTS, VALUES
from tests.api.scene import Caller, faults, rotation_body
from tests.journal.scene import moment, scenario_a

pytestmark = pytest.mark.django_db
ACCEPTED, REFUSED = {200, 201}, {400, 409}

CRUMB = {"action": "SELL_SPOT", "instrument": "UNI", "quantity": "0.001", "price": "25"}
OF_ROTATION = [
    "portfolio", "legs", "thesis", "executed_at", "conviction", "recommendation", "no_stop_reason",
    "core_override_reason", "tags", "client_key", "mood", "checklist",
]  # fmt: skip
OF_LEG = [
    "action", "instrument", "quantity", "price", "fee_amount", "fee_asset", "leverage", "stop_price",
    "purpose",
]  # fmt: skip
LISTS = {
    "/portfolios/": [],
    "/rotations/": ["portfolio", "sector", "state", "kind", "executed_after", "executed_before", "words", "tag"],
    "/fees/": ["portfolio"],
    "/shadows/": ["portfolio"],
    "/learning/?portfolio={pk}": ["days"],
    "/recommendations/": ["portfolio", "state", "issued_after", "issued_before"],
    "/recommendations/current/": ["portfolio"],
    "/fills/?portfolio={pk}": ["executed_after", "executed_before"],
    "/fills/": ["portfolio"],
    "/instruments/": ["portfolio"],
    "/passes/": [],
    "/markets/": [],
    "/sectors/": [],
    "/signals/simulated/": ["as_of"],
    "/signals/simulated/scores/": ["as_of", "sector", "date_after", "date_before"],
    "/signals/simulated/readings/?indicator=tvl": ["subject", "observed_after"],
    "/signals/simulated/events/": ["sector", "type", "published_before"],
    "/signals/simulated/health/": ["as_of"],
    "/signals/simulated/quarantine/": ["source", "as_of"],
}


def check(response: HttpResponse, field: str, value: object) -> None:
    """Hold an answer to the rules: never a failure, and a refusal is a problem that names the field."""
    assert response.status_code in ACCEPTED | REFUSED, (response.status_code, field, repr(value)[:80])
    if response.status_code == 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert any(is_about(str(attr), field) for attr in faults(response)), (faults(response), field, repr(value)[:80])


def is_about(attr: str, field: str) -> bool:
    """Return whether a fault concerns a field; an odd instrument may first show in its action, a stop in its price."""
    head = field.split(".", maxsplit=1)[0]
    return attr == field or attr.startswith(f"{field}.") or attr.split(".", maxsplit=1)[0] == head


class TestBodies:
    def test_the_dictionary_is_large(self) -> None:
        assert len({repr(value) for value in VALUES}) >= 150

    @pytest.mark.parametrize("field", OF_ROTATION)
    def test_every_value_in_every_field(self, caller: Caller, portfolio: Portfolio, field: str) -> None:
        for value in VALUES:
            body = {**rotation_body(portfolio), "legs": [CRUMB], field: value}
            check(caller.post("/rotations/", body), field, value)

    @pytest.mark.parametrize("field", OF_LEG)
    def test_every_value_in_every_field_of_a_leg(self, caller: Caller, portfolio: Portfolio, field: str) -> None:
        for value in VALUES:
            body = rotation_body(portfolio)
            body["legs"][2][field] = value
            check(caller.post("/rotations/", body), f"legs.2.{field}", value)

    @pytest.mark.parametrize("field", ["recommendation", "reason"])
    def test_every_value_in_a_pass(self, caller: Caller, field: str) -> None:
        for value in VALUES:
            response = caller.post("/passes/", {"recommendation": 1, "reason": "No.", field: value})
            assert response.status_code == 400
            assert faults(response) <= {"recommendation", "reason"} | {f"reason.{n}" for n in range(3)}

    def test_every_value_as_the_reason_of_a_reversal(self, caller: Caller, portfolio: Portfolio) -> None:
        pk = log_rotation(portfolio=portfolio, draft=scenario_a(), now=moment(11)).rotation.pk
        for value in VALUES:
            check(caller.post(f"/rotations/{pk}/reverse/", {"reason": value}), "reason", value)

    @pytest.mark.parametrize("path", ["/rotations/", "/passes/", "/rotations/1/reverse/"])
    def test_bodies_that_are_none(self, caller: Caller, portfolio: Portfolio, path: str) -> None:
        for raw in BODIES:
            response = caller.post(path, raw)
            assert 400 <= response.status_code < 500, raw[:60]
            assert response.headers["Content-Type"] == "application/problem+json"

    def test_only_plain_amounts_are_read(self) -> None:
        read = {value for value in NUMBERS if isinstance(value, str) and is_amount(value)}
        assert all(value.lstrip("-").replace(".", "", 1).isdecimal() and value.isascii() for value in read)
        assert AMOUNT in read
        assert not any(is_amount(value) for value in NUMBERS if not isinstance(value, str))


def is_amount(value: object) -> bool:
    """Return whether the field of amounts takes a value."""
    try:
        ExactField().run_validation(value)
    except ValidationError:
        return False
    return True


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*OF_ROTATION, *OF_LEG]) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)


class TestGenerated:
    @given(anything)
    @examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_json_is_answered(self, caller: Caller, body: Any) -> None:
        assert 400 <= caller.post("/rotations/", body).status_code < 500

    @given(st.dictionaries(st.sampled_from(OF_ROTATION), anything, max_size=3))
    @examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_sound_body_with_anything_in_it_is_answered(
        self, caller: Caller, portfolio: Portfolio, changes: dict[str, Any]
    ) -> None:
        body = {**rotation_body(portfolio), **changes}
        assert caller.post("/rotations/", body).status_code < 500


class TestQueries:
    @pytest.mark.parametrize("path", LISTS)
    def test_every_text_in_every_parameter(self, caller: Caller, portfolio: Portfolio, path: str) -> None:
        where = path.format(pk=portfolio.pk)
        for name in [*LISTS[path], "page_size", "cursor", "format", "ordering", "owner"]:
            for text in QUERY_TEXTS:
                response = caller.ask(where, {name: text})
                assert response.status_code in {200, 400, 404}, (name, text[:40])

    @pytest.mark.parametrize("path", ["/rotations/", "/recommendations/", "/portfolios/"])
    def test_a_stray_parameter_is_named_not_ignored(self, caller: Caller, path: str) -> None:
        assert faults(caller.get(f"{path}?portfolo=1")) == {"portfolo"}
        assert faults(caller.get(f"{path}?ordering=owner__password")) == {"ordering"}
        assert faults(caller.get(f"{path}?page_size=")) == {"page_size"}
        assert faults(caller.get(f"{path}?page_size=5&page_size=6")) == {"page_size"}

    @pytest.mark.parametrize("size", ["0", "501", "-1", "5.0", "\uff15", "1e2", "0x5", "9" * 50])
    def test_a_page_has_one_to_500_rows(self, caller: Caller, size: str) -> None:
        assert faults(caller.ask("/rotations/", {"page_size": size})) == {"page_size"}

    @pytest.mark.parametrize(
        "pk", ["0", "-1", "+1", "9" * 18, "9" * 19, "9" * 60, "abc", "\uff11", "1.5", "1e1", "%00", "None", "{pk}%20"]
    )
    def test_ids_that_are_none_are_404(self, caller: Caller, portfolio: Portfolio, pk: str) -> None:
        for head in ("/portfolios", "/rotations", "/recommendations", "/signals"):
            assert caller.get(f"{head}/{pk.format(pk=portfolio.pk)}/").status_code == 404


class TestHeaders:
    @pytest.mark.parametrize("name", HEADERS)
    def test_every_text_in_every_header(self, caller: Caller, portfolio: Portfolio, name: str) -> None:
        for text in HEADERS[name]:
            value = text.encode().decode("latin-1")
            for response in (
                caller.get(f"/portfolios/{portfolio.pk}/", **{name: value}),
                caller.post("/rotations/1/reverse/", {"reason": "x"}, **{name: value}),
            ):
                assert response.status_code < 500, (name, text[:40])

    @pytest.mark.parametrize("media", ["x", "application/json; charset=nonsense", "text/plain", "a/b/c;;", "x" * 999])
    def test_every_content_type_is_answered(self, caller: Caller, media: str) -> None:
        headers = {"Authorization": f"Bearer {caller.token}"}
        response = caller.client.generic("POST", "/api/v1/rotations/", b"{}", content_type=media, headers=headers)
        assert response.status_code in {400, 415}

    def test_methods_that_are_not_there(self, caller: Caller) -> None:
        headers = {"Authorization": f"Bearer {caller.token}"}
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "BREW"):
            response = caller.client.generic(method, "/api/v1/rotations/", headers=headers)
            assert response.status_code == 405
            assert response.json()["status"] == 405

    def test_debug_is_off(self) -> None:
        assert settings.DEBUG is False
