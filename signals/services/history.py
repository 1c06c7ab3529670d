"""Load files of history into a market: each file in one transaction, each bad row named, nothing half-written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.db.models import Max, Min

from portfolio.models import Market, Price
from portfolio.services.catalogue import add_assets
from signals.models import Reading, StageDay
from signals.services.prices import Refused, Stored, store_prices, store_readings
from signals.services.refresh import request_rebuild
from signals.sources.base import Observation, PriceRow, ReadingRow, Rejection
from signals.sources.history import HistorySource

BATCH_ROWS = 25_000
CLOCK_AFTER_CLOSE = timedelta(hours=1)

Line = tuple[int, Observation | Rejection]
Progress = Callable[[HistorySource, int], None]


class SimulatedMarketError(ValueError):
    """History does not go into a market that is simulated."""


class HistoryRejectedError(ValueError):
    """A file had bad rows and nothing of it was stored; carries the report."""

    def __init__(self, report: LoadReport) -> None:
        """Keep the report."""
        super().__init__(f"{report.name}: {len(report.rejections)} rows rejected, nothing stored")
        self.report = report


@dataclass(slots=True)
class LoadReport:
    """Tell what became of one file."""

    name: str
    stored: Stored = field(default_factory=Stored)
    rejections: list[Rejection] = field(default_factory=list)


@transaction.atomic
def load_history(
    *,
    market: Market,
    path: Path,
    now: datetime,
    is_partial_allowed: bool = False,
    is_adding_assets: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Load one file whole, or not at all; with `is_partial_allowed` its good rows are stored beside the rejections.

    Where it adds rows of days that were computed already, these days are queued to be computed anew.
    Raises `SimulatedMarketError` and, unless partial loads are allowed, `HistoryRejectedError`.
    """
    if market.is_simulated:
        raise SimulatedMarketError(f"{market} is simulated: load history into a market of its own.")
    source = HistorySource(path=path, now=now)
    report = LoadReport(source.name)
    end_before, last = _end_of_history(market), _last_rows()
    rows = 0
    for batch in _batches(source):
        rows += len(batch)
        report.rejections += [row for _, row in batch if isinstance(row, Rejection)]
        if is_partial_allowed or not report.rejections:
            _store(report, market, batch, now=now, is_adding_assets=is_adding_assets)
        if progress is not None:
            progress(source, rows)
    report.rejections.sort()
    if report.rejections and not is_partial_allowed:
        raise HistoryRejectedError(report)
    _advance_clock(market, end_before)
    _queue_rebuild(report, market, last, now)
    return report


def _batches(source: HistorySource) -> Iterator[list[Line]]:
    """Return the source's rows with their line numbers, some thousand at a time."""
    numbered = ((source.lines_read, row) for row in source.observations())
    while batch := list(islice(numbered, BATCH_ROWS)):
        yield batch


def _store(report: LoadReport, market: Market, batch: list[Line], *, now: datetime, is_adding_assets: bool) -> None:
    """Store a batch and add what the store refuses to the report, by line."""
    prices = [(line, row) for line, row in batch if isinstance(row, PriceRow)]
    readings = [(line, row) for line, row in batch if isinstance(row, ReadingRow)]
    if is_adding_assets:
        add_assets({row.asset for _, row in prices})
    for lines, stored in (
        ([line for line, _ in prices], store_prices(market=market, rows=[row for _, row in prices], now=now)),
        ([line for line, _ in readings], store_readings(market=market, rows=[row for _, row in readings], now=now)),
    ):
        report.rejections += [_rejected(lines, refusal) for refusal in stored.refused]
        report.stored += stored


def _rejected(lines: list[int], refusal: Refused) -> Rejection:
    """Name the line of a refused row."""
    return Rejection(lines[refusal.position], refusal.column, refusal.reason, refusal.remedy)


def _last_rows() -> tuple[int, int]:
    """Return the ids of the newest close and reading of all."""
    return tuple(model._default_manager.aggregate(last=Max("pk"))["last"] or 0 for model in (Price, Reading))  # type: ignore[return-value]


def _queue_rebuild(report: LoadReport, market: Market, last: tuple[int, int], now: datetime) -> None:
    """Queue the computed days that the rows added since reach back to; a reading counts from when it was known."""
    computed = StageDay.objects.filter(market=market).aggregate(newest=Max("date"))["newest"]
    if computed is None or not (report.stored.added or report.stored.restated):
        return
    close = Price.objects.filter(market=market, pk__gt=last[0]).aggregate(first=Min("date"))["first"]
    known = Reading.objects.filter(market=market, pk__gt=last[1]).aggregate(first=Min("ingested_at"))["first"]
    decided_on = None if known is None else (known - timedelta(days=1)).astimezone(UTC).date()
    since = min((day for day in (close, decided_on) if day is not None), default=None)
    if since is not None and since <= computed:
        request_rebuild(market=market, since=since, now=now)


def _advance_clock(market: Market, end_before: datetime | None) -> None:
    """Keep a clock that stands at the end of its history there; one that was set elsewhere stays where it is."""
    end = _end_of_history(market)
    if market.as_of == end_before and end != end_before:
        market.as_of = end
        market.save(update_fields=["as_of"])


def _end_of_history(market: Market) -> datetime | None:
    """Return the moment shortly after the newest close, None before the first."""
    newest = Price.objects.filter(market=market).aggregate(newest=Max("closes_at"))["newest"]
    return None if newest is None else newest + CLOCK_AFTER_CLOSE
