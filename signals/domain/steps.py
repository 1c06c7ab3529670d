"""Put the legs of an answer into the order in which they are placed, stops last (DOMAIN 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple, Protocol

from signals.domain.shelf import Action

SET_STOP = "SET_STOP"
OPENS = (Action.OPEN_LONG.value, Action.OPEN_SHORT_HEDGE.value)


class Placed(Protocol):
    """Name what a leg must tell to be placed."""

    position: int
    action: str
    quantity: Decimal
    stop_price: Decimal | None
    depends_on: int | None


class Step(NamedTuple):
    """Hold one thing to do: a leg, or the stop of one that opens futures; `after` is the step that comes first."""

    number: int
    action: str
    leg: int
    quantity: Decimal
    price: Decimal | None
    after: int | None


def steps_of(legs: Iterable[Placed]) -> list[Step]:
    """Return legs as steps, then a stop for each position that was opened: it is set once its opening has filled.

    Stops of spot legs are alerts and no orders (DOMAIN 3.6), so they are no steps.
    """
    ordered = sorted(legs, key=lambda leg: leg.position)
    number = {leg.position: place for place, leg in enumerate(ordered, start=1)}
    steps = [
        Step(number[leg.position], leg.action, leg.position, leg.quantity, None, number.get(leg.depends_on or 0))
        for leg in ordered
    ]
    for leg in ordered:
        if leg.action in OPENS and leg.stop_price is not None:
            place = number[leg.position]
            steps.append(Step(len(steps) + 1, SET_STOP, leg.position, leg.quantity, leg.stop_price, place))
    return steps
