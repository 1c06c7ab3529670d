"""List the live sources: a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from django.conf import settings

from signals.sources.fetch import Policy
from signals.sources.live import coingecko, defillama, defillama_yields, fear_greed, feeds
from signals.sources.live.base import LiveSource
from signals.sources.live.names import COINGECKO, COINGECKO_CATEGORIES, DEFILLAMA, FEED_WORDS
from signals.sources.live.venues import MAINTENANCE, MAKER, TAKER, Venue

MINUTE, HOUR, DAY = 60, 3600, 86_400
VENUE_BYTES = 40_000_000
EVENT_TYPES = ("REGULATORY", "PARTNERSHIP", "TECH_MILESTONE", "L2_MILESTONE", "EXPLOIT", "LISTING", "UNLOCK")


class Listed(NamedTuple):
    """A source: how it wants to be treated, how often it is asked (seconds), and how it names our assets.

    Without names a source knows our symbols; `sector_names` are its words for narratives, `event_types` those it looks
    for, so that silence counts, `seldom` what it reads about weekly.
    """

    source: LiveSource
    policy: Policy
    every: int
    names: Mapping[str, str] | None = None
    event_types: tuple[str, ...] = ()
    sector_names: Mapping[str, str] = MappingProxyType({})
    seldom: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the source's name."""
        return self.policy.name


def _venue(name: str, per_minute: int) -> Listed:
    """List a venue."""
    policy = Policy(name, per_minute, max_bytes=VENUE_BYTES)
    return Listed(Venue(name), policy, 5 * MINUTE, seldom=(MAINTENANCE, TAKER, MAKER))


SOURCES: tuple[Listed, ...] = (
    Listed(coingecko.CoinGecko(), Policy(coingecko.NAME, 25, 10_000), 15 * MINUTE, COINGECKO, (), COINGECKO_CATEGORIES),
    Listed(defillama.DefiLlama(), Policy(defillama.NAME, 60, max_bytes=60_000_000, deadline=30), HOUR, DEFILLAMA),
    Listed(fear_greed.FearGreed(), Policy(fear_greed.NAME, 10), HOUR, {}),
    Listed(feeds.Feeds(), Policy(feeds.NAME, 30), 15 * MINUTE, {}, EVENT_TYPES, FEED_WORDS),
    _venue("binance", 120),
    _venue("bybit", 120),
    _venue("bingx", 60),
    _venue("weex", 60),
    _venue("mexc", 60),
)
OPTIONAL: tuple[Listed, ...] = (
    Listed(
        defillama_yields.DefiLlamaYields(),
        Policy(defillama_yields.NAME, 5, max_bytes=60_000_000, deadline=30),
        DAY,
        DEFILLAMA,
    ),
)


def enabled_sources() -> tuple[Listed, ...]:
    """Return the sources that are asked by themselves: all that are listed, and the optional ones that were chosen."""
    return SOURCES + tuple(source for source in OPTIONAL if source.name in settings.OPTIONAL_SOURCES)
