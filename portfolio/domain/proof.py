"""Set a figure beside what it is the sum of."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.domain.money import ZERO, in_context


@dataclass(frozen=True, kw_only=True)
class Part:
    """Name one addend: what it is, when, and the entry it came from; amounts in USD, quantity in units of the asset."""

    what: str
    at: datetime | None = None
    since: datetime | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    proceeds: Decimal | None = None
    cost: Decimal | None = None
    amount: Decimal | None = None
    fill_id: int | None = None
    transfer_id: int | None = None
    asset: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Set a figure as the pages show it beside what its parts add up to."""

    name: str
    stated: Decimal
    summed: Decimal
    is_usd: bool = True
    slack: Decimal = ZERO

    @property
    @in_context
    def holds(self) -> bool:
        """Tell whether both are equal to the last digit, or as far as products were rounded one by one."""
        return abs(self.stated - self.summed) <= self.slack


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Hold a figure's formula and where it is defined, its claims, and its parts; `count` of them, some shown."""

    key: str
    name: str
    formula: str
    source: str
    claims: tuple[Claim, ...]
    parts: tuple[Part, ...]
    count: int
    next_cursor: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """Name the numbers that at least one of the parts shown has."""
        numbers = ("at", "quantity", "price", "proceeds", "cost", "amount")
        return frozenset(name for name in numbers if any(getattr(part, name) is not None for part in self.parts))

    @property
    def holds(self) -> bool:
        """Tell whether every claim holds."""
        return all(claim.holds for claim in self.claims)
