"""Say what a person may change in a question, check it, and change one portfolio's inputs (DOMAIN 3.5, F05)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from portfolio.domain.display import number, usd
from portfolio.domain.money import ZERO
from signals.domain.batch import Batch
from signals.domain.shelf import exactly
from signals.domain.venue_costs import OwnDiscounts, TakerRates

LONGEST_HORIZON = 365


class ChangesError(ValueError):
    """Inputs that cannot be: `faults` says by field what is wrong and where the limit is."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Keep the faults."""
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Hold what a person changes; None leaves it as it is. Venue and leader are slugs, discounts are fractions."""

    size_usd: Decimal | None = None
    futures_usd: Decimal | None = None
    leverage: Decimal | None = None
    venue: str | None = None
    spot_discount: Decimal | None = None
    futures_discount: Decimal | None = None
    horizon_days: int | None = None
    stage: str | None = None
    leader: str | None = None

    @property
    def discounts(self) -> OwnDiscounts:
        """Return what the person gets off, nothing where nothing was said."""
        return OwnDiscounts(self.spot_discount or ZERO, self.futures_discount or ZERO)


class Bounds(NamedTuple):
    """Hold what a portfolio and its owner's experience allow, in USD and as leverage; leverage 0 means no futures."""

    pool: Decimal
    smallest: Decimal
    most_futures: Decimal
    most_leverage: Decimal
    is_hedge: bool


def bounds_of(batch: Batch) -> Bounds:
    """Return what may be asked for on the stage that a batch of one stands on (DOMAIN F05; DECISIONS 32)."""
    pool = float((batch.spot + batch.margin).sum())
    equity = pool + float(batch.core[0] + batch.stable[0])
    ratio = float(batch.futures_ratio[0])
    most = float(batch.max_overlay[0]) * equity if ratio > 0 else float(batch.core[0]) if ratio < 0 else 0.0
    return Bounds(
        pool=exactly(pool),
        smallest=exactly(float(batch.min_notional[0])),
        most_futures=exactly(most) if batch.max_leverage[0] else ZERO,
        most_leverage=exactly(float(batch.max_leverage[0])),
        is_hedge=ratio < 0,
    )


def faults_of(changes: Changes, bounds: Bounds) -> dict[str, str]:
    """Return what is out of bounds, by field, with the limit in words."""
    found = {
        "size_usd": _size_fault(changes.size_usd, bounds),
        "futures_usd": _futures_fault(changes.futures_usd, bounds),
        "leverage": _leverage_fault(changes.leverage, bounds),
        "horizon_days": _horizon_fault(changes.horizon_days),
        "spot_discount": _discount_fault(changes.spot_discount),
        "futures_discount": _discount_fault(changes.futures_discount),
    }
    return {name: fault for name, fault in found.items() if fault}


def changed(batch: Batch, changes: Changes, *, rates: TakerRates) -> Batch:
    """Return a batch of one under changed inputs: the person's numbers in place of the policy's, caps as they were.

    A size stands in place of the policy's turnover per rotation, a futures notional in place of the stage's share.
    """
    pool = float((batch.spot + batch.margin).sum())
    sign = float(np.sign(batch.futures_ratio[0]))
    given: dict[str, Any] = {
        "max_turnover": _over(changes.size_usd, pool),
        "futures_ratio": None if changes.futures_usd is None else sign * (_over(changes.futures_usd, pool) or 0.0),
        "leverage": changes.leverage,
        "horizon_days": changes.horizon_days,
        "spot_fee": rates.spot,
        "futures_fee": rates.futures,
    }
    return replace(batch, **{name: np.full(1, float(value)) for name, value in given.items() if value is not None})


def _over(amount: Decimal | None, pool: float) -> float | None:
    """Return an amount as a share of the pool."""
    return None if amount is None else float(amount) / pool if pool > 0 else 0.0


def _size_fault(size: Decimal | None, bounds: Bounds) -> str:
    if size is None or bounds.smallest <= size <= bounds.pool:
        return ""
    if bounds.pool < bounds.smallest:
        return "Your pool holds too little for a leg: leave this empty."
    return f"Give at least {usd(bounds.smallest)}, your smallest leg, and at most {usd(bounds.pool)}, your pool."


def _futures_fault(notional: Decimal | None, bounds: Bounds) -> str:
    if notional is None or ZERO <= notional <= bounds.most_futures:
        return ""
    if not bounds.most_leverage:
        return "Futures are switched off in your settings: leave this empty."
    if not bounds.most_futures:
        return "This stage asks for no futures: leave this empty, or choose another stage."
    why = "your core" if bounds.is_hedge else "the most for your experience"
    return f"Give at most {usd(bounds.most_futures)}, {why}."


def _leverage_fault(leverage: Decimal | None, bounds: Bounds) -> str:
    if leverage is None:
        return ""
    if not bounds.most_leverage:
        return "Futures are switched off in your settings: leave this empty."
    if 1 <= leverage <= bounds.most_leverage:
        return ""
    return f"Give a leverage from 1 to {number(bounds.most_leverage, 0)}, the most for your experience."


def _horizon_fault(days: int | None) -> str:
    return "" if days is None or 1 <= days <= LONGEST_HORIZON else f"Give a number of days from 1 to {LONGEST_HORIZON}."


def _discount_fault(share: Decimal | None) -> str:
    return "" if share is None or 0 <= share <= 1 else "Give a percentage from 0 to 100."
