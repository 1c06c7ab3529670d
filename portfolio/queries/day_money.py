"""Read what came in, went out, and was paid in fees and funding, day by day, without adding anything in SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.lending import LoanKind
from portfolio.domain.money import ZERO, in_context
from portfolio.domain.returns import DayFlow
from portfolio.models import Fill, LoanEntry, Portfolio, Transfer, closes_on
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
class Money:
    """Hold every day's money."""

    days: dict[date, DayMoney]

    def on(self, day: date) -> DayMoney:
        """Return a day's money; nothing happened on most days."""
        return self.days.get(day) or DayMoney()


@in_context
def money_of(*, portfolio: Portfolio, since: date, until: date | None = None) -> Money:
    """Return what happened from a day on, and until the end of another. Three queries."""
    days: dict[date, DayMoney] = {}
    start = closes_on(since - DAY)
    span: dict[str, Any] = {"portfolio": portfolio, "executed_at__gte": start}
    if until is not None:
        span["executed_at__lt"] = closes_on(until)
    transfers = Transfer.objects.filter(**span, **_STANDS)
    columns = ("executed_at", "kind", "quantity", "value_usd", "cost_usd", "fee_usd", "loan")
    row: Any
    for row in transfers.order_by("executed_at", "sequence").values_list(*columns):
        moment, kind, quantity, value, cost, fee, loan = row
        day = days.setdefault(moment.date(), DayMoney())
        day.fees += fee or ZERO
        if loan is None:
            _count(day, moment, kind, quantity, value if value is not None else cost)
    for entry in standing_loans(portfolio.pk):
        if entry.executed_at >= start and (until is None or entry.executed_at < closes_on(until)):
            _count_loan(days.setdefault(entry.executed_at.date(), DayMoney()), entry)
    _count_fees(span, days)
    return Money(days=days)


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


def _count_fees(span: dict[str, Any], days: dict[date, DayMoney]) -> None:
    fees = Fill.objects.filter(**span, **_STANDS).order_by().values_list("executed_at", "fee_usd")
    for moment, fee in fees.iterator(2000):
        days.setdefault(moment.date(), DayMoney()).fees += fee


def _passed(moment: datetime) -> float:
    """Return the share of its day that had passed."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment - midnight) / DAY
