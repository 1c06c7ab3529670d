"""Read open interest against price over 7 days, in base units: dollars would rise with price alone (DOMAIN 2.7)."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from signals.domain.alignment import AssetReadings, read, side_by_side
from signals.domain.arrays import NAN, Bools, Codes, Floats
from signals.domain.funding import weighted_mean
from signals.domain.panel import OPEN_INTEREST, MarketPanel
from signals.domain.params import Params
from signals.domain.windows import shifted


class Interest(IntEnum):
    """Name the quadrants of price and open interest."""

    UNKNOWN = -1
    STABLE = 0
    LONG_BUILDUP = 1
    SHORT_COVERING = 2
    SHORT_BUILDUP = 3
    LONG_LIQUIDATION = 4
    COMPRESSION = 5
    DELEVERAGING = 6


UNWINDING = (Interest.SHORT_COVERING, Interest.LONG_LIQUIDATION)


def interest_quadrants(price_change: Floats, interest_change: Floats, *, params: Params) -> Codes:
    """Name the quadrant of relative changes of price and of base units; STABLE inside the dead band (DOMAIN 2.7)."""
    grows, shrinks = interest_change > params.interest_band, interest_change < -params.interest_band
    up, down = price_change > params.interest_price_band, price_change < -params.interest_price_band
    rules = [
        (np.isnan(price_change) | np.isnan(interest_change), Interest.UNKNOWN),
        (grows & up, Interest.LONG_BUILDUP),
        (grows & down, Interest.SHORT_BUILDUP),
        (grows, Interest.COMPRESSION),
        (shrinks & up, Interest.SHORT_COVERING),
        (shrinks & down, Interest.LONG_LIQUIDATION),
        (shrinks, Interest.DELEVERAGING),
    ]
    names = np.select([when for when, _ in rules], [int(name) for _, name in rules], Interest.STABLE)
    return names.astype(np.int8)


def asset_interest(panel: MarketPanel, *, params: Params) -> AssetReadings:
    """Return each asset's open interest in base units on the daily grid."""
    return side_by_side([read(panel, OPEN_INTEREST, asset, params=params) for asset in panel.assets])


def grouped_interest(
    panel: MarketPanel, interest: Floats, is_member: Bools, *, params: Params
) -> tuple[Codes, Floats, Floats]:
    """Return a group's quadrant with its changes of price and open interest over 7 days.

    Base units of different assets do not add up: their relative changes are averaged, weighted by the dollars that were
    open at the start.
    """
    before = shifted(interest, days=params.interest_days)
    price_before = shifted(panel.closes, days=params.interest_days)
    change, price = interest / before - 1.0, panel.closes / price_before - 1.0
    known = is_member & ~np.isnan(change) & ~np.isnan(price)
    weights = before * price_before
    grown = weighted_mean(np.where(known, change, NAN), weights)
    moved = weighted_mean(np.where(known, price, NAN), weights)
    return interest_quadrants(moved, grown, params=params), moved, grown
