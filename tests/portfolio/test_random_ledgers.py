"""Random histories through the services, back-dated and reversed at will, leave a sound ledger in any order."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from accounts.models import User
from portfolio.domain.money import Refusal
from portfolio.models import Disposal, Fill, Holding, Portfolio
from portfolio.queries.invariants import violations
from portfolio.services.ledger import METHOD, record_fills, record_transfer, reverse_fills
from tests.portfolio.factories import NOW, asset, at, fill, perp, portfolio, spot, transfer

OPENING: dict[str, tuple[str, str | None]] = {
    "USDC": ("50000", "49990"),
    "UNI": ("500", None),
    "BNB": ("5", "1500"),
    "USD": ("9000", None),
}


def draw(chance: Random, number: int) -> Any:
    """State something that may have happened: a fill on spot or perp, a transfer."""
    when = at(chance.randrange(1, 60), number)
    quantity = f"{chance.randrange(1, 300_000)}.{chance.randrange(10**18):018d}"[: chance.choice([4, 7, 21])].rstrip(
        "."
    )
    side = chance.choice(["buy", "sell"])
    fees: dict[str, Any] = {
        "fee_amount": f"0.{chance.randrange(1, 999):05d}",
        "fee_asset": asset(chance.choice(["USDC", "BNB"])),
    }
    match chance.randrange(6):
        case 0:
            kind = chance.choice(["deposit", "withdrawal", "income"])
            return transfer(kind, chance.choice(["UNI", "USD", "USDC"]), quantity, when)
        case 1 | 2:
            leverage = str(chance.randrange(1, 9))
            return fill(perp("FET"), side, quantity, f"{chance.randrange(1, 500)}.37", when, leverage=leverage, **fees)
        case _:
            coin = chance.choice(["UNI", "FET"])
            return fill(spot(coin), side, quantity, f"0.{chance.randrange(1, 9999):04d}", when, **fees)


def state(book: Portfolio) -> tuple[Any, ...]:
    held = Holding.objects.filter(portfolio=book).exclude(quantity="0").order_by("asset__symbol")
    gains = Disposal.objects.filter(portfolio=book).values_list("realized_pnl_usd", flat=True)
    return list(held.values_list("asset__symbol", "quantity", "cost_usd")), sum(gains)


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("seed", range(6))
def test_any_history_leaves_a_sound_ledger(alice: User, seed: int) -> None:
    chance = Random(seed)
    book = portfolio(alice, OPENING)
    fills: list[Fill] = []
    for number in range(40):
        before = state(book)
        try:
            if fills and chance.random() < 0.2:
                reverse_fills(portfolio=book, fills=[fills.pop(chance.randrange(len(fills)))], now=NOW)
                continue
            stated = draw(chance, number)
            if hasattr(stated, "kind"):
                record_transfer(portfolio=book, transfer=stated, now=NOW)
            else:
                fills += record_fills(portfolio=book, fills=[stated], now=NOW).fills
        except Refusal:
            assert state(book) == before

    assert violations(portfolio=Portfolio.objects.get(), method=METHOD) == []
    assert fills


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_imports_does_not_matter(alice: User, bob: User, seed: int) -> None:
    chance = Random(seed)
    drawn = [draw(chance, number) for number in range(30)]
    stated = [one for one in drawn if not hasattr(one, "kind")]
    forward, shuffled = portfolio(alice, OPENING), portfolio(bob, OPENING)

    record_fills(portfolio=forward, fills=sorted(stated, key=lambda one: one.executed_at), now=NOW, is_imported=True)
    chance.shuffle(stated)
    for one in stated:
        record_fills(portfolio=shuffled, fills=[one], now=NOW, is_imported=True)

    assert state(forward) == state(shuffled)
