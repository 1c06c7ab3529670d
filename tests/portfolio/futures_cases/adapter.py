"""Answer a case about futures with the ledger's own arithmetic; only its input is read, never what it expects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.funding import GRACE, Change, Stamp, accrued, funding_payment
from portfolio.domain.futures import Position, contract_value, return_on_margin, trade, unrealized
from portfolio.domain.margin import (
    CONVENTIONS,
    Convention,
    Marked,
    Tier,
    Wallet,
    bankruptcy_price,
    cross_wallet,
    liquidation_price,
    maintenance_margin,
    next_deduction,
)
from portfolio.domain.money import ONE, ZERO, in_context

Terms = Mapping[str, Any]
Answer = dict[str, Any]
COINS = ("_btc", "_eth", "_usdt", "_usd", "_coin")


class OutOfScope(LookupError):
    """Say by which documented convention a case is not one of Rotabook's."""


def answer(case: Terms) -> Answer:
    """Return what the ledger says to a case, by name without the coin's suffix."""
    kind = case.get("kind")
    if kind not in _KINDS:
        raise OutOfScope(f"kind:{kind}")
    if case.get("informational"):
        raise OutOfScope("informational")
    return _KINDS[kind](case["venue"], case["input"])


def plain(name: str) -> str:
    """Return a figure's name without the coin it is in."""
    return next((name.removesuffix(coin) for coin in COINS if name.endswith(coin)), name)


def _liquidation(venue: str, terms: Terms) -> Answer:
    if _is_spot(venue, terms):
        return {"liquidation_price": None}
    return _several(venue, terms) if "position" in terms else _single(venue, terms)


def _several(venue: str, terms: Terms) -> Answer:
    """A wallet behind one position, shared with others in cross mode."""
    position = _opened(terms["position"])
    balance, others = Decimal(terms["wallet_balance"]), []
    if terms.get("margin_mode") == "cross":
        others = [Marked(_opened(one), one["mark"], [_tier(one)]) for one in terms.get("other_positions", ())]
    found = liquidation_price(
        position=position,
        tiers=[_tier(terms["position"])],
        wallet=cross_wallet(balance=balance, others=others),
        convention=_convention(venue),
    )
    return {"liquidation_price": found}


def _single(venue: str, terms: Terms) -> Answer:
    position, convention = _opened(terms), _convention(venue)
    tier = Tier(ZERO, Decimal(terms["mmr"]), _deduction(terms, convention))
    margin = Decimal(terms.get("isolated_margin", position.margin)) + Decimal(terms.get("extra_margin", 0))
    found = liquidation_price(
        position=position,
        tiers=[tier],
        wallet=Wallet(balance=margin),
        convention=convention,
        closing_fee=Decimal(terms.get("taker_fee", 0)),
    )
    return {
        "liquidation_price": found,
        "position_value": position.entry_cost,
        "initial_margin": position.margin,
        "position_margin": margin,
        "maintenance_margin": maintenance_margin(value=position.entry_cost, tiers=[tier]),
        "bankruptcy_price": bankruptcy_price(position),
    }


def _maintenance(_venue: str, terms: Terms) -> Answer:
    named = {plain(name): value for name, value in terms.items()}
    before = Tier(ZERO, Decimal(named["mmr_prev"]), Decimal(named["amount_prev"]))
    found = next_deduction(floor=Decimal(named["bracket_floor"]), mmr=Decimal(named["mmr_n"]), before=before)
    return {"maintenance_amount": found}


@in_context
def _roi(venue: str, terms: Terms) -> Answer:
    """Return on what was put up: the margin and the fee to close where the margin is gone."""
    position = _opened(terms)
    broke = bankruptcy_price(position)
    assert broke is not None
    fee = contract_value(quantity=position.quantity, price=broke, is_inverse=position.is_inverse) * terms["taker_fee"]
    gain = unrealized(position=position, mark=terms["last"])
    share = return_on_margin(gain=gain, margin=position.margin + fee)
    return {
        "initial_margin": position.margin,
        "fee_to_close": fee,
        "bankruptcy_price": broke,
        "unrealized_pnl": gain,
        "roi_pct": (share or ZERO) * 100,
    }


def _unrealized(venue: str, terms: Terms) -> Answer:
    mark = Decimal(terms.get("last", terms.get("mark", 0)))
    return {"unrealized_pnl": unrealized(position=_opened(terms), mark=mark)}


def _funding(_venue: str, terms: Terms) -> Answer:
    size = abs(_opened({**terms, "entry": terms["mark"]}).quantity)
    received = {
        side: funding_payment(
            quantity=size if side == "long" else -size,
            mark=terms["mark"],
            rate=terms["rate"],
            is_inverse="qty_usd" in terms,
        )
        for side in ("long", "short")
    }
    own = received[terms.get("side", "long")]
    return {
        "funding_paid": -own,
        "funding_received": own,
        "funding_received_long": received["long"],
        "funding_received_short": received["short"],
    }


