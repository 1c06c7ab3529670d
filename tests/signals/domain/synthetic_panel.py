"""Invent a small market with everything in it: gaps, restatements, late readings, refuted news."""

from __future__ import annotations

import numpy as np

from signals.domain.arrays import Floats, Instants
from signals.domain.panel import EventTable, MarketPanel, ReadingSeries, SectorProfile

HOUR = np.timedelta64(3600, "s")
NEVER = np.datetime64("NaT", "s")
KINDS = ("REGULATORY", "PARTNERSHIP", "TECH_MILESTONE", "L2_MILESTONE", "EXPLOIT", "LISTING", "UNLOCK")
PROFILES = ("defi", "ai", "other")


def synthetic_panel(*, days: int = 420, sectors: int = 2, members: int = 6, seed: int = 1) -> MarketPanel:
    """Return a market of BTC, ETH, USDC and `members` assets a sector, with every kind of reading."""
    draw = np.random.default_rng(seed)
    dates = np.datetime64("2022-01-01") + np.arange(days)
    names = [f"A{k}{i}" for k in range(sectors) for i in range(members)]
    assets = ("BTC", "ETH", "USDC", *names)
    closes = 10.0 * np.exp(np.cumsum(draw.normal(0.0, 0.04, (days, len(assets))), axis=0))
    closes[:, 2] = 1.0
    closes[draw.random(closes.shape) < 0.01] = np.nan
    caps = closes * draw.uniform(1e6, 1e7, len(assets))
    caps[:, draw.random(len(assets)) < 0.1] = np.nan
    volumes = np.exp(draw.normal(16.0, 0.5, closes.shape))
    scopes = np.where(np.arange(days)[:, None] < days // 3, 1, 2) * np.ones(closes.shape)
    memberships = np.zeros((days, len(assets), sectors))
    for k in range(sectors):
        memberships[:, 3 + k * members : 3 + (k + 1) * members, k] = 1.0
    slugs = tuple(SectorProfile(f"s{k}", PROFILES[min(k, 2)], 0.8 if k == 0 else 0.2) for k in range(sectors))
    return MarketPanel(
        dates=dates,
        assets=assets,
        sectors=slugs,
        closes=closes,
        market_caps=caps,
        volumes=volumes,
        volume_scopes=scopes.astype(np.int8),
        memberships=memberships,
        is_stable=np.array([asset == "USDC" for asset in assets]),
        events=synthetic_events(draw, dates, sectors),
        readings=_readings(draw, dates, assets, [s.slug for s in slugs]),
        event_coverage={kind: draw.random(days) < 0.8 for kind in KINDS},
    )


def synthetic_events(draw: np.random.Generator, dates: Instants, sectors: int, *, count: int = 60) -> EventTable:
    """Return events of every kind, some seen late, verified later, or refuted."""
    published = dates[0].astype("datetime64[s]") + draw.integers(0, len(dates) * 24, count) * HOUR
    seen = published + draw.integers(0, 48, count) * HOUR
    later = seen + draw.integers(1, 240, count) * HOUR
    fate = draw.random(count)
    return EventTable(
        ids=tuple(f"e{i}" for i in range(count)),
        types=tuple(KINDS[i] for i in draw.integers(0, len(KINDS), count)),
        polarity=np.sign(draw.normal(0.5, 1.0, count)),
        magnitude=draw.integers(1, 6, count).astype(np.float64),
        confidence=draw.uniform(0.2, 1.0, count),
        published_at=published,
        first_seen_at=seen,
        verified_at=np.where(fate < 0.5, later, NEVER),
        refuted_at=np.where(fate > 0.8, later, NEVER),
        sectors=draw.random((count, sectors)) < 0.6,
    )


def _readings(
    draw: np.random.Generator, dates: Instants, assets: tuple[str, ...], slugs: list[str]
) -> dict[tuple[str, str], ReadingSeries]:
    """Return every kind of reading, at the pace of its source."""
    every_day = np.arange(len(dates)) * 24.0 + 24.0
    every_8h = np.arange(3 * len(dates)) * 8.0
    found = {
        ("stablecoins", ""): _series(draw, dates, every_day, _walk(draw, len(every_day), 0.01), lag=1.0),
        ("fear_greed", ""): _series(
            draw, dates, every_day - 24.0, draw.integers(10, 90, len(every_day)).astype(float), lag=1.0
        ),
        ("l2_share", ""): _series(draw, dates, every_day, 0.1 * _walk(draw, len(every_day), 0.01), lag=20.0),
        ("dex_volume", ""): _series(draw, dates, every_day, _walk(draw, len(every_day), 0.2), lag=6.0),
    }
    for slug in slugs:
        found["tvl", slug] = _series(draw, dates, every_day, _walk(draw, len(every_day), 0.03), lag=24.0)
    for asset in assets[3:]:
        found["tvl", asset] = _series(draw, dates, every_day, _walk(draw, len(every_day), 0.05), lag=24.0)
    for asset in (*assets[:2], *assets[3::2]):
        found["funding", asset] = _series(draw, dates, every_8h, draw.normal(0.1, 0.2, len(every_8h)), lag=0.02)
        found["open_interest", asset] = _series(draw, dates, every_8h, 1e6 * _walk(draw, len(every_8h), 0.03), lag=0.02)
    return found


def _walk(draw: np.random.Generator, count: int, size: float) -> Floats:
    """Return a positive random walk."""
    return np.exp(np.cumsum(draw.normal(0.0, size, count)))


def _series(draw: np.random.Generator, dates: Instants, hours: Floats, values: Floats, *, lag: float) -> ReadingSeries:
    """Return values with their instants; a tenth is restated days later, some come late, some never."""
    start = dates[0].astype("datetime64[s]")
    observed = start + (hours * 3600).astype(np.int64).astype("timedelta64[s]")
    late = np.where(draw.random(len(hours)) < 0.05, draw.uniform(20, 100, len(hours)), 0.0)
    ingested = observed + ((lag + late) * 3600).astype(np.int64).astype("timedelta64[s]")
    kept = draw.random(len(hours)) > 0.03
    again = kept & (draw.random(len(hours)) < 0.1)
    return ReadingSeries(
        np.concatenate([observed[kept], observed[again]]),
        np.concatenate([ingested[kept], ingested[again] + 72 * HOUR]),
        np.concatenate([values[kept], values[again] * 1.01]),
    )
