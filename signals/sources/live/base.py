"""Describe what a live source is given, what it yields, and how it reads the figures in an answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, Protocol

from signals.sources.base import Observation
from signals.sources.fetch import Fetcher, FetchError, NotAskedError

MOST_FUTURE = timedelta(seconds=60)
HISTORY_DAYS = 365
LARGEST = Decimal(10) ** 20


class Doubt(NamedTuple):
    """Something that was said and is not believed: it is quarantined with its reason."""

    reason: str
    subject: str
    detail: str
    value: float | None = None
    said_at: datetime | None = None


class Skipped(NamedTuple):
    """Something that was not asked this time, and why."""

    what: str
    reason: str


class Looked(NamedTuple):
    """A part that answered soundly, be it only that nothing is new: whoever looked may be silent (DECISIONS 21)."""

    part: str


class Confirmed(NamedTuple):
    """What a source says is as it said before: the newest values of these subjects hold now too."""

    indicator: str
    subjects: tuple[str, ...]
    at: datetime


Yielded = Observation | Doubt | Skipped | Looked | Confirmed


@dataclass(frozen=True, slots=True)
class Scope:
    """What a source is asked about: our assets by its names, narratives, and where the stored history ends."""

    now: datetime
    aliases: Mapping[str, str] = field(default_factory=dict)
    sectors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    newest: Mapping[str, date] = field(default_factory=dict)
    newest_reading: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    sector_names: Mapping[str, str] = field(default_factory=dict)
    feeds: tuple[str, ...] = ()
    address: str = ""
    key: str = ""

    @property
    def yesterday(self) -> date:
        """Return the newest day that has closed."""
        return self.now.astimezone(UTC).date() - timedelta(days=1)

    def missing_days(self, symbol: str) -> int:
        """Return how many days of an asset's closes are to be fetched; the whole year on first use."""
        newest = self.newest.get(symbol)
        return HISTORY_DAYS if newest is None else min((self.yesterday - newest).days, HISTORY_DAYS)

    def is_due(self, indicator: str, subject: str, every: timedelta) -> bool:
        """Return whether a reading is old enough to be asked for again."""
        newest = self.newest_reading.get((indicator, subject))
        return newest is None or self.now - newest >= every

    def is_new(self, indicator: str, subject: str, moment: datetime) -> bool:
        """Return whether a reading lies within the days that a source may still restate, or was never read."""
        newest = self.newest_reading.get((indicator, subject))
        return newest is None or moment > newest - timedelta(days=3)


class LiveSource(Protocol):
    """Whatever asks a public source and yields what it says."""

    def observations(self, ask: Fetcher, scope: Scope) -> Iterator[Yielded]:
        """Ask, and yield observations and doubts."""


class BadValueError(ValueError):
    """A figure is not what it should be; `reason` is one of Quarantine's."""

    def __init__(self, detail: str, *, reason: str = "value", value: float | None = None) -> None:
        """Keep the reason and the figure."""
        super().__init__(detail)
        self.reason, self.value = reason, value


def amount(raw: Any, name: str, *, is_zero_allowed: bool = False) -> Decimal:
    """Read an amount above zero from a number or a text. Raises BadValueError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise BadValueError(f"{name} is {str(raw)[:40]!r}")
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        raise BadValueError(f"{name} is {str(raw)[:40]!r}") from None
    if not value.is_finite() or value < 0 or value >= LARGEST or (value == 0 and not is_zero_allowed):
        raise BadValueError(f"{name} is {str(raw)[:40]}", value=_float(value))
    return round(value, 18) if value.as_tuple().exponent < -18 else value  # type: ignore[operator]


def rate(raw: Any, name: str, *, limit: float) -> float:
    """Read a finite rate of either sign, at most `limit` away from zero. Raises BadValueError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise BadValueError(f"{name} is {str(raw)[:40]!r}")
    try:
        value = float(raw)
    except ValueError:
        raise BadValueError(f"{name} is {str(raw)[:40]!r}") from None
    if not math.isfinite(value) or abs(value) > limit:
        raise BadValueError(
            f"{name} is {str(raw)[:40]}, beyond {limit:g}", value=value if math.isfinite(value) else None
        )
    return value


