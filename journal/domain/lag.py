"""Measure how late a decision was: the clocks from signal to last fill, and which share of the move had gone (5.6)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from portfolio.domain.money import ZERO, exact, in_context

HORIZON = timedelta(days=30)
LOWEST, HIGHEST = -1.0, 2.0
LEAST_DAYS = 20
"""A deviation of fewer daily changes says too little to divide by."""

TOO_SMALL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """When it was known, suggested, and done; each None where it was not."""

    signal: datetime | None
    issue: datetime | None
    first_fill: datetime
    last_fill: datetime

    @property
    def confirmation(self) -> timedelta | None:
        """Return how long the signal waited for its recommendation."""
        return None if self.signal is None or self.issue is None else self.issue - self.signal

    @property
    def decision(self) -> timedelta | None:
        """Return how long the person took from the recommendation, else from the signal, to the first fill."""
        start = self.issue or self.signal
        return None if start is None else self.first_fill - start

    @property
    def execution(self) -> timedelta:
        """Return how long it took from the first fill to the last."""
        return self.last_fill - self.first_fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Which share of the 30 days' move had gone when it was done; None with the reason why it cannot be said."""

    share: float | None
    reason: str = ""


def share_gone(*, signal: float, executed: float, end: float, changes: Sequence[float], is_ratio: bool) -> Gone:
    """Return the share of the move from signal to 30 days later that was over at execution (DOMAIN 5.6; E29).

    A ratio of what was bought over what was sold is compared in logs, one price in prices. `changes` are the daily log
    changes before the signal: a move of less than half their 30-day deviation is too small to have shares.
    """
    if min(signal, executed, end) <= 0:
        return Gone(share=None, reason="A price is missing.")
    whole, part = math.log(end / signal), math.log(executed / signal)
    if len(changes) < LEAST_DAYS:
        return Gone(share=None, reason="Too few closes before the signal.")
    average = sum(changes) / len(changes)
    deviation = math.sqrt(sum((each - average) ** 2 for each in changes) / (len(changes) - 1)) * math.sqrt(30)
    if abs(whole) < TOO_SMALL * deviation or not whole:
        return Gone(share=None, reason="The move was too small to have shares.")
    share = part / whole if is_ratio else (executed - signal) / (end - signal)
    return Gone(share=min(max(share, LOWEST), HIGHEST))


@in_context
def delay_cost(
    *, bought: Sequence[tuple[str, Decimal, Decimal]], sold: Sequence[tuple[str, Decimal, Decimal]],
    signal: Mapping[str, Decimal],
) -> Decimal | None:  # fmt: skip
    """Return what waiting since the signal cost, in USD: quantity times what each price moved against it (DOMAIN 5.6).

    Each fill is its asset, quantity and price; None where a price at the signal is not known.
    """
    if any(asset not in signal for asset, _, _ in (*bought, *sold)):
        return None
    dearer = sum((quantity * (price - signal[asset]) for asset, quantity, price in bought), ZERO)
    cheaper = sum((quantity * (signal[asset] - price) for asset, quantity, price in sold), ZERO)
    return exact(dearer + cheaper)
