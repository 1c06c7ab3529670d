"""Write a journal's acquisitions, disposals and transfers of one commodity as events of the ledger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from portfolio.domain.events import USD, Move, Side, Swap, TransferIn, TransferOut
from portfolio.domain.lots import Method, Scope
from portfolio.domain.money import in_context
from tests.portfolio.cases.hledger_journal import LotName, Money, Posting, Transaction
from tests.portfolio.cases.reading import Elsewhere, Unread
from tests.portfolio.cases.script import FIRST, Script, day

ZERO = Decimal(0)
ASSET = re.compile(r"assets?(:|$)", re.IGNORECASE)
GAIN = re.compile(r"(revenues?|incomes?)(:|$)|equity:unrealised-gain", re.IGNORECASE)


class Filled:
    """Fill in the amounts that a journal leaves out: balances that are assigned, and what balances a transaction."""

    def __init__(self) -> None:
        """Begin with empty accounts."""
        self.balances: Counter[tuple[str, str]] = Counter()

    def fill(self, transaction: Transaction, tracked: Iterable[str]) -> Transaction:
        """Return the transaction with every amount of the tracked commodities."""
        postings = [self._assigned(posting) for posting in transaction.postings]
        missing = {name: -_loose(postings, name) for name in tracked}
        loose = {name: units for name, units in missing.items() if units}
        is_sale = any(posting.amount and posting.commodity not in missing for posting in postings)
        if len(loose) == 1 and not is_sale:
            ((name, units),) = loose.items()
            postings = [
                posting if posting.amount else replace(posting, amount=Money(quantity=units, commodity=name))
                for posting in postings
            ]
        for posting in postings:
            if posting.amount:
                self.balances[posting.account, posting.commodity] += posting.units
        return replace(transaction, postings=postings)

    def _assigned(self, posting: Posting) -> Posting:
        if posting.amount or posting.balance is None:
            return posting
        name = posting.balance.commodity
        units = posting.balance.quantity - self.balances[posting.account, name]
        return replace(posting, amount=replace(posting.balance, quantity=Decimal(units)))


def _loose(postings: Iterable[Posting], name: str) -> Decimal:
    """Return by how much a commodity is out of balance, as far as nothing turns it into money."""
    own = (one for one in postings if one.commodity == name and one.price is None and not (one.lot and one.lot.cost))
    return sum((one.units for one in own), ZERO)


class Commodity:
    """Write all that happens to one commodity."""

    def __init__(self, name: str, method: Method, scope: Scope) -> None:
        """Begin with the method and the scope that the journal declares."""
        self.name, self.method, self.scope = name, method, scope
        self.asset = f"{name}." if name == USD else name
        self.script = Script()
        self.script.choose(FIRST, method, scope)
        self.labels: dict[tuple[datetime, Decimal], str] = {}
        self.sequences: dict[int, list[int]] = {}
        self.is_named = False

    def write(self, place: int, transaction: Transaction) -> None:
        """Write a transaction, if it is about the commodity."""
        when = day(transaction.date) + timedelta(seconds=place)
        own = [one for one in transaction.postings if one.commodity == self.name and one.units]
        held = [one for one in own if ASSET.match(one.account)]
        others = [one for one in own if not ASSET.match(one.account)]
        if not held:
            return
        self.sequences[place] = []
        self.is_named |= any(
            one.units < 0 and one.lot and (one.lot.date or one.lot.cost or one.lot.label) for one in held
        )
        sold = [one for one in held if one.units < 0 and one.price]
        bare = [one for one in held if one.units < 0 and not one.price]
        into = [one for one in held if one.units > 0]
        cash = _money(transaction, self.name)
        for posting in sold:
            self._sell(place, when, posting.account, -posting.units, posting.worth())
        if bare and into:
            self._transfer(place, when, bare, into, others, cash)
        elif bare:
            self._let_go(place, when, bare, others, cash)
        else:
            for posting in into:
                self._acquire(place, when, posting, -cash if len(into) == 1 else ZERO)

    def _note(self, place: int, sequence: int) -> None:
        self.sequences[place].append(sequence)

    @in_context
    def _acquire(self, place: int, when: datetime, posting: Posting, paid: Decimal) -> None:
        """Buy at the stated cost, else the price, else what was paid."""
        lot = posting.lot or LotName()
        cost = _stated(posting, lot)
        if cost is None:
            cost = paid if paid > 0 else None
        since = day(lot.date) if lot.date else when
        terms = {"asset": self.asset, "quantity": posting.units, "cost": cost}
        if lot.date or cost is None or not cost:
            sequence = self.script.add(TransferIn, when, account=posting.account, acquired_at=since, **terms)
        else:
            terms = {"base": self.asset, "quantity": posting.units, "total": cost}
            sequence = self.script.trade(Side.BUY, when, account=posting.account, **terms)
        self._note(place, sequence)
        if lot.label and cost is not None:
            self.labels[since, round(cost / posting.units, 8)] = lot.label

    def _sell(self, place: int, when: datetime, account: str, units: Decimal, worth: Decimal | None) -> None:
        """Sell for what the price says."""
        if not worth:
            raise Unread("A sale brings nothing.")
        terms = {"asset": self.asset, "quantity": units, "into": USD, "received": worth, "value": worth}
        self._note(place, self.script.add(Swap, when, account=account, **terms))

    def _give(self, place: int, when: datetime, account: str, units: Decimal) -> None:
        """Let units leave at their cost."""
        terms = {"asset": self.asset, "quantity": units}
        self._note(place, self.script.add(TransferOut, when, account=account, **terms))

    def _let_go(
        self, place: int, when: datetime, bare: Sequence[Posting], others: Sequence[Posting], cash: Decimal
    ) -> None:
        """Sell for the money of the transaction, or give away at cost to who receives the very units."""
        units = -sum((one.units for one in bare), ZERO)
        taken = sum((one.units for one in others), ZERO)
        worth = sum((one.worth() or ZERO for one in others), ZERO)
        if cash <= 0 and taken != units:
            raise Elsewhere("journal_checks", "Units leave without a price, and nobody receives them.")
        for posting in bare:
            if worth or (cash > 0 and not taken):
                part = (worth or cash) * -posting.units / units
                self._sell(place, when, posting.account, -posting.units, part)
            else:
                self._give(place, when, posting.account, -posting.units)

    def _transfer(
        self,
        place: int,
        when: datetime,
        bare: Sequence[Posting],
        into: Sequence[Posting],
        others: Sequence[Posting],
        cash: Decimal,
    ) -> None:
        """Move units between own accounts; what does not arrive is spent first."""
        left = {position: -one.units for position, one in enumerate(bare)}
        fee = sum(left.values(), ZERO) - sum((one.units for one in into), ZERO)
        if fee < 0:
            raise Elsewhere("journal_checks", "More is received than was sent.")
        if fee:
            worth = sum((one.worth() or ZERO for one in others), ZERO) or (ZERO if others else cash)
            source = next(position for position, units in left.items() if units >= fee)
            left[source] -= fee
            if worth:
                self._sell(place, when, bare[source].account, fee, worth)
            else:
                self._give(place, when, bare[source].account, fee)
        for posting in into:
            self._bring(place, when, bare, left, posting)

    def _spend(
        self,
        place: int,
        when: datetime,
        bare: Sequence[Posting],
        left: dict[int, Decimal],
        fee: Decimal,
        worth: Decimal,
    ) -> None:
        """Spend a fee from the first account that has it."""
        source = next(position for position, units in left.items() if units >= fee)
        left[source] -= fee
        if worth:
            self._sell(place, when, bare[source].account, fee, worth)
        else:
            self._give(place, when, bare[source].account, fee)

    def _bring(
        self, place: int, when: datetime, bare: Sequence[Posting], left: dict[int, Decimal], posting: Posting
    ) -> None:
        """Bring units to an account from one or more."""
        wanted = posting.units
        for position, units in list(left.items()):
            part = min(units, wanted)
            if part and bare[position].account != posting.account:
                terms = {"asset": self.asset, "quantity": part, "to_account": self.script.account(posting.account)}
                self._note(place, self.script.add(Move, when, account=bare[position].account, **terms))
            left[position] -= part
            wanted -= part


def _stated(posting: Posting, lot: LotName) -> Decimal | None:
    """Return the total cost that a posting states."""
    if lot.cost:
        return lot.cost.quantity if lot.is_total else lot.cost.quantity * posting.units
    return posting.worth()


def _money(transaction: Transaction, name: str) -> Decimal:
    """Return the money that a transaction brings, gains aside."""
    return sum(
        (
            one.units
            for one in transaction.postings
            if one.amount and one.commodity != name and not GAIN.match(one.account) and not one.lot and not one.price
        ),
        ZERO,
    )
