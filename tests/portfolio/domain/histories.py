"""Draw random histories of a portfolio: every kind of event, every fee mode, dust and huge amounts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

from hypothesis import strategies as st

from portfolio.domain.events import (
    Conversion,
    Event,
    FundingPayment,
    MethodChange,
    Move,
    PerpFill,
    Rebase,
    Side,
    SpotFill,
    Swap,
    TransferIn,
    TransferOut,
)
from portfolio.domain.lots import Method, Scope

START = datetime(2026, 1, 1, tzinfo=UTC)
COINS = ("BTC", "ETH")
MONEY = ("USD", "USDC")
PERPS = {1: "USD", 2: "USDC"}

dust = st.integers(1, 10**6).map(lambda n: D(n).scaleb(-18))
plain = st.integers(1, 10**6).map(lambda n: D(n).scaleb(-3))
huge = st.integers(1, 10**26).map(lambda n: D(n).scaleb(-18))
quantities = st.one_of(plain, plain, plain, dust, huge)
prices = st.one_of(st.integers(1, 10**7).map(lambda n: D(n).scaleb(-4)), dust)
rates = st.integers(9_000, 11_000).map(lambda n: D(n).scaleb(-4))
fees = st.one_of(st.just(D(0)), st.integers(1, 10**4).map(lambda n: D(n).scaleb(-6)))


def _rate(asset: str, rate: D) -> D:
    return D(1) if asset == "USD" else rate


@st.composite
def spot_fills(draw: Any) -> dict[str, Any]:
    quote = draw(st.sampled_from(MONEY))
    base = draw(st.sampled_from([*COINS, "BNB", *(["USDC"] if quote == "USD" else [])]))
    return {
        "type": SpotFill,
        "side": draw(st.sampled_from(Side)),
        "base": base,
        "quote": quote,
        "quantity": draw(quantities),
        "price": draw(prices),
        "quote_usd": _rate(quote, draw(rates)),
        "fee": draw(fees),
        "fee_asset": draw(st.sampled_from([base, quote, "BNB", "USD"])),
        "fee_usd": draw(fees),
    }


@st.composite
def perp_fills(draw: Any) -> dict[str, Any]:
    instrument = draw(st.sampled_from(list(PERPS)))
    settle = PERPS[instrument]
    return {
        "type": PerpFill,
        "side": draw(st.sampled_from(Side)),
        "instrument": instrument,
        "settle": settle,
        "quantity": draw(st.one_of(plain, dust)),
        "price": draw(prices),
        "leverage": D(draw(st.integers(1, 20))),
        "settle_usd": _rate(settle, draw(rates)),
        "fee": draw(fees),
        "fee_asset": draw(st.sampled_from([settle, "BNB", "USD"])),
        "fee_usd": draw(fees),
    }


@st.composite
def fundings(draw: Any) -> dict[str, Any]:
    instrument = draw(st.sampled_from(list(PERPS)))
    settle = PERPS[instrument]
    amount = draw(plain) * draw(st.sampled_from([1, -1]))
    return {
        "type": FundingPayment,
        "instrument": instrument,
        "settle": settle,
        "amount": amount,
        "value": amount * _rate(settle, draw(rates)),
    }


@st.composite
def transfers_in(draw: Any) -> dict[str, Any]:
    asset = draw(st.sampled_from([*COINS, *MONEY, "BNB"]))
    cost, value = draw(st.tuples(st.none() | quantities, quantities))
    acquired_at = draw(st.none() | st.integers(1, 999).map(lambda hours: START - timedelta(hours=hours)))
    return {
        "type": TransferIn,
        "asset": asset,
        "quantity": draw(st.one_of(plain, huge)),
        "cost": cost,
        "value": value,
        "acquired_at": acquired_at,
        "is_income": draw(st.booleans()),
    }


def _network_fee(draw: Any) -> dict[str, Any]:
    return {"fee": draw(fees), "fee_asset": draw(st.sampled_from([*COINS, "BNB", "USD"])), "fee_usd": draw(fees)}


@st.composite
def transfers_out(draw: Any) -> dict[str, Any]:
    asset = draw(st.sampled_from([*COINS, *MONEY]))
    return {"type": TransferOut, "asset": asset, "quantity": draw(quantities), **_network_fee(draw)}


@st.composite
def moves(draw: Any) -> dict[str, Any]:
    there = draw(st.booleans())
    return {
        "type": Move,
        "account": 1 if there else 2,
        "to_account": 2 if there else 1,
        "asset": draw(st.sampled_from([*COINS, *MONEY, "BNB"])),
        "quantity": draw(quantities),
        **_network_fee(draw),
    }


@st.composite
def actions(draw: Any) -> dict[str, Any]:
    """Draw a migration, a rebase or a swap; now and then one that rounds lots away."""
    asset, into = draw(st.permutations([*COINS, "BNB"]))[:2]
    match draw(st.sampled_from([Conversion, Rebase, Swap])):
        case kind if kind is Conversion:
            terms = {"into": into, "quantity": draw(quantities), "received": draw(st.one_of(quantities, dust))}
        case kind if kind is Rebase:
            terms = {"change": draw(quantities) * draw(st.sampled_from([1, -1]))}
        case kind:
            amounts = {"quantity": draw(quantities), "received": draw(quantities), "value": draw(plain)}
            terms = {"into": into, **amounts, **_network_fee(draw)}
    return {"type": kind, "asset": asset, **terms}


method_changes = st.builds(
    lambda method, scope: {"type": MethodChange, "account": 0, "method": method, "scope": scope},
    st.sampled_from(Method),
    st.sampled_from(Scope),
)


STARTING_BALANCES = [
    {"type": TransferIn, "asset": asset, "quantity": D(quantity), "cost": D(cost)}
    for asset, quantity, cost in [("USD", "5000000", "0"), ("USDC", "1000000", "999000.5"), ("BNB", "10", "3333.33")]
]


def numbered(rows: list[dict[str, Any]], **common: Any) -> list[Event]:
    """Turn drawn rows into events, a minute apart, now and then at the same time."""
    return [
        row["type"](
            sequence=number,
            executed_at=START + timedelta(minutes=number - number % 3),
            **{"account": 1, **{name: value for name, value in row.items() if name != "type"}},
            **common,
        )
        for number, row in enumerate(rows, start=1)
    ]


trades = st.one_of(spot_fills(), spot_fills(), perp_fills(), transfers_in(), transfers_out(), fundings())
elsewhere = st.one_of(spot_fills(), transfers_in(), transfers_out()).map(lambda row: {**row, "account": 2})
rows = st.lists(st.one_of(trades, trades, elsewhere, moves(), actions()), max_size=25)
histories = rows.map(lambda drawn: numbered([*STARTING_BALANCES, *drawn]))
imports = rows.map(lambda drawn: numbered([*STARTING_BALANCES, *drawn], is_imported=True))
changing = st.lists(st.one_of(trades, trades, elsewhere, moves(), actions(), method_changes), max_size=25).map(
    lambda drawn: numbered([*STARTING_BALANCES, *drawn])
)
"""As histories, and the method and the scope of lots change on the way."""
