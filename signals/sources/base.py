"""The one small interface every source implements, and the observations it yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

SCOPE_UNKNOWN = ""
SCOPE_GLOBAL = "global"
SCOPE_EXCHANGE = "exchange"


class Indicator(StrEnum):
    """Name what readings measure; their subjects are sector slugs, asset symbols or the whole market."""

    TVL = "tvl"
    STABLECOINS = "stablecoins"
    DEX_VOLUME = "dex_volume"
    FEAR_GREED = "fear_greed"
    FUNDING = "funding"
    FUNDING_8H = "funding_8h"
    OPEN_INTEREST = "open_interest"
    L2_SHARE = "l2_share"


MARKET_WIDE = ""


class PriceRow(NamedTuple):
    """One asset's daily close: the row of `day` closes at 00:00 UTC of the next (DECISIONS 34). Amounts in USD."""

    asset: str
    day: date
    price: Decimal
    market_cap: Decimal | None
    volume: Decimal | None
    volume_scope: str
    source: str


class QuoteRow(NamedTuple):
    """One asset's price between two closes; volume is that of the last 24 hours. Amounts in USD."""

    asset: str
    at: datetime
    price: Decimal
    market_cap: Decimal | None
    volume: Decimal | None
    volume_scope: str
    source: str


class ReadingRow(NamedTuple):
    """One observed value that is no price: what it describes, when it could be known, and from where."""

    indicator: str
    subject: str
    observed_at: datetime
    available_at: datetime
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One news event as a source reports it (DOMAIN 2.3); polarity in [-1, 1], magnitude 1 to 5."""

    sector: str
    type: str
    polarity: float
    magnitude: int
    confidence: float
    published_at: datetime
    title: str
    url: str
    source: str
    first_seen_at: datetime | None = None


class Rejection(NamedTuple):
    """Why a row was not taken, and what would make it acceptable; line 1 is the header."""

    line: int
    column: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        """Say it in one sentence."""
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.reason}. {self.remedy}"


Observation = PriceRow | QuoteRow | ReadingRow | EventRow


class Source(Protocol):
    """Whatever yields observations: the simulated market, a file of history, a live venue."""

    @property
    def name(self) -> str:
        """Name the source as rows carry it."""

    @property
    def is_simulated(self) -> bool:
        """Say whether its figures are invented."""

    def observations(self) -> Iterator[Observation | Rejection]:
        """Yield what the source observed, and what it had to refuse, in its own order."""


@lru_cache(maxsize=10_000)
def day_start(day: date) -> datetime:
    """Return 00:00 UTC of a day."""
    return datetime.combine(day, time(), tzinfo=UTC)


@lru_cache(maxsize=10_000)
def close_of(day: date) -> datetime:
    """Return the moment at which a day's row closes: 00:00 UTC of the next day (DECISIONS 34)."""
    return day_start(day + timedelta(days=1))


def observed_at(indicator: str, day: date) -> datetime:
    """Return the moment a day's reading describes: its close; the mood of a day is that of its start."""
    return day_start(day) if indicator == Indicator.FEAR_GREED else close_of(day)


def available_at(indicator: str, day: date) -> datetime:
    """Return from when a day's reading may be used (DECISIONS 24)."""
    if indicator == Indicator.FEAR_GREED:
        return day_start(day) + timedelta(hours=1)
    if indicator == Indicator.TVL:
        return close_of(day + timedelta(days=1))
    return close_of(day)
