"""Book one file of fills with Rotabook, beancount and rp2, first in first out: equal totals, times as ratios."""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.lots import ASSETS, ROOT, START, YEARS, history

ROUNDING = Decimal("1e-9")
"""Rotabook rounds each part of a lot to 1e-18, beancount's unit costs have 60 digits here and rp2's amounts 31."""


class Fill(NamedTuple):
    """Hold a row of the file."""

    at: datetime
    asset: str
    is_buy: bool
    quantity: Decimal
    price: Decimal
    fee: Decimal

    @property
    def total(self) -> Decimal:
        """Give what was paid with the fee, or received without it."""
        return self.quantity * self.price + (self.fee if self.is_buy else -self.fee)


class Totals(NamedTuple):
    """Hold what a system says: realised gains and the cost of what is left, in USD, and units left by asset."""

    realized: Decimal
    cost: Decimal
    units: dict[str, Decimal]


def main(words: list[str]) -> int:
    """Let every system book the file in a process of its own; say whether their totals differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=10_000)
    parser.add_argument("--one", nargs=2, metavar=("SYSTEM", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.one:
        return alone(*options.one)
    with tempfile.TemporaryDirectory(prefix="rotabook-beside-") as room:
        file = Path(room) / "fills.csv"
        write(file, options.fills)
        found = {system: _asked(system, file, room) for system in SYSTEMS}
    return compared(options.fills, found)


def write(file: Path, count: int) -> None:
    """Write the drawn fills, spread over the years."""
    step = timedelta(days=365 * YEARS) / count
    with file.open("w", newline="") as target:
        rows = csv.writer(target)
        for number, (is_buy, asset, quantity, price, fee) in enumerate(history(count), start=1):
            amounts = (Decimal(quantity).scaleb(-3), Decimal(price).scaleb(-2), Decimal(fee).scaleb(-2))
            rows.writerow([(START + step * number).isoformat(), f"A{asset}", "buy" if is_buy else "sell", *amounts])


def fills(file: str) -> Iterator[Fill]:
    """Read the file."""
    with Path(file).open(newline="") as source:
        for at, asset, side, quantity, price, fee in csv.reader(source):
            amounts = (Decimal(quantity), Decimal(price), Decimal(fee))
            yield Fill(datetime.fromisoformat(at), asset, side == "buy", *amounts)


def _asked(system: str, file: Path, room: str) -> dict[str, Any]:
    """Run a system in the room, where what it leaves behind is thrown away."""
    words = [sys.executable, "-m", "benchmarks.beside", "--one", system, str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=room, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def alone(system: str, file: str) -> int:
    """Book the file with one system, its modules loaded before the clock runs, and print what came out."""
    getcontext().prec = 60
    book = SYSTEMS[system]()
    begun = time.process_time()
    realized, cost, units = book(file)
    seconds = time.process_time() - begun
    left = {asset: str(quantity) for asset, quantity in units.items() if quantity}
    print(json.dumps({"seconds": seconds, "realized": str(realized), "cost": str(cost), "units": left}))
    return 0


def compared(count: int, found: dict[str, dict[str, Any]]) -> int:
    """Print the totals and the ratios; a total that differs by more than the rounding fails."""
    own = found["rotabook"]
    print(f"{count:,} fills of {ASSETS} assets over {YEARS} years, first in first out, fees in the cost")
    for system, said in found.items():
        ratio = said["seconds"] / own["seconds"]
        print(f"{system:10} {said['seconds']:7.2f} s, {ratio:5.1f} times; {_shown(said)}")
    differing = [system for system, said in found.items() if _differs(own, said)]
    print(f"totals that differ by more than {ROUNDING}: " + (", ".join(differing) or "none"))
    return int(bool(differing))


def _shown(said: dict[str, Any]) -> str:
    realized, cost = Decimal(said["realized"]), Decimal(said["cost"])
    return f"realised {realized:.9f}, left at {cost:.9f}, {len(said['units'])} assets held"


def _differs(own: dict[str, Any], said: dict[str, Any]) -> bool:
    units = [{asset: Decimal(left) for asset, left in one["units"].items()} for one in (own, said)]
    off = [abs(Decimal(own[name]) - Decimal(said[name])) for name in ("realized", "cost")]
    return units[0] != units[1] or max(off) > ROUNDING


def rotabook() -> Callable[[str], Totals]:
    """Fold the fills as events, as the services do."""
    from portfolio.domain.events import USD, Side, SpotFill, TransferIn
    from portfolio.domain.ledger import fold

    def book(file: str) -> Totals:
        plenty = TransferIn(sequence=1, account=1, executed_at=START, asset=USD, quantity=Decimal(10**15))
        sides = {True: Side.BUY, False: Side.SELL}
        events = [
            SpotFill(
                sequence=number,
                account=1,
                executed_at=fill.at,
                side=sides[fill.is_buy],
                base=fill.asset,
                quote=USD,
                quantity=fill.quantity,
                price=fill.price,
                fee=fill.fee,
            )
            for number, fill in enumerate(fills(file), start=2)
        ]
        folded = fold(events=[plenty, *events])
        realized = sum((outcome.realized for outcome in folded.outcomes), Decimal(0))
        cost = sum((lot.remaining_cost for lots in folded.state.lots.values() for lot in lots), Decimal(0))
        units = {asset: held for (_, asset), held in folded.state.balances.items() if asset != USD}
        return Totals(realized, cost, units)

    return book


def beancount() -> Callable[[str], Totals]:
    """Let beancount's booking complete the transactions; each asset has an account that books FIFO."""
    from beancount.core import data
    from beancount.core.amount import Amount
    from beancount.core.number import MISSING
    from beancount.core.position import CostSpec
    from beancount.parser import booking, options

    def transaction(fill: Fill, number: int) -> Any:
        meta = data.new_metadata("fills.csv", number)
        if fill.is_buy:
            spec, sign = CostSpec(Decimal(0), fill.total, "USD", None, None, merge=False), 1
        else:
            spec, sign = CostSpec(MISSING, None, MISSING, None, None, merge=False), -1
        coins = data.Posting(f"Assets:{fill.asset}", Amount(sign * fill.quantity, fill.asset), spec, None, None, None)
        cash = data.Posting("Assets:Cash", Amount(-sign * fill.total, "USD"), None, None, None, None)
        return data.Transaction(meta, fill.at.date(), "*", None, "", data.EMPTY_SET, data.EMPTY_SET, [coins, cash])

    def book(file: str) -> Totals:
        meta = data.new_metadata("fills.csv", 0)
        opened = [
            data.Open(meta, START.date(), f"Assets:A{number}", None, data.Booking.FIFO) for number in range(ASSETS)
        ]
        written = [transaction(fill, number) for number, fill in enumerate(fills(file), start=1)]
        entries, errors = booking.book([*opened, *written], options.OPTIONS_DEFAULTS.copy())
        assert not errors, errors[:3]
        realized, cost, units = Decimal(0), Decimal(0), dict[str, Decimal]()
        for entry in entries[len(opened) :]:
            *coins, cash = entry.postings
            moved = sum((one.units.number * one.cost.number for one in coins), Decimal(0))
            cost += moved
            realized += cash.units.number + moved if cash.units.number > 0 else 0
            for one in coins:
                units[one.units.currency] = units.get(one.units.currency, Decimal(0)) + one.units.number
        return Totals(realized, cost, units)

    return book


