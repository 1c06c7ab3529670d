"""Say how what was done differs from what was recommended, leg by leg (DOMAIN 5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from journal.domain.classify import HIGH, LOW, LegKey
from portfolio.domain.money import ZERO, exact, in_context


class Deviation(StrEnum):
    """Why something deviates."""

    PARTIAL = "partial"
    OVERSIZED = "oversized"
    LATE = "late"
    OTHER_ASSET = "different_token"
    NO_STOP = "no_stop"
    NO_HEDGE = "no_hedge"
    OPPOSITE = "opposite"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One leg, recommended or done: where, signed notional in USD, in which instrument, and how it protects."""

    key: LegKey
    notional: Decimal
    instrument: str
    is_hedge: bool = False
    is_opening: bool = False
    has_stop: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """A sector's spot or futures: what was asked, what was done, and the one over the other (None if not asked)."""

    key: LegKey
    asked: Decimal
    done: Decimal
    ratio: Decimal | None
    deviations: tuple[Deviation, ...]


@in_context
def compare_legs(*, executed: Sequence[Side], recommended: Sequence[Side]) -> tuple[Matched, ...]:
    """Return each sector's spot and futures, those recommended first, with how they differ."""
    keys = dict.fromkeys([side.key for side in (*recommended, *executed)])
    return tuple(
        _matched(key, [e for e in executed if e.key == key], [r for r in recommended if r.key == key]) for key in keys
    )


def reasons(*, matched: Iterable[Matched], is_late: bool) -> tuple[Deviation, ...]:
    """Return every way in which something deviates, each once."""
    found = [deviation for each in matched for deviation in each.deviations]
    return tuple(dict.fromkeys([*found, *([Deviation.LATE] if is_late else [])]))


def _matched(key: LegKey, executed: Sequence[Side], recommended: Sequence[Side]) -> Matched:
    asked = sum((side.notional for side in recommended), ZERO)
    done = sum((side.notional for side in executed), ZERO)
    ratio = exact(done / asked) if asked else None
    return Matched(
        key=key, asked=asked, done=done, ratio=ratio, deviations=tuple(_deviations(ratio, executed, recommended))
    )


def _deviations(ratio: Decimal | None, executed: Sequence[Side], recommended: Sequence[Side]) -> Iterable[Deviation]:
    if ratio is None:
        yield Deviation.UNASKED
    elif ratio < 0:
        yield Deviation.OPPOSITE
    elif ratio > HIGH:
        yield Deviation.OVERSIZED
    elif ratio < LOW:
        is_left_out = not executed and any(side.is_hedge for side in recommended)
        yield Deviation.NO_HEDGE if is_left_out else Deviation.PARTIAL
    asked = {side.instrument for side in recommended}
    if asked and any(side.instrument not in asked for side in executed):
        yield Deviation.OTHER_ASSET
    if any(side.is_opening and not side.has_stop for side in executed):
        yield Deviation.NO_STOP
