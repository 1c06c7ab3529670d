"""Choose what a sector is bought with: the default basket, and the perp an overlay uses (DOMAIN 3.5, F36)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

BASKET_SIZE = 5
WEIGHT_CAP = Decimal("0.40")
WEIGHT_STEP = Decimal("0.0001")
ONE = Decimal(1)


class Member(NamedTuple):
    """Describe a sector's member: 28-day relative strength, 30-day mean volume in USD, whether it has a perp."""

    asset_id: int
    strength: float
    adv: float
    has_perp: bool = True


def ranked(members: Sequence[Member]) -> list[Member]:
    """Order members by rank(RS28) + rank(ADV), best first; ties go to the larger volume, then the older asset."""
    by_strength = _ranks(members, [m.strength for m in members])
    by_volume = _ranks(members, [m.adv for m in members])
    score = {m.asset_id: by_strength[m.asset_id] + by_volume[m.asset_id] for m in members}
    return sorted(members, key=lambda m: (-score[m.asset_id], -_known(m.adv), m.asset_id))


def default_basket(members: Sequence[Member]) -> tuple[tuple[int, Decimal], ...]:
    """Return (asset, weight) of the five best members, weighted by volume, none above 40% or 1/n; weights add to 1."""
    best = [m for m in ranked(members) if _known(m.adv) > 0][:BASKET_SIZE]
    if not best:
        return ()
    weights = _capped([m.adv for m in best], cap=max(float(WEIGHT_CAP), 1.0 / len(best)))
    parts = [Decimal(round(w * 10_000)) * WEIGHT_STEP for w in weights]
    parts[0] += ONE - sum(parts)
    pairs = [(m.asset_id, part) for m, part in zip(best, parts, strict=True)]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def overlay_asset(members: Sequence[Member]) -> int | None:
    """Return the best-ranked member that has a perp, or nothing (DOMAIN F36)."""
    return next((m.asset_id for m in ranked(members) if m.has_perp), None)


def _ranks(members: Sequence[Member], values: Sequence[float]) -> dict[int, float]:
    """Return each member's rank, 1 for the smallest; equal values share their ranks, unknown ones come first."""
    known = [_known(value) for value in values]
    return {
        member.asset_id: sum(other < value for other in known) + (known.count(value) + 1) / 2
        for member, value in zip(members, known, strict=True)
    }


def _known(value: float) -> float:
    """Return the value, or minus infinity where it is unknown."""
    return -math.inf if math.isnan(value) else value


def _capped(values: Sequence[float], *, cap: float) -> list[float]:
    """Return weights in proportion to values, none above the cap; what is cut goes to the others."""
    weights = [value / sum(values) for value in values]
    for _ in values:
        free = [i for i, w in enumerate(weights) if w < cap]
        excess = sum(w - cap for w in weights if w > cap)
        if excess <= 1e-12 or not free:
            break
        base = sum(weights[i] for i in free)
        weights = [w + excess * w / base if w < cap else cap for w in weights]
    return weights
