"""Read what came in, went out, and was paid in fees and funding, day by day, without adding anything in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.money import ZERO, in_context
from portfolio.domain.returns import DayFlow
from portfolio.models import Fill, Instrument, Portfolio, Transfer, closes_on

DAY = timedelta(days=1)
UNKNOWN_TIME = 0.5
"""A flow whose value or moment is not recorded counts from the middle of its day."""

_STANDS = {"reverses__isnull": True, "reversed_by__isnull": True}
_SIGNS = {Transfer.Kind.DEPOSIT: 1, Transfer.Kind.WITHDRAWAL: -1}


@dataclass(kw_only=True)
class DayMoney:
    """Hold a day's flows as far as they are timed, and in USD its fees, the funding (signed) and income."""

    flows: list[DayFlow] = field(default_factory=list)
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    income: Decimal = ZERO

    def flows_of(self, total: Decimal) -> tuple[DayFlow, ...]:
        """Return the day's flows so that they add up to what the day's value was computed with."""
        rest = total - sum((flow.amount for flow in self.flows), ZERO)
        return (*self.flows, DayFlow(amount=rest, passed=UNKNOWN_TIME)) if rest else tuple(self.flows)

    @property
    def costs(self) -> Decimal:
        """Return fees and the funding that was paid (DOMAIN 4.7)."""
        return self.fees + max(-self.funding, ZERO)


@dataclass(frozen=True, kw_only=True)
class PerpFlow:
    """Hold the signed size that a futures fill added to an instrument's position."""

    instrument: int
    executed_at: datetime
    quantity: Decimal


@dataclass(frozen=True, kw_only=True)
class Money:
    """Hold every day's money, and the futures fills."""

    days: dict[date, DayMoney]
    perps: Sequence[PerpFlow]

    def on(self, day: date) -> DayMoney:
        """Return a day's money; nothing happened on most days."""
        return self.days.get(day) or DayMoney()


@in_context
def money_of(*, portfolio: Portfolio, since: date) -> Money:
    """Return what happened from a day on. Two queries."""
    days: dict[date, DayMoney] = {}
    start = closes_on(since - DAY)
    transfers = Transfer.objects.filter(portfolio=portfolio, executed_at__gte=start, **_STANDS)
    columns = ("executed_at", "kind", "quantity", "value_usd", "cost_usd", "fee_usd")
    for moment, kind, quantity, value, cost, fee in transfers.order_by("executed_at", "sequence").values_list(*columns):
        day = days.setdefault(moment.date(), DayMoney())
        day.fees += fee or ZERO
        _count(day, moment, kind, quantity, value if value is not None else cost)
    return Money(days=days, perps=_fills(portfolio, start, days))


def _count(day: DayMoney, moment: datetime, kind: str, quantity: Decimal, value: Decimal | None) -> None:
    if kind in _SIGNS and value:
        day.flows.append(DayFlow(amount=_SIGNS[Transfer.Kind(kind)] * value, passed=_passed(moment)))
    elif kind == Transfer.Kind.FUNDING:
        day.funding += quantity if value is None else value
    elif kind == Transfer.Kind.INCOME:
        day.income += value or ZERO


def _fills(portfolio: Portfolio, start: datetime, days: dict[date, DayMoney]) -> list[PerpFlow]:
    fills = Fill.objects.filter(portfolio=portfolio, executed_at__gte=start, **_STANDS).order_by()
    contract = ("instrument_id", "instrument__kind", "instrument__contract_size")
    columns = ("executed_at", "fee_usd", "side", "quantity", *contract)
    found: list[PerpFlow] = []
    row: Any
    for row in fills.values_list(*columns).iterator(2000):
        moment, fee, side, quantity, instrument, kind, size = row
        days.setdefault(moment.date(), DayMoney()).fees += fee
        if kind != Instrument.Kind.SPOT:
            signed = quantity * size if side == Fill.Side.BUY else -quantity * size
            found.append(PerpFlow(instrument=instrument, executed_at=moment, quantity=signed))
    return found


def _passed(moment: datetime) -> float:
    """Return the share of its day that had passed."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment - midnight) / DAY
