"""Put readings on the daily grid as they were known when each day was decided (DOMAIN 0: bitemporal, no look-ahead)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from signals.domain.arrays import NAN, Bools, Floats, Instants, Ints
from signals.domain.normalise import freshness
from signals.domain.panel import MARKET_WIDE, MarketPanel, ReadingSeries
from signals.domain.params import Params

_HOUR = np.timedelta64(3600, "s")
_NEVER = np.datetime64("NaT", "s")
_INTERVAL_DEFAULT, _INTERVAL_MIN, _INTERVAL_MAX = 8.0, 1.0, 24.0


class Aligned(NamedTuple):
    """Hold for each day the newest value that was known, how fresh it was, and what it describes.

    `values` is NaN where nothing was known or what was known had gone stale; `is_stale` tells the two apart.
    """

    values: Floats
    freshness: Floats
    observed_at: Instants
    source: str = ""

    @property
    def is_stale(self) -> Bools:
        """Return where a value exists but is too old to be used."""
        return ~np.isnat(self.observed_at) & (self.freshness <= 0)


class AssetReadings(NamedTuple):
    """Hold one kind of reading for every asset of a panel, [T, A]."""

    values: Floats
    freshness: Floats


class Versions(NamedTuple):
    """Hold what was known after each ingestion, in the order of ingestion."""

    ingested_at: Instants
    observed_at: Instants
    values: Floats
    interval_hours: Floats


def read(panel: MarketPanel, key: str, subject: str = MARKET_WIDE, *, params: Params) -> Aligned:
    """Return a reading of the panel on the daily grid; nothing known where the panel lacks it."""
    series = panel.readings.get((key, subject))
    moments = panel.decision_times(params)
    if series is None or not len(series.values):
        return unknown(len(moments))
    fresh, stale = params.limits[key]
    return _aligned(newest_versions(series), moments, fresh=fresh, stale=stale)._replace(source=series.source)


def read_averaged(panel: MarketPanel, key: str, subject: str, *, params: Params) -> Aligned:
    """Return the mean of the last readings, fresh for one interval and stale after two (DOMAIN 2.6)."""
    series = panel.readings.get((key, subject))
    moments = panel.decision_times(params)
    if series is None or not len(series.values):
        return unknown(len(moments))
    versions = averaged_versions(series, count=params.funding_readings)
    row = np.maximum(_positions(versions, moments), 0)
    hours = versions.interval_hours[row] + params.decision_delay_minutes / 60.0
    return _aligned(versions, moments, fresh=hours, stale=2.0 * hours)._replace(source=series.source)


def side_by_side(columns: list[Aligned]) -> AssetReadings:
    """Put the readings of every asset side by side."""
    return AssetReadings(
        np.stack([column.values for column in columns], axis=1),
        np.stack([column.freshness for column in columns], axis=1),
    )


def unknown(days: int) -> Aligned:
    """Return a reading nobody ever had."""
    return Aligned(np.full(days, NAN), np.zeros(days), np.full(days, _NEVER))


def newest_versions(series: ReadingSeries) -> Versions:
    """Return after each ingestion the value of the latest instant known; of two versions the later ingested counts."""
    rank = np.empty(len(series.values), np.int64)
    by_instant = np.lexsort((series.ingested_at, series.observed_at))
    rank[by_instant] = np.arange(len(rank))
    order = np.argsort(series.ingested_at, kind="stable")
    row = by_instant[np.maximum.accumulate(rank[order])]
    nothing = np.full(len(row), NAN)
    return Versions(series.ingested_at[order], series.observed_at[row], series.values[row], nothing)


def averaged_versions(series: ReadingSeries, *, count: int) -> Versions:
    """Return after each ingestion the mean of the `count` latest instants known, and the hours between the last two."""
    order = np.lexsort((series.observed_at, series.ingested_at))
    ingested, instants = (
        series.ingested_at[order],
        series.observed_at[order].astype("datetime64[s]").astype(np.int64),
    )
    latest: list[tuple[int, float]] = []
    rows: list[tuple[int, float, float]] = []
    for instant, value in zip(instants.tolist(), series.values[order].tolist(), strict=True):
        others = [pair for pair in latest if pair[0] != instant]
        latest = sorted([*others, (instant, value)])[-count:]
        gap = (latest[-1][0] - latest[-2][0]) / 3600.0 if len(latest) > 1 else _INTERVAL_DEFAULT
        rows.append((latest[-1][0], sum(pair[1] for pair in latest) / len(latest), gap))
    newest, means, gaps = (np.array(column) for column in zip(*rows, strict=True))
    return Versions(ingested, newest.astype("datetime64[s]"), means, np.clip(gaps, _INTERVAL_MIN, _INTERVAL_MAX))


def _positions(versions: Versions, moments: Instants) -> Ints:
    """Return the last ingestion at or before each moment, -1 for none."""
    return np.asarray(np.searchsorted(versions.ingested_at, moments, side="right") - 1, np.int64)


def _aligned(versions: Versions, moments: Instants, *, fresh: Floats | float, stale: Floats | float) -> Aligned:
    """Return what was known at each moment with its freshness."""
    position = _positions(versions, moments)
    row = np.maximum(position, 0)
    observed = np.where(position >= 0, versions.observed_at[row], _NEVER)
    age = np.where(position >= 0, (moments - versions.observed_at[row]) / _HOUR, NAN)
    share = freshness(age, fresh=fresh, stale=stale)
    return Aligned(np.where(share > 0, versions.values[row], NAN), share, observed)