def rp2() -> Callable[[str], Totals]:
    """Let rp2's engine pair every sale with its lots, asset by asset."""
    from prezzemolo.avl_tree import AVLTree
    from rp2.accounting_engine import AccountingEngine
    from rp2.configuration import Configuration
    from rp2.in_transaction import InTransaction
    from rp2.input_data import InputData
    from rp2.out_transaction import OutTransaction
    from rp2.plugin.accounting_method.fifo import AccountingMethod
    from rp2.plugin.country.us import US
    from rp2.rp2_decimal import RP2Decimal
    from rp2.tax_engine import compute_tax
    from rp2.transaction_set import TransactionSet

    def transaction(configuration: Any, fill: Fill, number: int) -> Any:
        total, quantity = RP2Decimal(fill.total), RP2Decimal(fill.quantity)
        place = (configuration, fill.at.isoformat(), fill.asset, "Venue", "Me")
        if fill.is_buy:
            terms = {"fiat_in_no_fee": total, "fiat_in_with_fee": total}
            return InTransaction(*place, "BUY", total / quantity, quantity, row=number, **terms)
        terms = {"crypto_out_no_fee": quantity, "crypto_fee": RP2Decimal("0"), "fiat_out_no_fee": total}
        return OutTransaction(*place, "SELL", total / quantity, row=number, **terms)

    def book(file: str) -> Totals:
        known = list(fills(file))
        settings = Path("rp2.ini")
        settings.write_text(_rp2_settings(sorted({fill.asset for fill in known})))
        configuration = Configuration(str(settings), US())
        methods = AVLTree()
        methods.insert_node(1970, AccountingMethod())
        engine = AccountingEngine(years_2_methods=methods)
        sets: dict[str, Any] = {
            fill.asset: {kind: TransactionSet(configuration, kind, fill.asset) for kind in ("IN", "OUT", "INTRA")}
            for fill in known
        }
        for number, fill in enumerate(known, start=1):
            sets[fill.asset]["IN" if fill.is_buy else "OUT"].add_entry(transaction(configuration, fill, number))
        realized, cost, units = Decimal(0), sum((fill.total for fill in known if fill.is_buy), Decimal(0)), {}
        for asset, own in sets.items():
            done = compute_tax(configuration, engine, InputData(asset, own["IN"], own["OUT"], own["INTRA"]))
            for gain in done.gain_loss_set:
                realized += gain.fiat_gain
                cost -= gain.fiat_cost_basis
            units[asset] = sum((one.final_balance for one in done.balance_set), Decimal(0))
        return Totals(realized, cost, units)

    return book


def _rp2_settings(assets: list[str]) -> str:
    """Write the settings that rp2 insists on; the columns are not used."""
    names = ("timestamp", "asset", "exchange", "holder", "transaction_type", "spot_price")
    columns = "\n".join(f"{name} = {place}" for place, name in enumerate(names))
    moved = "\n".join(f"{name} = {place}" for place, name in enumerate(("timestamp", "asset", "from_exchange")))
    general = f"[general]\nassets = {', '.join(assets)}\nexchanges = Venue\nholders = Me\n"
    return f"{general}[in_header]\n{columns}\n[out_header]\n{columns}\n[intra_header]\n{moved}\n"


SYSTEMS: dict[str, Callable[[], Callable[[str], Totals]]] = {"rotabook": rotabook, "beancount": beancount, "rp2": rp2}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
