"""Walk the simulated prices from the origin to a day: story, market factor, sector factors, own noise, news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from signals.sources.simulated.news import Happening, happenings, impact
from signals.sources.simulated.noise import Floats, normals, ripple
from signals.sources.simulated.story import (
    AI_SHAPE,
    BTC_SHAPE,
    DEFI_SHAPE,
    OTHER_SHAPE,
    TURBULENCE,
    Story,
    day_number,
    story,
)
from signals.sources.simulated.universe import AI, ASSETS, DEFI, OTHER, SECTORS

BTC_NOISE = 0.016
SECTOR_NOISE = 0.016
EXPLOIT_PER_MAGNITUDE = 0.03
MARKET_MEMORY = 0.985
SECTOR_MEMORY = 0.975
ASSET_MEMORY = 0.980
_SECTOR_OF_ASSET = [SECTORS.index(a.sector) if a.sector in SECTORS else len(SECTORS) for a in ASSETS]


@dataclass(frozen=True, slots=True)
class Walk:
    """Everything daily from the origin to one day; `prices` [days, assets] are rounded as quoted, in USD."""

    story: Story
    happenings: list[Happening]
    market: Floats
    prices: Floats

    def since(self, first: date) -> slice:
        """Return the rows from a day on."""
        return slice(max(day_number(first), 0), None)


@lru_cache(maxsize=4)
def walk(seed: int, last: date) -> Walk:
    """Return the walk up to `last`, inclusive; no earlier day depends on `last`."""
    tale = story(seed=seed, last=last)
    news = happenings(seed=seed, story=tale)
    market = _market(seed, tale)
    logs = _levels() + np.outer(market, [asset.beta for asset in ASSETS])
    logs += _sectors(seed, tale, news)[:, _SECTOR_OF_ASSET]
    logs += _own(seed, tale, news)
    prices = _quoted(np.exp(logs))
    for shared in (market, prices):
        shared.setflags(write=False)
    return Walk(story=tale, happenings=news, market=market, prices=prices)


def remembered(shocks: Floats, memory: Floats | float) -> Floats:
    """Accumulate daily shocks [days, n] that fade: x_t = memory x_{t-1} + shock_t, one memory or one a column."""
    levels = np.empty_like(shocks)
    level = np.zeros(shocks.shape[1:])
    for row, shock in enumerate(shocks):
        level = memory * level + shock
        levels[row] = level
    return levels


def streams(seed: int, name: str, keys: list[str], tale: Story) -> Floats:
    """Return one column of daily normal noise [days, keys] per key."""
    return np.stack([normals(seed, f"{name}/{key}", tale.day) for key in keys], axis=1)


def _levels() -> Floats:
    """Return the log levels around which prices move."""
    levels: Floats = np.log(np.array([asset.level for asset in ASSETS]))
    return levels


def _market(seed: int, tale: Story) -> Floats:
    """Return BTC's log distance from its level: a slow wave, the story, and noise that fades."""
    wave = 0.22 * ripple(seed, "wave", tale.day / 330.0)
    told = tale.along(BTC_SHAPE) * (0.6 + 0.5 * tale.attack_strength)
    shocks = BTC_NOISE * tale.along(TURBULENCE)[:, None] * streams(seed, "market", ["BTC"], tale)
    distance: Floats = wave + told + remembered(shocks, MARKET_MEMORY)[:, 0]
    return distance


def _sectors(seed: int, tale: Story, news: list[Happening]) -> Floats:
    """Return each sector's log distance [days, sectors + 1] from the market; the last column is no sector's: zero."""
    told = {
        DEFI: tale.along(DEFI_SHAPE) * tale.base_strength,
        AI: tale.along(AI_SHAPE) * tale.attack_strength,
        OTHER: tale.along(OTHER_SHAPE),
    }
    shocks = SECTOR_NOISE * tale.along(TURBULENCE)[:, None] * streams(seed, "sector", list(SECTORS), tale)
    for happening in news:
        np.add.at(shocks[:, SECTORS.index(happening.plot.sector)], happening.day, impact(happening))
    levels = np.stack([told[sector] for sector in SECTORS], axis=1) + remembered(shocks, SECTOR_MEMORY)
    return np.hstack([levels, np.zeros((len(levels), 1))])


def _own(seed: int, tale: Story, news: list[Happening]) -> Floats:
    """Return each asset's own log noise [days, assets], exploits included; stablecoins hardly remember."""
    scale = np.array([asset.noise for asset in ASSETS])
    draws = streams(seed, "asset", [asset.symbol for asset in ASSETS], tale)
    shocks = draws * scale * tale.along(TURBULENCE)[:, None]
    for happening in news:
        if happening.plot.type == "EXPLOIT":
            np.add.at(shocks, (happening.day, happening.asset), -EXPLOIT_PER_MAGNITUDE * happening.magnitude)
    memory = np.array([0.5 if asset.is_stablecoin else ASSET_MEMORY for asset in ASSETS])
    return remembered(shocks, memory)


def _quoted(prices: Floats) -> Floats:
    """Round each asset's prices to its own decimals."""
    columns = [np.round(prices[:, row], asset.decimals) for row, asset in enumerate(ASSETS)]
    return np.stack(columns, axis=1)
