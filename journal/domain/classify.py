"""Say how a rotation relates to what was recommended: followed, deviated, against or beside it (DOMAIN 5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from portfolio.domain.money import ZERO, in_context

LOW, HIGH = Decimal("0.8"), Decimal("1.2")
UNMATCHED_SHARE = Decimal("0.1")
LATE_AFTER = timedelta(hours=6)
AGAINST, BESIDE = Decimal("-0.2"), Decimal("0.2")


class Adherence(StrEnum):
    """How the person's own legs relate to the recommended ones."""

    FOLLOWED = "followed"
    DEVIATED = "deviated"
    CONTRADICTED = "contradicted"
    IGNORED = "ignored"
    SPONTANEOUS = "spontaneous"


class LegKey(NamedTuple):
    """What makes two legs the same: sector and whether it is a futures leg; instruments may differ inside a sector."""

    sector: str
    is_futures: bool


class Sized(NamedTuple):
    """A leg and its signed notional in USD: bought and long > 0, sold and short < 0."""

    key: LegKey
    notional: Decimal


@dataclass(frozen=True, slots=True)
class Classified:
    """The verdict and 1 - sum|e - r| / sum(|e| + |r|), None where nothing was recommended."""

    adherence: Adherence
    similarity: Decimal | None


@in_context
def classify(*, executed: Sequence[Sized], recommended: Sequence[Sized], is_late: bool = False) -> Classified:
    """Compare what was done with what was recommended, leg by leg; done too late deviates (DOMAIN 5.2; E33)."""
    if not recommended:
        return Classified(Adherence.SPONTANEOUS, None)
    done, asked = _totals(executed), _totals(recommended)
    size = sum((abs(value) for value in asked.values()), ZERO)
    difference = sum((abs(done.get(key, ZERO) - asked.get(key, ZERO)) for key in {*done, *asked}), ZERO)
    scale = size + sum((abs(value) for value in done.values()), ZERO)
    similarity = 1 - difference / scale if scale else Decimal(1)
    verdict = _verdict(done, asked, size)
    return Classified(Adherence.DEVIATED if is_late and verdict is Adherence.FOLLOWED else verdict, similarity)


def is_too_late(executed_at: datetime, *, expires_at: datetime) -> bool:
    """Return whether something was done more than 6 hours after a recommendation had lapsed (DOMAIN 5.2)."""
    return executed_at > expires_at + LATE_AFTER


def _totals(legs: Sequence[Sized]) -> dict[LegKey, Decimal]:
    totals: dict[LegKey, Decimal] = {}
    for leg in legs:
        totals[leg.key] = totals.get(leg.key, ZERO) + leg.notional
    return {key: value for key, value in totals.items() if value}


def _verdict(done: Mapping[LegKey, Decimal], asked: Mapping[LegKey, Decimal], size: Decimal) -> Adherence:
    """Return the verdict; where the legs asked for cancel out inside their sectors, only doing nothing net follows."""
    if not asked:
        return Adherence.IGNORED if done else Adherence.FOLLOWED
    ratios = {key: done.get(key, ZERO) / value for key, value in asked.items()}
    unmatched = sum((abs(value) for key, value in done.items() if key not in asked), ZERO)
    weighted = sum((ratios[key] * abs(value) for key, value in asked.items()), ZERO) / size
    if weighted < AGAINST:
        return Adherence.CONTRADICTED
    if weighted < BESIDE and min(ratios.values()) >= 0:
        return Adherence.IGNORED
    is_each_done = all(LOW <= ratio <= HIGH for ratio in ratios.values())
    is_nothing_else = unmatched <= UNMATCHED_SHARE * size
    return Adherence.FOLLOWED if is_each_done and is_nothing_else else Adherence.DEVIATED
