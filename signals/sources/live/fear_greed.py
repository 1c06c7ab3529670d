"""Read the Fear & Greed index of alternative.me (DOMAIN 2.1): one figure a day, keyless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from signals.sources.base import MARKET_WIDE, Indicator, ReadingRow, available_at
from signals.sources.fetch import Fetcher
from signals.sources.live.base import (
    BadValueError,
    Doubt,
    Scope,
    Yielded,
    doubt,
    entry,
    first_of_each,
    guarded,
    moment,
    rate,
    rows,
)

NAME = "fear_greed"
ADDRESS = "https://api.alternative.me"
STALE = timedelta(hours=54)
RECENT_DAYS = 10


class FearGreed:
    """Yield the index of each day, the whole history on first use."""

    def observations(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Ask for what is missing."""
        yield from guarded(ask, "index", self._days(ask, scope))

    def _days(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Read the days of the answer; when its newest is stale, it is doubted as a whole."""
        limit = str(RECENT_DAYS) if scope.newest_reading.get((Indicator.FEAR_GREED, MARKET_WIDE)) else "0"
        url = f"{scope.address or ADDRESS}/fng/"
        answer = ask.get(url, params={"limit": limit}, is_conditional=True)
        if answer.is_unchanged:
            return
        found: list[tuple[datetime, float]] = []
        for row in rows(entry(answer.json(), "data", "fng"), "fng"):
            try:
                found.append((moment(entry(row, "timestamp", "fng"), scope.now), _index(entry(row, "value", "fng"))))
            except BadValueError as error:
                yield doubt("fear_greed", error)
        if found and max(found)[0] < scope.now - STALE:
            yield Doubt("stale", "fear_greed", f"the newest day is {max(found)[0]:%Y-%m-%d}", max(found)[1])
            return
        for item in first_of_each(found, "fear_greed"):
            yield item if isinstance(item, Doubt) else _reading(*item)


def _index(raw: object) -> float:
    """Read an index from 1 to 100: it never was 0, which is what a broken answer says."""
    value = rate(raw, "the index", limit=100)
    if value <= 0:
        raise BadValueError(f"the index is {value:g}", value=value)
    return value


def _reading(at: datetime, value: float) -> ReadingRow:
    """Return the reading of a day; it describes its start and is usable from 01:00 (DECISIONS 24)."""
    day = at.date()
    observed = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    return ReadingRow(Indicator.FEAR_GREED, MARKET_WIDE, observed, available_at(Indicator.FEAR_GREED, day), value, NAME)
