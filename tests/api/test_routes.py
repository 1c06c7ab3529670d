"""Every route of the API against everybody who may knock: nobody, a bad token, one that may only read, a stranger.

Nobody lists routes here: each named route is found by itself, and one that is not placed below fails the test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from accounts.models import ApiToken, User
from portfolio.models import Market, Portfolio
from signals.models import Recommendation
from tests.api.scene import Caller, faults, rotation_body
from tests.signals import scene
from tests.test_architecture import routes
from tests.test_ownership import Ids, Owned, make_loan, make_pass, make_plan, make_portfolio, make_rotation

pytestmark = [pytest.mark.django_db, pytest.mark.once]

OPEN = {"api-schema", "api-docs", "api-nowhere"}
"""They describe the API and hold nobody's data."""
OF_MARKET = {"slug": "simulated"}
SHARED = {
    "api-market-list": {},
    "api-sector-list": {},
    "api-signals-detail": OF_MARKET,
    "api-signals-sectors": OF_MARKET,
    "api-signals-scores": OF_MARKET,
    "api-signals-regime": OF_MARKET,
    "api-signals-indicators": OF_MARKET,
    "api-signals-indicator": {**OF_MARKET, "name": "turnover"},
    "api-signals-readings": OF_MARKET,
    "api-signals-events": OF_MARKET,
    "api-signals-health": OF_MARKET,
    "api-signals-quarantine": OF_MARKET,
}
"""What the market says is the same for everybody with a token."""
LISTS = {
    "api-portfolio-list",
    "api-recommendation-list",
    "api-rotation-list",
    "api-pass-list",
    "api-lesson-list",
    "api-plan-list",
    "api-question-list",
    "api-channel-list",
    "api-delivery-list",
}
"""A stranger's are there, and empty."""
OBJECTS: dict[str, str | tuple[str, ...]] = {
    "api-portfolio-detail": "portfolio_id",
    "api-portfolio-holdings": "portfolio_id",
    "api-portfolio-positions": "portfolio_id",
    "api-portfolio-chains": "portfolio_id",
    "api-portfolio-performance": "portfolio_id",
    "api-portfolio-attribution": "portfolio_id",
    "api-portfolio-proof": "portfolio_id",
    "api-portfolio-accounts": "portfolio_id",
    "api-portfolio-lot-methods": "portfolio_id",
    "api-portfolio-lending": "portfolio_id",
    "api-portfolio-loans": "portfolio_id",
    "api-portfolio-reverse-loan": ("portfolio_id", "loan_id"),
    "api-portfolio-pledges": "portfolio_id",
    "api-portfolio-bonuses": "portfolio_id",
    "api-portfolio-freed-yields": "portfolio_id",
    "api-transfer-reverse": "transfer_id",
    "api-what-if-detail": "portfolio_id",
    "api-recommendation-detail": "recommendation_id",
    "api-recommendation-acknowledge": "recommendation_id",
    "api-rotation-detail": "rotation_id",
    "api-rotation-reverse": "rotation_id",
    "api-rotation-outcome": "rotation_id",
    "api-rotation-cash": "rotation_id",
    "api-rotation-wordings": "rotation_id",
    "api-rotation-pictures": "rotation_id",
    "api-rotation-attach": "rotation_id",
    "api-plan-detail": "plan_id",
    "api-plan-fill": "plan_id",
    "api-plan-attach": "plan_id",
    "api-plan-end": "plan_id",
    "api-pass-detail": "pass_id",
    "api-question-stop": "question_id",
}
"""A stranger's are not there."""
ASKED = {
    "api-fill-list",
    "api-transfer-list",
    "api-instrument-list",
    "api-recommendation-current",
    "api-learning-list",
    "api-learning-rotations",
    "api-undocumented-list",
    "api-fees-list",
    "api-shadows-list",
}
"""They ask for `?portfolio=`; another's is not there."""

BODIED = {"api-plan-fill", "api-plan-attach", "api-rotation-attach"}
"""They need more than a reason: the owner is told what."""

READ_ONLY = {"api-channel-list", "api-delivery-list"}
"""No token writes these: there is no scope for it."""

FILED = {"api-futures-fills", "api-futures-rolls", "api-transfer-dust"}
"""They write for the portfolio that the body names; another's is refused like one that nobody has."""

NAMES = {route.name for route in routes(get_resolver()) if (route.name or "").startswith("api-")}
PRIVATE = sorted(NAMES - OPEN)
WRITING = [
    "/plans/",
    "/undocumented/",
    "/questions/",
    "/rotations/",
    "/passes/",
    "/rotations/{rotation_id}/reverse/",
    "/futures/fills/",
    "/futures/rolls/",
    "/transfers/",
    "/transfers/dust/",
    "/transfers/{transfer_id}/reverse/",
    "/portfolios/{portfolio_id}/accounts/",
    "/portfolios/{portfolio_id}/lot-methods/",
    "/portfolios/{portfolio_id}/loans/",
    "/portfolios/{portfolio_id}/loans/{loan_id}/reverse/",
    "/portfolios/{portfolio_id}/pledges/",
    "/portfolios/{portfolio_id}/bonuses/",
    "/portfolios/{portfolio_id}/freed-yields/",
]
CANARY = "Canary of Alice"


