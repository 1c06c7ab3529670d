"""Answer 10,000 portfolios, read to stored, and print the ratio to a bare executemany of the same rows."""

from __future__ import annotations

import argparse
import os
import random
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 4.0
ROUNDS = 7
APPS = ("accounts", "jobs", "portfolio", "signals", "journal")
TABLES = ("signals_recommendation", "signals_recommendationleg")
DAYS = 220
NOW = datetime(2026, 3, 2, 0, 10, tzinfo=UTC)
CORE = {"BTC": (0.1, 2.0), "ETH": (1.0, 20.0)}
POOL = ("UNI", "AAVE", "CRV", "LDO", "FET", "RNDR", "TAO")
HELD = (*CORE, "USDC", *POOL)


def main() -> int:
    """Measure, print, and fail where the limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portfolios", type=int, default=10_000)
    count = parser.parse_args().portfolios
    room = Path(tempfile.mkdtemp(prefix="rotabook-bench-"))
    start_django(room)
    market = market_in_ignition()
    open_books(market, count)
    rounds = [(timed(answering(market)), *floors(room, turn)) for turn in range(ROUNDS)]
    again = timed(answering(market, is_again=True))
    best, same, plain = (min(column) for column in zip(*rounds, strict=True))
    print(f"{count:,} portfolios, {len(HELD)} holdings each: {stored()}, best of {ROUNDS}")
    print(f"recommend            {best:.3f} s, {count / best:,.0f} portfolios a second")
    print(f"recommend, again     {again:.3f} s (nothing new)")
    print(f"bare executemany     {same:.3f} s, ratio {best / same:.1f} (same tables, constraints and indexes)")
    print(f"bare executemany     {plain:.3f} s, ratio {best / plain:.1f} (neither constraints nor indexes)")
    return int(best / same > LIMIT)


def start_django(room: Path, *, is_migrated: bool = False) -> None:
    """Set up the project on a fresh database in a room of its own, its tables straight from the models by default."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DATA_DIR": str(room), "SECRET_KEY": secrets.token_urlsafe(48)}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.management import call_command

    if not is_migrated:
        settings.MIGRATION_MODULES = dict.fromkeys(APPS)
    django.setup()
    call_command("migrate", verbosity=0, run_syncdb=True)


def market_in_ignition() -> object:
    """Return the simulated market, computed to a day on which AI ignites and nothing is unknown."""
    from portfolio.models import Sector
    from portfolio.services.catalogue import ensure_market
    from signals.models import RegimeDay, Score, StageDay
    from signals.services.market import refresh_market
    from signals.services.prices import refresh_prices

    market = ensure_market("simulated")
    refresh_prices(market=market, now=NOW - timedelta(minutes=5))
    day = refresh_market(market=market, now=NOW).newest
    StageDay.objects.filter(date=day).update(stage="NI", leader=Sector.objects.get(slug="ai"), since=day)
    RegimeDay.objects.filter(date=day).update(regime="RISK_ON")
    for score in Score.objects.filter(date=day):
        score.coverage = 1.0
        known = {"funding": {"annual": 0.1095, "flag": "NORMAL"}, "interest": {"quadrant": "STABLE"}}
        score.details |= {"z_spread": 2.9, "sigma_relative": 0.8, "priced_in": {"share": 0.2, "t": 0.5}, **known}
        score.save()
    return market


