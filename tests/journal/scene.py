"""Set the stage of the playbook's scenario A: the anchor portfolio, prices, and a draft of the rotation."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal as D
from typing import Any

from accounts.models import User
from journal.services.rotations import Draft, DraftLeg
from portfolio.models import Portfolio
from tests.portfolio.factories import PRICES, at, market, perp, portfolio, price, spot

ANCHOR = {
    "BTC": ("0.3", "12000"),
    "ETH": ("0.666668", "1500"),
    "USDC": ("6666.67", "6666.67"),
    "UNI": ("200", "4000"),
    "FET": ("2500", "5000"),
}
DECIDED = at(10)


def anchor(owner: User, *, days: int = 12) -> Portfolio:
    """Open the anchor portfolio in a market with flat prices for some days."""
    where = market()
    for number in range(-1, days):
        price(where, number, PRICES)
    return portfolio(owner, ANCHOR, market=where)


def leg(action: str, **terms: Any) -> DraftLeg:
    """State a leg."""
    return DraftLeg(action=action, **terms)


def scenario_a(**changes: Any) -> Draft:
    """Sell 100 UNI, buy FET with the proceeds, and open a 3x long on 1,000 of the reserve (E41)."""
    legs = (
        leg("SELL_SPOT", instrument=spot("UNI"), quantity=D(100), price=D(25), fee_amount=D("3.75")),
        leg("BUY_SPOT", instrument=spot("FET"), quantity=D("1246.2"), price=D(2), fee_amount=D("3.74")),
        leg(
            "OPEN_LONG",
            instrument=perp("FET"),
            quantity=D(1500),
            price=D(2),
            fee_amount=D("1.5"),
            leverage=D(3),
            stop_price=D("1.7"),
            purpose="AMPLIFY",
        ),
    )
    terms: dict[str, Any] = {
        "client_key": uuid.uuid4(),
        "legs": legs,
        "thesis": "AI turnover is at a high and the narrative still gains.",
        "executed_at": DECIDED,
        "conviction": 0.6,
    }
    return Draft(**{**terms, **changes})


def moment(day: int) -> datetime:
    """Return noon of the nth day."""
    return at(day)