def moment(raw: Any, now: datetime, *, is_milliseconds: bool = False, oldest: timedelta | None = None) -> datetime:
    """Read a Unix time or an ISO time, neither from the future nor older than allowed. Raises BadValueError."""
    at = _iso(raw) if isinstance(raw, str) and not raw.isdigit() else _unix(raw, is_milliseconds)
    if at > now + MOST_FUTURE:
        raise BadValueError(f"the time is {at:%Y-%m-%d %H:%M}, in the future", reason="future")
    if oldest is not None and at < now - oldest:
        raise BadValueError(f"the time is {at:%Y-%m-%d %H:%M}, too old", reason="stale")
    return at


def entry(table: Any, key: str | int, what: str) -> Any:
    """Return a part of an answer. Raises FetchError where the answer is of another form."""
    try:
        return table[key]
    except (KeyError, IndexError, TypeError):
        said = str(table)[:120]
        raise FetchError("unreadable", f"{what} lacks {key!r}: {said}", subject=what) from None


def rows(table: Any, what: str) -> list[Any]:
    """Return an answer's list of rows. Raises FetchError where it is empty or no list."""
    if not isinstance(table, list) or not table:
        raise FetchError("unreadable", f"{what} is no list of rows: {str(table)[:120]}", subject=what)
    return table


def guarded(ask: Fetcher, part: str, found: Iterator[Yielded]) -> Iterator[Yielded]:
    """Yield what a part of a source says, and that it answered; when it fails, say why, so that the others go on."""
    sound, unsound = 0, 0
    try:
        for each in found:
            unsound += isinstance(each, Doubt | Skipped)
            sound += not isinstance(each, Doubt | Skipped)
            yield each
        if sound or not unsound:
            yield Looked(part)
    except NotAskedError as error:
        yield Skipped(part, error.detail)
    except FetchError as error:
        if not error.status and error.reason == "unreadable":
            ask.fail(error)
        yield Doubt(error.reason, error.subject or part, error.detail)
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        detail = f"the answer has an unexpected form: {type(error).__name__}: {error}"[:300]
        ask.fail(FetchError("unreadable", detail))
        yield Doubt("unreadable", part, detail)


def doubt(subject: str, error: BadValueError, said_at: datetime | None = None) -> Doubt:
    """Turn a bad figure into a doubt."""
    return Doubt(error.reason, subject[:120], str(error)[:300], error.value, said_at)


def jumps(values: Sequence[float]) -> list[bool]:
    """Return which values are spikes against the last sound one; a level that two more confirm is believed."""
    found, before = [], None
    for place, value in enumerate(values):
        is_jump = before is not None and is_spike(value, before)
        confirmed = [not is_spike(later, value) for later in values[place + 1 : place + 3]]
        is_bad = is_jump and not (len(confirmed) == 2 and all(confirmed))
        found.append(is_bad)
        before = before if is_bad else value
    return found


def is_spike(value: float, before: float) -> bool:
    """Return whether a value is more than five times the one before, or less than a fifth (F36)."""
    return not 0.2 <= value / before <= 5.0


def first_of_each(pairs: Iterable[tuple[datetime, Any]], subject: str) -> Iterator[tuple[datetime, Any] | Doubt]:
    """Yield the first figure of each moment; a moment that is said twice, differently, is doubted."""
    seen: dict[datetime, Any] = {}
    for at, value in pairs:
        if at not in seen:
            seen[at] = value
            yield at, value
        elif seen[at] != value:
            yield Doubt("duplicate", subject, f"{at:%Y-%m-%d %H:%M} is said twice: {seen[at]} and {value}", None, at)


def _unix(raw: Any, is_milliseconds: bool) -> datetime:
    """Read seconds or milliseconds since 1970."""
    try:
        seconds = float(raw) / (1000 if is_milliseconds else 1)
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise BadValueError(f"the time is {str(raw)[:40]!r}") from None


def _iso(raw: str) -> datetime:
    """Read an ISO time; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(raw)
    except ValueError:
        raise BadValueError(f"the time is {raw[:40]!r}") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _float(value: Decimal) -> float | None:
    """Return a figure for the record, nothing where it is none."""
    return float(value) if value.is_finite() and abs(value) < LARGEST * LARGEST else None
