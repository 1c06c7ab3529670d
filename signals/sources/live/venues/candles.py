"""Read a venue's daily candles: what was traded at spot, and where the mark closed (DOMAIN 2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from signals.sources.base import ReadingRow, close_of
from signals.sources.live.base import BadValueError, Doubt, Scope, Yielded, amount, doubt, first_of_each, jumps, moment
from signals.sources.live.venues.gateway import naming_errors

VOLUME_VENUE, MARK_VENUE = "volume_venue", "mark_venue"
FIRST_DAYS = 30
CLOSE, VOLUME = 4, 5


def traded(exchange: Any, scope: Scope, *, symbol: str, subject: str, source: str) -> Iterator[Yielded]:
    """Yield the dollars traded on each closed day at spot, of the days that are missing; a month on first use."""
    with naming_errors(f"candles of {symbol}"):
        found = exchange.fetch_ohlcv(symbol, "1d", None, _days(VOLUME_VENUE, subject, scope))
    yield from _readings(found, VOLUME_VENUE, subject, scope, source)


def marked(exchange: Any, scope: Scope, *, symbol: str, subject: str, source: str) -> Iterator[Yielded]:
    """Yield where the mark of a perpetual closed on each missing day; the last trade's close where there is no mark."""
    days = _days(MARK_VENUE, subject, scope)
    with naming_errors(f"mark of {symbol}"):
        if exchange.has["fetchMarkOHLCV"]:
            found, said = exchange.fetch_mark_ohlcv(symbol, "1d", None, days), source
        else:
            found, said = exchange.fetch_ohlcv(symbol, "1d", None, days), f"{source} (last trade)"
    yield from _readings(found, MARK_VENUE, subject, scope, said)


def _days(indicator: str, subject: str, scope: Scope) -> int:
    """Return how many candles to ask for: the missing days, and the one that runs."""
    newest = scope.newest_reading.get((indicator, subject))
    missing = FIRST_DAYS if newest is None else (scope.now - newest).days + 1
    return min(max(missing, 1), FIRST_DAYS) + 1


def _readings(
    candles: Sequence[Sequence[Any]], indicator: str, subject: str, scope: Scope, source: str
) -> Iterator[Yielded]:
    """Yield the figures of the closed days that are missing; a mark that jumps against its neighbours is doubted."""
    kept: list[tuple[datetime, float]] = []
    for item in _figures(candles, indicator, subject, scope):
        if isinstance(item, Doubt):
            yield item
        elif item[0].date() <= scope.yesterday:
            kept.append(item)
    newest = scope.newest_reading.get((indicator, subject))
    spiked = jumps([value for _, value in kept]) if indicator == MARK_VENUE else [False] * len(kept)
    for (opened, value), is_bad in zip(kept, spiked, strict=True):
        closed = close_of(opened.date())
        if newest is not None and closed <= newest - timedelta(days=1):
            continue
        if is_bad:
            yield Doubt("spike", f"{indicator} {subject}", f"{value:g} is far from the days beside", value, closed)
        else:
            yield ReadingRow(indicator, subject, closed, closed, value, source)


def _figures(
    candles: Sequence[Sequence[Any]], indicator: str, subject: str, scope: Scope
) -> Iterator[tuple[datetime, float] | Doubt]:
    """Yield each candle's day and figure, oldest first and each day once; what cannot be is doubted."""
    points: list[tuple[datetime, float]] = []
    for candle in candles:
        try:
            points.append((_opened(candle, scope), _figure(candle, indicator)))
        except BadValueError as error:
            yield doubt(f"{indicator} {subject}", error)
    yield from first_of_each(sorted(points), f"{indicator} {subject}")


def _opened(candle: Sequence[Any], scope: Scope) -> datetime:
    """Return the midnight at which a daily candle opened; one of another time zone's day is none of ours."""
    opened = moment(candle[0], scope.now, is_milliseconds=True).astimezone(UTC)
    if (opened.hour, opened.minute) != (0, 0):
        raise BadValueError(f"the daily candle opens at {opened:%H:%M}, not at midnight UTC")
    return opened


def _figure(candle: Sequence[Any], indicator: str) -> float:
    """Return a candle's close, or its volume in dollars."""
    close = float(amount(candle[CLOSE], "the close"))
    if indicator == MARK_VENUE:
        return close
    return float(amount(candle[VOLUME], "the volume", is_zero_allowed=True)) * close
