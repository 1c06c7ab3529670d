"""Say what an indicator is: a z-score with freshness and, where it cannot be known, the reason (DOMAIN 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from signals.domain.alignment import Aligned
from signals.domain.arrays import NAN, Bools, Codes, Floats, Instants
from signals.domain.normalise import Standardised, robust_z
from signals.domain.params import Params

_NEVER = np.datetime64("NaT", "s")


class Reason(IntEnum):
    """Say why an indicator carries less than its weight; CONSTANT is known, but did not move."""

    NONE = 0
    MISSING = 1
    STALE = 2
    TOO_SHORT = 3
    FEW_MEMBERS = 4
    FROZEN = 5
    NOT_POLLED = 6
    CONSTANT = 7

    @property
    def label(self) -> str:
        """Return the words people read."""
        return _LABELS[self]


_LABELS = {
    Reason.NONE: "",
    Reason.MISSING: "missing",
    Reason.STALE: "stale",
    Reason.TOO_SHORT: "too short",
    Reason.FEW_MEMBERS: "too few members",
    Reason.FROZEN: "index frozen",
    Reason.NOT_POLLED: "no source asked",
    Reason.CONSTANT: "constant",
}


@dataclass(frozen=True, slots=True)
class Indicator:
    """Hold one indicator over T days: raw value in its unit, z in [-3, 3], freshness 0 to 1 and the reason for less.

    Where z is unknown it is 0 and the freshness 0. `details` are further numbers worth showing, by name.
    """

    raw: Floats
    z: Floats
    freshness: Floats
    reason: Codes
    observed_at: Instants
    details: Mapping[str, Floats] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class IndicatorSpec:
    """Describe an indicator to people: its unit, its window in days, and what kind of knowledge it is (DOMAIN F07)."""

    unit: str
    window_days: int
    tag: str


CATALOGUE: Mapping[str, IndicatorSpec] = {
    "tvl": IndicatorSpec("price-neutral growth over 30 days", 180, "FUNDAMENTAL"),
    "l2": IndicatorSpec("change of the L2 share over 30 days", 180, "TECH"),
    "regulatory": IndicatorSpec("decayed event score", 14, "MACRO"),
    "partnership": IndicatorSpec("decayed event score", 5, "TECH"),
    "events": IndicatorSpec("decayed event score", 14, "TECH"),
    "turnover": IndicatorSpec("robust z of volume over size, member median", 180, "FUNDAMENTAL"),
    "sentiment": IndicatorSpec("fear and greed, 0 to 100", 180, "SENTIMENT"),
    "rs": IndicatorSpec("relative strength, 100 is the 90-day mean", 90, "PRICE"),
    "xs_mom": IndicatorSpec("28-day return over the other sectors", 180, "PRICE"),
    "dex_volume": IndicatorSpec("ln of 7-day over 30-day mean volume", 180, "FUNDAMENTAL"),
    "breadth": IndicatorSpec("share of assets that beat BTC over 30 days", 180, "PRICE"),
    "trend": IndicatorSpec("ln of price over its 50-day mean", 180, "PRICE"),
    "derivatives": IndicatorSpec("open interest against price over 7 days", 7, "DERIVATIVES"),
    "stablecoins": IndicatorSpec("ln growth of supply over 30 days", 180, "MACRO"),
    "fear_greed": IndicatorSpec("0 to 100", 180, "SENTIMENT"),
    "funding": IndicatorSpec("annualised rate", 180, "DERIVATIVES"),
    "tilt": IndicatorSpec("regime", 0, "MACRO"),
    "limit": IndicatorSpec("score kept within 0 and 100", 0, "PRICE"),
}


def indicator(
    raw: Floats,
    scored: Standardised,
    *,
    reason: Codes,
    freshness: Floats | float = 1.0,
    observed_at: Instants | None = None,
    details: Mapping[str, Floats] | None = None,
    source: str = "",
) -> Indicator:
    """Assemble an indicator: where z is unknown both z and freshness are 0 and the reason stays."""
    known = ~np.isnan(scored.z)
    reason = np.where(known, np.where(scored.is_constant, Reason.CONSTANT, Reason.NONE), reason)
    return Indicator(
        raw=raw,
        z=np.where(known, scored.z, 0.0),
        freshness=np.where(known, freshness, 0.0),
        reason=reason.astype(np.int8),
        observed_at=np.full(len(raw), _NEVER) if observed_at is None else observed_at,
        details=details or {},
        source=source,
    )


def from_reading(
    raw: Floats,
    aligned: Aligned,
    *,
    params: Params,
    centre: float | None = None,
    details: Mapping[str, Floats] | None = None,
) -> Indicator:
    """Standardise what was derived from a reading; the reading's freshness is the indicator's."""
    scored = robust_z(raw, params=params, centre=centre)
    return indicator(
        raw,
        scored,
        reason=reading_reason(aligned),
        freshness=aligned.freshness,
        observed_at=aligned.observed_at,
        details=details,
        source=aligned.source,
    )


def reading_reason(aligned: Aligned) -> Codes:
    """Say why a reading does not yield a z: never had, too old, or not yet enough of it."""
    missing = np.isnat(aligned.observed_at)
    reason = np.where(missing, Reason.MISSING, np.where(aligned.is_stale, Reason.STALE, Reason.TOO_SHORT))
    return reason.astype(np.int8)


def composite(parts: list[tuple[float, Indicator]]) -> Indicator:
    """Combine parts: z = sum s f z / sum s f, f = sum s f; not standardised again (DECISIONS 21).

    Raw value and instant are the first part's; the reason is that of the first part that carries less than its share.
    """
    carried = np.stack([share * part.freshness for share, part in parts])
    total = carried.sum(axis=0)
    scores = np.stack([part.z for _, part in parts])
    z = np.divide((carried * scores).sum(axis=0), total, out=np.zeros(len(total)), where=total > 0)
    reasons = np.stack([part.reason for _, part in parts])
    reason = reasons[np.argmax(reasons != Reason.NONE, axis=0), np.arange(len(total))]
    first = parts[0][1]
    details = {name: series for _, part in parts for name, series in part.details.items()}
    return Indicator(first.raw, np.clip(z, -3.0, 3.0), total, reason, first.observed_at, details, first.source)


def bounded(z: Floats, *, is_known: Bools, params: Params) -> Standardised:
    """Clip what already is a z-score (DECISIONS 21)."""
    return Standardised(np.where(is_known, np.clip(z, -params.z_clip, params.z_clip), NAN), np.zeros(z.shape, np.bool_))
