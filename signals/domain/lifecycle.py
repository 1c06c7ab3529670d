"""Say how long a recommendation stands, what ends it early, and when a refusal is worth repeating (DOMAIN 3.8)."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from signals.domain.arrays import TOLERANCE
from signals.domain.batch import Outcome

LIFE = {"RISK_ON": timedelta(hours=24), "CONSOLIDATION": timedelta(hours=72), "RISK_OFF": timedelta(hours=12)}
MOVED_SHARE = 0.20
POOL_SHARE = 0.02
STOP_SHARE = 0.5
FUNDING_HOURS = 8


class Fate(StrEnum):
    """Say what happens to the newest answer when the engine has looked again."""

    NEW = "new"
    KEEP = "keep"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    INVALIDATED = "invalidated"


class Answer(NamedTuple):
    """Hold what an answer depends on: the episode it belongs to, and its size. Amounts in USD."""

    stage: str
    leader_id: int | None
    regime: str
    outcome: Outcome
    alpha: float
    hurdle: float
    moved: float
    futures: float


class Verdict(NamedTuple):
    """Hold a fate and, where an answer ends, why in one sentence."""

    fate: Fate
    reason: str = ""


def expires_at(
    *, issued_at: datetime, regime: str, is_funding: bool = False, next_funding: datetime | None = None
) -> datetime:
    """Return when an answer lapses: 24 h risk-on, 72 h consolidation, 12 h risk-off or on funding (DOMAIN 3.8)."""
    life = min(LIFE[regime], LIFE["RISK_OFF"]) if is_funding else LIFE[regime]
    end = issued_at + life
    return min(end, next_funding) if is_funding and next_funding is not None and next_funding > issued_at else end


def is_same_episode(old: Answer, new: Answer) -> bool:
    """Return whether stage, leader and regime are as they were (DECISIONS 30)."""
    return (old.stage, old.leader_id, old.regime) == (new.stage, new.leader_id, new.regime)


def fate_of_refusal(old: Answer, new: Answer) -> Verdict:
    """Repeat a refusal only when its type, its episode, or alpha over need by 20% has changed (DECISIONS 30)."""
    is_told = old.outcome == new.outcome and is_same_episode(old, new)
    return Verdict(Fate.KEEP if is_told and not _has_moved(_cover(old), _cover(new)) else Fate.NEW)


def fate_of_open(
    old: Answer, new: Answer, *, is_expired: bool, pool: float, ratio_move: float, stop: float, is_extreme: bool
) -> Verdict:
    """End an open recommendation when it lapsed or its ground has shifted, else let it stand (DOMAIN 3.8).

    `ratio_move` is |ln(P_dest/P_src)| since issue, NaN where unknown; `is_extreme` that the destination's funding has
    become extreme under an opening leg.
    """
    is_unknown = new.outcome in (Outcome.STALE_INPUT, Outcome.UNPRICED_HOLDING)
    is_other = old.outcome != new.outcome or _shift(old, new) > POOL_SHARE * pool
    rules = (
        (is_expired, Fate.EXPIRED, ""),
        (not is_same_episode(old, new), Fate.INVALIDATED, "The stage, its leader or the regime has changed."),
        (ratio_move > STOP_SHARE * stop, Fate.INVALIDATED, "The relative price has moved by more than half the stop."),
        (is_extreme, Fate.INVALIDATED, "Funding has become extreme."),
        (is_unknown, Fate.INVALIDATED, "A price that it needs is stale or missing."),
        (is_other, Fate.SUPERSEDED, "A newer answer fits what you hold now."),
    )
    return next((Verdict(fate, reason) for applies, fate, reason in rules if applies), Verdict(Fate.KEEP))


def fate_of_closed(old: Answer, new: Answer, *, was_passed: bool) -> Verdict:
    """Answer again after a close; a change passed on stays quiet for its episode, unless it has moved by 20%."""
    if was_passed and new.outcome == Outcome.TRADE:
        is_told = is_same_episode(old, new) and not _has_moved(_cover(old), _cover(new))
        return Verdict(Fate.KEEP if is_told else Fate.NEW)
    return Verdict(Fate.NEW)


def _cover(answer: Answer) -> float:
    """Return alpha over what it has to earn; NaN where nothing has to be earned."""
    return answer.alpha / answer.hurdle if answer.hurdle > 0 else math.nan


def _has_moved(old: float, new: float) -> bool:
    """Return whether a ratio differs by a fifth; appearing or vanishing counts, absence on both sides does not."""
    if math.isnan(old) or math.isnan(new):
        return math.isnan(old) != math.isnan(new)
    return abs(new - old) >= MOVED_SHARE * abs(old) - TOLERANCE if old else new != 0


def _shift(old: Answer, new: Answer) -> float:
    """Return by how many dollars the two answers' trades differ."""
    return abs(new.moved - old.moved) + abs(new.futures - old.futures)


def next_funding_at(moment: datetime) -> datetime:
    """Return the next funding payment on the usual grid of 8 hours, UTC (DOMAIN 2.6)."""
    start = moment.replace(hour=moment.hour // FUNDING_HOURS * FUNDING_HOURS, minute=0, second=0, microsecond=0)
    return start + timedelta(hours=FUNDING_HOURS)
