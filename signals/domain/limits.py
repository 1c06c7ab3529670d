"""Say how much risk the engine may propose to whom (DOMAIN F05)."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Limits(NamedTuple):
    """Hold a person's caps: leverage, overlay notional over equity, 1R over equity; leverage 0 means no futures."""

    max_leverage: float
    max_overlay: float
    max_risk: float


BY_EXPERIENCE = MappingProxyType(
    {
        "beginner": Limits(3.0, 0.10, 0.010),
        "intermediate": Limits(3.0, 0.25, 0.015),
        "advanced": Limits(5.0, 0.40, 0.025),
    }
)


def limits_of(experience: str, *, has_overlay: bool) -> Limits:
    """Return the caps of an experience; nobody gets futures who has not asked for them."""
    limits = BY_EXPERIENCE.get(experience, BY_EXPERIENCE["beginner"])
    return limits if has_overlay else limits._replace(max_leverage=0.0)
