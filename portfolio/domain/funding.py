"""Work out funding as its own cash flow, by who held the position at that moment (DOMAIN 4.2, 2.6)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from portfolio.domain.money import exact, in_context, pro_rata, summed

HOURS_A_YEAR = Decimal(8760)
GRACE: Mapping[str, timedelta] = {"binance": timedelta(seconds=15)}
"""How long after the stamp a venue still counts what is opened: Binance's 15 seconds, nothing elsewhere."""


class Change(NamedTuple):
    """Give the moment and the signed size by which a position changed."""

    at: datetime
    quantity: Decimal


class Stamp(NamedTuple):
    """Give a funding moment, its rate (longs pay a positive one) and the mark price then."""

    at: datetime
    rate: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrual:
    """Hold one funding payment that was worked out, not reported: always shown as estimated."""

    at: datetime
    held: Decimal
    amount: Decimal


@in_context
def funding_payment(*, quantity: Decimal, mark: Decimal, rate: Decimal, is_inverse: bool = False) -> Decimal:
    """Give -Q x mark x rate, or -(N / mark) x rate in coin; positive is received (DOMAIN 4.2, E17)."""
    if is_inverse:
        return pro_rata(total=-quantity, part=rate, whole=mark)
    return exact(-quantity * mark * rate)


@in_context
def annualised(*, rate: Decimal, interval_hours: Decimal) -> Decimal:
    """Give rate x 8760 / interval hours, simple (DOMAIN 0, E17)."""
    return pro_rata(total=rate, part=HOURS_A_YEAR, whole=interval_hours)


@in_context
def held_at(*, changes: Iterable[Change], moment: datetime, grace: timedelta = timedelta(0)) -> Decimal:
    """Give the signed size that pays or earns the funding of a moment.

    What is closed at that very moment still counts; so does what is opened then, or within the venue's grace.
    """
    ordered = sorted(changes, key=lambda change: change.at)
    held = summed(change.quantity for change in ordered if change.at < moment)
    for change in ordered:
        is_counted = change.at == moment or moment < change.at < moment + grace
        if is_counted and held * change.quantity >= 0:
            held += change.quantity
    return held


@in_context
def accrued(
    *,
    changes: Sequence[Change],
    stamps: Iterable[Stamp],
    is_inverse: bool = False,
    grace: timedelta = timedelta(0),
) -> tuple[Accrual, ...]:
    """Work funding out from rates where the venue's own rows are missing; flat moments have none (DOMAIN 4.2)."""
    found = []
    for stamp in sorted(stamps):
        held = held_at(changes=changes, moment=stamp.at, grace=grace)
        amount = funding_payment(quantity=held, mark=stamp.mark, rate=stamp.rate, is_inverse=is_inverse)
        if held:
            found.append(Accrual(at=stamp.at, held=held, amount=amount))
    return tuple(found)
