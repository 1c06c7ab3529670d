"""Label funding rates: extreme needs a percentile and an absolute level, both (DOMAIN 2.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from signals.domain.alignment import AssetReadings, read_averaged, side_by_side
from signals.domain.arrays import NAN, Codes, Floats
from signals.domain.batch import FundingFlag
from signals.domain.normalise import percentile
from signals.domain.panel import FUNDING, MarketPanel
from signals.domain.params import Params
from signals.domain.windows import by_column

_HOURS_A_YEAR = 8760.0


@dataclass(frozen=True, slots=True)
class FundingHistory:
    """Hold funding over T days: annualised rate, its 90-day percentile and label, by column."""

    annual: Floats
    percentile: Floats
    flags: Codes


def annualised(rate: float, *, interval_hours: float) -> float:
    """Return a rate per interval as a simple rate per year (DOMAIN 0, 2.6)."""
    return rate * _HOURS_A_YEAR / interval_hours


def weighted_mean(values: Floats, weights: Floats) -> Floats:
    """Average along the last axis, over what has both value and weight; equally where no weight is known."""
    known = ~np.isnan(values)
    heavy = known & (weights > 0)
    share = np.where(heavy.any(axis=-1, keepdims=True), np.where(heavy, weights, 0.0), known)
    total = share.sum(axis=-1)
    mean = np.sum(share * np.nan_to_num(values), axis=-1) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, mean, NAN)


def funding_flags(rank: Floats, annual: Floats, *, params: Params) -> Codes:
    """Return the label of each percentile and annualised rate, UNKNOWN where the rate is (DOMAIN 2.6).

    Without a percentile a known rate is NORMAL: no extreme can be claimed.
    """
    rules = [
        (np.isnan(annual), FundingFlag.UNKNOWN),
        (
            (rank >= params.funding_extreme) & (annual >= params.funding_extreme_annual),
            FundingFlag.EXTREME_HIGH,
        ),
        ((rank <= params.funding_low) & (annual <= params.funding_low_annual), FundingFlag.EXTREME_LOW),
        ((rank >= params.funding_hot) & (annual >= params.funding_hot_annual), FundingFlag.HOT),
        ((rank <= params.funding_cold) & (annual <= params.funding_cold_annual), FundingFlag.COLD),
    ]
    labels = np.select([when for when, _ in rules], [int(flag) for _, flag in rules], FundingFlag.NORMAL)
    return labels.astype(np.int8)


def asset_funding(panel: MarketPanel, *, params: Params) -> AssetReadings:
    """Return each asset's annualised funding, the mean of the last three readings (DOMAIN 2.6)."""
    return side_by_side([read_averaged(panel, FUNDING, asset, params=params) for asset in panel.assets])


def funding_history(rates: Floats, *, params: Params) -> FundingHistory:
    """Rank and label columns of annualised rates [T, N] against their own 90 days."""
    window, minimum = params.funding_window, params.funding_minimum
    rank = by_column(lambda column: percentile(column, window=window, minimum=minimum), rates)
    return FundingHistory(rates, rank, funding_flags(rank, rates, params=params))


def sector_funding(panel: MarketPanel, rates: Floats, interest_usd: Floats, *, params: Params) -> FundingHistory:
    """Average members' funding by open interest, by volume where that is unknown, and label it (DOMAIN 2.6)."""
    weights = weights_in_dollars(panel, interest_usd)
    columns = [
        weighted_mean(np.where(panel.memberships[:, :, k] > 0, rates, NAN), weights) for k in range(len(panel.sectors))
    ]
    return funding_history(np.stack(columns, axis=1), params=params)


def weights_in_dollars(panel: MarketPanel, interest_usd: Floats) -> Floats:
    """Return open interest in USD, the day's volume where no open interest is known that day (DOMAIN 2.6)."""
    return np.where(np.any(interest_usd > 0, axis=1, keepdims=True), interest_usd, panel.volumes)
