"""A folded ledger is written down as text and read back, digit for digit."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from portfolio.domain.checkpoints import read, written
from portfolio.domain.events import MethodChange, PerpFill, Side, SpotFill, TransferIn
from portfolio.domain.futures import MarginMode, Position, PositionSide
from portfolio.domain.ledger import fold
from portfolio.domain.lots import Lot, Method, Scope
from portfolio.domain.outcomes import State

AT = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
LOT = Lot(2, "UNI", AT, 5, D("3.5"), D(7), D("1.250"), D("2.500000000000000001"), is_assumed=True, ordinal=1)
POSITION = Position(
    settle="BTC",
    quantity=D(-600),
    entry_cost=D("0.012"),
    margin=D("0.0012"),
    realized_usd=D("-4.5"),
    fees_usd=D("1E+1"),
    funding_usd=D("0.25"),
    opened_at=AT,
    is_inverse=True,
    margin_mode=MarginMode.CROSS,
    chain="roll",
)
FULL = State(
    lots={(2, "UNI"): (LOT,), (1, "AAVE"): ()},
    balances={(2, "USD"): D("-0.00"), (1, "BTC"): D("0.5")},
    costs={(2, "UNI"): D("2.500000000000000001")},
    gains={(1, "BTC"): D("-7.10")},
    positions={(1, 7, PositionSide.SHORT): POSITION, (1, 7, PositionSide.LONG): Position(settle="USDC")},
    last=(AT, 9),
    method=Method.HIFO,
    scope=Scope.PORTFOLIO,
)


class TestText:
    def test_is_compact_sorted_and_without_closed_lots(self) -> None:
        data = json.loads(written(FULL))

        assert data["lots"] == [[2, "UNI", [[2, AT.isoformat(), 5, 1, 1, "3.5", "7", "1.25", "2.500000000000000001"]]]]
        assert data["balances"] == [[1, "BTC", "0.5"], [2, "USD", "0"]]
        assert [key for key, _ in data["positions"]] == [[1, 7, "long"], [1, 7, "short"]]
        assert data["last"] == [AT.isoformat(), 9]
        assert (data["method"], data["scope"]) == ("HIFO", "portfolio")
        assert " " not in written(FULL)

    def test_a_position_is_written_by_the_names_of_its_fields(self) -> None:
        _, short = json.loads(written(FULL))["positions"]

        assert short[1] == {
            "settle": "BTC",
            "quantity": "-600",
            "entry_cost": "0.012",
            "margin": "0.0012",
            "realized_usd": "-4.5",
            "fees_usd": "10",
            "funding_usd": "0.25",
            "opened_at": AT.isoformat(),
            "is_inverse": True,
            "margin_mode": "cross",
            "chain": "roll",
        }


class TestRead:
    def test_brings_all_back_but_closed_lots(self) -> None:
        assert read(written(FULL)) == replace(FULL, lots={(2, "UNI"): (LOT,)})

    def test_brings_the_kinds_back(self) -> None:
        state = read(written(FULL))
        position = state.positions[1, 7, PositionSide.SHORT]

        assert (state.method, state.scope) == (Method.HIFO, Scope.PORTFOLIO)
        assert isinstance(state.method, Method)
        assert isinstance(state.scope, Scope)
        assert isinstance(position.margin_mode, MarginMode)
        assert isinstance(position.quantity, D)
        assert all(isinstance(side, PositionSide) for _, _, side in state.positions)
        assert state.lots[2, "UNI"][0].is_assumed is True

    def test_nothing_is_nothing(self) -> None:
        assert read(written(State())) == State()

    @pytest.mark.parametrize("method", list(Method))
    def test_a_ledger_goes_on_as_if_it_had_never_been_written(self, method: Method) -> None:
        place: dict[str, Any] = {"account": 1, "executed_at": AT}
        spot = {"base": "UNI", "quote": "USD", "quantity": D(3), "price": D(2)}
        events = [
            MethodChange(sequence=1, account=0, executed_at=AT, method=method),
            TransferIn(sequence=2, **place, asset="USD", quantity=D(100)),
            SpotFill(sequence=3, **place, side=Side.BUY, **spot),
            SpotFill(sequence=4, **place, side=Side.BUY, **spot, fee=D("0.1")),
            PerpFill(sequence=5, **place, side=Side.SELL, instrument=7, settle="USD", quantity=D(3), price=D(2)),
            SpotFill(sequence=6, **place, side=Side.SELL, **{**spot, "quantity": D(4)}),
        ]

        resumed = fold(events=events[4:], opening=read(written(fold(events=events[:4]).state)))

        assert resumed.state == fold(events=events).state
