"""Read what came in, went out, and was paid in fees and funding, day by day, without adding anything in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.lending import LoanKind
from portfolio.domain.money import ZERO, in_context
from portfolio.domain.returns import DayFlow
from portfolio.models import Fill, Instrument, LoanEntry, Portfolio, Transfer, closes_on
from portfolio.queries.lending import standing_loans

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
    """Return what happened from a day on. Three queries."""
    days: dict[date, DayMoney] = {}
    start = closes_on(since - DAY)
    transfers = Transfer.objects.filter(portfolio=portfolio, executed_at__gte=start, **_STANDS)
    columns = ("executed_at", "kind", "quantity", "value_usd", "cost_usd", "fee_usd", "loan")
    row: Any
    for row in transfers.order_by("executed_at", "sequence").values_list(*columns):
        moment, kind, quantity, value, cost, fee, loan = row
        day = days.setdefault(moment.date(), DayMoney())
        day.fees += fee or ZERO
        if loan is None:
            _count(day, moment, kind, quantity, value if value is not None else cost)
    for entry in standing_loans(portfolio.pk):
        if entry.executed_at >= start:
            _count_loan(days.setdefault(entry.executed_at.date(), DayMoney()), entry)
    return Money(days=days, perps=_fills(portfolio, start, days))


def _count(day: DayMoney, moment: datetime, kind: str, quantity: Decimal, value: Decimal | None) -> None:
    if kind in _SIGNS and value:
        day.flows.append(DayFlow(amount=_SIGNS[Transfer.Kind(kind)] * value, passed=_passed(moment)))
    elif kind == Transfer.Kind.FUNDING:
        day.funding += quantity if value is None else value
    elif kind == Transfer.Kind.INCOME:
        day.income += value or ZERO


def _count_loan(day: DayMoney, entry: LoanEntry) -> None:
    """Count interest as a cost, and what was borrowed or repaid elsewhere as a flow; coins of one's own are neither."""
    if entry.kind == LoanKind.INTEREST:
        day.fees += entry.value_usd
    elif entry.transfer_id is None:
        sign = 1 if entry.kind == LoanKind.REPAY else -1
        day.flows.append(DayFlow(amount=sign * entry.value_usd, passed=_passed(entry.executed_at)))


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
