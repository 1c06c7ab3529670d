"""Derive what else is observed in the simulated market from its story: volumes, TVL, funding, open interest, mood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from signals.sources.base import MARKET_WIDE, Indicator
from signals.sources.simulated.noise import Floats, ripple
from signals.sources.simulated.paths import Walk, remembered, streams
from signals.sources.simulated.story import Shape
from signals.sources.simulated.universe import AI, ASSETS, DEFI, INDEX, members

NEUTRAL_FUNDING = 0.1095

HEAT: dict[str, Shape] = {
    AI: ((0.0, 0.0), (0.10, 0.05), (0.30, 0.35), (0.38, 0.75), (0.44, 1.0), (0.52, 0.4), (0.60, -0.35), (0.70, -0.1),
         (0.85, 0.0), (1.0, 0.0)),
    DEFI: ((0.0, 0.0), (0.30, 0.0), (0.45, 0.1), (0.56, -0.30), (0.63, -0.45), (0.70, 0.0), (0.80, 0.40), (0.90, 0.1),
           (1.0, 0.0)),
}  # fmt: skip
MARKET_HEAT: Shape = (
    (0.0, 0.0), (0.10, 0.1), (0.35, 0.45), (0.45, 0.5), (0.55, -0.2), (0.65, -0.3), (0.80, 0.0), (1.0, 0.0),
)  # fmt: skip
OPEN_INTEREST: Shape = ((0.0, 0.0), (0.03, 0.02), (0.40, 0.62), (0.46, 0.60), (0.54, 0.12), (0.64, -0.05), (1.0, 0.0))
DEFI_FLOWS: Shape = ((0.0, 0.0), (0.20, -0.02), (0.50, -0.04), (0.60, 0.02), (0.80, 0.16), (0.90, 0.12), (1.0, 0.0))
L2_ADOPTION: Shape = ((0.0, 0.0), (0.45, -0.004), (0.58, 0.002), (0.80, 0.022), (0.90, 0.018), (1.0, 0.0))
STABLECOINS: Shape = ((0.0, 0.0), (0.03, 0.005), (0.42, 0.06), (0.55, 0.045), (0.68, 0.0), (1.0, 0.0))
MOOD: Shape = (
    (0.0, 0.0), (0.05, 0.2), (0.18, 0.75), (0.43, 1.0), (0.52, 0.2), (0.60, -0.9), (0.68, -0.8), (0.84, -0.1),
    (1.0, 0.0),
)  # fmt: skip
DEX_ACTIVITY: Shape = ((0.0, 0.0), (0.40, 0.12), (0.56, 0.15), (0.66, 0.2), (0.78, 0.45), (0.90, 0.2), (1.0, 0.0))


class Series(NamedTuple):
    """One reading's daily values with the decimals in which it is published."""

    indicator: str
    subject: str
    decimals: int
    values: Floats


def market_caps(walk: Walk) -> Floats:
    """Return market capitalisations in USD [days, assets]: price times circulating supply."""
    supply: Floats = np.array([asset.supply for asset in ASSETS])
    return walk.prices * supply


def volumes(seed: int, walk: Walk) -> Floats:
    """Return daily volumes in USD [days, assets]: turnover follows the heat of the asset's sector."""
    usual = market_caps(walk) * np.array([asset.turnover for asset in ASSETS])
    noise = 0.22 * streams(seed, "volume", [asset.symbol for asset in ASSETS], walk.story)
    traded: Floats = usual * np.exp(0.9 * _heat(walk) + noise)
    return traded


def series(seed: int, walk: Walk) -> Iterator[Series]:
    """Yield every reading of the simulated market."""
    yield from _total_value_locked(seed, walk)
    yield _l2_share(seed, walk)
    yield _stablecoin_supply(seed, walk)
    yield _dex_volume(seed, walk)
    yield _fear_greed(seed, walk)
    yield from _funding(seed, walk)
    yield from _open_interest(seed, walk)


def _heat(walk: Walk) -> Floats:
    """Return how crowded each asset is [days, assets]; 1 at the peak of an average narrative."""
    heat = np.empty(walk.prices.shape)
    heat[:] = walk.story.along(MARKET_HEAT)[:, None]
    heat[:, members(AI)] = (walk.story.along(HEAT[AI]) * (0.4 + 0.7 * walk.story.attack_strength))[:, None]
    heat[:, members(DEFI)] = (walk.story.along(HEAT[DEFI]) * (0.4 + 0.7 * walk.story.base_strength))[:, None]
    heat[:, [row for row, asset in enumerate(ASSETS) if asset.is_stablecoin]] = 0.0
    return heat


