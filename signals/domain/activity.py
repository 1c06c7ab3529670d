"""Measure use and mood: TVL, L2 share, volume, turnover, breadth, fear and greed (DOMAIN F09, F11, F24-F29)."""

from __future__ import annotations

import numpy as np

from signals.domain.alignment import Aligned, read, unknown
from signals.domain.arrays import NAN, Bools, Codes, Floats
from signals.domain.indicators import Indicator, Reason, composite, from_reading, indicator
from signals.domain.normalise import Standardised, robust_z
from signals.domain.panel import (
    DEX_VOLUME,
    FEAR_GREED,
    L2_SHARE,
    STABLECOINS,
    TVL,
    MarketPanel,
    member_columns,
)
from signals.domain.params import Params
from signals.domain.windows import finite, log_change, mean_of, median_of, rolling_mean, shifted, trailing


def tvl_indicator(panel: MarketPanel, *, sector: int, params: Params) -> Indicator:
    """Return .7 z(price-neutral growth) + .3 z(breadth over protocols) of a sector's TVL (DOMAIN F24)."""
    share = params.tvl_growth_part
    price = params.tvl_price_share * log_change(panel.close_of(params.collateral_asset), days=params.growth_days)
    growth = _tvl_growth(panel, price, sector=sector, params=params)
    return composite([(share, growth), (1.0 - share, _tvl_breadth(panel, price, sector=sector, params=params))])


def _tvl_growth(panel: MarketPanel, price: Floats, *, sector: int, params: Params) -> Indicator:
    """Return the growth of a sector's TVL that collateral prices do not explain."""
    aligned = read(panel, TVL, panel.slugs[sector], params=params)
    growth = log_change(aligned.values, days=params.growth_days)
    details = {"tvl_growth": growth, "price_part": price, "flow_part": growth - price}
    return from_reading(growth - price, aligned, params=params, details=details)


def _tvl_breadth(panel: MarketPanel, price: Floats, *, sector: int, params: Params) -> Indicator:
    """Return the share of the largest protocols, as of 30 days ago, that grew beyond collateral prices."""
    columns = member_columns(panel, sector).tolist()
    parts = [read(panel, TVL, panel.assets[column], params=params) for column in columns]
    if not parts:
        return from_reading(np.full(len(panel), NAN), unknown(len(panel)), params=params)
    values = np.stack([part.values for part in parts], axis=1)
    before = shifted(values, days=params.growth_days)
    growth = log_change(values, days=params.growth_days) - price[:, None]
    counts = ~np.isnan(growth) & is_among_largest(before, count=params.tvl_protocols)
    breadth = mean_of(
        np.where(counts, (growth > 0).astype(np.float64), NAN), axis=1, minimum=params.tvl_protocols_minimum
    )
    return from_reading(breadth, _together(parts), params=params, details={"tvl_breadth": breadth})


def is_among_largest(sizes: Floats, *, count: int) -> Bools:
    """Return [T, N], whether a value is among the `count` largest of its row; an unknown size comes last."""
    if sizes.shape[1] <= count:
        return np.ones(sizes.shape, np.bool_)
    order = np.argsort(np.where(np.isnan(sizes), np.inf, -sizes), axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(sizes.shape[1]), sizes.shape), axis=1)
    return places < count


def _together(parts: list[Aligned]) -> Aligned:
    """Return the mean freshness and newest instant of several readings; their values are not mixed."""
    fresh = np.stack([part.freshness for part in parts], axis=1)
    known = np.where(fresh > 0, fresh, NAN)
    observed = np.fmax.reduce(np.stack([part.observed_at for part in parts], axis=1), axis=1)
    return Aligned(np.full(len(fresh), NAN), np.nan_to_num(mean_of(known, axis=1)), observed, parts[0].source)


def l2_indicator(panel: MarketPanel, *, params: Params) -> Indicator:
    """Return z of the L2 share's change over 30 days, in percentage points (DOMAIN F25)."""
    aligned = read(panel, L2_SHARE, params=params)
    change = 100.0 * (aligned.values - shifted(aligned.values, days=params.growth_days))
    return from_reading(change, aligned, params=params, details={"l2_share": aligned.values})


def dex_indicator(panel: MarketPanel, *, sector: int, params: Params) -> Indicator:
    """Return z of ln(7-day / 30-day mean DEX volume), the sector's own or else the whole market's (DOMAIN F09)."""
    own = panel.slugs[sector] if (DEX_VOLUME, panel.slugs[sector]) in panel.readings else ""
    aligned = read(panel, DEX_VOLUME, own, params=params)
    short = rolling_mean(aligned.values, days=params.turnover_days, minimum=params.turnover_days_minimum)
    long = rolling_mean(aligned.values, days=params.dex_days, minimum=params.dex_days_minimum)
    with np.errstate(divide="ignore", invalid="ignore"):
        return from_reading(finite(np.log(short / long)), aligned, params=params)


def stablecoin_indicator(panel: MarketPanel, *, params: Params) -> Indicator:
    """Return z of the growth of stablecoin supply over 30 days (DOMAIN F09)."""
    aligned = read(panel, STABLECOINS, params=params)
    return from_reading(log_change(aligned.values, days=params.growth_days), aligned, params=params)


