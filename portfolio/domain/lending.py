"""Follow what is owed to lenders, and what freed capital earns beside its funding (DOMAIN F42, F47, F48)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portfolio.domain.money import ONE, ZERO, Refusal, exact, in_context, pro_rata

DAYS_A_YEAR = Decimal(365)


class LoanKind(StrEnum):
    """Say what changed a debt; interest is a cost, the others are not."""

    BORROW = "borrow"
    REPAY = "repay"
    INTEREST = "interest"


class Overpaid(Refusal):
    """Refuse to repay more than is owed."""

    def __init__(self, *, asset: str, owed: Decimal, asked: Decimal) -> None:
        """Name what is owed and what was to be repaid."""
        super().__init__(f"You owe {owed.normalize():f} {asset} then, and this repays {asked.normalize():f}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FreedIncome:
    """Hold what a position frees, what that earns a year at a yield, and what its funding costs a year, in USD.

    A yield or a funding that nobody knows is nothing, never zero.
    """

    freed: Decimal
    apy: Decimal | None
    funding: Decimal | None

    @property
    @in_context
    def earned(self) -> Decimal | None:
        """Give what the freed capital earns a year (F48)."""
        return None if self.apy is None else exact(self.freed * self.apy)

    @property
    @in_context
    def net(self) -> Decimal | None:
        """Give the yield less the funding, a year; it is income only above zero (F48)."""
        return None if self.earned is None or self.funding is None else self.earned - self.funding

    @property
    @in_context
    def breakeven_apy(self) -> Decimal | None:
        """Give the yield at which what is freed pays for the funding (E31)."""
        if self.funding is None or self.freed <= 0:
            return None
        return pro_rata(total=self.funding, part=ONE, whole=self.freed)


@in_context
def outstanding(moves: Iterable[tuple[LoanKind, Decimal]], *, asset: str) -> Decimal:
    """Give what is owed after some moves in their order; raises `Overpaid` where more was repaid than was owed."""
    owed = ZERO
    for kind, quantity in moves:
        if kind is LoanKind.REPAY and quantity > owed:
            raise Overpaid(asset=asset, owed=owed, asked=quantity)
        owed += -quantity if kind is LoanKind.REPAY else quantity
    return owed


@in_context
def funding_annual(*, received: Decimal, days: Decimal) -> Decimal | None:
    """Give what funding costs a year at the pace so far, in USD; nothing before a day has passed."""
    return exact(-received * DAYS_A_YEAR / days) if days >= 1 else None
