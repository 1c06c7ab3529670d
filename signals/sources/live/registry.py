"""List the live sources: a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from signals.sources.fetch import Policy
from signals.sources.live import coingecko, defillama, fear_greed, feeds
from signals.sources.live.base import LiveSource
from signals.sources.live.names import COINGECKO, DEFILLAMA
from signals.sources.live.venues import Venue

MINUTE, HOUR, DAY = 60, 3600, 86_400
VENUE_BYTES = 40_000_000
EVENT_TYPES = ("REGULATORY", "PARTNERSHIP", "TECH_MILESTONE", "L2_MILESTONE", "EXPLOIT", "LISTING", "UNLOCK")


class Listed(NamedTuple):
    """A source: how it wants to be treated, how often it is asked (seconds), and how it names our assets.

    Without names a source knows our symbols; `event_types` are those it looks for, so that silence counts.
    """

    source: LiveSource
    policy: Policy
    every: int
    names: Mapping[str, str] | None = None
    event_types: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the source's name."""
        return self.policy.name


def _venue(name: str, per_minute: int) -> Listed:
    """List a venue."""
    return Listed(Venue(name), Policy(name, per_minute, max_bytes=VENUE_BYTES), 5 * MINUTE)


SOURCES: tuple[Listed, ...] = (
    Listed(coingecko.CoinGecko(), Policy(coingecko.NAME, 25, 10_000), 15 * MINUTE, COINGECKO),
    Listed(defillama.DefiLlama(), Policy(defillama.NAME, 60, max_bytes=60_000_000, deadline=30), HOUR, DEFILLAMA),
    Listed(fear_greed.FearGreed(), Policy(fear_greed.NAME, 10), HOUR, {}),
    Listed(feeds.Feeds(), Policy(feeds.NAME, 30), 15 * MINUTE, {}, EVENT_TYPES),
    _venue("binance", 120),
    _venue("bybit", 120),
    _venue("bingx", 60),
    _venue("weex", 60),
    _venue("mexc", 60),
)