def open_books(market: object, count: int) -> None:
    """Write portfolios of one owner, with policies, holdings and core, as bare rows."""
    from accounts.models import User
    from jobs.bulk import insert_rows
    from portfolio.domain.policy import ANCHOR
    from portfolio.models import (
        Account,
        Asset,
        CoreQuantity,
        Holding,
        Policy,
        PolicySector,
        PolicyStage,
        Portfolio,
        Sector,
        Venue,
    )

    owner = User.objects.create_user("bench@example.org", "x", experience="advanced", has_overlay=True)
    venue, assets = Venue.objects.first(), dict(Asset.objects.values_list("symbol", "pk"))
    sectors = list(Sector.objects.filter(kind="narrative"))
    start, ids, dice = NOW - timedelta(days=400), range(1, count + 1), random.Random(7)
    insert_rows(
        Portfolio,
        (
            "id",
            "owner_id",
            "market_id",
            "venue_id",
            "reserve_asset_id",
            "name",
            "is_active",
            "created_at",
            "ledger_version",
            "valued_version",
        ),
        [(n, owner.pk, market.pk, venue.pk, assets["USDC"], f"Book {n}", True, start, 1, 0) for n in ids],
    )
    insert_rows(Account, ("id", "portfolio_id", "venue_id", "name"), [(n, n, venue.pk, "Main") for n in ids])
    weights = (ANCHOR.core_weight, ANCHOR.reserve_weight, ANCHOR.pool_weight, ANCHOR.reserve_floor, "stables")
    limits = (ANCHOR.band, ANCHOR.max_turnover, ANCHOR.min_notional_usd, ANCHOR.safety, 14, ANCHOR.stop_rate)
    insert_rows(
        Policy,
        (
            "id",
            "portfolio_id",
            "version",
            "effective_at",
            "preset",
            "core_weight",
            "reserve_weight",
            "pool_weight",
            "reserve_floor",
            "margin_source",
            "band",
            "max_turnover",
            "min_notional_usd",
            "safety",
            "horizon_days",
            "stop_rate",
        ),
        [(n, n, 1, start, "ANCHOR", *weights, *limits) for n in ids],
    )
    share = Decimal(1) / len(sectors)
    insert_rows(
        PolicySector, ("policy_id", "sector_id", "share"), [(n, sector.pk, share) for n in ids for sector in sectors]
    )
    rules = [(s.value, r.leader_share, r.futures_ratio, r.leverage) for s, r in ANCHOR.stages.items()]
    insert_rows(
        PolicyStage,
        ("policy_id", "stage", "leader_share", "futures_ratio", "leverage"),
        [(n, *rule) for n in ids for rule in rules],
    )
    core = [(n, s, Decimal(f"{dice.uniform(*CORE[s]):.8f}")) for n in ids for s in CORE]
    insert_rows(
        CoreQuantity,
        ("portfolio_id", "asset_id", "quantity", "effective_at", "reason"),
        [(n, assets[s], quantity, start, "") for n, s, quantity in core],
    )
    held = [*core, *((n, "USDC", Decimal(f"{dice.uniform(5e3, 5e4):.2f}")) for n in ids)]
    held += [(n, s, Decimal(f"{dice.uniform(20, 900):.5f}")) for n in ids for s in POOL]
    insert_rows(
        Holding,
        ("portfolio_id", "account_id", "asset_id", "quantity", "cost_usd", "realized_pnl_usd"),
        [(n, n, assets[s], quantity, Decimal(1000), Decimal(0)) for n, s, quantity in sorted(held)],
    )


def answering(market: object, *, is_again: bool = False) -> Callable[[], object]:
    """Return a run over all portfolios, without any answer stored yet or once more."""
    from signals.models import Evidence, Recommendation
    from signals.services.recommend import recommend

    if not is_again:
        Recommendation.objects.all().delete()
    as_of = Evidence.objects.latest("as_of").as_of
    return lambda: recommend(market=market, as_of=as_of, now=NOW)


def stored() -> str:
    """Say what a run stored."""
    from signals.models import Recommendation, RecommendationLeg

    issued = Recommendation.objects.filter(refusal="").count()
    return f"{issued:,} recommendations with {RecommendationLeg.objects.count():,} legs"


def floors(room: Path, turn: int) -> tuple[float, float]:
    """Time bare executemany of what was stored: into a copy of the database, and into tables of bare columns."""
    copy, bare = room / f"copy{turn}.sqlite3", room / f"bare{turn}.sqlite3"
    with closing(sqlite3.connect(room / "rotabook.sqlite3")) as live, closing(sqlite3.connect(copy)) as target:
        stored = {table: rows_of(live, table) for table in TABLES}
        live.backup(target)
    with closing(opened(copy)) as database:
        database.execute("BEGIN")
        for table in reversed(TABLES):
            database.execute(f"DELETE FROM {table}")
        database.execute("COMMIT")
        same = timed(insert(database, stored))
    with closing(opened(bare)) as database:
        for table, (columns, _) in stored.items():
            database.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        return same, timed(insert(database, stored))


def rows_of(database: sqlite3.Connection, table: str) -> tuple[list[str], list[tuple]]:
    """Return a table's columns and its rows."""
    cursor = database.execute(f"SELECT * FROM {table}")
    return [each[0] for each in cursor.description], cursor.fetchall()


def opened(path: Path) -> sqlite3.Connection:
    """Open a database with the pragmas of the project: constraints hold in the floor as they do in the product."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        database.execute(f"PRAGMA {pragma}")
    return database


def insert(database: sqlite3.Connection, stored: dict) -> Callable[[], None]:
    """Return a bare insert of all rows in one transaction."""

    def run() -> None:
        database.execute("BEGIN IMMEDIATE")
        for table, (columns, rows) in stored.items():
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
        database.execute("COMMIT")

    return run


def timed(run: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
