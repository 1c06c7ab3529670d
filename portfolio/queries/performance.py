"""Measure what a portfolio earned, beside what it would have earned otherwise (DOMAIN 4.6, F02)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from portfolio.domain.benchmark import Rebalanced, basket_returns, first_of_month, rebalanced
from portfolio.domain.figures import Figure, Floats, Lack, found, missing
from portfolio.domain.money import ZERO, exact, in_context
from portfolio.domain.performance import (
    Track,
    average_capital,
    benchmark_track,
    dietz,
    money_weighted,
)
from portfolio.domain.returns import DayFlow, DayValue, daily_returns, fee_drag
from portfolio.models import CoreQuantity, Policy, Portfolio, Sector, ValuationDay, closes_on
from portfolio.queries.day_money import DayMoney
from portfolio.queries.market_past import MarketPast, market_past

DAY = timedelta(days=1)
YOU, HOLD, ANCHOR, CORE = "you", "hold", "anchor", "core"
CORE_SLEEVE, RESERVE_SLEEVE = Sector.Kind.CORE.value, Sector.Kind.RESERVE.value
DAY_COLUMNS = (
    "date",
    "equity_usd",
    "core_usd",
    "reserve_usd",
    "futures_usd",
    "held_usd",
    "flow_usd",
    "sectors",
    "unpriced_count",
    "fees_usd",
    "funding_usd",
    "income_usd",
    "flows",
    "units",
    "sizes",
)


@dataclass(frozen=True, kw_only=True)
class Valued:
    """Hold a valued day as it is stored, in USD."""

    date: date
    equity: Decimal
    core: Decimal
    reserve: Decimal
    futures: Decimal
    held: Decimal
    flow: Decimal
    sectors: Mapping[str, str]
    unpriced: int
    fees: Decimal
    funding: Decimal
    income: Decimal
    flows: Sequence[tuple[str, float]]
    units: Mapping[str, str]
    sizes: Mapping[str, str]

    @cached_property
    def money(self) -> DayMoney:
        """Return what came in, went out and was paid on the day."""
        flows = [DayFlow(amount=Decimal(amount), passed=passed) for amount, passed in self.flows]
        return DayMoney(flows=flows, fees=self.fees, funding=self.funding, income=self.income)


@dataclass(frozen=True, kw_only=True)
class Aim:
    """Hold a policy's weights in equity by sleeve and narrative, from a moment on."""

    effective_at: datetime
    weights: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Span:
    """Hold the days of a period, what stood before it, and everything they are measured with.

    `before` is the valued day before the first, None where the portfolio began in the period.
    """

    portfolio: Portfolio
    before: Valued | None
    days: Sequence[Valued]
    past: MarketPast
    aims: Sequence[Aim]
    cores: Sequence[tuple[datetime, int, float]]

    @cached_property
    def dates(self) -> list[date]:
        """Return the days."""
        return [day.date for day in self.days]

    @cached_property
    def eve_and_dates(self) -> list[date]:
        """Return the days and the one before them."""
        return [self.dates[0] - DAY, *self.dates]

    @cached_property
    @in_context
    def values(self) -> list[DayValue]:
        """Return the portfolio's worth and flows by day."""
        return [_day_value(day, day.equity) for day in self.days]

    @cached_property
    @in_context
    def held_values(self) -> list[DayValue]:
        """Return what holding would be worth, with the same flows."""
        return [_day_value(day, day.held) for day in self.days]

    @property
    def opening(self) -> Decimal | None:
        """Return the worth before the first day: zero where it began then, None where it is not known."""
        if self.before is None:
            return ZERO
        return None if self.before.unpriced else self.before.equity

    @property
    def opening_held(self) -> Decimal:
        """Return what holding was worth before the first day."""
        return ZERO if self.before is None else self.before.held

    @cached_property
    def sleeves(self) -> tuple[str, ...]:
        """Return core, reserve, and every narrative that a policy or a day knows."""
        aimed = {name for aim in self.aims for name in aim.weights}
        known = {name for day in self.days for name in day.sectors if name != "other"}
        return (CORE_SLEEVE, RESERVE_SLEEVE, *sorted((aimed | known) - {CORE_SLEEVE, RESERVE_SLEEVE}))

    @cached_property
    def core_units(self) -> tuple[tuple[int, ...], Floats]:
        """Return the core's assets, and the units of each at the start of every day; one of each where none is set.

        Without a core of one's own it is an equal sum in every core asset of the market, by units that are worth the
        same on the first day.
        """
        assets = tuple(sorted({asset for _, asset, _ in self.cores}))
        if not assets:
            return self._market_core()
        units = np.zeros((len(self.days), len(assets)))
        for moment, asset, quantity in self.cores:
            first = next((n for n, day in enumerate(self.dates) if closes_on(day - DAY) >= moment), len(self.dates))
            units[first:, assets.index(asset)] = quantity
        begun = np.flatnonzero(np.any(units > 0, axis=1))
        units[: begun[0] if len(begun) else 0] = units[begun[0]] if len(begun) else 0.0
        return assets, units

    def _market_core(self) -> tuple[tuple[int, ...], Floats]:
        assets = tuple(sorted({member.asset for member in self.past.members if member.kind == CORE_SLEEVE}))
        first = self.past.prices(assets, self.eve_and_dates[:1])
        units = np.where(np.isnan(first) | (first <= 0), 0.0, 1.0 / np.where(first > 0, first, 1.0))
        return assets, np.repeat(units, len(self.days), axis=0)

    @cached_property
    def moves(self) -> Floats:
        """Return the benchmark's return of each sleeve on each day [T, K]; NaN where it is not known."""
        assets, units = self.core_units
        core = basket_returns(quantities=units, prices=self.past.prices(assets, self.eve_and_dates))
        reserve = self.past.prices([self.portfolio.reserve_asset_id], self.eve_and_dates)[:, 0]
        narratives = [self.past.narrative(name, self.dates) for name in self.sleeves[2:]]
        return np.stack([core, reserve[1:] / reserve[:-1] - 1.0, *narratives], axis=1)

    @cached_property
    def anchor(self) -> Rebalanced | None:
        """Follow the policy in force, set anew every month and whenever it changes (DOMAIN F02); None without one."""
        if not self.aims:
            return None
        aims = [self._aim_on(day) for day in self.dates]
        targets = np.array([[aim.weights.get(name, 0.0) for name in self.sleeves] for aim in aims], np.float64)
        is_new = [n > 0 and aim is not aims[n - 1] for n, aim in enumerate(aims)]
        resets = [month or new for month, new in zip(first_of_month(self.dates), is_new, strict=True)]
        return rebalanced(targets=targets, moves=self.moves, resets=resets)

    def _aim_on(self, day: date) -> Aim:
        """Return the policy in force at the start of a day, or the first there was."""
        start = closes_on(day - DAY)
        return next((aim for aim in reversed(self.aims) if aim.effective_at <= start), self.aims[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Performance:
    """Show what a portfolio earned over a span: its track, those beside it, and the figures about money."""

    span: Span
    you: Track
    beside: tuple[Track, ...]
    money_weighted: Figure
    dietz: Figure
    fee_drag: Figure
    costs_usd: Decimal
    unpriced_days: int

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Return all tracks, the portfolio's own first."""
        return (self.you, *self.beside)

    @property
    def before_costs(self) -> Figure:
        """Return the annual return with the drag of costs added back (DOMAIN 4.7)."""
        if self.you.annual.value is None or self.fee_drag.value is None:
            return self.you.annual if self.you.annual.value is None else self.fee_drag
        return found(self.you.annual.value + self.fee_drag.value, days=self.you.annual.days)


def performance_of(*, portfolio: Portfolio, now: datetime, days: int | None = None) -> Performance | None:
    """Measure the last days of a portfolio, or all of them; None before its first valued day. Five queries."""
    span = span_of(portfolio=portfolio, now=now, days=days)
    return None if span is None else measured(span)


def span_of(*, portfolio: Portfolio, now: datetime, days: int | None = None) -> Span | None:
    """Read everything that a span of days is measured with. Five queries."""
    kept = ValuationDay.objects.filter(portfolio=portfolio, units__isnull=False)
    rows = kept.order_by("date").values_list(*DAY_COLUMNS)
    valued = [Valued(**dict(zip(Valued.__dataclass_fields__, row, strict=True))) for row in rows]
    cut = 0 if days is None else max(len(valued) - days, 0)
    if not valued[cut:]:
        return None
    return Span(
        portfolio=portfolio,
        before=valued[cut - 1] if cut else None,
        days=valued[cut:],
        past=market_past(market=portfolio.market, now=now),
        aims=_aims(portfolio),
        cores=_cores(portfolio),
    )


@in_context
def measured(span: Span) -> Performance:
    """Measure a span that was read."""
    opening = span.opening
    you = Track(name=YOU, series=daily_returns(days=span.values, opening=opening))
    hold = Track(name=HOLD, series=daily_returns(days=span.held_values, opening=span.opening_held))
    costs = sum((day.money.costs for day in span.days), ZERO)
    known = ZERO if opening is None else opening
    return Performance(
        span=span,
        you=you,
        beside=(hold, *_benchmarks(span, you)),
        money_weighted=_or_unpriced(opening, money_weighted(days=span.values, opening=known)),
        dietz=_or_unpriced(opening, dietz(days=span.values, opening=known)),
        fee_drag=fee_drag(costs=costs, average_capital=average_capital(days=span.values), days=you.series.days),
        costs_usd=exact(costs),
        unpriced_days=sum(1 for day in span.days if day.unpriced),
    )


def _or_unpriced(opening: Decimal | None, figure: Figure) -> Figure:
    return missing(Lack.UNPRICED, days=figure.days) if opening is None else figure


def _benchmarks(span: Span, you: Track) -> list[Track]:
    """Return ANCHOR and core only; on the day the portfolio began they begin with it, at its close."""
    anchor = np.full(len(span.days), np.nan) if span.anchor is None else span.anchor.returns.copy()
    core = span.moves[:, 0].copy()
    if span.before is None:
        anchor[:1] = core[:1] = np.nan_to_num(you.series.returns[:1])
    return [
        benchmark_track(name=ANCHOR, dates=span.dates, returns=anchor),
        benchmark_track(name=CORE, dates=span.dates, returns=core),
    ]


def _day_value(day: Valued, value: Decimal) -> DayValue:
    flows = day.money.flows_of(day.flow)
    return DayValue(date=day.date, value=value, flows=flows, is_complete=not day.unpriced)


def _aims(portfolio: Portfolio) -> list[Aim]:
    """Return the policies, oldest first. One query."""
    columns = ("version", "effective_at", "core_weight", "reserve_weight", "pool_weight")
    split = ("sectors__sector__slug", "sectors__share")
    found: dict[int, tuple[datetime, dict[str, float]]] = {}
    row: Any
    for row in Policy.objects.filter(portfolio=portfolio).order_by("version").values_list(*columns, *split):
        version, moment, core, reserve, pool, sector, share = row
        weights = found.setdefault(version, (moment, {CORE_SLEEVE: float(core), RESERVE_SLEEVE: float(reserve)}))[1]
        if sector is not None:
            weights[sector] = float(pool * share)
    return [Aim(effective_at=moment, weights=weights) for moment, weights in found.values()]


def _cores(portfolio: Portfolio) -> list[tuple[datetime, int, float]]:
    """Return from when on how much of which asset was core, oldest first. One query."""
    rows = CoreQuantity.objects.filter(portfolio=portfolio).order_by("effective_at")
    return [(at, asset, float(count)) for at, asset, count in rows.values_list("effective_at", "asset_id", "quantity")]
