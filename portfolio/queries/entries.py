"""List what happened, newest first, with what each entry realised and whether it was reversed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portfolio.domain.money import ZERO, in_context
from portfolio.models import Fill, Portfolio, Transfer
from portfolio.queries.paging import Page, newest_first

FILL_RELATIONS = (
    "account",
    "instrument__asset",
    "quote_asset",
    "fee_asset",
    "reversed_by",
    "reverses",
    "position_change",
)


@dataclass(frozen=True, kw_only=True)
class FillLine:
    """Show one execution; what it realised is in USD, nothing where it let go of nothing."""

    fill: Fill
    realized_usd: Decimal | None

    @property
    def is_reversed(self) -> bool:
        """Return whether a later entry takes it back."""
        return hasattr(self.fill, "reversed_by")

    @property
    def is_reversal(self) -> bool:
        """Return whether it takes an earlier entry back."""
        return self.fill.reverses_id is not None


@dataclass(frozen=True, kw_only=True)
class FillPage:
    """Hold one page of executions and the cursor of the next."""

    lines: list[FillLine]
    next_cursor: str


def fill_lines(*, portfolio: Portfolio, symbol: str = "", cursor: str = "") -> FillPage:
    """Return a page of executions, of one asset where its symbol is given."""
    rows = Fill.objects.filter(portfolio=portfolio).select_related(*FILL_RELATIONS).prefetch_related("disposals")
    if symbol:
        rows = rows.filter(instrument__asset__symbol=symbol)
    page = newest_first(rows, moment="executed_at", tie="sequence", cursor=cursor)
    lines = [FillLine(fill=fill, realized_usd=realized_by(fill)) for fill in page.rows]
    return FillPage(lines=lines, next_cursor=page.next_cursor)


def transfer_lines(*, portfolio: Portfolio, cursor: str = "") -> Page[Transfer]:
    """Return a page of deposits, withdrawals, income and funding."""
    rows = Transfer.objects.filter(portfolio=portfolio)
    ends = ("to_account", "into_asset", "fee_asset")
    related = rows.select_related("account", "asset", "instrument__asset", "reversed_by", "reverses", *ends)
    return newest_first(related, moment="executed_at", tie="sequence", cursor=cursor)


@in_context
def realized_by(fill: Fill) -> Decimal | None:
    """Return what a fill realised in USD, None where it let go of nothing."""
    disposed = list(fill.disposals.all())
    change = getattr(fill, "position_change", None)
    if not disposed and change is None:
        return None
    return sum((part.realized_pnl_usd for part in disposed), ZERO) + (change.realized_pnl_usd if change else ZERO)