@pytest.fixture(scope="module")
def owned(kept: Callable[[], AbstractContextManager[None]]) -> Iterator[Owned]:
    """The owner and their objects, made once for all tests here."""
    with kept():
        owner = User.objects.create_user("alice@example.org", "correct horse battery")
        made = (make_portfolio, make_rotation, make_loan, make_pass, make_plan)
        ids = {name: pk for make in made for name, pk in make(owner).items()}
        Portfolio.objects.update(name=CANARY)
        still = timezone.now() + timedelta(days=1)
        waiting = Recommendation.objects.exclude(state=Recommendation.State.PASSED)
        waiting.update(state=Recommendation.State.ISSUED, closed_at=None, expires_at=still)
        yield owner.pk, ids


@pytest.fixture
def alice(owned: Owned, db: None) -> User:
    """The owner."""
    return User.objects.get(pk=owned[0])


@pytest.fixture
def own_ids(owned: Owned, db: None) -> Ids:
    """The owner's objects."""
    return dict(owned[1])


def address(name: str, ids: Ids) -> str:
    """Return a route's address for the owner's objects, without its head."""
    named = OBJECTS.get(name)
    of_object = [ids[key] for key in ([named] if isinstance(named, str) else named)] if named else None
    found = reverse(name, args=of_object, kwargs=SHARED.get(name)).removeprefix("/api/v1")
    if name == "api-signals-readings":
        return f"{found}?indicator=tvl"
    return f"{found}?portfolio={ids['portfolio_id']}" if name in ASKED else found


def reach(caller: Caller, path: str) -> HttpResponse:
    """Read, or write where there is nothing to read."""
    response = caller.get(path)
    body = {} if path.endswith("/acknowledge/") else {"reason": "x"}
    return caller.post(path, body) if response.status_code == 405 else response


def post(caller: Caller, path: str) -> HttpResponse:
    """Write nothing in particular."""
    return caller.post(path, {})


def stored() -> str:
    """Return a fingerprint of everything that is stored, tokens' last use aside."""
    digest = hashlib.sha256()
    for model in sorted(apps.get_models(), key=lambda each: each._meta.label):
        if model is not ApiToken:
            digest.update(repr(list(model._default_manager.order_by("pk").values_list())).encode())
    return digest.hexdigest()


class TestPlaces:
    def test_every_route_has_its_place(self) -> None:
        assert OPEN | set(SHARED) | LISTS | set(OBJECTS) | ASKED | FILED == NAMES


def expired(caller: Caller) -> None:
    """Let the token's time be over."""
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))


def revoked(caller: Caller) -> None:
    """Revoke the token."""
    caller.row.delete()


def disabled(caller: Caller) -> None:
    """Disable its owner."""
    User.objects.update(is_active=False)


def malformed(caller: Caller) -> None:
    """Change one letter."""
    caller.token = caller.token[:-1] + ("0" if caller.token[-1] != "0" else "1")


def shortened(caller: Caller) -> None:
    """Send what Settings shows of it."""
    caller.token = caller.row.token_key


class TestClosed:
    @pytest.mark.parametrize("name", PRIVATE)
    @pytest.mark.parametrize("spoil", [expired, revoked, disabled, malformed, shortened])
    def test_a_token_that_does_not_count_is_401(
        self, name: str, spoil: Callable[[Caller], None], caller: Caller, own_ids: Ids
    ) -> None:
        spoil(caller)
        for response in (caller.get(address(name, own_ids)), caller.post(address(name, own_ids), {})):
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert CANARY not in response.content.decode()

    @pytest.mark.parametrize("name", PRIVATE)
    def test_without_a_token_it_is_401_even_signed_in(
        self, name: str, own_ids: Ids, client: Client, client_of_alice: Client
    ) -> None:
        url = f"/api/v1{address(name, own_ids)}"
        for who in (client, client_of_alice):
            assert {who.get(url).status_code, who.post(url).status_code, who.delete(url).status_code} == {401}

    def test_a_token_in_the_address_or_a_cookie_does_not_count(self, caller: Caller) -> None:
        client = Client()
        client.cookies["Authorization"] = f"Bearer {caller.token}"
        assert client.get("/api/v1/portfolios/").status_code == 401
        assert client.get(f"/api/v1/portfolios/?token={caller.token}").status_code == 401

    @pytest.mark.parametrize("path", WRITING)
    def test_a_read_token_reads_everything_and_writes_nothing(self, path: str, alice: User, own_ids: Ids) -> None:
        reader, before = Caller(alice, scope="read"), stored()
        assert reader.post(path.format(**own_ids), {"reason": "x"}).status_code == 403
        for name in PRIVATE:
            assert reader.get(address(name, own_ids)).status_code in {200, 405}
        assert stored() == before


