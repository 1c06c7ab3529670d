"""Measure how much of the usual move after news has already happened (DOMAIN 2.9; DECISIONS 27)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from signals.domain.arrays import NAN, Bools, Floats, Ints
from signals.domain.events import is_standing, ruled_confidence
from signals.domain.panel import EventTable, MarketPanel
from signals.domain.params import Params
from signals.domain.windows import added_in_order, trailing

_DAY = np.timedelta64(1, "D")


class MarketModel(NamedTuple):
    """Hold r = a + b r_market for windows that end 11 days before each day; `sigma` is the residuals' deviation."""

    a: Floats
    b: Floats
    sigma: Floats


class Move(NamedTuple):
    """Hold an abnormal move: its sum, the days it took, and its size in standard errors."""

    car: Floats
    days: Ints
    t: Floats


@dataclass(frozen=True, slots=True)
class PricedIn:
    """Hold, over T days and K sectors, what the matching event expects and what has happened.

    `event` is the row of the event table, -1 where none matches; then `share` is NaN and `t` is of the last 6 days.
    """

    share: Floats
    t: Floats
    car: Floats
    expected: Floats
    event: Ints
    is_leaked: Bools
    blocks: Bools
    warns: Bools


def abnormal_returns(returns: Floats, market: Floats, *, a: float, b: float) -> Floats:
    """Return r - (a + b r_market) (DOMAIN 2.9)."""
    return returns - (a + b * market)


def priced_in_share(car: Floats, expected: Floats, *, sign: Floats, params: Params) -> Floats:
    """Return the share of the expected move that has happened, within 0 and 1.5 (DOMAIN 2.9)."""
    return np.clip(sign * car / expected, 0.0, params.priced_in_cap)


def is_blocking(share: Floats, t: Floats, *, params: Params) -> Bools:
    """Return whether ignition is blocked: priced in by more than .6, and no mere noise (DECISIONS 27)."""
    return (share > params.priced_in_limit) & (t >= params.priced_in_t)


def market_model(returns: Floats, market: Floats, *, params: Params) -> MarketModel:
    """Fit r = a + b r_market over days [-120, -11] before each day (DOMAIN 2.9)."""
    width = params.estimation_first - params.estimation_last + 1
    known = ~np.isnan(returns) & ~np.isnan(market)
    x, y = np.where(known, market, NAN), np.where(known, returns, NAN)
    xs, ys = (trailing(v, width=width, lag=params.estimation_last) for v in (x, y))
    count = np.sum(~np.isnan(xs), axis=1)
    size = np.maximum(count, 1)
    dx, dy = (v - (np.nansum(v, axis=1) / size)[:, None] for v in (xs, ys))
    sxx, sxy = np.nansum(dx * dx, axis=1), np.nansum(dx * dy, axis=1)
    b = np.divide(sxy, sxx, out=np.zeros(len(sxx)), where=sxx > 0)
    a = (np.nansum(ys, axis=1) - b * np.nansum(xs, axis=1)) / size
    left = np.nansum((dy - b[:, None] * dx) ** 2, axis=1)
    enough = count >= params.estimation_minimum
    sigma = np.sqrt(left / np.maximum(count - 2, 1))
    return MarketModel(*(np.where(enough, v, NAN) for v in (a, b, sigma)))


def priced_in(panel: MarketPanel, returns: Floats, *, params: Params) -> PricedIn:
    """Compute every day's and sector's share of the move that is already in the price (DOMAIN 2.9).

    The matching event is the strongest standing good news of the last 30 days; `returns` are the indices', [T, K].
    """
    market = panel.close_of(params.market_asset)
    market = market / np.concatenate([[NAN], market[:-1]]) - 1.0
    columns = [_sector(panel, returns[:, k], market, sector=k, params=params) for k in range(returns.shape[1])]
    joined = [np.stack([getattr(c, name) for c in columns], axis=1) for name in PricedIn.__slots__]
    return PricedIn(*joined)


def _sector(panel: MarketPanel, returns: Floats, market: Floats, *, sector: int, params: Params) -> PricedIn:
    """Compute one sector's history."""
    model = market_model(returns, market, params=params)
    days = event_days(panel)
    event = matching_events(panel, days, sector=sector, params=params)
    today = np.arange(len(panel))
    start = np.where(event >= 0, days[event], today) if len(days) else today
    move = abnormal_move(returns, market, model, start=start, until=today, params=params)
    sign = np.ones(len(panel))
    expected = _expected(panel, returns, market, model, event=event, sector=sector, params=params)
    share = priced_in_share(move.car, expected, sign=sign, params=params)
    early = abnormal_move(returns, market, model, start=start, until=start - 1, params=params).car
    return PricedIn(
        share=share,
        t=move.t,
        car=move.car,
        expected=expected,
        event=event,
        is_leaked=(event >= 0) & (move.car > 0) & (early > 0.5 * move.car),
        blocks=is_blocking(share, move.t, params=params),
        warns=(event < 0) & (move.t >= params.priced_in_t),
    )


