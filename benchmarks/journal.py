"""Open every page on 2,000 rotations, 20,000 fills and 5 years of prices; print queries, and CPU over the sign-in page.

Then a day's prices arrive: print what measuring the reviews anew takes, and how many rows it writes.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "jobs", "portfolio", "signals", "journal")
MOST_QUERIES, MOST_RATIO, ROUNDS = 12, 20.0, 7
YEARS, BATCH = 5, 500
NOW = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
HELD = {"BTC": 10, "ETH": 100, "USDC": 5_000_000, "UNI": 500_000, "FET": 5_000_000}
PRICES = {"BTC": 50_000, "ETH": 2_500, "USDC": 1, "UNI": 25, "FET": 2}
PAGES = (
    "/", "/journal/", "/journal/?words=leads", "/journal/?tag=news", "/journal/?behind=tag:news",
    "/journal/?behind=venue:binance", "/journal/calendar/", "/journal/take-along/", "/journal/{rotation}/",
    "/journal/new/", "/journal/new/?rotation={rotation}", "/reviews/", "/reviews/rotation/{rotation}/", "/analytics/",
    "/analytics/?days=7", "/analytics/?days=90", "/analytics/fees/", "/portfolio/", "/portfolio/{portfolio}/fills/",
    "/portfolio/{portfolio}/performance/", "/portfolio/{portfolio}/performance/?span=365",
    "/portfolio/{portfolio}/proof/", "/portfolio/{portfolio}/proof/assets/UNI/",
    "/market/", "/recommendations/", "/settings/", "/journal/new/?template=A",
    "/journal/{rotation}/cash/", "/journal/plans/", "/journal/undocumented/", "/journal/rotations.csv",
    "/journal/?behind=month:2025-02", "/analytics/shadows/",
)  # fmt: skip


def main() -> int:
    """Fill the journal, measure every page and one day's review, print, and fail where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rotations", type=int, default=2_000)
    count = parser.parse_args().rotations
    start_django(Path(tempfile.mkdtemp(prefix="rotabook-bench-")))
    book = open_book()
    fill(book, count)
    review(book)
    over = [*pages(book), *next_day(book)]
    print("limits passed: " + (", ".join(over) or "none"))
    return int(bool(over))


