"""Price the simulated assets between two closes: a bridge from one to the next, rippled, the same for every caller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from signals.sources.base import SCOPE_GLOBAL, QuoteRow
from signals.sources.simulated.figures import market_caps, volumes
from signals.sources.simulated.noise import Floats, ripple
from signals.sources.simulated.paths import walk
from signals.sources.simulated.story import day_number
from signals.sources.simulated.universe import ASSETS, INDEX

SECONDS_PER_DAY = 86400.0
RIPPLE_SECONDS = (21600.0, 5400.0, 1200.0, 300.0)
RIPPLE_SIZE = 0.012


def price_at(*, seed: int, asset: str, at: datetime) -> Decimal:
    """Return one asset's USD price at a moment; at 00:00 UTC it is the close of the day before."""
    row = INDEX[asset]
    return _decimal(_prices_at(seed, at)[row], ASSETS[row].decimals)


def quotes_at(*, seed: int, at: datetime) -> list[QuoteRow]:
    """Return every asset's quote at a moment; volume is that of the 24 hours before."""
    at = at.astimezone(UTC)
    share = _share_of_day(at)
    path = walk(seed, at.date())
    prices = _prices_at(seed, at)
    rolling = volumes(seed, path)[-2:]
    volume = rolling[0] * (1.0 - share) + rolling[1] * share
    caps = market_caps(path)[-1] / path.prices[-1] * prices
    return [
        QuoteRow(asset.symbol, at, _decimal(prices[row], asset.decimals), _decimal(caps[row], 0),
                 _decimal(volume[row], 0), SCOPE_GLOBAL, "simulated")
        for row, asset in enumerate(ASSETS)
    ]  # fmt: skip


def _prices_at(seed: int, at: datetime) -> Floats:
    """Bridge the logs of the last and the next close and add ripples that vanish at both."""
    at = at.astimezone(UTC)
    share = _share_of_day(at)
    before, after = walk(seed, at.date()).prices[-2:]
    seconds = day_number(at.date()) * SECONDS_PER_DAY + share * SECONDS_PER_DAY
    window = 4.0 * share * (1.0 - share)
    bridged = np.log(before) * (1.0 - share) + np.log(after) * share
    moved = np.exp(bridged + window * np.array([_ripples(seed, row, seconds) for row in range(len(ASSETS))]))
    return moved if share else np.array(before)


def _ripples(seed: int, row: int, seconds: float) -> float:
    """Add up one asset's ripples of falling length, each sized by the root of its length."""
    asset = ASSETS[row]
    size = asset.noise if asset.is_stablecoin else RIPPLE_SIZE * asset.beta + 0.3 * asset.noise
    total = 0.0
    for length in RIPPLE_SECONDS:
        position = np.array([seconds / length])
        step = size * (length / SECONDS_PER_DAY) ** 0.5
        total += step * float(ripple(seed, f"intraday/{asset.symbol}/{length:.0f}", position)[0])
    return total


def _share_of_day(at: datetime) -> float:
    """Return how much of the UTC day has passed, in [0, 1)."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return (at - midnight) / timedelta(days=1)


def _decimal(value: float, decimals: int) -> Decimal:
    """Write a figure with its own decimals."""
    return Decimal(f"{value:.{decimals}f}")
