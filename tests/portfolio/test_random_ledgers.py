"""Random histories through the services, back-dated and reversed at will, agree with an oracle in fractions."""

from __future__ import annotations

import os
from collections import defaultdict
from fractions import Fraction as F
from random import Random
from typing import Any

import pytest

from accounts.models import User
from portfolio.domain.lots import Method, Scope
from portfolio.domain.money import Refusal
from portfolio.models import Account, Disposal, Fill, Holding, Lot, LotMethod, Portfolio, Position, PositionChange
from portfolio.queries.invariants import violations
from portfolio.queries.proof import asset_proofs
from portfolio.services.entries import fill_row, transfer_row
from portfolio.services.ledger import (
    METHOD,
    record_fills,
    record_transfer,
    record_transfers,
    reverse_fills,
    reverse_lot_method,
    reverse_transfer,
    set_lot_method,
)
from tests.portfolio.domain.oracle import Oracle, Refused
from tests.portfolio.entries import Entry, entry_of, standing_entries
from tests.portfolio.factories import NOW, asset, at, fill, perp, portfolio, spot, transfer

HISTORIES = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "prove" else 25
STEPS = 30 if HISTORIES == 500 else 8
OPENING: dict[str, tuple[str, str | None]] = {
    "USDC": ("500000", "499990"),
    "UNI": ("5000", None),
    "BNB": ("50", "15000"),
    "USD": ("9000", None),
}


STAKE = {"UNI": 1000, "USDC": 9000, "BNB": 10}
ROUNDS = [("UNI", "buy", 900), ("FET", "buy", 900), ("UNI", "sell", 900), ("FET", "buy", 90), ("UNI", "buy", 90)] * 2


