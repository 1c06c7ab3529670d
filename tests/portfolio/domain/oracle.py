"""Recompute a ledger naively with exact fractions, from the written rules alone (DOMAIN 4.1, 4.2; DECISIONS 11)."""

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


@dataclass
class Piece:
    """Units acquired together."""

    when: tuple[Any, int]
    units: F
    cost: F


@dataclass
class Oracle:
    """Keep every number as a fraction; scan everything at every step."""

    method: str = "FIFO"
    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    usd: F = F(0)
    futures: dict[int, list[F]] = field(default_factory=dict)
    settle: dict[int, str] = field(default_factory=dict)
    realized: F = F(0)
    flows: F = F(0)

    def post(self, event: Any) -> None:
        """Apply an event whole, or raise and change nothing."""
        before = copy.deepcopy(self.__dict__)
        try:
            getattr(self, f"on_{type(event).__name__}")(event)
        except Refused:
            self.__dict__.update(before)
            raise

    def held(self, asset: str) -> F:
        if asset == "USD":
            return self.usd
        return sum((piece.units for piece in self.pieces.get(asset, [])), F(0))

    def cost(self, asset: str) -> F:
        return sum((piece.cost for piece in self.pieces.get(asset, [])), F(0))

    def free(self, asset: str) -> F:
        margins = (row[2] for name, row in self.futures.items() if self.settle[name] == asset)
        return self.held(asset) - sum(margins, F(0))

    def take_in(self, asset: str, units: F, cost: F, when: Any) -> None:
        if units == 0:
            return
        if asset == "USD":
            self.usd += units
            return
        pile = self.pieces.setdefault(asset, [])
        if self.method == "AVG" and pile:
            pile[-1] = Piece(pile[-1].when, pile[-1].units + units, pile[-1].cost + cost)
        else:
            pile.append(Piece(when, units, cost))

    def let_go(self, asset: str, units: F, worth: F | None) -> F:
        """Relieve units and count the gain; give their cost."""
        if units == 0:
            return F(0)
        if units > self.free(asset):
            raise Refused(asset)
        if asset == "USD":
            self.usd -= units
            return units
        total, left = F(0), units
        while left:
            piece = self.next_piece(asset)
            part = min(left, piece.units)
            cost = piece.cost if part == piece.units else rounded(piece.cost * part / piece.units)
            piece.units, piece.cost, left, total = piece.units - part, piece.cost - cost, left - part, total + cost
            self.pieces[asset] = [one for one in self.pieces[asset] if one.units]
        if worth is not None:
            self.realized += worth - total
        return total

    def next_piece(self, asset: str) -> Piece:
        pile = self.pieces[asset]
        if self.method == "LIFO":
            return max(pile, key=lambda one: one.when)
        if self.method == "HIFO":
            return min(pile, key=lambda one: (-one.cost / one.units, one.when))
        return min(pile, key=lambda one: one.when)

    def third_fee(self, event: Any, *own: str) -> F:
        if event.fee_asset in own or not event.fee:
            return F(0)
        worth = F(event.fee) if event.fee_asset == "USD" else F(event.fee_usd)
        self.let_go(event.fee_asset, F(event.fee), worth)
        return worth

    def on_SpotFill(self, event: Any) -> None:
        when = (event.executed_at, event.sequence)
        units, price, rate = F(event.quantity), F(event.price), F(event.quote_usd)
        base_fee = F(event.fee) if event.fee_asset == event.base else F(0)
        quote_fee = F(event.fee) if event.fee_asset == event.quote else F(0)
        money = rounded(units * price)
        if event.side == "buy":
            if base_fee >= units:
                raise Refused("fee")
            paid = rounded((money + quote_fee) * rate)
            self.let_go(event.quote, money + quote_fee, paid)
            third = self.third_fee(event, event.base, event.quote)
            self.take_in(event.base, units - base_fee, paid + third, when)
            return
        if quote_fee > money:
            raise Refused("fee")
        worth = rounded((money - quote_fee) * rate)
        third = self.third_fee(event, event.base, event.quote)
        self.let_go(event.base, units + base_fee, worth - third)
        self.take_in(event.quote, money - quote_fee, worth, when)

    def on_PerpFill(self, event: Any) -> None:
        size, entry, margin = self.futures.get(event.instrument, [F(0), F(0), F(0)])
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
        self.futures[event.instrument] = [size, entry, margin]
        fee = F(event.fee) if event.fee_asset == event.settle else F(0)
        self.settle_cash(event, gain - fee, rounded((gain - fee) * F(event.settle_usd)))
        third = self.third_fee(event, event.settle)
        self.realized -= third
        if signed:
            notional = rounded(abs(signed) * F(event.price))
            posted = rounded(notional / F(event.leverage))
            if posted > self.free(event.settle):
                raise Refused("margin")
            self.futures[event.instrument] = [size + signed, entry + notional, margin + posted]

    def on_FundingPayment(self, event: Any) -> None:
        self.settle_cash(event, F(event.amount), F(event.value))

    def settle_cash(self, event: Any, amount: F, worth: F) -> None:
        if amount > 0:
            self.take_in(event.settle, amount, worth, (event.executed_at, event.sequence))
        else:
            self.let_go(event.settle, -amount, -worth)
        self.realized += worth

    def on_TransferIn(self, event: Any) -> None:
        units = F(event.quantity)
        known = units if event.asset == "USD" else event.value if event.is_income else event.cost
        cost = F(known if known is not None else event.value)
        self.take_in(event.asset, units, cost, (event.acquired_at or event.executed_at, event.sequence))
        if event.is_income:
            self.realized += cost
        else:
            self.flows += cost

    def on_TransferOut(self, event: Any) -> None:
        self.flows -= self.let_go(event.asset, F(event.quantity), None)
