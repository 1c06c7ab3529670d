"""Relieve lots and keep a ledger: the engine beside a bare deque, the ledger beside bare writes of the same rows."""

from __future__ import annotations

import argparse
import gc
import os
import random
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from math import log
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "jobs", "portfolio", "signals", "journal")
DERIVED = ("portfolio_lot", "portfolio_disposal", "portfolio_holding")
ASSETS, YEARS = 20, 8
START, NOW = datetime(2018, 1, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
ENGINE_LIMIT, SLOPE_LIMIT, BYTES_LIMIT, STORE_LIMIT, APPEND_LIMIT, BACK_LIMIT = 2.0, 0.03, 512, 4.0, 5.0, 1.5
Row = tuple[bool, int, int, int, int]
"""Whether it is a purchase, the asset, thousandths of units, cents a unit, and the fee in cents."""


def main() -> int:
    """Measure, print, and say whether a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=1_000_000, help="fills for the growth exponent")
    parser.add_argument("--fills", type=int, default=100_000, help="fills for the database")
    parser.add_argument("--appends", type=int, nargs=2, default=(2_000, 200_000), help="sizes to append to")
    options = parser.parse_args()
    over = [*engine(options.largest), *ledger(options.fills, options.appends)]
    print("limits passed: " + (", ".join(over) or "none"))
    return int(bool(over))


def history(count: int) -> list[Row]:
    """Draw 55% purchases and partial sales of what is held, never more."""
    dice, held, rows = random.Random(7), [0] * ASSETS, []
    for _ in range(count):
        asset, quantity = dice.randrange(ASSETS), dice.randrange(1_000, 100_001)
        is_buy = dice.random() < 0.55 or not held[asset]
        quantity = quantity if is_buy else min(quantity, held[asset])
        held[asset] += quantity if is_buy else -quantity
        price = dice.randrange(100, 100_000)
        rows.append((is_buy, asset, quantity, price, max(10, quantity * price // 1_000_000)))
    return rows


def bare(rows: Sequence[Row]) -> list[Any]:
    """Relieve first in first out with nothing but a deque of integers, and emit every match."""
    piles: list[deque[list[int]]] = [deque() for _ in range(ASSETS)]
    matches = []
    for number, (is_buy, asset, quantity, price, fee) in enumerate(rows):
        pile = piles[asset]
        if is_buy:
            pile.append([quantity, quantity * price + fee * 1000, number])
            continue
        wanted = quantity
        while wanted:
            lot = pile[0]
            left = lot[0]
            if left <= wanted:
                matches.append((number, lot[2], left, lot[1]))
                wanted -= left
                pile.popleft()
            else:
                cost = lot[1] * wanted // left
                lot[0] -= wanted
                lot[1] -= cost
                matches.append((number, lot[2], wanted, cost))
                wanted = 0
    return matches


def piled(rows: Sequence[Row], method: str = "FIFO") -> list[Any]:
    """Do the same with the ledger's own piles."""
    from portfolio.domain.lots import Method
    from portfolio.domain.piles import Pile

    piles = [Pile(Method(method)) for _ in range(ASSETS)]
    put, take = [pile.put for pile in piles], [pile.take for pile in piles]
    matches = []
    for number, (is_buy, asset, quantity, price, fee) in enumerate(rows):
        if is_buy:
            put[asset]([number, quantity, quantity * price + fee * 1000, number])
        else:
            matches.append((number, take[asset](quantity)))
    return matches


def folded(rows: Sequence[Row]) -> Callable[[], Any]:
    """Fold the same fills as events, outcomes and all; building the events is not counted."""
    from portfolio.domain.events import Side, SpotFill, TransferIn
    from portfolio.domain.ledger import fold

    money = TransferIn(sequence=1, account=1, executed_at=START, asset="USD", quantity=Decimal(10**15))
    fills = [
        SpotFill(
            sequence=number,
            account=1,
            executed_at=START + timedelta(minutes=number),
            side=Side.BUY if is_buy else Side.SELL,
            base=f"A{asset}",
            quote="USD",
            quantity=Decimal(quantity).scaleb(-3),
            price=Decimal(price).scaleb(-2),
            fee=Decimal(fee).scaleb(-2),
        )
        for number, (is_buy, asset, quantity, price, fee) in enumerate(rows, start=2)
    ]
    return lambda: fold(events=[money, *fills])


def timed(run: Callable[[], Any], rounds: int = 3) -> float:
    """Return the fewest CPU seconds of some rounds, the collector frozen."""
    gc.collect()
    gc.freeze()
    gc.disable()
    best = min(_seconds(run) for _ in range(rounds))
    gc.enable()
    gc.unfreeze()
    return best


def _seconds(run: Callable[[], Any]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


def engine(largest: int) -> list[str]:
    """Measure the piles beside the deque: ratio, growth, and memory."""
    sys.path.insert(0, str(ROOT))
    sizes = [10_000, 100_000, largest]
    drawn = {size: history(size) for size in sizes}
    assert [match[2] for match in bare(drawn[10_000])] == [
        units for _, taken in piled(drawn[10_000]) for _, units, _ in taken
    ]
    floor = {size: timed(partial(bare, drawn[size])) for size in sizes}
    own = {size: timed(partial(piled, drawn[size])) for size in sizes}
    for size in sizes:
        ratio = own[size] / floor[size]
        print(f"{size:>9,} fills   piles {own[size]:.3f} s, deque {floor[size]:.3f} s, ratio {ratio:.2f}")
    span = log(largest / 10_000)
    slopes = [log(found[largest] / found[10_000]) / span for found in (own, floor)]
    print(f"growth from 10,000    piles {slopes[0]:.3f}, deque {slopes[1]:.3f}")
    each = memory_of(drawn[100_000])
    print(f"memory               {each:.0f} bytes a fill, matches included")
    for method in ("LIFO", "HIFO"):
        print(f"  100,000 by {method}    {timed(partial(piled_by_cost, drawn[100_000], method)):.3f} s")
    whole = timed(folded(drawn[100_000]), rounds=2)
    share = whole / floor[100_000]
    print(f"  100,000 as events  {whole:.3f} s, {share:.1f} times the deque: the whole fold, outcomes included")
    checks = {
        "engine": own[100_000] / floor[100_000] > ENGINE_LIMIT,
        "growth": slopes[0] > slopes[1] + SLOPE_LIMIT,
        "memory": each > BYTES_LIMIT,
    }
    return [name for name, is_over in checks.items() if is_over]


def piled_by_cost(rows: Sequence[Row], method: str) -> list[Any]:
    """Relieve by another method; the order of HIFO is the negative unit cost."""
    from portfolio.domain.lots import Method
    from portfolio.domain.piles import Pile

    piles = [Pile(Method(method)) for _ in range(ASSETS)]
    matches = []
    for number, (is_buy, asset, quantity, price, fee) in enumerate(rows):
        if is_buy:
            cost = quantity * price + fee * 1000
            order = (-(cost * 10**78 // quantity), number) if method == "HIFO" else number
            piles[asset].put([order, quantity, cost, number])
        else:
            matches.append(piles[asset].take(quantity))
    return matches


def memory_of(rows: Sequence[Row]) -> float:
    """Return the bytes that a fill costs while everything is held."""
    tracemalloc.start()
    kept = piled(rows)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used / len(rows) if kept else 0


def ledger(fills: int, appends: Sequence[int]) -> list[str]:
    """Measure the stored ledger: replayed, appended to, and corrected at its beginning."""
    room = Path(tempfile.mkdtemp(prefix="rotabook-bench-"))
    start_django(room)
    book = open_book(fills, "Replayed")
    best = min(_derived(book) for _ in range(3))
    floor = min(bare_write(room, turn) for turn in range(3))
    ratio = best / floor
    print(f"{fills:>9,} fills   read, folded, stored {best:.2f} s, bare executemany {floor:.2f} s, ratio {ratio:.1f}")
    over = ["store"] if ratio > STORE_LIMIT else []
    medians = [appended(open_book(size, f"Appended {size}")) for size in appends]
    insert = bare_insert(room)
    for size, median in zip(appends, medians, strict=True):
        print(f"append to {size:>9,}   {median * 1e3:.1f} ms, ratio {median / insert:.1f}")
    print(f"bare insert, commit  {insert * 1e3:.1f} ms")
    print(f"large beside small   {medians[1] / medians[0]:.2f}")
    over += ["append"] if max(medians) / insert > APPEND_LIMIT else []
    over += ["append grows"] if not 0.8 < medians[1] / medians[0] < 1.2 else []
    return over + corrected(f"Appended {appends[-1]}")


def start_django(room: Path) -> None:
    """Set up the project on a fresh database in a room of its own, its tables straight from the models."""
    os.environ |= {"DATA_DIR": str(room), "SECRET_KEY": secrets.token_urlsafe(48)}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.MIGRATION_MODULES = dict.fromkeys(APPS)
    django.setup()
    call_command("migrate", verbosity=0, run_syncdb=True)


def open_book(count: int, name: str) -> Any:
    """Write a portfolio and its fills as bare rows, and derive what follows."""
    from accounts.models import User
    from jobs.bulk import insert_rows
    from portfolio.models import Account, Asset, Fill, Instrument, Market, Portfolio, Transfer, Venue
    from portfolio.services.catalogue import ensure_market

    market = Market.objects.filter(slug="simulated").first() or ensure_market("simulated")
    owner = User.objects.first() or User.objects.create_user("bench@example.org", "x")
    venue, usd = Venue.objects.get(slug="binance"), Asset.objects.get(symbol="USD")
    terms = {"owner": owner, "market": market, "venue": venue, "reserve_asset": usd, "created_at": START}
    book = Portfolio.objects.create(name=name, ledger_version=count + 1, **terms)
    account = Account.objects.create(portfolio=book, venue=venue, name="Main")
    shared = {"portfolio": book, "account": account, "executed_at": START, "recorded_at": NOW, "sequence": 1}
    Transfer.objects.create(kind="deposit", asset=usd, quantity=Decimal(10**15), value_usd=Decimal(10**15), **shared)
    spots = list(Instrument.objects.filter(venue=venue, kind="spot").order_by("pk")[:ASSETS])
    step = timedelta(days=365 * YEARS) / count
    names = ("portfolio_id", "account_id", "executed_at", "sequence", "recorded_at", "is_imported", "instrument_id")
    more = ("side", "quantity", "price", "quote_asset_id", "quote_usd", "fee_amount", "fee_asset_id", "fee_usd")
    others = {f.attname: f.get_default() for f in Fill._meta.concrete_fields if f.attname not in (*names, *more, "id")}
    insert_rows(
        Fill,
        (*names, *more, *others),
        [
            (
                book.pk,
                account.pk,
                START + step * number,
                number + 1,
                NOW,
                False,
                spots[asset % len(spots)].pk,
                "buy" if is_buy else "sell",
                Decimal(quantity).scaleb(-3),
                Decimal(price).scaleb(-2),
                usd.pk,
                Decimal(1),
                Decimal(fee).scaleb(-2),
                usd.pk,
                Decimal(fee).scaleb(-2),
                *others.values(),
            )
            for number, (is_buy, asset, quantity, price, fee) in enumerate(history(count), start=1)
        ],
    )
    _rebuilt(book)
    return book


def _rebuilt(book: Any) -> None:
    from portfolio.services.ledger import rebuild

    rebuild(book)


def _derived(book: Any) -> float:
    """Return the CPU seconds of the first derivation, when nothing stands that must go."""
    from portfolio.services.posting import forget

    forget(book)
    return _seconds(lambda: _rebuilt(book))


def _wall(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def bare_write(room: Path, turn: int) -> float:
    """Return the CPU seconds of a bare executemany of the same rows into a copy, its constraints holding."""
    copy = room / f"copy{turn}.sqlite3"
    with closing(sqlite3.connect(room / "rotabook.sqlite3")) as live, closing(sqlite3.connect(copy)) as target:
        stored = {table: live.execute(f"SELECT * FROM {table}").fetchall() for table in DERIVED}
        live.backup(target)
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        for table in reversed(DERIVED):
            database.execute(f"DELETE FROM {table}")
        return _seconds(lambda: _write(database, stored))


def _write(database: sqlite3.Connection, stored: dict[str, list[Any]]) -> None:
    database.execute("BEGIN IMMEDIATE")
    for table, rows in stored.items():
        database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    database.execute("COMMIT")


def appended(book: Any, rounds: int = 40) -> float:
    """Return the median wall time of recording one fill after all others."""
    from portfolio.models import Instrument, Portfolio
    from portfolio.services.entries import NewFill
    from portfolio.services.ledger import record_fills

    spot = Instrument.objects.select_related("asset").filter(venue=book.venue, kind="spot").order_by("pk")[0]
    took = []
    for number in range(rounds):
        current = Portfolio.objects.select_related("market").get(pk=book.pk)
        when = NOW - timedelta(days=1) + timedelta(seconds=number)
        side = "sell" if number % 2 else "buy"
        new = NewFill(instrument=spot, side=side, quantity=Decimal("1.5"), price=Decimal("9.25"), executed_at=when)
        took.append(_wall(partial(record_fills, portfolio=current, fills=[new], now=NOW)))
    return statistics.median(took)


def bare_insert(room: Path, rounds: int = 40) -> float:
    """Return the median wall time of a bare insert and commit of one fill."""
    with closing(sqlite3.connect(room / "rotabook.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = FULL")
        row = database.execute("SELECT * FROM portfolio_fill ORDER BY id DESC LIMIT 1").fetchone()
        columns = [column[1] for column in database.execute("PRAGMA table_info(portfolio_fill)")]
        took = []
        for number in range(rounds):
            values = dict(zip(columns, row, strict=True)) | {"id": 10**9 + number, "sequence": 10**9 + number}
            took.append(_wall(partial(_write, database, {"portfolio_fill": [tuple(values.values())]})))
        database.execute("DELETE FROM portfolio_fill WHERE id >= 1000000000")
    return statistics.median(took)


def corrected(name: str) -> list[str]:
    """Measure a back-dated first fill, request and worker together, beside a full replay."""
    from portfolio.models import Instrument, Portfolio
    from portfolio.services.entries import NewFill
    from portfolio.services.ledger import record_fills
    from portfolio.services.recompute import recompute

    book = Portfolio.objects.select_related("market").get(name=name)
    spot = Instrument.objects.select_related("asset").filter(venue=book.venue, kind="spot").order_by("pk")[0]
    new = NewFill(
        instrument=spot,
        side="buy",
        quantity=Decimal("1.5"),
        price=Decimal("9.25"),
        executed_at=START + timedelta(seconds=1),
    )
    replay = min(_seconds(lambda: _rebuilt(book)) for _ in range(2))
    asked = _seconds(lambda: record_fills(portfolio=book, fills=[new], now=NOW))
    worked = _seconds(lambda: recompute(portfolio=book, now=NOW))
    ratio = (asked + worked) / replay
    print(f"back-dating the first {asked:.1f} s asked, {worked:.1f} s worked; replay {replay:.1f} s, ratio {ratio:.2f}")
    return ["back-dating"] if ratio > BACK_LIMIT else []


if __name__ == "__main__":
    sys.exit(main())
