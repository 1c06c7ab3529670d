"""Add up what a portfolio gained so far (DOMAIN 4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Value

from portfolio.domain.money import ZERO, in_context
from portfolio.models import Holding, Portfolio, Position, Transfer, Unmatched


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Hold the rows that a portfolio's ledger adds up to, what is no longer held included."""

    held: Sequence[Holding]
    futures: Sequence[Position]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Add up what was gained so far, in USD; each fee is counted once, unmatched sales stand beside it."""

    spot_realized: Decimal
    futures_realized: Decimal
    futures_fees: Decimal
    funding: Decimal
    income: Decimal
    spot_unrealized: Decimal
    futures_unrealized: Decimal
    unpriced: int
    unmatched: int
    unmatched_usd: Decimal

    @property
    @in_context
    def realized(self) -> Decimal:
        """Return all that was realised, after fees."""
        return self.spot_realized + self.futures_realized - self.futures_fees + self.funding + self.income

    @property
    @in_context
    def unrealized(self) -> Decimal:
        """Return what is not realised yet, of what has a price."""
        return self.spot_unrealized + self.futures_unrealized


@in_context
def totals(
    *, portfolio: Portfolio, ledger: Ledger, spot: Sequence[Decimal | None], futures: Sequence[Decimal | None]
) -> Totals:
    """Add up in Python, given what each line has not realised yet: amounts are never added in SQL. One query."""
    missing, income = _beside_the_lots(portfolio)
    return Totals(
        spot_realized=sum((row.realized_pnl_usd for row in ledger.held), ZERO),
        futures_realized=sum((row.realized_pnl_usd for row in ledger.futures), ZERO),
        futures_fees=sum((row.fees_usd for row in ledger.futures), ZERO),
        funding=sum((row.funding_usd for row in ledger.futures), ZERO),
        income=sum(income, ZERO),
        spot_unrealized=sum((gain or ZERO for gain in spot), ZERO),
        futures_unrealized=sum((gain or ZERO for gain in futures), ZERO),
        unpriced=sum(gain is None for gain in (*spot, *futures)),
        unmatched=len(missing),
        unmatched_usd=sum(missing, ZERO),
    )


def _beside_the_lots(portfolio: Portfolio) -> tuple[list[Decimal], list[Decimal]]:
    """Return the proceeds of unmatched sales, and what standing income was worth. One query."""
    missing = Unmatched.objects.filter(portfolio=portfolio).order_by()
    income = Transfer.objects.filter(
        portfolio=portfolio, kind=Transfer.Kind.INCOME, reverses__isnull=True, reversed_by__isnull=True
    ).order_by()
    both = missing.values_list("proceeds_usd", Value(1)).union(income.values_list("value_usd", Value(0)), all=True)
    rows = [(amount, is_missing) for amount, is_missing in both if amount is not None]
    return [amount for amount, is_missing in rows if is_missing], [
        amount for amount, is_missing in rows if not is_missing
    ]
