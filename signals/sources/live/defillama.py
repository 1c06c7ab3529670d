"""Read DefiLlama (DOMAIN 2.1): TVL of protocols and chains, DEX volume, stablecoin supply; keyless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from signals.sources.base import MARKET_WIDE, Indicator, ReadingRow
from signals.sources.fetch import Fetcher
from signals.sources.live.base import (
    BadValueError,
    Confirmed,
    Doubt,
    Scope,
    Yielded,
    amount,
    doubt,
    entry,
    guarded,
    rows,
)
from signals.sources.live.series import daily_readings

NAME = "defillama"
ADDRESS = "https://api.llama.fi"
STABLECOIN_ADDRESS = "https://stablecoins.llama.fi"
DEFI = "defi"
ROLLUPS = frozenset(
    [
        "Arbitrum",
        "Base",
        "OP Mainnet",
        "Optimism",
        "Blast",
        "Mantle",
        "Linea",
        "Scroll",
        "ZKsync Era",
        "Starknet",
        "Taiko",
    ]
)
FLAGS = {"excludeTotalDataChart": "false", "excludeTotalDataChartBreakdown": "true"}


class DefiLlama:
    """Yield what DefiLlama shows; a part that fails leaves the others alone."""

    def observations(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Ask part by part."""
        yield from guarded(ask, "protocols", self._protocols(ask, scope))
        yield from guarded(ask, "chain TVL", self._total(ask, scope))
        yield from guarded(ask, "chains", self._rollups(ask, scope))
        yield from guarded(ask, "DEX volume", self._dexs(ask, scope))
        yield from guarded(ask, "stablecoins", self._stablecoins(ask, scope))

    def _protocols(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the TVL of our protocols now, by slug."""
        answer = ask.get(f"{scope.address or ADDRESS}/protocols", is_conditional=True)
        if answer.is_unchanged:
            yield Confirmed(Indicator.TVL, tuple(scope.aliases), _hour(scope.now))
            return
        wanted = {slug: symbol for symbol, slug in scope.aliases.items()}
        seen: set[str] = set()
        for row in rows(answer.json(), "protocols"):
            slug = row.get("slug") if isinstance(row, dict) else None
            if slug in wanted and slug not in seen:
                seen.add(slug)
                yield _now(Indicator.TVL, wanted[slug], row.get("tvl"), scope)
        for slug in wanted.keys() - seen:
            detail = f"DefiLlama does not know {slug!r}; an administrator enters its slug under source aliases"
            yield Doubt("unknown", f"tvl {wanted[slug]}", detail)

    def _total(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the TVL of all chains, day by day, without liquid staking and double count."""
        answer = ask.get(f"{scope.address or ADDRESS}/v2/historicalChainTvl", is_conditional=True)
        if not answer.is_unchanged:
            points = [_pair(row, "date", "tvl", "chain TVL") for row in rows(answer.json(), "chain TVL")]
            yield from daily_readings(points, indicator=Indicator.TVL, subject=DEFI, source=NAME, scope=scope)

    def _rollups(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the share of the rollups in the TVL of all chains (F25)."""
        answer = ask.get(f"{scope.address or ADDRESS}/v2/chains", is_conditional=True)
        if answer.is_unchanged:
            yield Confirmed(Indicator.L2_SHARE, (MARKET_WIDE,), _hour(scope.now))
            return
        values: dict[str, float] = {}
        for row in rows(answer.json(), "chains"):
            name, raw = _pair(row, "name", "tvl", "chains")
            try:
                values[str(name)] = float(amount(raw, f"TVL of {name}", is_zero_allowed=True))
            except BadValueError as error:
                yield doubt(f"chain {name}", error)
                if name in ROLLUPS or name == "Ethereum":
                    return
        share = sum(values[name] for name in ROLLUPS & values.keys()) / (sum(values.values()) or 1.0)
        yield _now(Indicator.L2_SHARE, MARKET_WIDE, share, scope)

    def _dexs(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the volume on decentralised exchanges, day by day."""
        answer = ask.get(f"{scope.address or ADDRESS}/overview/dexs", params=FLAGS, is_conditional=True)
        if not answer.is_unchanged:
            chart = rows(entry(answer.json(), "totalDataChart", "DEX volume"), "DEX volume")
            points = [_pair(row, 0, 1, "DEX volume") for row in chart]
            yield from daily_readings(points, indicator=Indicator.DEX_VOLUME, subject=DEFI, source=NAME, scope=scope)

    def _stablecoins(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the supply of stablecoins pegged to the dollar, day by day."""
        answer = ask.get(f"{scope.address or STABLECOIN_ADDRESS}/stablecoincharts/all", is_conditional=True)
        if not answer.is_unchanged:
            points = [(entry(row, "date", "stablecoins"), _pegged(row)) for row in rows(answer.json(), "stablecoins")]
            yield from daily_readings(
                points, indicator=Indicator.STABLECOINS, subject=MARKET_WIDE, source=NAME, scope=scope
            )


def _now(indicator: str, subject: str, raw: Any, scope: Scope) -> Yielded:
    """Return a reading of this hour, known from now on; a figure that is none is doubted."""
    try:
        value = float(amount(raw, indicator))
    except BadValueError as error:
        return doubt(f"{indicator} {subject}".strip(), error)
    return ReadingRow(indicator, subject, _hour(scope.now), scope.now, value, NAME)


def _hour(now: datetime) -> datetime:
    """Return the hour that runs: asked twice within it, the source speaks of the same."""
    return now.replace(minute=0, second=0, microsecond=0)


def _pair(row: Any, first: str | int, second: str | int, what: str) -> tuple[Any, Any]:
    """Return two parts of a row."""
    return entry(row, first, what), entry(row, second, what)


def _pegged(row: Any) -> Any:
    """Return the dollars of a day."""
    return entry(entry(row, "totalCirculating", "stablecoins"), "peggedUSD", "stablecoins")
