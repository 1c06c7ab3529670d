"""Bring the venues' figures to one unit: base units, funding a year, fees as fractions (DOMAIN 2.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from signals.sources.live.base import BadValueError, amount, rate

HOURS_PER_YEAR = 8760.0
USUAL_INTERVAL = 8.0
PARTS_OF_HOUR = {"h": 1, "m": 60}
HIGHEST_FEE = 0.01
HIGHEST_RATE = 0.05


def base_units(interest: Mapping[str, Any], *, market: Mapping[str, Any], price: float | None) -> float:
    """Return open interest in base units: an inverse amount counts contracts, a lone value is USD (trap 2).

    Raises BadValueError where neither can be converted.
    """
    held, worth = interest.get("openInterestAmount"), interest.get("openInterestValue")
    if held is not None and not market.get("inverse"):
        return float(amount(held, "open interest"))
    usd = float(amount(worth, "open interest")) if worth is not None else _contracts_in_usd(held, market)
    if price is None or price <= 0:
        raise BadValueError("open interest in USD cannot be converted without a price", value=usd)
    return usd / price


def _contracts_in_usd(held: Any, market: Mapping[str, Any]) -> float:
    """Return what a number of inverse contracts is worth: each stands for a fixed amount of USD."""
    size = market.get("contractSize")
    return float(amount(held, "open interest")) * float(amount(size, "the contract size"))


def interval_hours(stated: object, moments: Sequence[int]) -> float:
    """Return the hours between two fundings: as stated, else the usual gap between payments, else 8 (trap 3)."""
    text = str(stated or "")
    if text[-1:] in PARTS_OF_HOUR and text[:-1].isdigit() and int(text[:-1]) > 0:
        return float(text[:-1]) / PARTS_OF_HOUR[text[-1]]
    ordered = sorted(set(moments))
    gaps = Counter(round((b - a) / 3_600_000) for a, b in pairwise(ordered))
    common = [hours for hours, _ in gaps.most_common() if hours >= 1]
    return float(common[0]) if common else USUAL_INTERVAL


def yearly(raw: Any, *, hours: float) -> float:
    """Return an interval's funding rate as a yearly rate (DOMAIN 2.6). Raises BadValueError."""
    return rate(raw, "the funding rate", limit=HIGHEST_RATE) * HOURS_PER_YEAR / hours


def fee_rate(raw: Any) -> float:
    """Return a fee as a fraction; more than 1% is a percentage by mistake, as WEEX' listed ones are (trap 4)."""
    return rate(raw, "the fee rate", limit=HIGHEST_FEE)
