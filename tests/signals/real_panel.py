"""Read the shared market history into a panel; the readings' ingest times are simulated (DOMAIN 6.1)."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from signals.domain.arrays import Floats, Instants
from signals.domain.panel import (
    FEAR_GREED,
    FUNDING,
    STABLECOINS,
    TVL,
    MarketPanel,
    ReadingSeries,
    SectorProfile,
    no_events,
)

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "market"
DEFI = ("UNI", "AAVE", "CRV", "COMP", "SNX", "SUSHI", "MKR", "YFI", "LDO", "1INCH", "RUNE", "DYDX", "GMX")
AI = ("FET", "GRT", "NEAR", "OCEAN", "RNDR", "NMR", "PHA", "RLC", "LPT", "THETA", "ICP", "INJ")
SECTORS = (SectorProfile("defi", "defi", 0.8), SectorProfile("ai", "ai", 0.2))
TOTALS = ("DEFI_TOTAL", "STABLECOINS_TOTAL")
SCOPES = {"": 0, "global": 1, "exchange": 2}
_HOUR = np.timedelta64(3600, "s")


def real_panel(first: str, last: str) -> MarketPanel:
    """Return the shared history between two days, both included."""
    dates = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    rows = [row for row in _rows("daily.csv") if first <= row["date"] <= last]
    assets = tuple(sorted({row["asset"] for row in rows} - set(TOTALS)))
    priced = [row for row in rows if row["asset"] in assets]
    grids = {name: _grid(priced, dates, assets, name) for name in ("price_usd", "market_cap_usd", "volume_usd")}
    scopes = np.zeros((len(dates), len(assets)), np.int8)
    for row in priced:
        scopes[_place(row, dates, assets)] = SCOPES[row["volume_scope"]]
    memberships = np.zeros((len(dates), len(assets), 2))
    for k, members in enumerate((DEFI, AI)):
        memberships[:, [assets.index(a) for a in members if a in assets], k] = 1.0
    return MarketPanel(
        dates=dates,
        assets=assets,
        sectors=SECTORS,
        closes=grids["price_usd"],
        market_caps=grids["market_cap_usd"],
        volumes=grids["volume_usd"],
        volume_scopes=scopes,
        memberships=memberships,
        is_stable=np.array([asset == "USDC" for asset in assets]),
        events=no_events(2),
        readings=_readings(rows, first, last),
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    """Yield a file's rows."""
    with (FOLDER / name).open(newline="") as stream:
        yield from csv.DictReader(stream)


def _place(row: dict[str, str], dates: Instants, assets: tuple[str, ...]) -> tuple[int, int]:
    """Return a row's place in the grid."""
    return int((np.datetime64(row["date"]) - dates[0]).astype(int)), assets.index(row["asset"])


def _grid(rows: list[dict[str, str]], dates: Instants, assets: tuple[str, ...], name: str) -> Floats:
    """Return one column of the file as days by assets."""
    grid = np.full((len(dates), len(assets)), np.nan)
    for row in rows:
        if row[name]:
            grid[_place(row, dates, assets)] = float(row[name])
    return grid


def _readings(rows: list[dict[str, str]], first: str, last: str) -> dict[tuple[str, str], ReadingSeries]:
    """Return TVL, stablecoin supply, fear and greed and funding, usable from when DECISIONS 24 says."""
    found: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for row in rows:
        if row["asset"] == "STABLECOINS_TOTAL" and row["market_cap_usd"]:
            found[STABLECOINS, ""].append((row["date"], float(row["market_cap_usd"])))
        elif row["tvl_usd"]:
            subject = "defi" if row["asset"] == "DEFI_TOTAL" else row["asset"]
            found[TVL, subject].append((row["date"], float(row["tvl_usd"])))
    series = {key: _daily(values, lag_hours=48 if key[0] == TVL else 24) for key, values in found.items()}
    moods = [(r["date"], float(r["fng"])) for r in _rows("fear_greed_daily.csv") if first <= r["date"] <= last]
    series[FEAR_GREED, ""] = _daily(moods, lag_hours=1, stamped_hours=0)
    rates = [(r["date"], 1095.0 * float(r["funding_rate_mean"])) for r in _rows("funding_daily_btc.csv")]
    series[FUNDING, "BTC"] = _daily([r for r in rates if first <= r[0] <= last], lag_hours=24)
    return series


def _daily(values: list[tuple[str, float]], *, lag_hours: int, stamped_hours: int = 24) -> ReadingSeries:
    """Return daily values with what they describe and when they could be had, in hours after the day's midnight."""
    days = np.array([day for day, _ in values], "datetime64[s]")
    numbers = np.array([value for _, value in values])
    return ReadingSeries(days + stamped_hours * _HOUR, days + lag_hours * _HOUR, numbers)
