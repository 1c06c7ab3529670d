"""Ask live sources at once, and say what was fetched, stored, quarantined and skipped."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portfolio.services.catalogue import LIVE_SLUG, ensure_market
from signals.services.live import LiveReport, UnknownSourceError, listed, refresh_source
from signals.sources.live.registry import enabled_sources


class Command(BaseCommand):
    """Refresh the live market from its sources; exit 1 when nothing could be had from any."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for the sources."""
        parser.add_argument("--once", action="store_true", help="now, in this process (the only way; for clarity)")
        parser.add_argument("--source", action="append", default=[], help="a source's name; all without it")
        parser.add_argument("--details", action="store_true", help="list everything that was not believed or not asked")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask one after the other."""
        try:
            chosen = [listed(name) for name in options["source"]] or list(enabled_sources())
        except UnknownSourceError as error:
            raise CommandError(str(error)) from None
        market = ensure_market(LIVE_SLUG)
        reports = [refresh_source(market=market, source=source, now=timezone.now()) for source in chosen]
        for report in reports:
            self._show(report, has_details=options["details"])
        if all(report.has_failed for report in reports):
            raise CommandError("Nothing could be had. " + "; ".join(str(report) for report in reports))

    def _show(self, report: LiveReport, *, has_details: bool) -> None:
        """Say what one source gave."""
        self.stdout.write(str(report))
        if has_details:
            for doubt in report.doubts:
                self.stdout.write(f"  not believed: {doubt.subject}: {doubt.detail} ({doubt.reason})")
            for each in report.skipped:
                self.stdout.write(f"  not asked: {each.what}: {each.reason}")
