"""Check every portfolio's ledger and name the rows that are wrong."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from portfolio.models import Portfolio
from portfolio.queries.invariants import violations
from portfolio.services.ledger import METHOD


class Command(BaseCommand):
    """Check the invariants of every ledger; exit with 1 if a row breaks one."""

    help = "Check that lots, disposals, holdings and positions follow from what was recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take portfolios to check; none means all."""
        parser.add_argument("portfolios", nargs="*", type=int, help="ids of portfolios, all if none are named")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check one portfolio after the other."""
        wanted = Portfolio.objects.order_by("pk")
        if options["portfolios"]:
            wanted = wanted.filter(pk__in=options["portfolios"])
        checked = broken = 0
        for portfolio in wanted.iterator():
            checked += 1
            for violation in violations(portfolio=portfolio, method=METHOD):
                broken += 1
                self.stdout.write(f"portfolio {portfolio.pk}: {violation}")
        self.stdout.write(f"{checked} portfolios checked, {broken} violations.")
        if broken:
            raise SystemExit(1)
