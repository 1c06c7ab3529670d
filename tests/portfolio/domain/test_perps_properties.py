"""Random futures histories agree with a recomputation in fractions that shares no code with the ledger (DOMAIN 4.2)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from fractions import Fraction as F
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio.domain.events import Event, FundingPayment, MarginChange, PerpFill, Side, TransferIn
from portfolio.domain.futures import PositionSide
from portfolio.domain.ledger import fold
from tests.profiles import examples

START = datetime(2026, 1, 1, tzinfo=UTC)
PLENTY = D(10**9)
SCALE = 10**18

amounts = st.decimals(min_value=D("0.001"), max_value=D(500), places=3)
prices = st.decimals(min_value=D("0.5"), max_value=D(90_000), places=2)
sides = st.sampled_from(list(PositionSide))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), sides, st.booleans(), amounts, prices, st.integers(1, 20)),
        st.tuples(st.just("funding"), sides, st.booleans(), amounts),
        st.tuples(st.just("margin"), sides, st.booleans(), amounts),
    ),
    min_size=1,
    max_size=14,
)
contracts = st.tuples(st.booleans(), st.sampled_from([D(1), D("0.001"), D(100)]))


def rounded(value: F) -> F:
    return F(round(value * SCALE), SCALE)


@dataclass
class Naive:
    """Keep one side's book as fractions."""

    size: F = F(0)
    entry: F = F(0)
    margin: F = F(0)
    gained: F = F(0)
    funding: F = F(0)


@dataclass
class Oracle:
    """Recompute positions from the written rules; an event that cannot be is skipped by both."""

    is_inverse: bool
    unit: F
    books: dict[str, Naive] = field(default_factory=dict)

    def value(self, size: F, price: F) -> F:
        return rounded(abs(size) / price if self.is_inverse else abs(size) * price)

    def fill(self, side: str, signed: F, price: F, leverage: int, rate: F) -> None:
        book = self.books.setdefault(side, Naive())
        signed *= self.unit
        if book.size * signed < 0:
            self.close(book, min(abs(signed), abs(book.size)), price, rate)
            signed = signed + self.left if signed < 0 else signed - self.left
        if signed:
            opened = self.value(signed, price)
            book.size, book.entry = book.size + signed, book.entry + opened
            book.margin += rounded(opened / leverage)

    def close(self, book: Naive, part: F, price: F, rate: F) -> None:
        share = part / abs(book.size)
        cost = book.entry if share == 1 else rounded(book.entry * share)
        freed = book.margin if share == 1 else rounded(book.margin * share)
        way = (1 if book.size > 0 else -1) * (-1 if self.is_inverse else 1)
        book.gained += rounded(way * (self.value(part, price) - cost) * rate)
        book.size += -part if book.size > 0 else part
        book.entry, book.margin, self.left = book.entry - cost, book.margin - freed, part


def events_of(history: list[Any], *, is_inverse: bool, unit: D) -> tuple[list[Event], Oracle]:
    """Give the events of a history and the books that the oracle makes of them, leaving out what cannot be."""
    settle = "BTC" if is_inverse else "USD"
    account = {"account": 1, "executed_at": START, "sequence": 1}
    events: list[Event] = [TransferIn(**account, asset=settle, quantity=PLENTY, cost=PLENTY)]
    oracle = Oracle(is_inverse, F(unit))
    for number, (kind, side, is_up, amount, *terms) in enumerate(history, start=2):
        place = {"sequence": number, "account": 1, "executed_at": START + timedelta(hours=number)}
        common: dict[str, Any] = {**place, "instrument": 7, "settle": settle, "position_side": side}
        book = oracle.books.setdefault(side, Naive())
        signed = amount if is_up else -amount
        if kind == "fill":
            after = book.size + F(signed) * oracle.unit
            if (side == "long" and after < 0) or (side == "short" and after > 0):
                continue
            price, leverage = terms
            rate = price if is_inverse else D(1)
            events.append(
                PerpFill(
                    **common,
                    side=Side.BUY if is_up else Side.SELL,
                    quantity=amount,
                    price=price,
                    leverage=D(leverage),
                    settle_usd=rate,
                    contract_size=unit,
                    is_inverse=is_inverse,
                )
            )
            oracle.fill(side, F(signed), F(price), leverage, F(rate))
        elif kind == "funding":
            worth = signed * 3 if is_inverse else signed
            events.append(FundingPayment(**common, amount=signed, value=worth))
            book.funding += F(worth)
        elif book.size and book.margin + F(signed) > 0:
            events.append(MarginChange(**common, amount=signed))
            book.margin += F(signed)
    return events, oracle


@settings(max_examples=examples(test=150, prove=5_000, mutation=10), deadline=None)
@given(steps, contracts)
def test_every_book_agrees(history: list[Any], contract: tuple[bool, D]) -> None:
    events, oracle = events_of(history, is_inverse=contract[0], unit=contract[1])

    state = fold(events=events).state

    for side, book in oracle.books.items():
        position = state.positions.get((1, 7, side))
        if position is None:
            assert book == Naive()
            continue
        found = (position.quantity, position.entry_cost, position.margin, position.realized_usd, position.funding_usd)
        assert [F(amount) for amount in found] == [book.size, book.entry, book.margin, book.gained, book.funding]
    assert F(state.locked(1, events[0].asset)) == sum(book.margin for book in oracle.books.values())  # type: ignore[attr-defined]