def fear_greed_indicator(panel: MarketPanel, *, params: Params, centre: float | None = None) -> Indicator:
    """Return z of fear and greed against its own history, or about a centre (DOMAIN F29, DECISIONS 25)."""
    aligned = read(panel, FEAR_GREED, params=params)
    return from_reading(aligned.values, aligned, params=params, centre=centre)


def beating_share(panel: MarketPanel, counts: Bools, *, minimum: int, params: Params) -> Floats:
    """Return the share of the counted assets [T, A] that beat the market asset over 30 days (DOMAIN F11)."""
    change = log_change(panel.closes, days=params.breadth_days)
    market = log_change(panel.close_of(params.market_asset), days=params.breadth_days)
    known = counts & ~np.isnan(change) & ~np.isnan(market)[:, None]
    beats = (change > market[:, None]).astype(np.float64)
    return mean_of(np.where(known, beats, NAN), axis=1, minimum=minimum)


def market_breadth(panel: MarketPanel, *, params: Params) -> Indicator:
    """Return z, about one half, of the share of the 50 largest assets that beat BTC (DOMAIN F11, DECISIONS 24-25)."""
    others = ~panel.is_stable & (np.array(panel.assets, dtype=str) != params.market_asset)
    sizes = np.where(others[None, :] & ~np.isnan(panel.closes), np.nan_to_num(panel.market_caps), NAN)
    counts = others[None, :] & is_among_largest(sizes, count=params.breadth_assets)
    share = beating_share(panel, counts, minimum=params.breadth_minimum, params=params)
    return breadth_indicator(share, params=params, centre=0.5)


def member_breadth(panel: MarketPanel, *, sector: int, params: Params) -> Indicator:
    """Return z of the share of a sector's members that beat BTC over 30 days (DOMAIN 2.4)."""
    counts = panel.memberships[:, :, sector] > 0
    share = beating_share(panel, counts, minimum=params.member_breadth_minimum, params=params)
    return breadth_indicator(share, params=params)


def breadth_indicator(share: Floats, *, params: Params, centre: float | None = None) -> Indicator:
    """Standardise a share of assets; a day with too few of them says so."""
    reason = np.where(np.isnan(share), Reason.FEW_MEMBERS, Reason.TOO_SHORT)
    return indicator(share, robust_z(share, params=params, centre=centre), reason=reason.astype(np.int8))


def turnover_scores(panel: MarketPanel, *, params: Params, first: int = 0) -> tuple[Floats, Floats]:
    """Return [T, A]: z of each asset's ln(7-day volume / size), and volume over market cap (DOMAIN F28, DECISIONS 23).

    Volume is compared within one scope, and size within one kind: market cap, or price where the cap is unknown. Only
    days from `first` on have a z.
    """
    volume = np.stack([_scoped_volume(panel, a, params=params) for a in range(len(panel.assets))], axis=1)
    has_cap = panel.market_caps > 0
    size = np.where(has_cap, panel.market_caps, panel.closes)
    with np.errstate(divide="ignore", invalid="ignore"):
        activity = finite(np.log(volume / size))
    kinds = (2 * panel.volume_scopes + has_cap).astype(np.int8)
    scores = np.full(activity.shape, NAN)
    start = max(first - params.z_window, 0)
    for a in np.flatnonzero(np.any(panel.memberships > 0, axis=(0, 2))).tolist():
        z = robust_z(activity[start:, a], params=params, kinds=kinds[start:, a]).z
        scores[first:, a] = z[first - start :]
    return scores, np.where(has_cap, volume / size, NAN)


def _scoped_volume(panel: MarketPanel, asset: int, *, params: Params) -> Floats:
    """Return the mean volume of 7 days, of those whose scope is the last day's."""
    scopes: Codes = panel.volume_scopes[:, asset]
    scope = scopes.astype(np.float64)
    windows = trailing(panel.volumes[:, asset], width=params.turnover_days)
    alike = trailing(scope, width=params.turnover_days) == scope[:, None]
    mean = mean_of(np.where(alike, windows, NAN), axis=1, minimum=params.turnover_days_minimum)
    return np.where(np.isnan(panel.volumes[:, asset]), NAN, mean)


def turnover_indicator(panel: MarketPanel, scores: Floats, rates: Floats, *, sector: int, params: Params) -> Indicator:
    """Return the median z over a sector's members (DOMAIN F28, DECISIONS 23)."""
    is_member = panel.memberships[:, :, sector] > 0
    z = median_of(np.where(is_member, scores, NAN), minimum=params.turnover_members)
    rate = median_of(np.where(is_member, rates, NAN), minimum=params.turnover_members)
    members = np.sum(is_member & ~np.isnan(panel.volumes), axis=1)
    reason = np.where(members < params.turnover_members, Reason.FEW_MEMBERS, Reason.TOO_SHORT).astype(np.int8)
    steady = Standardised(z, np.zeros(len(z), np.bool_))
    return indicator(rate, steady, reason=reason, details={"members": members.astype(np.float64)})
