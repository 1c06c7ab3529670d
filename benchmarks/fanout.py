"""Answer many portfolios from read to stored, beside numpy alone, beside the leanest pipeline, beside bulk_create.

Needs PostgreSQL's programs. The leanest pipeline reads with psycopg (the Arrow driver is not among the project's
libraries), computes the transcript of DOMAIN 3.5, formats the numbers and copies the very bytes that were stored, as
text, into tables with the same constraints and indexes.
"""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks import recommend as scene
from benchmarks.transcript import inputs_of, transcript

COMPUTE_LIMIT, LEAN_LIMIT, BULK_LIMIT, MEMORY_LIMIT_MB = 1.5, 2.0, 5.0, 300
ROUNDS, CHUNK, SECTORS = 5, 10_000, 8
READ = "SELECT portfolio_id, asset_id, quantity::float8 FROM portfolio_holding ORDER BY portfolio_id"
NUMBERS = '{"alpha": %.10f, "hurdle": %.10f, "moved": "%.8f", "cost": "%.8f", "risk": "%.8f"}'


def main() -> int:
    """Measure, print, and fail where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portfolios", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    failed = compute(words.portfolios)
    sys.path.insert(0, str(scene.ROOT))
    from tests.servers import postgresql

    with postgresql() as url:
        if url is None:
            print("PostgreSQL was not found: only the computation was measured.")
            return int(failed)
        try:
            return int(failed | pipeline(url, words.portfolios, words.rounds))
        finally:
            hang_up()


def compute(count: int) -> bool:
    """Compare the engine, in the chunks in which it is called, with numpy alone."""
    sys.path.insert(0, str(scene.ROOT))
    from signals.domain.engine import decide

    batch, market = drawn(count)
    starts = range(0, count, CHUNK)
    chunks = [batch.take(slice(start, start + CHUNK)) for start in starts]
    whole, parts = inputs_of(batch, market), [inputs_of(chunk, market) for chunk in chunks]
    runs: dict[str, Callable[[], object]] = {
        "engine": lambda: [decide(chunk, market) for chunk in chunks],
        "numpy, one pass": lambda: transcript(whole),
        "numpy, in the same chunks": lambda: [transcript(part) for part in parts],
    }
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            best[name] = min(best[name], spent(run))
    print(f"{count:,} portfolios x {SECTORS} sectors, computed: best of {ROUNDS}, CPU seconds")
    for name, seconds in best.items():
        print(f"{name:<27} {seconds:.3f} s, engine {best['engine'] / seconds:.2f} times")
    return best["engine"] / best["numpy, one pass"] > COMPUTE_LIMIT


def drawn(count: int) -> tuple[Any, Any]:
    """Draw portfolios in all four stages, half of them carving margin, and a market in which nothing is unknown."""
    from signals.domain.batch import Batch, FundingFlag, MarketState

    dice = np.random.default_rng(7)
    stage, leader = dice.integers(0, 4, count), dice.integers(0, SECTORS, count)
    stable, core = dice.gamma(1.0, 5_000.0, count), dice.gamma(1.0, 15_000.0, count)
    flat = {name: np.full(count, value) for name, value in {
        "band": 0.02, "max_turnover": 0.6, "min_notional": 10.0, "safety": 1.0, "horizon_days": 14.0, "leverage": 3.0,
        "stop_rate": 0.15, "max_leverage": 3.0, "max_overlay": 0.4, "max_risk": 0.025, "spot_fee": 0.001,
        "futures_fee": 0.0005, "turned_30d": 0.0, "stable_floor": 0.05, "core_hedge": 0.0,
    }.items()}  # fmt: skip
    flags = ("is_stopped", "is_cost_aware", "is_stale", "has_unpriced_pool", "has_unpriced_rest")
    batch = Batch(
        spot=dice.gamma(1.0, 4_000.0, (count, SECTORS)),
        margin=np.zeros((count, SECTORS)),
        overlay=dice.gamma(1.0, 2_000.0, (count, SECTORS)) * (dice.random((count, SECTORS)) < 0.1),
        policy_split=np.full((count, SECTORS), 1.0 / SECTORS),
        core=core,
        stable=stable,
        stable_risk=stable * 0.9975,
        stage=stage,
        leader=leader,
        base=(leader + 1) % SECTORS,
        leader_share=np.choose(stage, [0.0, 0.75, 0.20, 0.125]),
        futures_ratio=np.choose(stage, [0.0, 0.30, -0.25, 0.25]),
        carves=dice.random(count) < 0.5,
        is_changed=dice.random(count) < 0.6,
        **flat,
        **{name: np.zeros(count, np.bool_) for name in flags},
    )
    numbers = {name: np.full(SECTORS, value) for name, value in {
        "score": 55.0, "coverage": 1.0, "z_spread": 2.9, "sigma_relative": 0.8, "funding_8h": 0.0001, "adv": 5e6,
        "half_spread": 0.0005, "sigma_daily": 0.04, "maintenance": 0.01, "atr_rate": 0.05,
    }.items()}  # fmt: skip
    return batch, MarketState(
        defensiveness=np.linspace(0.8, 0.2, SECTORS),
        funding_flag=np.full(SECTORS, int(FundingFlag.NORMAL)),
        has_known_gates=np.ones(SECTORS, np.bool_),
        has_perp=np.ones(SECTORS, np.bool_),
        **numbers,
    )


def pipeline(url: str, count: int, rounds: int) -> bool:
    """Compare read, decide and store with the leanest pipeline and with bulk_create, on PostgreSQL."""
    os.environ |= {"DATABASE_URL": url, "SECRET_KEY": secrets.token_urlsafe(48)}
    scene.start_django(Path(tempfile.mkdtemp(prefix="rotabook-bench-")), is_migrated=True)
    market = scene.market_in_ignition()
    scene.open_books(market, count)
    before = peak_mb()
    wall = {"recommend": float("inf"), "leanest": float("inf")}
    lean: Lean | None = None
    for _ in range(rounds):
        wall["recommend"] = min(wall["recommend"], scene.timed(scene.answering(market)))
        grown = peak_mb() - before
        lean = lean or Lean(count)
        wall["leanest"] = min(wall["leanest"], scene.timed(lean.run))
    assert lean is not None
    lean.bulk_create()
    bulk = lean.bulk_seconds
    ratio, gain = wall["recommend"] / wall["leanest"], bulk / wall["recommend"]
    print(f"{count:,} portfolios on PostgreSQL: {scene.stored()}, {lean.size / 1e6:.0f} MB, best of {rounds}")
    print(
        f"recommend                   {wall['recommend']:.2f} s, {count / wall['recommend']:,.0f} portfolios a second"
    )
    print(f"leanest, equal bytes        {wall['leanest']:.2f} s, ratio {ratio:.2f} (limit {LEAN_LIMIT})")
    print(f"values_list and bulk_create {bulk:.2f} s, {gain:.1f} times as long (limit at least {BULK_LIMIT})")
    print(f"memory that a run adds      {grown:.0f} MB to a peak of {before:.0f} (limit {MEMORY_LIMIT_MB} in all)")
    print(f"tasks                       1, of {-(-count // CHUNK)} transactions (limit 100)")
    return ratio > LEAN_LIMIT or gain < BULK_LIMIT or before + grown > MEMORY_LIMIT_MB


class Lean:
    """Do what `recommend` does with nothing but psycopg and numpy, from what it left in the tables."""

    def __init__(self, count: int) -> None:
        """Keep the stored bytes, and make empty copies of the tables with their constraints and indexes."""
        from django.db import connection

        self.count, self.connection, self.bulk_seconds = count, connection, 0.0
        self.dumped: dict[str, list[bytes]] = {}
        with connection.cursor() as cursor:
            for table in scene.TABLES:
                with cursor.copy(f"COPY {table} TO STDOUT") as copy:
                    self.dumped[table] = [bytes(row) for row in copy]
                cursor.execute(f"CREATE TABLE lean_{table} (LIKE {table} INCLUDING ALL)")
        self.size = sum(len(row) for rows in self.dumped.values() for row in rows)
        self.joined = {table: b"".join(rows) for table, rows in self.dumped.items()}
        batch, market = drawn(count)
        self.inputs: SimpleNamespace = inputs_of(batch, market)

    def run(self) -> None:
        """Read, compute, format, copy."""
        with self.connection.cursor() as cursor:
            cursor.execute("TRUNCATE " + ", ".join(f"lean_{table}" for table in scene.TABLES))
            cursor.execute(READ)
            rows = np.array(cursor.fetchall())
            places = (rows[:, 0].astype(np.int64) - 1) * SECTORS + rows[:, 1].astype(np.int64) % SECTORS
            held = np.bincount(places, weights=rows[:, 2], minlength=self.count * SECTORS)
            self.inputs.S = np.ascontiguousarray(held.reshape(self.count, SECTORS).T)
            found = transcript(self.inputs)
            sold = found.sell.sum(axis=0)
            columns = (found.alpha, found.hurdle, sold, found.spot_cost, found.risk)
            for numbers in zip(*(column.tolist() for column in columns), strict=True):
                NUMBERS % numbers
            for table in scene.TABLES:
                with cursor.copy(f"COPY lean_{table} FROM STDIN") as copy:
                    copy.write(self.joined[table])

    def bulk_create(self) -> None:
        """Read with values_list, loop in Python, and create the same rows through the ORM."""
        from portfolio.models import Holding
        from signals.models import Recommendation, RecommendationLeg

        answers = list(Recommendation.objects.values())
        legs = list(RecommendationLeg.objects.values())
        Recommendation.objects.all().delete()
        started = time.perf_counter()
        worth: dict[int, float] = {}
        for portfolio, _, quantity in Holding.objects.values_list("portfolio_id", "asset_id", "quantity"):
            worth[portfolio] = worth.get(portfolio, 0.0) + float(quantity)
        Recommendation.objects.bulk_create([Recommendation(**row) for row in answers], batch_size=1000)
        RecommendationLeg.objects.bulk_create([RecommendationLeg(**row) for row in legs], batch_size=1000)
        self.bulk_seconds = time.perf_counter() - started


def hang_up() -> None:
    """Close the connection, so that the server can stop."""
    from django.db import connections

    connections.close_all()


def spent(run: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    started = time.process_time()
    run()
    return time.process_time() - started


def peak_mb() -> float:
    """Return the most memory the process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
