"""Load CSV files of market history into a market."""

from __future__ import annotations

import gc
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portfolio.services.catalogue import UnknownMarketError, ensure_market
from signals.queries.day_log import write_day_log
from signals.services.history import HistoryRejectedError, LoadReport, SimulatedMarketError, load_history
from signals.services.market import refresh_market
from signals.sources.history import HistorySource

SECONDS_BETWEEN_REPORTS = 2.0


class Command(BaseCommand):
    """Load files of history, each whole or not at all."""

    help = (
        "Load CSV files of market history: daily prices, TVL, funding, fear and greed; loading twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the files and where they go."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--market", default="history", help="Slug of the market (default: history).")
        parser.add_argument("--keep-going", action="store_true", help="Store the good rows of a file with bad ones.")
        parser.add_argument("--add-assets", action="store_true", help="Add assets that the catalogue lacks.")
        parser.add_argument("--log", type=Path, help="Then score every day, and write the days into this CSV file.")
        parser.add_argument("--first", type=date.fromisoformat, default=date.min, help="First day of the log.")
        parser.add_argument("--last", type=date.fromisoformat, default=date.max, help="Last day of the log.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Load file after file; fail at the end if any row was rejected and good rows were not asked for."""
        with _without_collection():
            failed = [file.name for file in options["files"] if not self._load(file, options)]
        if failed:
            raise CommandError(f"Not loaded: {', '.join(failed)}. Mend the rows named above, or pass --keep-going.")
        if options["log"]:
            self._score(options)

    def _score(self, options: dict[str, Any]) -> None:
        """Score the days that were not scored yet, and write the log."""
        started, market = time.monotonic(), ensure_market(options["market"])
        self.stderr.write(f"{market}: scoring every day …")
        refreshed = refresh_market(market=market, now=timezone.now())
        self.stderr.write(f"{market}: {refreshed.days:,} days scored in {time.monotonic() - started:.1f} s, writing …")
        with options["log"].open("w", encoding="utf-8", newline="") as file:
            days = write_day_log(market=market, into=file, first=options["first"], last=options["last"])
        self.stdout.write(f"{options['log']}: {days:,} days.")

    def _load(self, file: Path, options: dict[str, Any]) -> bool:
        """Load one file, report on it, and return whether it went in."""
        try:
            report = load_history(
                market=ensure_market(options["market"]),
                path=file,
                now=timezone.now(),
                is_partial_allowed=options["keep_going"],
                is_adding_assets=options["add_assets"],
                progress=self._progress(file),
            )
        except HistoryRejectedError as error:
            self._list_rejections(error.report)
            return False
        except (OSError, UnknownMarketError, SimulatedMarketError) as error:
            raise CommandError(f"{file.name}: {error}") from error
        self._list_rejections(report)
        self.stdout.write(_summary(report))
        return True

    def _progress(self, file: Path) -> Any:
        """Return a function that reports rows per second and how much of the file has been read."""
        started = reported = time.monotonic()
        size = file.stat().st_size if file.is_file() else 0

        def report(source: HistorySource, rows: int) -> None:
            """Write a line, unless the last one was just written."""
            nonlocal reported
            now = time.monotonic()
            is_over = source.bytes_read >= size
            if is_over or now - reported >= SECONDS_BETWEEN_REPORTS:
                reported = now
                share = source.bytes_read / size if size else 1.0
                rate = rows / max(now - started, 1e-3)
                self.stderr.write(f"{source.name}: {share:.0%}, {rows:,} rows, {rate:,.0f} rows/s")

        return report

    def _list_rejections(self, report: LoadReport) -> None:
        """Write every rejected row with its line, reason and remedy."""
        for rejection in report.rejections:
            self.stderr.write(self.style.WARNING(f"{report.name}: {rejection}"))


@contextmanager
def _without_collection() -> Iterator[None]:
    """Switch cyclic garbage collection off: rows hold no cycles, and walking them costs a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _summary(report: LoadReport) -> str:
    """Say in one line what became of a file."""
    stored = report.stored
    return (
        f"{report.name}: {stored.added:,} added, {stored.unchanged:,} unchanged, {stored.restated:,} restated, "
        f"{len(report.rejections):,} rejected."
    )
