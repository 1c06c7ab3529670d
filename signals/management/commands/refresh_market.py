"""Compute a market's scores, stages and recommendations at once, with progress: what the worker does by itself."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portfolio.models import Market
from signals.services.refresh import refresh


class Command(BaseCommand):
    """Refresh or rebuild one market."""

    help = "Compute a market's scores, regime, stages and recommendations now; --rebuild computes every day anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the market."""
        parser.add_argument("market", help="Slug: simulated, history …")
        parser.add_argument("--rebuild", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Refresh the market."""
        market = Market.objects.filter(slug=options["market"]).first()
        if market is None:
            raise CommandError(f"There is no market {options['market']}; load some history first.")
        since = date.min if options["rebuild"] else None
        report = refresh(market=market, now=timezone.now(), rebuild_since=since, progress=self._progress)
        self.stdout.write(str(report))

    def _progress(self, done: int, total: int, message: str) -> None:
        """Write a line a step."""
        self.stderr.write(f"{done + 1}/{total} {message} …")
