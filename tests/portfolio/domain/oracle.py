"""Recompute a ledger naively with exact fractions, from the written rules alone (DOMAIN 4.1, 4.2; DECISIONS 11).

Every step scans everything. Rules that are not in DOMAIN are those of docs/ledger.md: how lots split, in which order
carried lots queue, what the average pools, and how lots are dealt out when the scope narrows.
"""

import copy
from dataclasses import dataclass, field
from fractions import Fraction as F
from typing import Any

SCALE = 10**18


class Refused(Exception):
    """The event lets go of more than is free, or its fee eats the trade."""


def rounded(value: F) -> F:
    """Round to 18 places, half to even."""
    return F(round(value * SCALE), SCALE)


def split(total: F, weights: list[F]) -> list[F]:
    """Give each weight its rounded share of what is left, so that the last takes the rest."""
    parts, left = [], sum(weights, F(0))
    for weight in weights:
        part = rounded(total * weight / left) if weight else F(0)
        parts.append(part)
        total, left = total - part, left - weight
    return parts


@dataclass
class Piece:
    """Units acquired together; the unit cost is that at which they came."""

    account: int
    asset: str
    age: tuple[Any, int, int]
    units: F
    cost: F
    unit_cost: F


@dataclass
class Oracle:
    """Keep every number as a fraction; scan everything at every step."""

    method: str = "FIFO"
    scope: str = "account"
    pieces: list[Piece] = field(default_factory=list)
    balances: dict[tuple[int, str], F] = field(default_factory=dict)
    futures: dict[tuple[int, int], list[F]] = field(default_factory=dict)
    settle: dict[int, str] = field(default_factory=dict)
    realized: F = F(0)
    flows: F = F(0)
    brought: int = 0

    def post(self, event: Any) -> None:
        """Apply an event whole, or raise and change nothing."""
        before = copy.deepcopy(self.__dict__)
        self.brought = 0
        try:
            getattr(self, f"on_{getattr(event, 'kind', type(event).__name__)}")(event)
        except Refused:
            self.__dict__.update(before)
            raise

    def held(self, account: int, asset: str) -> F:
        return self.balances.get((account, asset), F(0))

    def free(self, account: int, asset: str) -> F:
        margins = (
            row[2] for (owner, name), row in self.futures.items() if owner == account and self.settle[name] == asset
        )
        return self.held(account, asset) - sum(margins, F(0))

    def reach(self, account: int, asset: str) -> list[Piece]:
        """Give the pieces that a disposal may relieve, oldest first."""
        found = [
            one
            for one in self.pieces
            if one.asset == asset and one.units and (self.scope == "portfolio" or one.account == account)
        ]
        return sorted(found, key=lambda one: one.age)

    def change(self, account: int, asset: str, units: F) -> None:
        self.balances[account, asset] = self.held(account, asset) + units

    def add_piece(self, event: Any, account: int, asset: str, units: F, cost: F, when: Any = None) -> None:
        """Open a piece, or let it join the pool of the average."""
        age = (when or event.executed_at, event.sequence, self.brought)
        self.brought += 1
        pool = self.reach(account, asset) if self.method == "AVG" else []
        if pool:
            assert len(pool) == 1
            pool[0].units, pool[0].cost = pool[0].units + units, pool[0].cost + cost
        else:
            self.pieces.append(Piece(account, asset, age, units, cost, cost / units))

    def take_in(self, event: Any, asset: str, units: F, cost: F, when: Any = None) -> None:
        if units == 0:
            return
        self.change(event.account, asset, units)
        if asset != "USD":
            self.add_piece(event, event.account, asset, units, cost, when)

    def check(self, account: int, asset: str, units: F) -> None:
        if units > self.free(account, asset):
            raise Refused(asset)

    def relieve(self, account: int, asset: str, units: F) -> list[tuple[Piece, F, F]]:
        """Relieve units piece by piece: a whole piece takes its rest, a part its rounded share."""
        taken = []
        while units:
            piece = self.next_piece(account, asset)
            part = min(units, piece.units)
            cost = piece.cost if part == piece.units else rounded(piece.cost * part / piece.units)
            piece.units, piece.cost, units = piece.units - part, piece.cost - cost, units - part
            taken.append((piece, part, cost))
        return taken

    def next_piece(self, account: int, asset: str) -> Piece:
        pile = self.reach(account, asset)
        if self.method == "LIFO":
            return pile[-1]
        if self.method == "HIFO":
            return min(pile, key=lambda one: (-one.unit_cost, one.age))
        return pile[0]

    def let_go(self, event: Any, asset: str, units: F, worth: F | None) -> F:
        """Relieve units and count the gain; give their cost."""
        if units == 0:
            return F(0)
        self.check(event.account, asset, units)
        self.change(event.account, asset, -units)
        if asset == "USD":
            return units
        cost = sum((cost for _, _, cost in self.relieve(event.account, asset, units)), F(0))
        if worth is not None:
            self.realized += worth - cost
        return cost

    def third_fee(self, event: Any, *own: str) -> F:
        if event.fee_asset in own or not event.fee:
            return F(0)
        worth = F(event.fee) if event.fee_asset == "USD" else F(event.fee_usd)
        self.let_go(event, event.fee_asset, F(event.fee), worth)
        return worth

    def spend(self, event: Any, *own: str) -> None:
        """Count a fee that no lot and no proceeds carry as an expense."""
        worth = self.third_fee(event, *own)
        self.realized -= worth

    def on_SpotFill(self, event: Any) -> None:
        units, price, rate = F(event.quantity), F(event.price), F(event.quote_usd)
        base_fee = F(event.fee) if event.fee_asset == event.base else F(0)
        quote_fee = F(event.fee) if event.fee_asset == event.quote else F(0)
        money = rounded(units * price)
        if event.side == "buy":
            if base_fee >= units:
                raise Refused("fee")
            paid = rounded((money + quote_fee) * rate)
            self.let_go(event, event.quote, money + quote_fee, paid)
            third = self.third_fee(event, event.base, event.quote)
            self.take_in(event, event.base, units - base_fee, paid + third)
            return
        if quote_fee > money:
            raise Refused("fee")
        worth = rounded((money - quote_fee) * rate)
        third = self.third_fee(event, event.base, event.quote)
        self.let_go(event, event.base, units + base_fee, worth - third)
        self.take_in(event, event.quote, money - quote_fee, worth)

    def on_Swap(self, event: Any) -> None:
        own = F(event.fee) if event.fee_asset == event.asset else F(0)
        third = self.third_fee(event, event.asset, event.into)
        self.let_go(event, event.asset, F(event.quantity) + own, F(event.value) - third)
        self.take_in(event, event.into, F(event.received), F(event.value))

    def on_PerpFill(self, event: Any) -> None:
        key = (event.account, event.instrument)
        size, entry, margin = self.futures.get(key, [F(0), F(0), F(0)])
        self.settle[event.instrument] = event.settle
        signed = F(event.quantity) * (1 if event.side == "buy" else -1)
        gain = F(0)
        if size * signed < 0:
            closing = min(abs(size), abs(signed))
            cost = entry if closing == abs(size) else rounded(entry * closing / abs(size))
            freed = margin if closing == abs(size) else rounded(margin * closing / abs(size))
            direction = 1 if size > 0 else -1
            gain = direction * (rounded(closing * F(event.price)) - cost)
            size, entry, margin = size - direction * closing, entry - cost, margin - freed
            signed += direction * closing
        self.futures[key] = [size, entry, margin]
        fee = F(event.fee) if event.fee_asset == event.settle else F(0)
        self.settle_cash(event, gain - fee, rounded((gain - fee) * F(event.settle_usd)))
        self.spend(event, event.settle)
        if signed:
            notional = rounded(abs(signed) * F(event.price))
            posted = rounded(notional / F(event.leverage))
            self.check(event.account, event.settle, posted)
            self.futures[key] = [size + signed, entry + notional, margin + posted]

    def on_FundingPayment(self, event: Any) -> None:
        self.settle_cash(event, F(event.amount), F(event.value))

    def settle_cash(self, event: Any, amount: F, worth: F) -> None:
        if amount > 0:
            self.take_in(event, event.settle, amount, worth)
        else:
            self.let_go(event, event.settle, -amount, -worth)
        self.realized += worth

    def on_TransferIn(self, event: Any) -> None:
        units = F(event.quantity)
        known = units if event.asset == "USD" else event.value if event.is_income else event.cost
        cost = F(known if known is not None else event.value)
        self.take_in(event, event.asset, units, cost, event.acquired_at)
        if event.is_income:
            self.realized += cost
        else:
            self.flows += cost

    def on_TransferOut(self, event: Any) -> None:
        cost = self.let_go(event, event.asset, F(event.quantity), None)
        self.flows -= cost
        self.spend(event)

    def on_Move(self, event: Any) -> None:
        units = F(event.quantity)
        self.check(event.account, event.asset, units)
        self.change(event.account, event.asset, -units)
        self.change(event.to_account, event.asset, units)
        if self.scope == "account" and event.asset != "USD":
            for piece, part, cost in self.relieve(event.account, event.asset, units):
                self.add_piece(event, event.to_account, event.asset, part, cost, piece.age[0])
        self.spend(event)

    def on_Conversion(self, event: Any) -> None:
        units = F(event.quantity)
        self.check(event.account, event.asset, units)
        self.change(event.account, event.asset, -units)
        self.change(event.account, event.into, F(event.received))
        taken = self.relieve(event.account, event.asset, units)
        self.reopen(event, event.into, taken, F(event.received))

    def on_Rebase(self, event: Any) -> None:
        change, pile = F(event.change), self.reach(event.account, event.asset)
        whole = sum((piece.units for piece in pile), F(0))
        if not whole or whole + change <= 0 or self.free(event.account, event.asset) + change < 0:
            raise Refused(event.asset)
        self.change(event.account, event.asset, change)
        taken = self.relieve(event.account, event.asset, whole)
        self.reopen(event, event.asset, taken, whole + change)

    def reopen(self, event: Any, asset: str, taken: list[tuple[Piece, F, F]], units: F) -> None:
        """Give every piece its share; the cost of one that is rounded away goes to the one before, else the next."""
        shares = split(units, [part for _, part, _ in taken])
        rows = [[piece, share, cost] for (piece, _, cost), share in zip(taken, shares, strict=True)]
        for place, row in enumerate(rows):
            if row[1]:
                continue
            heirs = [other for other in rows[:place] if other[1]][-1:] or [o for o in rows[place:] if o[1]][:1]
            heirs[0][2] += row[2]
        for piece, share, cost in rows:
            if share:
                self.add_piece(event, piece.account, asset, share, cost, piece.age[0])

    def on_MethodChange(self, event: Any) -> None:
        narrowed = self.scope == "portfolio" and event.scope == "account"
        if narrowed:
            self.deal_out(event)
        self.method, self.scope = str(event.method), str(event.scope)
        if self.method == "AVG":
            for account in sorted({piece.account for piece in self.pieces}):
                for asset in sorted({piece.asset for piece in self.pieces}):
                    self.pool(event, account, asset)

    def pool(self, event: Any, account: int, asset: str) -> None:
        pile = self.reach(account, asset)
        if len(pile) < 2:
            return
        units, cost = sum((one.units for one in pile), F(0)), sum((one.cost for one in pile), F(0))
        self.pieces = [one for one in self.pieces if one not in pile]
        age = (pile[0].age[0], event.sequence, self.brought)
        self.brought += 1
        self.pieces.append(Piece(pile[0].account, asset, age, units, cost, cost / units))

    def deal_out(self, event: Any) -> None:
        """Give each account, in the order of ids, what it holds: the oldest pieces first."""
        old, self.pieces = self.pieces, []
        self.method, self.scope = str(event.method), "account"
        for asset in sorted({one.asset for one in old}):
            pile = sorted((one for one in old if one.asset == asset and one.units), key=lambda one: one.age)
            for account in sorted(owner for owner, name in self.balances if name == asset):
                need = self.held(account, asset)
                while need:
                    piece = pile[0]
                    part = min(need, piece.units)
                    cost = piece.cost if part == piece.units else rounded(piece.cost * part / piece.units)
                    piece.units, piece.cost, need = piece.units - part, piece.cost - cost, need - part
                    self.add_piece(event, account, asset, part, cost, piece.age[0])
                    pile = [one for one in pile if one.units]