class TestScopes:
    @pytest.mark.parametrize("name", PRIVATE)
    def test_every_route_asks_for_one_scope_and_names_it(self, name: str, own_ids: Ids, alice: User) -> None:
        path = address(name, own_ids)
        for ask in (Caller.get, post):
            refusal = ask(Caller(alice, scope="none"), path)
            assert refusal.status_code == 403
            assert refusal.json()["type"] == "urn:rotabook:problem:missing-scope"
            if ask is post and name in READ_ONLY:
                assert ask(Caller(alice), path).status_code == 403
                continue
            scope = next(each.value for each in ApiToken.Scope if each.value in refusal.json()["detail"])
            others = " ".join(each.value for each in ApiToken.Scope if each.value != scope)
            assert scope.startswith("read:" if ask is Caller.get else "write:")
            assert ask(Caller(alice, scope=others), path).status_code == 403
            assert ask(Caller(alice, scope=scope), path).status_code not in {401, 403}


class TestStranger:
    @pytest.mark.parametrize("name", sorted({*OBJECTS, *ASKED}))
    def test_what_is_not_theirs_is_not_there(self, name: str, own_ids: Ids, stranger: Caller, caller: Caller) -> None:
        before = stored()
        theirs = reach(stranger, address(name, own_ids))
        absent = reach(stranger, address(name, dict.fromkeys(own_ids, 10**9)))

        assert theirs.status_code == absent.status_code == 404
        assert {**theirs.json(), "instance": ""} == {**absent.json(), "instance": ""}
        assert stored() == before
        assert reach(caller, address(name, own_ids)).status_code == (400 if name in BODIED else 200)

    @pytest.mark.parametrize("name", sorted(LISTS))
    def test_their_lists_are_empty(self, name: str, own_ids: Ids, stranger: Caller, caller: Caller) -> None:
        assert stranger.get(address(name, own_ids)).json()["results"] == []
        if name not in {"api-lesson-list", "api-channel-list", "api-delivery-list"}:
            assert caller.get(address(name, own_ids)).json()["results"]

    @pytest.mark.parametrize("name", ["api-recommendation-list", "api-rotation-list"])
    def test_asking_for_anothers_portfolio_finds_nothing(self, name: str, own_ids: Ids, stranger: Caller) -> None:
        path = f"{address(name, own_ids)}?portfolio={own_ids['portfolio_id']}"
        assert stranger.get(path).json()["results"] == []

    @pytest.mark.parametrize("field", ["portfolio", "recommendation"])
    def test_a_foreign_id_in_a_rotation_says_the_same_as_one_that_nobody_has(
        self, field: str, own_ids: Ids, stranger: Caller, bob: User
    ) -> None:
        book = _book_of(bob)
        foreign = stranger.post("/rotations/", rotation_body(book, **{field: own_ids[f"{field}_id"]}))
        absent = stranger.post("/rotations/", rotation_body(book, **{field: 10**9}))
        assert foreign.status_code == absent.status_code == 400
        assert foreign.json() == absent.json()
        assert faults(foreign) == {field}

    def test_a_foreign_recommendation_cannot_be_passed_on(self, own_ids: Ids, stranger: Caller) -> None:
        before = stored()
        body = {"recommendation": own_ids["recommendation_id"], "reason": "x"}
        foreign, absent = stranger.post("/passes/", body), stranger.post("/passes/", {**body, "recommendation": 10**9})
        assert foreign.status_code == 400
        assert foreign.json() == absent.json()
        assert stored() == before

    def test_a_key_of_anothers_answer_gives_nothing_away(
        self, own_ids: Ids, caller: Caller, stranger: Caller, bob: User
    ) -> None:
        _book_of(bob)
        path = f"/rotations/{own_ids['rotation_id']}/reverse/"
        assert caller.post(path, {"reason": "x"}, **{"Idempotency-Key": "one"}).status_code == 200
        assert stranger.post(path, {"reason": "x"}, **{"Idempotency-Key": "one"}).status_code == 404


class TestMassAssignment:
    @pytest.mark.parametrize(
        "name",
        ["id", "owner", "user", "state", "adherence", "evidence", "fees_usd", "spot_pnl_usd", "recorded_at", "stage"],
    )
    def test_what_only_the_ledger_may_say_is_refused(
        self, name: str, alice: User, own_ids: Ids, caller: Caller
    ) -> None:
        book, before = Portfolio.objects.get(owner=alice), stored()
        assert faults(caller.post("/rotations/", rotation_body(book, **{name: 1}))) == {name}
        body = rotation_body(book)
        body["legs"][0][name] = 1
        assert faults(caller.post("/rotations/", body)) == {f"legs.0.{name}"}
        assert stored() == before


def _book_of(person: User) -> Portfolio:
    """Open a portfolio for somebody else in the market that is there."""
    return scene.portfolio(person, Market.objects.get(slug="simulated"))


def test_reading_changes_nothing(own_ids: Ids, caller: Caller) -> None:
    before: Any = stored()
    for name in PRIVATE:
        caller.get(address(name, own_ids))
    assert stored() == before
