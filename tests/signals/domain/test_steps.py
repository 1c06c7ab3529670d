"""Place legs in their order, and stops last."""

from __future__ import annotations

from decimal import Decimal as D
from types import SimpleNamespace
from typing import Any

from signals.domain.steps import steps_of


def leg(position: int, action: str, *, stop: str | None = None, after: int | None = None) -> Any:
    """Build a leg."""
    return SimpleNamespace(
        position=position,
        action=action,
        quantity=D(position),
        stop_price=None if stop is None else D(stop),
        depends_on=after,
    )


class TestSteps:
    def test_scenario_a_ends_with_the_stop_of_its_long(self) -> None:
        legs = [leg(1, "SELL_SPOT"), leg(2, "BUY_SPOT", stop="1.7", after=1), leg(3, "OPEN_LONG", stop="1.7", after=1)]

        steps = steps_of(reversed(legs))
        assert [(s.number, s.action, s.leg, s.price, s.after) for s in steps] == [
            (1, "SELL_SPOT", 1, None, None),
            (2, "BUY_SPOT", 2, None, 1),
            (3, "OPEN_LONG", 3, None, 1),
            (4, "SET_STOP", 3, D("1.7"), 3),
        ]

    def test_what_only_closes_sets_none(self) -> None:
        assert [step.action for step in steps_of([leg(1, "CLOSE_LONG")])] == ["CLOSE_LONG"]

    def test_a_hedge_gets_its_own(self) -> None:
        steps = steps_of([leg(1, "CLOSE_LONG"), leg(2, "OPEN_SHORT_HEDGE", stop="57500")])

        assert (steps[-1].action, steps[-1].after, steps[-1].quantity) == ("SET_STOP", 2, D(2))