def _funding_window(venue: str, terms: Terms) -> Answer:
    """Funding of a position held from one moment to another, worked out from hourly marks."""
    opened, closed = _moment(terms["open"]), _moment(terms["close"])
    marks = _hourly(terms)
    stamps = [
        Stamp(at, row["rate"], marks[at])
        for at, row in ((_moment(row["time"]), row) for row in terms["funding_events_known"])
        if at in marks
    ]
    size, grace = Decimal(terms["qty"]), GRACE.get(_exchange(venue), timedelta(0))
    received = {}
    for side, signed in (("long", size), ("short", -size)):
        changes = [Change(opened, signed), Change(closed, -signed)]
        received[side] = sum((row.amount for row in accrued(changes=changes, stamps=stamps, grace=grace)), ZERO)
    return {
        "funding_received": received[terms.get("side", "long")],
        "funding_received_long": received["long"],
        "funding_received_short": received["short"],
    }


@in_context
def _round_trip(venue: str, terms: Terms) -> Answer:
    """Open, close and fund; what was put up is the opening value with its fee, over the leverage."""
    if venue == "margin":
        raise OutOfScope("borrowed")
    side = _sign(terms)
    quantity, leverage = Decimal(terms["qty"]), Decimal(terms.get("leverage", 1))
    opened = trade(position=_flat(terms), quantity=side * quantity, price=terms["open_rate"], leverage=leverage)
    closed = trade(position=opened.position, quantity=-side * quantity, price=terms["close_rate"], leverage=ONE)
    opening = opened.position.entry_cost
    closing = contract_value(quantity=quantity, price=terms["close_rate"])
    fees = opening * terms["fee_open"] + closing * terms["fee_close"]
    net = closed.realized - fees + terms.get("net_funding_received", 0)
    put_up = opening * (1 + side * Decimal(terms["fee_open"])) / leverage
    return {
        "realized_pnl": closed.realized,
        "fees": fees,
        "net_profit": net,
        "profit_ratio_on_margin": return_on_margin(gain=net, margin=put_up),
    }


def _is_spot(venue: str, terms: Terms) -> bool:
    return terms.get("trading_mode") == "spot" or venue.endswith("_spot")


def _exchange(venue: str) -> str:
    return venue.split("_", maxsplit=1)[0]


def _convention(venue: str) -> Convention | None:
    return CONVENTIONS.get(_exchange(venue))


def _deduction(terms: Terms, convention: Convention | None) -> Decimal:
    """Return the deduction under the venue's own name: Binance's maintenance amount, Bybit's deduction."""
    if convention is Convention.MARK:
        return Decimal(terms.get("maintenance_amount", terms.get("cum", 0)))
    return Decimal(terms.get("mm_deduction", terms.get("cum", 0)))


def _tier(terms: Terms) -> Tier:
    return Tier(ZERO, Decimal(terms["mmr"]), Decimal(terms.get("cum", 0)))


def _opened(terms: Terms) -> Position:
    """Return the position that a case describes, whatever it calls the size."""
    leverage = Decimal(terms.get("leverage", 1))
    return trade(position=_flat(terms), quantity=_sign(terms) * _size(terms), price=terms["entry"], leverage=leverage)[
        0
    ]


def _flat(terms: Terms) -> Position:
    return Position(settle="COIN" if "qty_usd" in terms else "USDT", is_inverse="qty_usd" in terms)


def _size(terms: Terms) -> Decimal:
    if "contracts" in terms:
        return Decimal(terms["contracts"]) * Decimal(terms.get("contract_multiplier", 1))
    return Decimal(terms["qty_usd"] if "qty_usd" in terms else terms["qty"])


def _sign(terms: Terms) -> int:
    return {"long": 1, "short": -1}[terms.get("side", "long")]


def _hourly(terms: Terms) -> dict[datetime, Decimal]:
    (name,) = (name for name in terms if name.startswith("mark_price_hourly_from_"))
    start = _moment(name.removeprefix("mark_price_hourly_from_"))
    return {start + timedelta(hours=hour): Decimal(mark) for hour, mark in enumerate(terms[name])}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_KINDS: Mapping[Any, Callable[[str, Terms], Answer]] = {
    "liquidation": _liquidation,
    "maintenance_amount": _maintenance,
    "roi": _roi,
    "unrealized": _unrealized,
    "funding": _funding,
    "funding_window": _funding_window,
    "round_trip_pnl": _round_trip,
}