class Trader:
    """Draw what may happen to a portfolio of two accounts, and do it through the services."""

    def __init__(self, book: Portfolio, chance: Random) -> None:
        self.book, self.chance = book, chance
        self.accounts = [
            book.accounts.get(),
            Account.objects.create(portfolio=book, venue=book.venue, name="Vault"),
        ]
        self.done: list[Any] = []

    def begin(self) -> None:
        """Buy and sell a little, and bring some of it to the other account."""
        when, vault = at(0, 1), self.accounts[1]
        moved = [transfer("move", coin, units, when, to_account=vault) for coin, units in STAKE.items()]
        self.done += record_transfers(portfolio=self.book, transfers=moved, now=NOW).transfers
        stated = [
            fill(spot(coin), side, self.quantity(units), "0.5", at(5 * number), **self.fee("USDC", "BNB", coin))
            for number, (coin, side, units) in enumerate(ROUNDS, start=1)
        ]
        self.done += record_fills(portfolio=self.book, fills=stated, now=NOW).fills

    def quantity(self, most: int = 3_000) -> str:
        digits = f"{self.chance.randrange(1, most)}.{self.chance.randrange(10**18):018d}"
        return digits[: self.chance.choice([4, 7, 21])].rstrip(".")

    def draw(self, number: int) -> Any:
        """State a fill, a transfer or a change of method; most of it is in the first account."""
        chance, when = self.chance, at(self.chance.randrange(1, 60), number)
        where = {"account": self.accounts[chance.random() < 0.25]}
        match chance.randrange(13):
            case 0:
                return Method(chance.choice([*Method])), Scope(chance.choice([*Scope])), when
            case 1 | 2 | 3 | 4 | 5:
                return self.transfer(when, where)
            case 6 | 7:
                terms = {"leverage": str(chance.randrange(1, 9)), **self.fee("USDC", "BNB"), **where}
                price = f"{chance.randrange(1, 500)}.37"
                return fill(perp("FET"), self.side(), self.quantity(300), price, when, **terms)
            case _:
                coin = chance.choice(["UNI", "FET"])
                price = f"0.{chance.randrange(1, 9999):04d}"
                return fill(
                    spot(coin), self.side(), self.quantity(), price, when, **self.fee("USDC", "BNB", coin), **where
                )

    def transfer(self, when: Any, where: dict[str, Any]) -> Any:
        chance = self.chance
        kind = chance.choice(["deposit", "withdrawal", "income", "funding", "move", "migration", "rebase", "swap"])
        coin, other = chance.sample(["UNI", "BNB", "USDC", "FET"], 2)
        terms: dict[str, Any] = {}
        if kind == "funding":
            terms = {"instrument": perp("FET")}
            return transfer(kind, "USDC", chance.choice(["-", ""]) + self.quantity(99), when, **terms, **where)
        if kind == "move":
            here = self.accounts.index(where["account"])
            terms = {"to_account": self.accounts[1 - here], **self.fee("BNB", coin)}
        if kind == "withdrawal":
            terms = self.fee("BNB", coin)
        if kind in ("migration", "swap"):
            terms = {"into": asset(other), "into_quantity": self.quantity(999)}
            terms |= {"value_usd": self.quantity(999), **self.fee("BNB", coin)} if kind == "swap" else {}
        if kind == "rebase":
            return transfer(kind, coin, chance.choice(["-", ""]) + self.quantity(9), when, **where)
        if kind in ("deposit", "income"):
            terms = {"value_usd": self.quantity()}
        return transfer(kind, coin, self.quantity(999), when, **terms, **where)

    def side(self) -> str:
        return self.chance.choice(["buy", "sell"])

    def fee(self, *paid_in: str) -> dict[str, Any]:
        amount = f"0.{self.chance.randrange(1, 999):05d}"
        return {"fee_amount": amount, "fee_asset": asset(self.chance.choice(paid_in))}

    def would_be(self, stated: Any) -> Entry:
        """Give the entry that what was stated would become."""
        if isinstance(stated, tuple):
            method, scope, when = stated
            row: Any = LotMethod(effective_at=when, method=method, scope=scope)
        else:
            make: Any = transfer_row if hasattr(stated, "kind") else fill_row
            row = make(portfolio=self.book, new=stated, account=stated.account, now=NOW, is_imported=False)
        row.sequence = Portfolio.objects.get(pk=self.book.pk).ledger_version + 1
        return entry_of(row)

    def record(self, stated: Any) -> None:
        """Do what was stated."""
        if isinstance(stated, tuple):
            method, scope, when = stated
            self.done.append(
                set_lot_method(portfolio=self.book, method=method, scope=scope, effective_at=when, now=NOW)
            )
        elif hasattr(stated, "kind"):
            self.done.append(record_transfer(portfolio=self.book, transfer=stated, now=NOW))
        else:
            self.done += record_fills(
                portfolio=self.book, fills=[stated], now=NOW, core_override_reason="It is drawn at random."
            ).fills

    def undo(self, row: Any) -> None:
        """Reverse something."""
        if isinstance(row, Fill):
            reverse_fills(portfolio=self.book, fills=[row], now=NOW)
        elif isinstance(row, LotMethod):
            reverse_lot_method(portfolio=self.book, change=row, now=NOW)
        else:
            reverse_transfer(portfolio=self.book, transfer=row, now=NOW)
        self.done.remove(row)


def told(entries: list[Entry]) -> Oracle | None:
    """Recompute everything from zero, or nothing where something does not fit."""
    oracle = Oracle()
    try:
        for entry in sorted(entries, key=lambda one: one.order):
            oracle.post(entry)
    except Refused:
        return None
    return oracle


