"""Add up fees by what they were paid for, beside what was reckoned with; a key finds the rotations (DOMAIN 4.7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portfolio.domain.money import ONE, ZERO, in_context, pro_rata


class Reckoned(StrEnum):
    """Where an estimate comes from."""

    RECOMMENDED = "recommended"
    LISTED = "listed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """One execution of a rotation, or of none: what it cost, and what it should have cost, in USD."""

    rotation: int | None
    venue: str
    leg: str
    asset: str
    paid_in: str
    month: str
    notional: Decimal
    fee: Decimal
    estimate: Decimal | None = None
    source: Reckoned = Reckoned.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRow:
    """What some executions cost; `compared` is the part of `paid` that has an estimate beside it."""

    key: str
    fills: int
    rotations: int
    notional: Decimal
    paid: Decimal
    compared: Decimal
    estimated: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """Return how much more was paid than reckoned with, of what has an estimate."""
        return None if self.estimated is None else self.compared - self.estimated

    @property
    def rate(self) -> Decimal | None:
        """Return fees as a fraction of what was traded."""
        return pro_rata(total=self.paid, part=ONE, whole=self.notional) if self.notional else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Hold what fees add up to: of rotations, by facet, and of what no rotation stands behind."""

    total: FeeRow
    facets: Mapping[str, tuple[FeeRow, ...]]
    outside: FeeRow
    recommended: int
    listed: int


FACETS: Mapping[str, Callable[[Paid], str]] = {
    "venue": lambda each: each.venue,
    "leg": lambda each: each.leg,
    "asset": lambda each: each.asset,
    "paid_in": lambda each: each.paid_in,
    "month": lambda each: each.month,
}
ALL = "paid:yes"


@in_context
def add_up(lines: Sequence[Paid]) -> Fees:
    """Add up what executions cost, each facet adding up to the same total."""
    inside = [each for each in lines if each.rotation is not None]
    return Fees(
        total=_row(ALL, inside),
        facets={name: _facet(name, inside) for name in FACETS},
        outside=_row("", [each for each in lines if each.rotation is None]),
        recommended=sum(each.source is Reckoned.RECOMMENDED for each in inside),
        listed=sum(each.source is Reckoned.LISTED for each in inside),
    )


def is_of_fees(key: str) -> bool:
    """Return whether a key names a figure of fees."""
    return key == ALL or key.partition(":")[0] in FACETS


def _facet(name: str, lines: Sequence[Paid]) -> tuple[FeeRow, ...]:
    found: dict[str, list[Paid]] = defaultdict(list)
    for each in lines:
        found[FACETS[name](each)].append(each)
    rows = [_row(f"{name}:{value}", each) for value, each in found.items()]
    if name == "month":
        return tuple(sorted(rows, key=lambda row: row.key, reverse=True))
    return tuple(sorted(rows, key=lambda row: (-row.paid, row.key)))


def _row(key: str, lines: Sequence[Paid]) -> FeeRow:
    compared = [(each.fee, each.estimate) for each in lines if each.estimate is not None]
    return FeeRow(
        key=key,
        fills=len(lines),
        rotations=len({each.rotation for each in lines if each.rotation is not None}),
        notional=sum((each.notional for each in lines), ZERO),
        paid=sum((each.fee for each in lines), ZERO),
        compared=sum((fee for fee, _ in compared), ZERO),
        estimated=sum((estimate for _, estimate in compared), ZERO) if compared else None,
    )
