"""Futures are recorded and rolled over the API, once, and only in one's own portfolio (DOMAIN 4.2, 4.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.models import Fill, Instrument, Portfolio
from portfolio.services.contracts import NewContract, list_contract
from tests.api.scene import Caller, faults
from tests.portfolio.factories import asset, perp

pytestmark = pytest.mark.django_db

MARCH = datetime(2026, 3, 27, 8, tzinfo=UTC)
JUNE = datetime(2026, 6, 26, 8, tzinfo=UTC)
ONE = {"Idempotency-Key": "one"}


def dated(expires_at: datetime) -> Instrument:
    new = NewContract(venue=perp("FET").venue, asset=asset("FET"), lot_step=D(1), expires_at=expires_at)
    return list_contract(new)


def fill_body(where: Portfolio, **changes: Any) -> dict[str, Any]:
    body = {"instrument": "FET-PERP", "side": "buy", "quantity": "300", "price": "2", "leverage": "3"}
    return {"portfolio": where.pk, "executed_at": "2026-01-11T12:00:00Z", **body, **changes}


def roll_body(where: Portfolio, **changes: Any) -> dict[str, Any]:
    body = {"instrument": "FET-260327", "into": "FET-260626", "price": "2.1", "into_price": "2.2"}
    return {"portfolio": where.pk, "executed_at": "2026-01-12T12:00:00Z", **body, **changes}


class TestFills:
    def test_an_execution_opens_a_position(self, caller: Caller, portfolio: Portfolio) -> None:
        answer = caller.post("/futures/fills/", fill_body(portfolio, margin_mode="cross", position_side="long"))

        (shown,) = caller.get(f"/portfolios/{portfolio.pk}/positions/").json()
        assert answer.status_code == 201, answer.content
        assert (shown["quantity"], shown["margin_mode"], shown["position_side"]) == ("300", "cross", "long")
        assert (shown["margin"], shown["settle_asset"], shown["expiry_alert"]) == ("200", "USDC", None)

    @pytest.mark.parametrize("reason", ["liquidation", "adl"])
    def test_a_forced_close_says_why(self, reason: str, caller: Caller, portfolio: Portfolio) -> None:
        caller.post("/futures/fills/", fill_body(portfolio))

        closing = fill_body(portfolio, side="sell", price="1.4", reason=reason, executed_at="2026-01-12T12:00:00Z")
        answer = caller.post("/futures/fills/", closing)

        assert (answer.status_code, answer.json()["reason"]) == (201, reason)
        assert caller.get(f"/portfolios/{portfolio.pk}/positions/").json() == []

    def test_a_repeat_changes_nothing(self, caller: Caller, portfolio: Portfolio) -> None:
        before = Fill.objects.count()
        first, second = (caller.post("/futures/fills/", fill_body(portfolio), **ONE) for _ in range(2))

        assert first.json() == second.json()
        assert Fill.objects.count() == before + 1

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"instrument": "FET"}, "instrument"),
            ({"fee_asset": "NOPE"}, "fee_asset"),
            ({"quantity": "9000000"}, "quantity"),
            ({"executed_at": "2100-01-01T00:00:00Z"}, "executed_at"),
            ({"reason": "boredom"}, "reason"),
            ({"reason": "adl"}, "non_field_errors"),
            ({"chain": "x"}, "chain"),
        ],
    )
    def test_what_cannot_be_names_its_field(
        self, changes: dict[str, str], field: str, caller: Caller, portfolio: Portfolio
    ) -> None:
        before = Fill.objects.count()

        answer = caller.post("/futures/fills/", fill_body(portfolio, **changes))

        assert answer.status_code == 400
        assert faults(answer) in ({field}, {None})
        assert Fill.objects.count() == before


class TestRolls:
    @pytest.fixture
    def held(self, caller: Caller, portfolio: Portfolio) -> Portfolio:
        """A portfolio with a dated future."""
        dated(MARCH)
        dated(JUNE)
        caller.post("/futures/fills/", fill_body(portfolio, instrument="FET-260327"))
        return portfolio

    def test_a_roll_joins_two_fills(self, caller: Caller, held: Portfolio) -> None:
        answer = caller.post("/futures/rolls/", roll_body(held, fee_amount="0.3", into_fee_amount="0.4"))

        rolled = answer.json()
        (position,) = caller.get(f"/portfolios/{held.pk}/positions/").json()
        (chain,) = caller.get(f"/portfolios/{held.pk}/chains/").json()
        assert answer.status_code == 201, answer.content
        assert rolled["closing"]["chain"] == rolled["opening"]["chain"] == position["chain"] == chain["name"]
        assert rolled["spread"]["spread"].startswith("0.0476190476")
        assert [member["instrument"] for member in chain["members"]] == ["FET-260327", "FET-260626"]
        assert (chain["members"][0]["realized"], chain["members"][0]["fees"]) == ("30", "0.3")

    def test_a_repeat_rolls_once(self, caller: Caller, held: Portfolio) -> None:
        first, second = (caller.post("/futures/rolls/", roll_body(held), **ONE) for _ in range(2))

        assert first.json() == second.json()
        assert len(caller.get(f"/portfolios/{held.pk}/chains/").json()) == 1

    @pytest.mark.parametrize(
        "changes", [{"into": "FET-260327"}, {"instrument": "FET-PERP"}, {"position_side": "short"}, {"into": "FET"}]
    )
    def test_what_does_not_follow_is_refused(self, changes: dict[str, str], caller: Caller, held: Portfolio) -> None:
        assert caller.post("/futures/rolls/", roll_body(held, **changes)).status_code == 400

    def test_more_than_is_held_is_refused(self, caller: Caller, held: Portfolio) -> None:
        answer = caller.post("/futures/rolls/", roll_body(held, quantity="300.5"))

        assert (answer.status_code, faults(answer)) == (400, {"quantity"})
        assert "You hold 300 FET-260327: roll at most that." in answer.json()["detail"]


class TestStranger:
    @pytest.mark.parametrize(("path", "body"), [("/futures/fills/", fill_body), ("/futures/rolls/", roll_body)])
    def test_anothers_portfolio_is_none(self, path: str, body: Any, portfolio: Portfolio, stranger: Caller) -> None:
        before = Fill.objects.count()
        theirs = stranger.post(path, body(portfolio))
        absent = stranger.post(path, body(portfolio) | {"portfolio": 10**9})

        assert theirs.status_code == absent.status_code == 400
        assert theirs.json() == absent.json()
        assert Fill.objects.count() == before
