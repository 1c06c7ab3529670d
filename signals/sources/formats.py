"""Describe the CSV formats of market history: their columns, and how a row of each becomes observations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from signals.sources.base import (
    MARKET_WIDE,
    SCOPE_EXCHANGE,
    SCOPE_GLOBAL,
    SCOPE_UNKNOWN,
    Indicator,
    Observation,
    PriceRow,
    ReadingRow,
    available_at,
    observed_at,
)
from signals.sources.cells import (
    BadCellError,
    read_amount,
    read_day,
    read_milliseconds,
    read_number,
    read_price,
    read_symbol,
)

Key = tuple[object, ...]
Parsed = tuple[Key, Sequence[Observation]]
RowParser = Callable[[list[str]], Parsed]

SERIES_SUFFIX = "_TOTAL"
SERIES: dict[str, tuple[str, Indicator, str]] = {
    "DEFI_TOTAL": ("tvl_usd", Indicator.TVL, "defi"),
    "STABLECOINS_TOTAL": ("market_cap_usd", Indicator.STABLECOINS, MARKET_WIDE),
}
SCOPES = (SCOPE_UNKNOWN, SCOPE_GLOBAL, SCOPE_EXCHANGE)
INTERVALS_PER_YEAR = 8760 / 8
HIGHEST_RATE = Decimal("0.05")
LONGEST_SOURCE = 60


class Format(NamedTuple):
    """A known CSV format: its columns in their usual order, which of them may be absent, and its parser."""

    name: str
    header: tuple[str, ...]
    optional: frozenset[str]
    parser: Callable[[dict[str, int], datetime], RowParser]

    @property
    def required(self) -> frozenset[str]:
        """Return the columns that must be there."""
        return frozenset(self.header) - self.optional


class DailyParser:
    """Read a day of one asset: a price, with TVL beside it as a reading; totals are readings only (DECISIONS 19)."""

    def __init__(self, columns: dict[str, int], now: datetime) -> None:
        """Remember where the columns stand."""
        self.width, self.today = len(columns), now.date()
        self.pick = itemgetter(
            *(columns[name] for name in ("date", "asset", "price_usd", "market_cap_usd", "volume_usd", "tvl_usd"))
        )
        self.scope, self.source = columns.get("volume_scope"), columns.get("source")
        self.days: dict[str, date] = {}
        self.symbols: set[str] = set()

    def __call__(self, cells: list[str]) -> Parsed:
        """Return the row's key and observations."""
        _check_width(cells, self.width)
        day_text, asset, price, cap, volume, locked = self.pick(cells)
        day = self.days.get(day_text) or self._day(day_text)
        source = cells[self.source][:LONGEST_SOURCE] if self.source is not None else "history"
        key = (asset, day)
        if asset.endswith(SERIES_SUFFIX):
            return key, [_series(asset, day, {"price_usd": price, "market_cap_usd": cap, "volume_usd": volume,
                                              "tvl_usd": locked}, source)]  # fmt: skip
        if asset not in self.symbols:
            self.symbols.add(read_symbol(asset, column="asset"))
        readings = [_reading(Indicator.TVL, asset, day, locked, "tvl_usd", source)] if locked else []
        if not price:
            _check_unpriced(cap or volume, readings)
            return key, readings
        return key, [self._price(cells, asset, day, (price, cap, volume), source), *readings]

    def _price(self, cells: list[str], asset: str, day: date, texts: tuple[str, str, str], source: str) -> PriceRow:
        """Return the close; a market capitalisation of zero means that it is not known."""
        price, cap, volume = texts
        scope = cells[self.scope] if self.scope is not None else SCOPE_UNKNOWN
        if scope not in SCOPES:
            raise BadCellError("volume_scope", f"{scope!r} is unknown", "Write global, exchange, or nothing.")
        return PriceRow(
            asset,
            day,
            read_price(price, column="price_usd"),
            (read_amount(cap, column="market_cap_usd") or None) if cap else None,
            read_amount(volume, column="volume_usd") if volume else None,
            scope,
            source,
        )

    def _day(self, text: str) -> date:
        """Read a day once: files repeat it for every asset."""
        return self.days.setdefault(text, _closed_day(text, "date", self.today))


def daily_funding(columns: dict[str, int], now: datetime) -> RowParser:
    """Read an asset's mean 8-hour funding rate of a day, annualised (DOMAIN 2.6)."""

    def parse(cells: list[str]) -> Parsed:
        """Return the row's key and its reading."""
        _check_width(cells, len(columns))
        day = _closed_day(cells[columns["date"]], "date", now.date())
        asset = read_symbol(cells[columns["asset"]], column="asset")
        rate = _rate(cells[columns["funding_rate_mean"]], "funding_rate_mean")
        read_amount(cells[columns["funding_rate_abs_mean"]], column="funding_rate_abs_mean")
        source = _source(cells, columns, "funding_daily")
        return (asset, day), [_daily_row(Indicator.FUNDING, asset, day, rate * INTERVALS_PER_YEAR, source)]

    return parse


