"""Draw random histories of a portfolio: every kind of event, every fee mode, dust and huge amounts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

from hypothesis import strategies as st

from portfolio.domain.events import Event, FundingPayment, PerpFill, Side, SpotFill, TransferIn, TransferOut

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


@st.composite
def transfers_out(draw: Any) -> dict[str, Any]:
    return {"type": TransferOut, "asset": draw(st.sampled_from([*COINS, *MONEY])), "quantity": draw(quantities)}


STARTING_BALANCES = [
    {"type": TransferIn, "asset": asset, "quantity": D(quantity), "cost": D(cost)}
    for asset, quantity, cost in [("USD", "5000000", "0"), ("USDC", "1000000", "999000.5"), ("BNB", "10", "3333.33")]
]


def numbered(rows: list[dict[str, Any]], **common: Any) -> list[Event]:
    """Turn drawn rows into events, a minute apart, now and then at the same time."""
    return [
        row["type"](
            sequence=number,
            account=1,
            executed_at=START + timedelta(minutes=number - number % 3),
            **{name: value for name, value in row.items() if name != "type"},
            **common,
        )
        for number, row in enumerate(rows, start=1)
    ]


rows = st.lists(
    st.one_of(spot_fills(), spot_fills(), perp_fills(), transfers_in(), transfers_out(), fundings()), max_size=25
)
histories = rows.map(lambda drawn: numbered([*STARTING_BALANCES, *drawn]))
imports = rows.map(lambda drawn: numbered([*STARTING_BALANCES, *drawn], is_imported=True))
