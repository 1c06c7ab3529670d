"""Score news: each event decays from the moment it could be read (DOMAIN 2.3; DECISIONS 21)."""

from __future__ import annotations

import numpy as np

from signals.domain.arrays import NAN, Bools, Floats, Instants
from signals.domain.indicators import Indicator, Reason, indicator
from signals.domain.normalise import Standardised
from signals.domain.panel import EventTable, MarketPanel
from signals.domain.params import Params
from signals.domain.windows import added_in_order

_DAY = np.timedelta64(86400, "s")


def event_points(events: EventTable, moments: Instants, *, params: Params) -> Floats:
    """Return [T, E], what each event weighs at each moment: polarity x magnitude/5 x confidence x decay (DOMAIN 2.3).

    Zero before the event could be read and from its refutation on.
    """
    if not len(events):
        return np.zeros((len(moments), 0))
    half_lives = np.array([params.event_half_lives[kind] for kind in events.types])
    age = (moments[:, None] - events.known_from[None, :]) / _DAY
    decay = np.where(age >= 0, 0.5 ** (np.maximum(age, 0.0) / half_lives), 0.0)
    strength = events.polarity * events.magnitude / 5.0
    return np.where(is_standing(events, moments), strength * confidence(events, moments, params=params) * decay, 0.0)


def is_standing(events: EventTable, moments: Instants) -> Bools:
    """Return [T, E], whether each event was known and not refuted; refutation never changes the past."""
    known = events.known_from[None, :] <= moments[:, None]
    refuted = ~np.isnat(events.refuted_at)[None, :] & (events.refuted_at[None, :] <= moments[:, None])
    ruled = ruled_confidence(events, moments)
    return np.asarray(known & np.where(np.isnan(ruled), ~refuted, ruled > 0), np.bool_)


def confidence(events: EventTable, moments: Instants, *, params: Params) -> Floats:
    """Return [T, E], each event's confidence; a rumour's is capped until it is verified (DOMAIN F27)."""
    verified = ~np.isnat(events.verified_at)[None, :] & (events.verified_at[None, :] <= moments[:, None])
    told = np.where(verified, events.confidence, np.minimum(events.confidence, params.rumour_confidence))
    ruled = ruled_confidence(events, moments)
    return np.where(np.isnan(ruled), told, ruled)


def ruled_confidence(events: EventTable, moments: Instants) -> Floats:
    """Return [T, E], the confidence that the newest verdict gave each event, NaN before the first (DOMAIN 2.3)."""
    found = np.full((len(moments), len(events)), NAN)
    for event, given_at, value in zip(
        events.rulings.event, events.rulings.given_at, events.rulings.confidence, strict=True
    ):
        found[moments >= given_at, event] = value
    return found


def event_score(total: Floats, *, params: Params) -> Floats:
    """Return the bounded score 3 tanh(e / 1.5) (DOMAIN 2.3)."""
    return params.z_clip * np.tanh(total / params.event_scale)


def covered_days(moments: Instants, polled_at: Instants) -> Bools:
    """Return on which days someone had looked for news within the 24 hours before (DECISIONS 21)."""
    polls = np.sort(polled_at)
    position = np.searchsorted(polls, moments, side="right") - 1
    known = position >= 0
    if not len(polls):
        return known
    return np.asarray(known & (moments - polls[np.maximum(position, 0)] < _DAY), np.bool_)


def event_indicator(
    panel: MarketPanel, points: Floats, *, sector: int, kinds: tuple[str, ...], params: Params
) -> Indicator:
    """Return a sector's event indicator: f = 1 on days on which someone looked for one of the kinds (DECISIONS 21)."""
    concerns = panel.events.sectors[:, sector] & np.isin(np.array(panel.events.types, dtype=str), kinds)
    total = added_in_order(points[:, concerns])
    nobody = np.zeros(len(panel), np.bool_)
    covered = np.any([panel.event_coverage.get(kind, nobody) for kind in kinds], axis=0)
    scored = Standardised(np.where(covered, event_score(total, params=params), NAN), nobody)
    reason = np.full(len(panel), Reason.NOT_POLLED, np.int8)
    count = np.sum(np.abs(points[:, concerns]) >= 0.01, axis=1).astype(np.float64)
    return indicator(total, scored, reason=reason, details={"events": count})