def funding_samples(columns: dict[str, int], now: datetime) -> RowParser:
    """Read one 8-hour funding rate of a contract, annualised; its symbol is the subject (DOMAIN 2.6)."""

    def parse(cells: list[str]) -> Parsed:
        """Return the row's key and its reading."""
        _check_width(cells, len(columns))
        symbol = read_symbol(cells[columns["symbol"]], column="symbol")
        moment = read_milliseconds(cells[columns["funding_time_ms"]], column="funding_time_ms")
        if moment > now:
            raise BadCellError("funding_time_ms", f"{moment:%Y-%m-%d %H:%M} lies in the future", "Check the time.")
        value = _rate(cells[columns["funding_rate"]], "funding_rate") * INTERVALS_PER_YEAR
        row = ReadingRow(Indicator.FUNDING_8H, symbol, moment, moment, value, _source(cells, columns, "funding_8h"))
        return (symbol, moment), [row]

    return parse


def fear_greed(columns: dict[str, int], now: datetime) -> RowParser:
    """Read a day's mood, a whole number from 0 to 100; today's is known from 01:00 UTC (DECISIONS 24)."""
    tomorrow = (now + timedelta(hours=23)).date()

    def parse(cells: list[str]) -> Parsed:
        """Return the row's key and its reading."""
        _check_width(cells, len(columns))
        day = _closed_day(cells[columns["date"]], "date", tomorrow)
        text = cells[columns["fng"]]
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100):
            raise BadCellError("fng", f"{text!r} is no mood", "Write a whole number from 0 (fear) to 100 (greed).")
        return (day,), [_daily_row(Indicator.FEAR_GREED, MARKET_WIDE, day, float(text), "fear_greed")]

    return parse


def category_tvl(columns: dict[str, int], now: datetime) -> RowParser:
    """Read the TVL of a part of DeFi (DOMAIN F08); the subject is defi/<category>."""

    def parse(cells: list[str]) -> Parsed:
        """Return the row's key and its reading."""
        _check_width(cells, len(columns))
        day = _closed_day(cells[columns["time"]], "time", now.date())
        category = cells[columns["category"]]
        if not (category.isascii() and category.replace("_", "").isalpha() and category.islower()):
            raise BadCellError("category", f"{category!r} is no category", "Write a word such as lending.")
        read_amount(cells[columns["tvleth"]], column="tvleth")
        row = _reading(Indicator.TVL, f"defi/{category}", day, cells[columns["tvlusd"]], "tvlusd", "defipulse")
        return (category, day), [row]

    return parse


FORMATS: tuple[Format, ...] = (
    Format(
        "daily",
        ("date", "asset", "price_usd", "market_cap_usd", "volume_usd", "volume_scope", "tvl_usd", "source"),
        frozenset({"volume_scope", "source"}),
        DailyParser,
    ),
    Format("tvl_by_category", ("time", "tvlusd", "tvleth", "category"), frozenset(), category_tvl),
    Format(
        "funding_8h", ("symbol", "funding_time_ms", "funding_rate", "source"), frozenset({"source"}), funding_samples
    ),
    Format(
        "funding_daily",
        ("date", "asset", "funding_rate_mean", "funding_rate_abs_mean", "source"),
        frozenset({"source"}),
        daily_funding,
    ),
    Format("fear_greed", ("date", "fng"), frozenset(), fear_greed),
)


def _series(name: str, day: date, cells: dict[str, str], source: str) -> ReadingRow:
    """Return a total as a reading; it has no price, and only the one figure that it totals."""
    if name not in SERIES:
        raise BadCellError("asset", f"{name} is an unknown total", f"Known are {' and '.join(SERIES)}.")
    column, indicator, subject = SERIES[name]
    for other, text in cells.items():
        if text and other != column:
            raise BadCellError(other, f"{name} is no asset and has no {other}", f"Leave all but {column} empty.")
    return _reading(indicator, subject, day, cells[column], column, source)


def _reading(indicator: Indicator, subject: str, day: date, text: str, column: str, source: str) -> ReadingRow:
    """Return a day's amount as a reading."""
    return _daily_row(indicator, subject, day, float(read_amount(text, column=column)), source)


def _daily_row(indicator: Indicator, subject: str, day: date, value: float, source: str) -> ReadingRow:
    """Return a day's value as a reading, dated by the rules of its indicator."""
    return ReadingRow(indicator, subject, observed_at(indicator, day), available_at(indicator, day), value, source)


def _check_width(cells: list[str], width: int) -> None:
    """Refuse a row with more or fewer cells than the header."""
    if len(cells) != width:
        raise BadCellError("", f"the line has {len(cells)} cells, the header has {width}", "Check its commas.")


def _check_unpriced(leftover: str, readings: list[ReadingRow]) -> None:
    """Refuse a row without a price, unless it only carries TVL."""
    if leftover or not readings:
        raise BadCellError("price_usd", "the cell is empty", "Give the price; only a row of TVL may go without.")


def _closed_day(text: str, column: str, today: date) -> date:
    """Read a day that has closed."""
    day = read_day(text, column=column)
    if day >= today:
        raise BadCellError(column, f"{text} has not closed yet", "Only days before today (UTC) are history.")
    return day


def _rate(text: str, column: str) -> float:
    """Read a funding rate of one interval as a fraction."""
    rate = read_number(text, column=column)
    if abs(rate) > HIGHEST_RATE:
        raise BadCellError(
            column, f"{text} is more than 5% in 8 hours", "Write the rate as a fraction: 0.0001 is 0.01%."
        )
    return float(rate)


def _source(cells: list[str], columns: dict[str, int], default: str) -> str:
    """Return where the row comes from."""
    return cells[columns["source"]][:LONGEST_SOURCE] if "source" in columns else default
