"""Say how much of what was planned is done, and when it was done on average (DOMAIN 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from portfolio.domain.money import ONE, ZERO, exact, in_context

DONE = Decimal("0.9999")
"""From this share on a leg counts as filled: venues round to their step."""


@in_context
def filled_share(*, planned: Decimal, filled: Decimal) -> Decimal:
    """Return which share of a planned quantity was filled; more than all of it is more than 1."""
    return exact(filled / planned) if planned else ONE


def is_done(*, planned: Decimal, filled: Decimal) -> bool:
    """Return whether nothing worth mentioning is left to fill."""
    return filled_share(planned=planned, filled=filled) >= DONE


@in_context
def decided_at(moments: Sequence[tuple[datetime, Decimal]]) -> datetime:
    """Return the notional-weighted time of some fills, to the second (DOMAIN 5.1: t0); one moment is kept as it is."""
    first = min(at for at, _ in moments)
    if all(at == first for at, _ in moments):
        return first
    total = sum((value for _, value in moments), ZERO)
    weighted = sum((Decimal(int((at - first).total_seconds())) * value for at, value in moments), ZERO)
    return first + timedelta(seconds=int(weighted / total)) if total else first
