"""Read DefiLlama's yields (DOMAIN 2.1): what pools of our protocols pay; optional, as it may ask for a paid plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from signals.sources.base import MARKET_WIDE, ReadingRow
from signals.sources.fetch import Fetcher
from signals.sources.live.base import (
    BadValueError,
    Confirmed,
    Scope,
    Yielded,
    amount,
    doubt,
    entry,
    guarded,
    rate,
    rows,
)

NAME = "defillama_yields"
ADDRESS = "https://yields.llama.fi"
POOL_YIELD, STABLE_YIELD = "pool_yield", "stable_yield"
HIGHEST_PERCENT = 1000.0


class DefiLlamaYields:
    """Yield the mean yearly yield of a protocol's pools and of stablecoins, weighted by what lies in them."""

    def observations(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Ask for all pools."""
        yield from guarded(ask, "pools", self._pools(ask, scope))

    def _pools(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the pools; what DefiLlama calls an outlier is left out."""
        answer = ask.get(f"{scope.address or ADDRESS}/pools", is_conditional=True)
        at = scope.now.replace(minute=0, second=0, microsecond=0)
        if answer.is_unchanged:
            yield Confirmed(POOL_YIELD, tuple(scope.aliases), at)
            yield Confirmed(STABLE_YIELD, (MARKET_WIDE,), at)
            return
        symbols = {slug: symbol for symbol, slug in scope.aliases.items()}
        worth: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for row in rows(entry(answer.json(), "data", "pools"), "pools"):
            keys = _keys(row, symbols)
            if not keys or row.get("outlier"):
                continue
            try:
                pair = _figures(row)
            except BadValueError as error:
                yield doubt(f"pool {str(row.get('pool'))[:60]}", error)
                continue
            for key in keys:
                worth.setdefault(key, []).append(pair)
        for (indicator, subject), pairs in worth.items():
            yield ReadingRow(indicator, subject, at, scope.now, _mean(pairs), NAME)


def _keys(row: Any, symbols: dict[str, str]) -> list[tuple[str, str]]:
    """Return what a pool tells about: its protocol, and stablecoins where it holds nothing else."""
    project = entry(row, "project", "pools")
    found = [(POOL_YIELD, symbols[project])] if project in symbols else []
    return [*found, (STABLE_YIELD, MARKET_WIDE)] if row.get("stablecoin") else found


def _figures(row: Any) -> tuple[float, float]:
    """Return what lies in a pool in USD, and its yearly yield as a fraction. Raises BadValueError."""
    held = float(amount(row.get("tvlUsd"), "the pool's worth", is_zero_allowed=True))
    return held, rate(row.get("apy"), "the yield", limit=HIGHEST_PERCENT) / 100.0


def _mean(pairs: list[tuple[float, float]]) -> float:
    """Return the mean yield, weighted by what lies in the pools; unweighted where they are empty."""
    held = sum(weight for weight, _ in pairs)
    return sum(w * y for w, y in pairs) / held if held else sum(y for _, y in pairs) / len(pairs)
