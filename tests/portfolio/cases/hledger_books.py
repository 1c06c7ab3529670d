"""Fold a journal, commodity by commodity, and read lots, balances and gains as hledger shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from portfolio.domain.events import USD
from portfolio.domain.ledger import Folded
from portfolio.domain.lots import Lot, Method, Scope
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Kind, Outcome
from tests.portfolio.cases.hledger_events import ASSET, Commodity, Filled
from tests.portfolio.cases.hledger_journal import Transaction, read_money, transactions
from tests.portfolio.cases.reading import Elsewhere, Lacking, Unread

METHODS = {"FIFO": Method.FIFO, "LIFO": Method.LIFO, "HIFO": Method.HIFO, "AVERAGE": Method.AVG}
EIGHT = Decimal("1e-8")
ZERO = Decimal(0)


class Row(NamedTuple):
    """Hold units of one lot in one account; what is not compared is None."""

    account: str | None
    commodity: str
    date: str | None
    label: str | None
    cost: Decimal | None
    units: Decimal


class Mixed(ValueError):
    """Say that a journal relieves one commodity by several methods."""


class Books:
    """Hold a journal and its lot-tracked commodities."""

    def __init__(self, journal: Mapping[str, Any], until: str | None = None) -> None:
        """Read the journal up to a day, and write its events."""
        read = [one for one in transactions(journal) if until is None or one.date < until]
        self.tags = _tags(journal["directives"])
        self.tracked = _tracked(read, self.tags["commodity"])
        if not self.tracked:
            raise Elsewhere("syntax", "No commodity has lots.")
        filled = Filled()
        self.transactions = [filled.fill(one, self.tracked) for one in read]
        self.commodities = {name: self._commodity(name) for name in self.tracked}
        for place, transaction in enumerate(self.transactions):
            for commodity in self.commodities.values():
                commodity.write(place, transaction)

    def _commodity(self, name: str) -> Commodity:
        postings = [one for transaction in self.transactions for one in transaction.postings]
        holders = {one.account for one in postings if one.commodity == name and ASSET.match(one.account)}
        names = {self._tag(name, account) for account in holders} or {self._tag(name, "")}
        if len(names) > 1:
            raise Mixed(f"{name} has the methods {', '.join(sorted(names))}.")
        method = names.pop()
        if method == "SPECID":
            raise Lacking("specific_identification")
        if method == "NONE":
            raise Lacking(method)
        plain = method.removesuffix("ALL")
        if plain not in METHODS:
            raise Unread(f"The method {method} is not known.")
        return Commodity(name, METHODS[plain], Scope.PORTFOLIO if plain != method else Scope.ACCOUNT)

    def _tag(self, commodity: str, account: str) -> str:
        """Return the method of an account, else of what it is below, else of the commodity."""
        parts = account.split(":")
        for length in range(len(parts), 0, -1):
            tag = self.tags["account"].get(":".join(parts[:length]))
            if tag is not None:
                return tag or "FIFO"
        return self.tags["commodity"].get(commodity) or "FIFO"

    def folded(self, name: str, until: int | None = None) -> Folded:
        """Fold a commodity, up to a transaction if one is named."""
        commodity = self.commodities[name]
        if until is not None:
            written = {number for place, numbers in commodity.sequences.items() if place <= until for number in numbers}
            ours = {number for numbers in commodity.sequences.values() for number in numbers}
            kept = [one for one in commodity.script.events if one.sequence in written or one.sequence not in ours]
            commodity = _copy(commodity, kept)
        return commodity.script.fold(Method.FIFO)

    @property
    def is_named(self) -> bool:
        """Tell whether a posting names the lots that it takes."""
        return any(commodity.is_named for commodity in self.commodities.values())

    @property
    def is_average(self) -> bool:
        """Tell whether costs are averaged: a pool has one date, and its lots no costs of their own."""
        return any(commodity.method is Method.AVG for commodity in self.commodities.values())

    @property
    def is_wide(self) -> bool:
        """Tell whether lots are those of all accounts."""
        return any(commodity.scope is Scope.PORTFOLIO for commodity in self.commodities.values())

    @in_context
    def lots(self, until: int | None = None) -> list[Row]:
        """Return the open lots, up to a transaction if one is named."""
        rows = []
        for name, commodity in self.commodities.items():
            for lots in self.folded(name, until).state.lots.values():
                rows += [self.row(commodity, lot, lot.remaining_quantity, lot.remaining_cost) for lot in lots]
        return rows

    def row(self, commodity: Commodity, lot: Lot, units: Decimal, cost: Decimal) -> Row:
        """Name a part of a lot as hledger does."""
        accounts = {number: account for account, number in commodity.script.accounts.items()}
        unit_cost = round(cost / abs(units), 8)
        label = commodity.labels.get((lot.acquired_at, unit_cost))
        since = lot.acquired_at.date().isoformat()
        return Row(accounts[lot.account], commodity.name, since, label, unit_cost, units)

    @in_context
    def held(self, until: int | None = None) -> dict[tuple[str, str], Decimal]:
        """Return how much of each commodity each account has."""
        found = {}
        for name, commodity in self.commodities.items():
            state = self.folded(name, until).state
            for account, number in commodity.script.accounts.items():
                found[account, name] = state.held(number, commodity.asset)
        return {key: units for key, units in found.items() if units}

    @in_context
    def changes(self, place: int) -> tuple[list[Row], Decimal]:
        """Return the lots that a transaction adds and takes, and what it gains."""
        rows: list[Row] = []
        gain = ZERO
        for name, commodity in self.commodities.items():
            for outcome in self.outcomes(name, place):
                acquired = [lot for lot in outcome.acquired if lot.asset == commodity.asset]
                rows += [self.row(commodity, lot, lot.quantity, lot.cost) for lot in acquired]
                for disposal in outcome.disposals:
                    rows += [self.row(commodity, lot, -part, cost) for lot, part, cost in disposal.matches]
                    gain += disposal.realized if disposal.kind is Kind.SOLD else ZERO
        return rows, gain

    def types(self, place: int) -> set[tuple[str, str]]:
        """Return in which accounts a transaction acquires, disposes or moves."""
        found = set()
        for name, commodity in self.commodities.items():
            accounts = {number: account for account, number in commodity.script.accounts.items()}
            for outcome in self.outcomes(name, place):
                is_move = any(one.kind is Kind.MOVED for one in outcome.disposals)
                names = ("transfer-from", "transfer-to") if is_move else ("dispose", "acquire")
                found |= {(accounts[one.account], names[0]) for one in outcome.disposals if one.asset != USD}
                found |= {(accounts[lot.account], names[1]) for lot in outcome.acquired if lot.asset == commodity.asset}
        return found

    def outcomes(self, name: str, place: int | None = None) -> list[Outcome]:
        """Return what the events of a transaction did, or those of all."""
        sequences = self.commodities[name].sequences
        chosen = {number for at, numbers in sequences.items() if place in (None, at) for number in numbers}
        return [one for one in self.folded(name).outcomes if one.event.sequence in chosen]


def _copy(commodity: Commodity, events: list[Any]) -> Commodity:
    copy = Commodity(commodity.name, commodity.method, commodity.scope)
    copy.script.events, copy.script.accounts = events, commodity.script.accounts
    return copy


def _tags(directives: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read the methods that commodities and accounts are tagged with."""
    tags: dict[str, dict[str, str]] = {"commodity": {}, "account": {}}
    for line in directives:
        match = re.match(r"(commodity|account)\s+(.*?)\s*(?:;(.*))?$", line)
        tag = re.search(r"\blots:\s*(\w*)", match[3] or "") if match else None
        if match and tag:
            name = match[2]
            if match[1] == "commodity" and re.search(r"\d", name):
                name = read_money(name)[0].commodity
            tags[match[1]][name.strip('"')] = tag[1].upper()
    return tags


def _tracked(read: Iterable[Transaction], tagged: Iterable[str]) -> list[str]:
    """Return what has lots: what is tagged, or bought at a price or a cost; never what prices are in."""
    postings = [one for transaction in read for one in transaction.postings]
    prices = {one.price.commodity for one in postings if one.price}
    costs = {one.lot.cost.commodity for one in postings if one.lot and one.lot.cost}
    bought = [one.commodity for one in postings if one.amount and ASSET.match(one.account) and (one.price or one.lot)]
    return [name for name in dict.fromkeys([*tagged, *bought]) if name not in prices | costs]