def event_days(panel: MarketPanel) -> Ints:
    """Return the row of the day on which each event could be read, negative before the panel begins."""
    return np.asarray((panel.events.known_from.astype("datetime64[D]") - panel.dates[0]) / _DAY, np.int64)


def matching_events(panel: MarketPanel, days: Ints, *, sector: int, params: Params) -> Ints:
    """Return each day's strongest standing good news of the last 30 days about a sector, -1 for none."""
    events = panel.events
    if not len(events):
        return np.full(len(panel), -1)
    today = np.arange(len(panel))[:, None]
    standing = is_standing(events, panel.decision_times(params))
    recent = (days[None, :] >= 0) & (today >= days[None, :]) & (today <= days[None, :] + params.event_after)
    fits = standing & recent & (events.sectors[:, sector] & (events.polarity > 0))[None, :]
    half_lives = np.array([params.event_half_lives[kind] for kind in events.types])
    ruled = ruled_confidence(events, panel.decision_times(params))
    sure = np.where(np.isnan(ruled), events.confidence, ruled)
    weight = events.polarity * events.magnitude * sure * 0.5 ** (np.maximum(today - days[None, :], 0) / half_lives)
    best = np.argmax(np.where(fits, weight, -1.0), axis=1)
    return np.where(fits.any(axis=1), best, -1)


def abnormal_move(
    returns: Floats, market: Floats, model: MarketModel, *, start: Ints, until: Ints, params: Params
) -> Move:
    """Add up abnormal returns from 5 days before `start` to `until`, by the model of the start (DOMAIN 2.9)."""
    known = ~np.isnan(returns) & ~np.isnan(market)
    sums = [np.concatenate([[0.0], np.cumsum(np.where(known, v, 0.0))]) for v in (returns, market, known)]
    first = np.clip(start - params.event_before, 0, len(returns))
    last = np.clip(until + 1, first, len(returns))
    own, shared, days = (total[last] - total[first] for total in sums)
    at = np.clip(start, 0, len(returns) - 1)
    car = own - model.a[at] * days - model.b[at] * shared
    error = model.sigma[at] * np.sqrt(days)
    t = np.divide(car, error, out=np.full(len(car), NAN), where=error > 0)
    return Move(car, days.astype(np.int64), t)


def _expected(
    panel: MarketPanel,
    returns: Floats,
    market: Floats,
    model: MarketModel,
    *,
    event: Ints,
    sector: int,
    params: Params,
) -> Floats:
    """Return the usual 30-day move of each day's event: past moves shrunk to 6% x magnitude / 3 (DOMAIN 2.9)."""
    events = panel.events
    if not len(events):
        return np.full(len(panel), NAN)
    days = event_days(panel)
    full = abnormal_move(returns, market, model, start=days, until=days + params.event_after, params=params).car
    usable = events.sectors[:, sector] & (days >= 0) & (days + params.event_after < len(panel)) & ~np.isnan(full)
    usable = usable if events.is_repeat is None else usable & ~events.is_repeat
    done = usable[None, :] & (np.arange(len(panel))[:, None] >= (days + params.event_after)[None, :])
    alike = _alike(events)[np.maximum(event, 0)] & done & is_standing(events, panel.decision_times(params))
    signed = np.where(usable, np.sign(events.polarity) * full, 0.0)
    prior = params.prior_move * events.magnitude[np.maximum(event, 0)] / 3.0
    total = added_in_order(np.where(alike, signed[None, :], 0.0))
    mean = (total + params.prior_events * prior) / (alike.sum(axis=1) + params.prior_events)
    return np.where(event >= 0, np.maximum(mean, params.prior_floor * prior), NAN)


def _alike(events: EventTable) -> Bools:
    """Return [E, E], which events share type and magnitude."""
    kinds = np.array(events.types, dtype=str)
    same_size = events.magnitude[:, None] == events.magnitude[None, :]
    return np.asarray((kinds[:, None] == kinds[None, :]) & same_size, np.bool_)
