"""Split what a rotation brought against holding into its causes, to the cent (PEERS 4.3; DOMAIN 5.1, 5.6). In USD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from journal.domain.counterfactual import Decision, overlay_parts
from portfolio.domain.money import ZERO, exact, in_context

CENT = Decimal("0.01")


class Cause(StrEnum):
    """Name what an outcome came from."""

    AVOIDED = "source_avoided"
    SELECTION = "target_selection"
    TIMING = "timing_between_legs"
    SLIPPAGE = "slippage"
    FEES = "fees"
    OVERLAY = "overlay"
    FUTURES_FEES = "futures_fees"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """A spot fill: signed units (bought > 0), its price, the price it was decided at, and closes before it.

    `waited_from` is the last close before the rotation's first fill, `waited_to` the one before this fill; None where
    either is not known. Prices in USD.
    """

    asset: str
    quantity: Decimal
    price: Decimal
    decided: Decimal
    waited_from: Decimal | None = None
    waited_to: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One cause and what it brought, to the cent."""

    cause: Cause
    amount: Decimal


@in_context
def split(
    *, decision: Decision, traded: Sequence[Traded], closes: Mapping[str, Decimal], moment: datetime
) -> tuple[Line, ...]:
    """Return the causes of the total alpha at a close; they add up to its cents exactly.

    Selection and avoidance start at the prices decided at. What an asset moved between closes while a leg waited for
    the first one is timing; the rest between decision and execution is slippage. Fees in the asset itself count there.
    """
    raw = dict.fromkeys(Cause, ZERO)
    for fill in traded:
        raw[Cause.SELECTION if fill.quantity > 0 else Cause.AVOIDED] += fill.quantity * (
            closes[fill.asset] - fill.decided
        )
        timing = _waited(fill)
        raw[Cause.TIMING] += timing
        raw[Cause.SLIPPAGE] += fill.quantity * (fill.decided - fill.price) - timing
    parts = overlay_parts(decision=decision, moment=moment, closes=closes)
    raw[Cause.OVERLAY], raw[Cause.FUTURES_FEES], raw[Cause.FUNDING] = parts.gain, -parts.fees, parts.funding
    total = _total(decision, closes) + parts.total
    raw[Cause.FEES] = total - sum(raw.values(), ZERO)
    return in_cents(raw, total=total)


@in_context
def in_cents(raw: Mapping[Cause, Decimal], *, total: Decimal) -> tuple[Line, ...]:
    """Round each cause so that all add up to the rounded total: the cents that go to the ones rounded most."""
    floors = {cause: _cents(amount) for cause, amount in raw.items()}
    left = int((_cents(total) - sum(floors.values(), ZERO)) / CENT)
    step = CENT if left > 0 else -CENT
    ranked = sorted(raw, key=lambda cause: (floors[cause] - raw[cause]) * (1 if left > 0 else -1))
    for cause in (ranked * (abs(left) // len(ranked) + 1))[: abs(left)]:
        floors[cause] += step
    return tuple(Line(cause=cause, amount=amount) for cause, amount in floors.items())


def _waited(fill: Traded) -> Decimal:
    if fill.waited_from is None or fill.waited_to is None:
        return ZERO
    return -fill.quantity * (fill.waited_to - fill.waited_from)


def _total(decision: Decision, closes: Mapping[str, Decimal]) -> Decimal:
    """Return the spot alpha at some closes, as every review does (DOMAIN 5.1)."""
    hold = sum((side.quantity * closes[side.asset] for side in decision.sold), ZERO)
    kept = sum((side.quantity * closes[side.asset] for side in decision.bought), ZERO)
    return exact(kept + decision.cash - hold)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)