def start_django(room: Path) -> None:
    """Set up the project on a fresh database in a room of its own, its tables straight from the models."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DATA_DIR": str(room), "SECRET_KEY": secrets.token_urlsafe(48)}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    settings.MIGRATION_MODULES = dict.fromkeys(APPS)
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    django.setup()
    setup_test_environment()
    call_command("migrate", verbosity=0, run_syncdb=True)


def open_book() -> Any:
    """Return a portfolio of much, in a market with five years of daily prices."""
    from accounts.models import User
    from portfolio.models import Asset, Price, Venue, closes_on
    from portfolio.services.catalogue import ensure_market
    from portfolio.services.portfolios import Opening, open_portfolio

    market, dice = ensure_market("simulated"), random.Random(7)
    assets = Asset.objects.in_bulk(list(PRICES), field_name="symbol")
    first, rows = (NOW - timedelta(days=YEARS * 365)).date(), []
    for symbol, price in PRICES.items():
        at = float(price)
        for number in range(YEARS * 365):
            day = first + timedelta(days=number)
            at *= 1 if symbol == "USDC" else 1 + dice.gauss(0, 0.02)
            close = Decimal(str(round(max(at, price / 20), 6)))
            terms = {"date": day, "closes_at": closes_on(day), "source": "benchmark", "ingested_at": NOW}
            rows.append(Price(market=market, asset=assets[symbol], price_usd=close, **terms))
    Price.objects.bulk_create(rows, batch_size=2_000)
    return open_portfolio(
        owner=User.objects.create_user("trader@example.org", "a long enough secret 7"),
        market=market,
        venue=Venue.objects.get(slug="binance"),
        reserve_asset=assets["USDC"],
        name="Main",
        now=NOW,
        holdings=[
            Opening(asset=assets[symbol], quantity=Decimal(held), cost_usd=Decimal(held) * PRICES[symbol])
            for symbol, held in HELD.items()
        ],
        opened_at=NOW - timedelta(days=YEARS * 365 - 2),
    )


def fill(book: Any, count: int) -> None:
    """Log rotations of two legs, five fills each, to and fro between two narratives, by the ledger's own service."""
    from journal.models import Leg, LegFill, Rotation
    from portfolio.models import Instrument, Sector
    from portfolio.services.ledger import record_fills

    spot = {
        row.asset.symbol: row
        for row in Instrument.objects.filter(venue=book.venue, kind="spot").select_related("asset", "venue")
    }
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    step = timedelta(days=YEARS * 365 - 10) / count
    started = time.perf_counter()
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        moments = {n: NOW - timedelta(days=YEARS * 365 - 5) + n * step for n in numbers}
        fills = [row for n in numbers for row in fills_of(n, moments[n], spot)]
        done = record_fills(portfolio=book, fills=fills, now=NOW, core_override_reason="A benchmark.").fills
        rotations = Rotation.objects.bulk_create(rotation_of(book, n, moments[n], sectors) for n in numbers)
        legs = Leg.objects.bulk_create(
            Leg(rotation=rotation, position=place, action=action, sector=sectors["ai"])
            for rotation in rotations
            for place, action in ((1, "SELL_SPOT"), (2, "BUY_SPOT"))
        )
        LegFill.objects.bulk_create(LegFill(leg=legs[place // 5], fill=row) for place, row in enumerate(done))
    print(f"{count:,} rotations, {10 * count:,} fills, written in {time.perf_counter() - started:.0f} s")


def fills_of(number: int, moment: datetime, spot: dict[str, Any]) -> Iterator[Any]:
    """Return five sales of one narrative and five purchases of the other."""
    from portfolio.models import Fill
    from portfolio.services.entries import NewFill

    sold, bought = ("UNI", "FET") if number % 2 else ("FET", "UNI")
    for place in range(10):
        symbol, side = (sold, Fill.Side.SELL) if place < 5 else (bought, Fill.Side.BUY)
        yield NewFill(
            instrument=spot[symbol],
            side=side,
            quantity=Decimal(1000 // PRICES[symbol]),
            price=Decimal(PRICES[symbol]) + Decimal(number % 7) / 10,
            executed_at=moment + timedelta(seconds=place),
            fee_amount=Decimal("1.01"),
        )


def rotation_of(book: Any, number: int, moment: datetime, sectors: dict[str, Any]) -> Any:
    """Return a rotation with a chance, a stage and tags."""
    from journal.models import Rotation

    to, source = ("ai", "defi") if number % 2 else ("defi", "ai")
    return Rotation(
        portfolio=book,
        client_key=uuid.uuid4(),
        kind="rotation",
        adherence=("followed", "deviated", "ignored", "spontaneous")[number % 4],
        source_sector=sectors[source],
        destination_sector=sectors[to],
        stage=("SC", "NI", "PR", "RE")[number % 4],
        regime="RISK_ON",
        thesis=f"Number {number}: it leads, and its turnover confirms it. " * 4,
        conviction=(0.5, 0.6, 0.7, 0.8)[number % 4],
        tags=["news", f"tag-{number % 30}"],
        executed_at=moment,
        recorded_at=moment,
        fees_usd=Decimal("10.1"),
        moved_usd=Decimal(5000),
    )


def review(book: Any) -> int:
    """Give every day a value, and measure every rotation; return how many were."""
    from journal.services.reviews import measure_reviews
    from portfolio.services.valuation import value_portfolio

    started = time.perf_counter()
    days = value_portfolio(portfolio=book, now=NOW)
    print(f"{days:,} days valued in {time.perf_counter() - started:.0f} s", flush=True)
    started = time.perf_counter()
    count = measure_reviews(now=NOW)
    print(f"{count:,} rotations reviewed in {time.perf_counter() - started:.1f} s", flush=True)
    return count


def pages(book: Any) -> Iterator[str]:
    """Open every page and print its queries and its CPU over the sign-in page's."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from journal.models import Rotation

    mine, stranger = Client(), Client()
    mine.force_login(book.owner)
    floor = cpu(lambda: stranger.get("/accounts/login/"))
    print(f"sign in {1000 * floor:8.1f} ms of CPU (floor)")
    rotation = Rotation.objects.order_by("executed_at")[1000 if Rotation.objects.count() > 1000 else 0].pk
    for path in PAGES:
        where = path.format(rotation=rotation, portfolio=book.pk)

        def ask(where: str = where) -> None:
            """Open the page."""
            answer = mine.get(where)
            assert answer.status_code == 200, where
            assert answer.getvalue(), where

        ask()
        with CaptureQueriesContext(connection) as captured:
            ask()
        count, ratio = len(captured), cpu(ask) / floor
        print(f"{where:40} {count:3} queries, ratio {ratio:5.1f}")
        if count > MOST_QUERIES or ratio > MOST_RATIO:
            yield where


def cpu(ask: Callable[[], object]) -> float:
    """Return the least CPU of some rounds, in seconds."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        ask()
        rounds.append(time.process_time() - started)
    return min(rounds)


def next_day(book: Any) -> Iterator[str]:
    """Let one more day's prices arrive, and say what measuring anew writes: what is settled stays as it is."""
    from journal.models import Review
    from journal.services.reviews import measure_reviews
    from portfolio.models import Price, closes_on

    later, day = NOW + timedelta(days=1), NOW.date()
    last = Price.objects.filter(market=book.market, date=day - timedelta(days=1))
    Price.objects.bulk_create(
        Price(market=book.market, asset_id=row.asset_id, date=day, closes_at=closes_on(day), source="benchmark",
              ingested_at=later, price_usd=row.price_usd * 2)
        for row in last
    )  # fmt: skip
    started = time.perf_counter()
    count = measure_reviews(now=later)
    written = Review.objects.filter(computed_at=later)
    settled = written.exclude(horizon_days=Review.TO_DATE).count()
    total = Review.objects.count()
    print(f"a day's prices: {count:,} rotations in {time.perf_counter() - started:.1f} s,", end=" ")
    print(f"{written.count():,} of {total:,} reviews written, {settled:,} of them at a horizon that ended")
    if settled > total // 50:
        yield "reviews that did not change were written"


if __name__ == "__main__":
    sys.exit(main())
