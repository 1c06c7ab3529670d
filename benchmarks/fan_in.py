"""Take in a slot of 300 assets from 5 venues beside a bare COPY of its rows, at 3 months and at 2 years of history."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENUES = ("binance", "bybit", "bingx", "weex", "mexc")
MONTHS, YEARS = 90, 730
LIMIT, TOLERANCE, MOST_QUERIES = 4.0, 1.2, 10
ROUNDS, COMPUTED = 7, 2
LAST = datetime(2026, 11, 20, tzinfo=UTC)
SECONDS = 86_400


def main() -> int:
    """Measure, print, and fail where a limit is passed."""
    sys.path.insert(0, str(ROOT))
    from tests.servers import postgresql

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=300)
    count = parser.parse_args().assets
    with postgresql() as url:
        if url is None:
            print("There is no PostgreSQL here: nothing was measured.")
            return 1
        start_django(url)
        from django.db import connections

        try:
            return measured(count)
        finally:
            connections.close_all()


def start_django(url: str) -> None:
    """Set up the project on a database of its own."""
    room = tempfile.mkdtemp(prefix="rotabook-bench-")
    os.environ |= {"DATA_DIR": room, "SECRET_KEY": secrets.token_urlsafe(48), "DATABASE_URL": url}
    os.environ["CACHE_URL"] = ""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["*"]
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    django.setup()
    call_command("migrate", verbosity=0)


def measured(count: int) -> int:
    """Measure at both ages of history and print the ratios."""
    from portfolio.services.catalogue import ensure_market
    from signals.models import Reading

    market = ensure_market("live")
    symbols = people(market, count)
    worst = 0
    ages: list[tuple[float, float, float]] = []
    for first, last in ((MONTHS, 0), (YEARS, MONTHS)):
        fill(market, symbols, first, last)
        slot, copy, rows = taken_in(market, symbols)
        told, asked, computed = told_in(market)
        ages.append((told, computed, slot / copy))
        print(f"{Reading.objects.count():,} readings, {first} days of {count} assets at {len(VENUES)} venues")
        print(f"  one slot            {slot * 1000:.0f} ms for {rows:,} rows")
        print(f"  bare COPY of them   {copy * 1000:.0f} ms, ratio {slot / copy:.1f} (limit {LIMIT:g})")
        print(f"  scores, told        {told * 1000:.1f} ms (the market page, {asked} queries, at most {MOST_QUERIES})")
        print(f"  scores, computed    {computed * 1000:.0f} ms for the day that closed")
        worst |= int(slot / copy > LIMIT or asked > MOST_QUERIES)
    told, computed = (ages[1][place] / ages[0][place] for place in (0, 1))
    print(f"2 years beside 3 months: told {told:.2f}, computed {computed:.2f} (limit {TOLERANCE:g})")
    return worst | int(max(told, computed) > TOLERANCE)


def people(market: Any, count: int) -> list[str]:
    """Add assets, half of them in each narrative, and somebody who looks at the market."""
    from accounts.models import User
    from portfolio.models import Asset, Sector, SectorMembership

    symbols = [f"A{place:03}" for place in range(count)]
    assets = Asset.objects.bulk_create([Asset(symbol=symbol, name=symbol) for symbol in symbols])
    SectorMembership.objects.filter(market=market).delete()
    sectors = [Sector.objects.get(slug=slug) for slug in ("defi", "ai")]
    since = (LAST - timedelta(days=YEARS + 1)).date()
    SectorMembership.objects.bulk_create(
        SectorMembership(market=market, sector=sectors[place % 2], asset=asset, since_date=since)
        for place, asset in enumerate(assets)
    )
    User.objects.create_user("bench@example.org", "x")
    return symbols


def fill(market: Any, symbols: list[str], first: int, last: int) -> None:
    """Write the days from `first` to `last` ago: closes, and a reading of each venue a day; inside the database."""
    from django.db import connection

    days = "generate_series(%s::timestamptz, %s::timestamptz, interval '1 day') AS t(day)"
    span = [LAST - timedelta(days=first - 1), LAST - timedelta(days=last)]
    wave = "(1 + 0.1 * sin(extract(epoch FROM day) / 864000 + length(a.symbol) + a.id))"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO portfolio_price (market_id, asset_id, date, closes_at, price_usd, market_cap_usd, volume_usd,"
            " volume_scope, source, ingested_at) SELECT %s, a.id, (day - interval '1 day')::date, day,"
            f" round((10 * {wave})::numeric, 8), 1e9, round((1e6 * {wave})::numeric, 2), 'global', 'bench', day"
            f" FROM portfolio_asset a, {days} WHERE a.symbol = ANY(%s) OR a.symbol = 'BTC'",
            [market.pk, *span, symbols],
        )
        cursor.execute(
            "INSERT INTO signals_reading (market_id, indicator, subject, observed_at, ingested_at, value, source)"
            f" SELECT %s, 'interest_venue', v || ':' || a.symbol, day, day, 1000 * {wave}, v"
            f" FROM portfolio_asset a, unnest(%s::text[]) v, {days} WHERE a.symbol = ANY(%s)",
            [market.pk, list(VENUES), *span, symbols],
        )
        cursor.execute("ANALYZE")


class FanIn:
    """Yield one reading of each asset at each venue, as of now."""

    def __init__(self, symbols: list[str]) -> None:
        """Take the assets."""
        self.symbols = symbols

    def observations(self, _ask: Any, scope: Any) -> Iterator[Any]:
        """Yield them."""
        from signals.sources.base import ReadingRow

        for venue in VENUES:
            for place, symbol in enumerate(self.symbols):
                value = 1000.0 + place + scope.now.minute
                yield ReadingRow("interest_venue", f"{venue}:{symbol}", scope.now, scope.now, value, venue)


def taken_in(market: Any, symbols: list[str]) -> tuple[float, float, int]:
    """Return the best time of a slot's refresh and of a bare COPY of the rows it stored, and how many these are."""
    from django.db import connection, transaction

    from signals.models import Reading
    from signals.services.live import refresh_source
    from signals.sources.fetch import Policy
    from signals.sources.live.registry import Listed

    source = Listed(FanIn(symbols), Policy("fan_in", 60), 300, {})
    columns = ("market_id", "indicator", "subject", "observed_at", "ingested_at", "value", "source")
    slots, copies, rows = [], [], []
    for turn in range(ROUNDS):
        now, newest = LAST + timedelta(minutes=30 + turn), Reading.objects.latest("pk").pk
        slots.append(timed(lambda now=now: refresh_source(market=market, source=source, now=now)))
        rows = list(Reading.objects.filter(pk__gt=newest).values_list(*columns))
        Reading.objects.filter(pk__gt=newest).delete()

        def copy(rows: list[Any] = rows) -> None:
            """Copy the rows."""
            statement = f"COPY signals_reading ({', '.join(columns)}) FROM STDIN"
            with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as stream:
                for row in rows:
                    stream.write_row(row)

        copies.append(timed(copy))
        Reading.objects.filter(pk__gt=newest).delete()
    return min(slots), min(copies), len(rows)


def told_in(market: Any) -> tuple[float, int, float]:
    """Return the best time of the market page, its queries, and the best time of computing the day that closed."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from accounts.models import User
    from signals.models import Evidence, RegimeDay, Score, StageDay
    from signals.services.market import refresh_market

    now = LAST + timedelta(hours=1)
    refresh_market(market=market, now=now)
    day, computed = (LAST - timedelta(days=1)).date(), []
    for _ in range(COMPUTED):
        for model in (Score, RegimeDay, StageDay):
            model.objects.filter(market=market, date=day).delete()
        Evidence.objects.filter(market=market, as_of=LAST).delete()
        computed.append(timed(lambda: refresh_market(market=market, now=now)))
    client = Client()
    client.force_login(User.objects.get())
    page = f"{reverse('signals:market')}?market=live"
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    asked = len(queries)
    return min(timed(lambda: client.get(page)) for _ in range(ROUNDS)), asked, min(computed)


def timed(run: Callable[[], Any]) -> float:
    """Return how many seconds a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