def agrees(book: Portfolio, oracle: Oracle) -> None:
    """Compare balances, open lots, positions and gains with the oracle's."""
    held = {
        (row.account_id, row.asset.symbol): F(row.quantity)
        for row in Holding.objects.filter(portfolio=book).select_related("asset")
    }
    expected = {key: units for key, units in oracle.balances.items() if units}
    assert {key: units for key, units in held.items() if units} == expected
    lots = Lot.objects.filter(portfolio=book, is_open=True).order_by("acquired_at", "sequence", "ordinal")
    stored: dict[str, list[Any]] = defaultdict(list)
    for lot in lots.select_related("asset"):
        stored[lot.asset.symbol].append((lot.acquired_at, F(lot.remaining_quantity), F(lot.remaining_cost_usd)))
    pieces = sorted((piece for piece in oracle.pieces if piece.units), key=lambda piece: piece.age)
    told: dict[str, list[Any]] = defaultdict(list)
    for piece in pieces:
        told[piece.asset].append((piece.age[0], piece.units, piece.cost))
    assert stored == told
    for row in Position.objects.filter(portfolio=book):
        size = oracle.futures.get((row.account_id, row.instrument_id), [F(0)] * 3)
        assert [F(row.quantity), F(row.entry_cost), F(row.margin)] == size
    assert realized(book) == oracle.realized


def realized(book: Portfolio) -> F:
    """Add up what the product says was realised."""
    spot_gains = sum(map(F, Holding.objects.filter(portfolio=book).values_list("realized_pnl_usd", flat=True)), F(0))
    futures = Position.objects.filter(portfolio=book).values_list("realized_pnl_usd", "fees_usd", "funding_usd")
    income = sum((F(one.value) for one in standing_entries(book) if one.kind == "TransferIn" and one.is_income), F(0))
    return spot_gains + income + sum((F(gain) - F(fee) + F(paid) for gain, fee, paid in futures), F(0))


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_any_history_agrees_with_the_oracle(alice: User, seed: int) -> None:
    chance = Random(seed)
    book = portfolio(alice, OPENING)
    trader = Trader(book, chance)
    trader.begin()
    for number in range(STEPS):
        entries = standing_entries(book)
        if trader.done and chance.random() < 0.2:
            gone = chance.choice(trader.done)
            act, arguments = trader.undo, gone
            entries = [entry for entry in entries if entry.sequence != gone.sequence]
        else:
            stated = trader.draw(number)
            act, arguments = trader.record, stated
            entries.append(trader.would_be(stated))
        oracle = told(entries)
        try:
            act(arguments)
        except Refusal:
            assert oracle is None
            oracle = told(standing_entries(book))
        assert oracle is not None
        agrees(book, oracle)

    assert len(trader.done) > 8
    assert violations(portfolio=Portfolio.objects.get(pk=book.pk), method=METHOD) == []
    assert unproved(book) == []


def unproved(book: Portfolio) -> list[tuple[str, str]]:
    """Return the figures, by asset, that their parts do not add up to."""
    symbols = set(Holding.objects.filter(portfolio=book).values_list("asset__symbol", flat=True)) | {"FET"}
    found = {symbol: asset_proofs(portfolio=book, symbol=symbol, now=NOW) for symbol in symbols}
    return [
        (symbol, each.key) for symbol, all_of in found.items() if all_of for each in all_of.proofs if not each.holds
    ]


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_imports_does_not_matter(alice: User, bob: User, seed: int) -> None:
    chance = Random(seed)
    forward, shuffled = portfolio(alice, OPENING), portfolio(bob, OPENING)
    trader = Trader(forward, chance)
    drawn = [trader.draw(number) for number in range(60)]
    stated = [one for one in drawn if hasattr(one, "side") and one.account == trader.accounts[0]]
    for one in stated:
        object.__setattr__(one, "account", None)

    record_fills(portfolio=forward, fills=sorted(stated, key=lambda one: one.executed_at), now=NOW, is_imported=True)
    chance.shuffle(stated)
    for one in stated:
        record_fills(portfolio=shuffled, fills=[one], now=NOW, is_imported=True)

    assert state(forward) == state(shuffled)


def state(book: Portfolio) -> tuple[Any, ...]:
    held = Holding.objects.filter(portfolio=book).exclude(quantity="0").order_by("asset__symbol")
    gains = Disposal.objects.filter(portfolio=book).values_list("realized_pnl_usd", flat=True)
    changes = PositionChange.objects.filter(portfolio=book).values_list("realized_pnl_usd", flat=True)
    return list(held.values_list("asset__symbol", "quantity", "cost_usd")), sum(gains), sum(changes)
