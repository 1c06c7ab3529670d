"""Say where the difference to ANCHOR came from, day by day and linked (DOMAIN 4.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from portfolio.domain.attribution import ALARM, Effects, brinson_fachler, carino, linked_effect
from portfolio.domain.figures import Figure, Floats, Lack, found
from portfolio.domain.returns import linked
from portfolio.models import Instrument, closes_on
from portfolio.queries.market_past import MarketPast
from portfolio.queries.performance import RESERVE_SLEEVE, Performance, Span, Valued

DAY = timedelta(days=1)
OTHER = "other"
OVERLAY, HEDGE, FUNDING, FEES, YIELD, TIMING = "overlay", "hedge", "funding", "fees", "yield", "timing"
LINES = (OVERLAY, HEDGE, FUNDING, FEES, YIELD, TIMING)

_GONE, _CAME, _HELD, _POSITION, _POOLED = range(5)


@dataclass(frozen=True, kw_only=True)
class SectorEffect:
    """Show what a sector added to the active return: by its weight, and by the tokens chosen in it; fractions."""

    sector: str
    allocation: float
    choice: float
    weight: float
    benchmark_weight: float

    @property
    def total(self) -> float:
        """Return both together."""
        return self.allocation + self.choice


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Show where the active return came from: sectors and lines add up to it exactly; `timing` is the residual.

    `days` of `of_days` could be measured; on `alarms` of them the residual was above 2 bp.
    """

    active: Figure
    sectors: tuple[SectorEffect, ...]
    lines: Mapping[str, float]
    of_days: int
    alarms: int

    @property
    def narratives(self) -> tuple[SectorEffect, ...]:
        """Return the effects of the narratives alone."""
        return tuple(effect for effect in self.sectors[2:] if effect.sector != OTHER)

    @property
    def rotation_skill(self) -> float:
        """Return what weighing the narratives did (DOMAIN 4.7)."""
        return sum(effect.allocation for effect in self.narratives)

    @property
    def token_skill(self) -> float:
        """Return what choosing tokens did (DOMAIN 4.7)."""
        return sum(effect.choice for effect in self.sectors)

    @property
    def structure_skill(self) -> float:
        """Return what futures did (DOMAIN 4.7)."""
        return self.lines[OVERLAY] + self.lines[HEDGE]


@dataclass(frozen=True, kw_only=True)
class Held:
    """Hold the units at the start of each day [T, A], and the futures' underlyings and signed sizes [T, I].

    A linear size is in units of the underlying, an inverse one in USD.
    """

    assets: tuple[int, ...]
    units: Floats
    underlying: tuple[int, ...]
    sizes: Floats
    is_inverse: tuple[bool, ...]


def attribution(performance: Performance) -> Attribution | Lack:
    """Attribute the difference to ANCHOR over a measured span, or say why that cannot be done. One query."""
    span = performance.span
    if span.anchor is None:
        return Lack.NO_BENCHMARK
    starts = [span.before, *span.days[:-1]]
    is_measured = np.array([_is_whole(start, day) for start, day in zip(starts, span.days, strict=True)])
    is_measured &= performance.you.series.is_measured & ~np.isnan(span.anchor.returns)
    rows = np.flatnonzero(is_measured)
    if not len(rows):
        return Lack.TOO_SHORT
    before = [start for start in starts if start is not None]
    offset = len(starts) - len(before)
    return _linked(performance, rows, [before[row - offset] for row in rows])


def _is_whole(start: Valued | None, day: Valued) -> bool:
    return start is not None and not start.unpriced and not day.unpriced and start.equity > 0


def _linked(performance: Performance, rows: Any, starts: Sequence[Valued]) -> Attribution | Lack:
    """Measure the days on some rows, given what stood at their start, and link them.

    The day on which the portfolio began parts it from nothing, yet what it earned then is at work ever after.
    """
    span, anchor = performance.span, performance.span.anchor
    p = performance.you.series.returns[rows]
    b = np.zeros(0) if anchor is None else anchor.returns[rows]
    begun = np.nan_to_num(performance.you.series.returns[:1]) if span.before is None else np.zeros(0)
    together = carino(returns=np.concatenate([begun, p]), benchmark_returns=np.concatenate([begun, b]))
    if anchor is None or together is None:
        return Lack.NO_EQUITY
    coefficients, first = together[len(begun) :], 1.0 + linked(begun)
    equity = np.array([float(start.equity) for start in starts])
    held = held_units(span)
    names = (*span.sleeves, OTHER)
    gains = sector_gains(span, held, names)[rows] / equity[:, None]
    weights = np.array([[_weight(start, name) for name in names] for start in starts]) / equity[:, None]
    moves = np.column_stack([span.moves[rows], np.full(len(rows), np.nan)])
    aimed = np.column_stack([anchor.weights[rows], np.zeros(len(rows))])
    effects = _effects(weights, aimed, gains, moves)
    lines = _lines(span, held, rows, equity)
    lines[TIMING] = p - b - np.sum(effects.total, axis=1) - sum(lines.values())
    return Attribution(
        active=found(first * (linked(p) - linked(b)), days=len(rows)),
        sectors=_sectors(names, effects, weights, aimed, coefficients),
        lines={name: float(linked_effect(effect=lines[name], coefficients=coefficients)) for name in LINES},
        of_days=len(span.days),
        alarms=int(np.sum(np.abs(lines[TIMING]) > ALARM)),
    )


