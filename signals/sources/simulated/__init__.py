"""Simulate a market of DeFi and AI assets as a pure function of (seed, time); every figure says that it is invented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from signals.sources.base import (
    SCOPE_GLOBAL,
    EventRow,
    Observation,
    PriceRow,
    QuoteRow,
    ReadingRow,
    Rejection,
    available_at,
    observed_at,
)
from signals.sources.simulated.figures import Series, market_caps, series, volumes
from signals.sources.simulated.intraday import price_at, quotes_at
from signals.sources.simulated.news import event_rows
from signals.sources.simulated.paths import walk
from signals.sources.simulated.story import day_number
from signals.sources.simulated.universe import ASSETS

__all__ = ["FIRST_DAY", "SimulatedSource", "events", "price_at", "price_rows", "quotes_at", "reading_rows"]

FIRST_DAY = date(2024, 1, 1)
NAME = "simulated"


@dataclass(frozen=True, slots=True)
class SimulatedSource:
    """Everything the simulated market of one seed shows from a day until a moment."""

    seed: int
    since: date
    until: datetime
    name: str = NAME
    is_simulated: bool = True

    def observations(self) -> Iterator[Observation | Rejection]:
        """Yield the closes, readings, events and the newest quotes known at `until`."""
        yield from self.prices()
        yield from self.readings()
        yield from self.events()
        yield from self.quotes()

    def prices(self) -> list[PriceRow]:
        """Return the days that have closed."""
        return price_rows(seed=self.seed, first=self.since, last=self._today - timedelta(days=1))

    def readings(self) -> list[ReadingRow]:
        """Return the readings that may be used by now."""
        rows = reading_rows(seed=self.seed, first=self.since, last=self._today)
        return [row for row in rows if row.available_at <= self.until]

    def events(self) -> list[EventRow]:
        """Return the events that have been published."""
        rows = events(seed=self.seed, first=self.since, last=self._today)
        return [row for row in rows if row.published_at <= self.until]

    def quotes(self) -> list[QuoteRow]:
        """Return the quotes at `until`."""
        return quotes_at(seed=self.seed, at=self.until)

    @property
    def _today(self) -> date:
        """Return the UTC day that has not closed yet."""
        return self.until.astimezone(UTC).date()


def price_rows(*, seed: int, first: date, last: date) -> list[PriceRow]:
    """Return the daily closes of all assets, both days included, asset by asset."""
    first = max(first, FIRST_DAY)
    if last < first:
        return []
    path = walk(seed, last)
    window = path.since(first)
    days = _days(first, last)
    prices, caps, traded = path.prices[window], market_caps(path)[window], volumes(seed, path)[window]
    rows: list[PriceRow] = []
    for column, asset in enumerate(ASSETS):
        rows.extend(
            PriceRow(asset.symbol, day, price, cap, volume, SCOPE_GLOBAL, NAME)
            for day, price, cap, volume in zip(
                days,
                _decimals(prices[:, column].tolist(), asset.decimals),
                _decimals(caps[:, column].tolist(), 0),
                _decimals(traded[:, column].tolist(), 0),
                strict=True,
            )
        )
    return rows


def reading_rows(*, seed: int, first: date, last: date) -> list[ReadingRow]:
    """Return the daily readings of both days and between, each with the moment from which it may be used."""
    first = max(first, FIRST_DAY)
    if last < first:
        return []
    path = walk(seed, last)
    days = _days(first, last)
    return [row for one in series(seed, path) for row in _readings(one, days, one.values[path.since(first)].tolist())]


def events(*, seed: int, first: date, last: date) -> list[EventRow]:
    """Return the events published on both days and between, oldest first."""
    first = max(first, FIRST_DAY)
    if last < first:
        return []
    drawn = walk(seed, last).happenings
    rows = [row for happening in drawn for row in event_rows(seed=seed, happening=happening, first=first)]
    return sorted(rows, key=lambda row: (row.published_at, row.url))


def _readings(one: Series, days: list[date], values: list[float]) -> Iterator[ReadingRow]:
    """Date one series' values and round them to its decimals."""
    for day, value in zip(days, values, strict=True):
        moment, usable = observed_at(one.indicator, day), available_at(one.indicator, day)
        yield ReadingRow(one.indicator, one.subject, moment, usable, round(value, one.decimals), NAME)


def _days(first: date, last: date) -> list[date]:
    """List the days from first to last."""
    return [first + timedelta(days=n) for n in range(day_number(last) - day_number(first) + 1)]


def _decimals(values: list[float], decimals: int) -> list[Decimal]:
    """Write figures with their own decimals."""
    return [Decimal(f"{value:.{decimals}f}") for value in values]