def _total_value_locked(seed: int, walk: Walk) -> Iterator[Series]:
    """Yield TVL per DeFi protocol (named by its asset) and per sector; part of it is the price of ETH (F24)."""
    tale = walk.story
    priced = 0.6 * np.log(walk.prices[:, INDEX["ETH"]] / ASSETS[INDEX["ETH"]].level)
    flows = tale.along(DEFI_FLOWS) * (0.4 + 0.6 * tale.base_strength)
    rows = members(DEFI)
    symbols = [ASSETS[row].symbol for row in rows]
    own = remembered(0.010 * streams(seed, "tvl", symbols, tale), 0.97)
    sizes = np.array([6.0, 16.0, 3.0, 3.2, 0.5, 7.0, 0.4, 30.0]) * 1e9
    protocols = sizes * np.exp((priced + flows)[:, None] + own)
    for column, symbol in enumerate(symbols):
        yield Series(Indicator.TVL, symbol, 0, protocols[:, column])
    yield Series(Indicator.TVL, DEFI, 0, protocols.sum(axis=1) * 1.35)
    ai = 9e8 * np.exp(priced + 0.3 * tale.along(HEAT[AI]) + 0.05 * ripple(seed, "tvl/ai", tale.day / 20.0))
    yield Series(Indicator.TVL, AI, 0, ai)


def _l2_share(seed: int, walk: Walk) -> Series:
    """Return the share of layer-2 TVL in that of Ethereum and its layers 2."""
    tale = walk.story
    slow = 0.020 * ripple(seed, "l2/slow", tale.day / 240.0) + 0.003 * ripple(seed, "l2/fast", tale.day / 9.0)
    share = 0.20 + tale.along(L2_ADOPTION) * (0.4 + 0.7 * tale.base_strength) + slow
    return Series(Indicator.L2_SHARE, MARKET_WIDE, 6, np.clip(share, 0.02, 0.9))


def _stablecoin_supply(seed: int, walk: Walk) -> Series:
    """Return the supply of all stablecoins in USD: it grows slowly, faster into a run."""
    tale = walk.story
    growth = 0.05 * tale.day / 365.0 + tale.along(STABLECOINS) + 0.010 * ripple(seed, "stable", tale.day / 25.0)
    return Series(Indicator.STABLECOINS, MARKET_WIDE, 0, 135e9 * np.exp(growth))


def _dex_volume(seed: int, walk: Walk) -> Series:
    """Return the daily volume of decentralised exchanges in USD."""
    tale = walk.story
    noise = 0.18 * streams(seed, "dex", ["volume"], tale)[:, 0]
    return Series(Indicator.DEX_VOLUME, DEFI, 0, 6.5e9 * np.exp(tale.along(DEX_ACTIVITY) + noise))


def _fear_greed(seed: int, walk: Walk) -> Series:
    """Return the mood from 0 (fear) to 100 (greed)."""
    tale = walk.story
    mood = 50.0 + 27.0 * tale.along(MOOD) + 7.0 * ripple(seed, "mood/slow", tale.day / 6.0)
    return Series(Indicator.FEAR_GREED, MARKET_WIDE, 0, np.clip(np.round(mood), 3.0, 97.0))


def _funding(seed: int, walk: Walk) -> Iterator[Series]:
    """Yield annualised funding per asset: the venue floor, plus what crowding adds (DOMAIN 2.6)."""
    heat = _heat(walk)
    symbols = [asset.symbol for asset in ASSETS]
    noise = remembered(0.022 * streams(seed, "funding", symbols, walk.story), 0.6)
    rates = NEUTRAL_FUNDING + 0.42 * heat + noise * (1.0 + np.abs(heat))
    for row, asset in enumerate(ASSETS):
        if not asset.is_stablecoin:
            yield Series(Indicator.FUNDING, asset.symbol, 6, rates[:, row])


def _open_interest(seed: int, walk: Walk) -> Iterator[Series]:
    """Yield open interest per asset in base units (F30): it builds up in a run and is flushed in the fall."""
    tale = walk.story
    symbols = [asset.symbol for asset in ASSETS]
    built = tale.along(OPEN_INTEREST) * (0.5 + 0.6 * tale.attack_strength)
    own = remembered(0.016 * streams(seed, "interest", symbols, tale), 0.93)
    for row, asset in enumerate(ASSETS):
        if not asset.is_stablecoin:
            base = asset.supply * asset.turnover * 0.35
            yield Series(Indicator.OPEN_INTEREST, asset.symbol, 2, base * np.exp(built + own[:, row]))