def _weight(start: Valued, name: str) -> float:
    """Return what stood in a sector; what is posted as margin is reserve, and so is what futures gained so far."""
    if name == RESERVE_SLEEVE:
        return float(start.reserve + start.futures)
    return float(start.core) if name == "core" else float(start.sectors.get(name, 0))


def _effects(weights: Floats, aimed: Floats, gains: Floats, moves: Floats) -> Effects:
    """Split the days; a sector without an index of its own is compared with itself: all it does is its weight."""
    has_value = weights > 0
    own = np.where(has_value, gains / np.where(has_value, weights, 1.0), np.nan)
    benchmark = np.where(np.isnan(moves), np.nan_to_num(own), moves)
    returns = np.where(np.isnan(own), benchmark, own)
    return brinson_fachler(weights=weights, benchmark_weights=aimed, returns=returns, benchmark_returns=benchmark)


def _sectors(
    names: Sequence[str], effects: Effects, weights: Floats, aimed: Floats, coefficients: Floats
) -> tuple[SectorEffect, ...]:
    allocation = linked_effect(effect=effects.allocation, coefficients=coefficients)
    choice = linked_effect(effect=effects.choice, coefficients=coefficients)
    rows = zip(names, allocation, choice, weights.mean(axis=0), aimed.mean(axis=0), strict=True)
    return tuple(
        SectorEffect(sector=name, allocation=float(a), choice=float(c), weight=float(w), benchmark_weight=float(v))
        for name, a, c, w, v in rows
        if name != OTHER or w > 0
    )


def _lines(span: Span, held: Held, rows: Any, equity: Floats) -> dict[str, Floats]:
    """Return what futures, funding, fees and income did on each day, as shares of the equity at its start."""
    prices = span.past.prices(held.underlying, span.eve_and_dates)
    moved = np.where(held.is_inverse, prices[1:] / prices[:-1] - 1.0, np.diff(prices, axis=0))
    gains = np.nan_to_num(held.sizes * moved)[rows]
    is_long = held.sizes[rows] > 0
    days = [span.days[row].money for row in rows]
    return {
        OVERLAY: np.sum(np.where(is_long, gains, 0.0), axis=1) / equity,
        HEDGE: np.sum(np.where(is_long, 0.0, gains), axis=1) / equity,
        FUNDING: np.array([float(day.funding) for day in days]) / equity,
        FEES: -np.array([float(day.fees) for day in days]) / equity,
        YIELD: np.array([float(day.income) for day in days]) / equity,
    }


def sector_gains(span: Span, held: Held, names: Sequence[str]) -> Floats:
    """Return what the units held at the start of each day gained on it, by sector, in USD [T, K]."""
    moved = np.nan_to_num(np.diff(span.past.prices(held.assets, span.eve_and_dates), axis=0))
    core = _core_part(span, held)
    shares = _shares(span, held.assets, names)
    gains = np.einsum("ta,ta,tak->tk", held.units - core, moved, shares)
    gains[:, 0] += np.sum(core * moved, axis=1)
    return np.asarray(gains, np.float64)


def _core_part(span: Span, held: Held) -> Floats:
    """Return how many of the units were core (DOMAIN F22)."""
    core = np.zeros_like(held.units)
    for moment, asset, quantity in span.cores:
        if asset in held.assets:
            first = next((n for n, day in enumerate(span.dates) if closes_on(day - DAY) >= moment), len(span.dates))
            core[first:, held.assets.index(asset)] = quantity
    return np.minimum(core, held.units)


def _shares(span: Span, assets: Sequence[int], names: Sequence[str]) -> Floats:
    """Return how each asset spreads over the sectors at the close before each day; what belongs to none is other."""
    shares = np.zeros((len(span.days), len(assets), len(names)))
    for place, asset in enumerate(assets):
        if asset in span.past.reserves:
            shares[:, place, names.index(RESERVE_SLEEVE)] = 1.0
        else:
            _spread(span.past, asset, span.dates, names, shares[:, place])
    shares[:, :, -1] = np.where(shares.any(axis=2), shares[:, :, -1], 1.0)
    return shares


def _spread(past: MarketPast, asset: int, dates: Sequence[date], names: Sequence[str], shares: Floats) -> None:
    for member in past.members:
        if member.asset == asset and member.kind != "core":
            name = RESERVE_SLEEVE if member.kind == RESERVE_SLEEVE else member.sector
            eve = [day - DAY for day in dates]
            holds = [member.since <= day and (member.until is None or day < member.until) for day in eve]
            shares[holds, names.index(name) if name in names else -1] += member.share


def held_units(span: Span) -> Held:
    """Return what was held at the start of each day: at the close before it, nothing where the portfolio began."""
    starts = [span.before, *span.days[:-1]]
    units = [{} if start is None else start.units for start in starts]
    sizes = [{} if start is None else start.sizes for start in starts]
    assets = tuple(sorted({int(key) for row in units for key in row}))
    contracts = {row.pk: row for row in Instrument.objects.filter(pk__in={int(key) for row in sizes for key in row})}
    return Held(
        assets=assets,
        units=_matrix(units, assets),
        underlying=tuple(row.asset_id for row in contracts.values()),
        sizes=_matrix(sizes, tuple(contracts)),
        is_inverse=tuple(row.is_inverse for row in contracts.values()),
    )


def _matrix(rows: Sequence[Mapping[str, str]], keys: Sequence[int]) -> Floats:
    """Return amounts that are kept as text, by row and key; nothing is zero."""
    names = [str(key) for key in keys]
    return np.array([[float(row.get(name, 0)) for name in names] for row in rows], np.float64).reshape(
        len(rows), len(names)
    )
