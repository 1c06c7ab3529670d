"""State a rotation as a person means it, and refuse what cannot be one before the ledger is asked (DECISIONS 14-17)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from journal.domain.checklist import Considered
from journal.queries.legs import OPENS, SPOT
from portfolio.domain.money import ZERO, Refusal
from portfolio.models import Asset, Instrument, Portfolio
from signals.models import Recommendation, RecommendationLeg

Action = RecommendationLeg.Action
MAX_LEGS = 20


class DraftRefused(Refusal):
    """Say which field of a draft cannot be taken, and what to do."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field, such as `thesis` or `legs.0.stop_price`."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class DraftLeg:
    """One side of a rotation as a person states it; the fee is in the quote asset unless another is named."""

    action: str
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    fee_amount: Decimal = ZERO
    fee_asset: Asset | None = None
    leverage: Decimal | None = None
    stop_price: Decimal | None = None
    purpose: str = ""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A rotation as a person states it; `client_key` makes a repeat harmless."""

    client_key: uuid.UUID
    legs: tuple[DraftLeg, ...]
    thesis: str
    executed_at: datetime
    conviction: float | None = None
    recommendation: Recommendation | None = None
    no_stop_reason: str = ""
    core_override_reason: str = ""
    tags: tuple[str, ...] = ()
    mood: str = ""
    checklist: tuple[Considered, ...] = ()


def check(*, portfolio: Portfolio, draft: Draft) -> None:
    """Refuse what the ledger cannot know to be wrong: no legs, no reason, no stop, a foreign recommendation."""
    if not draft.legs:
        raise DraftRefused("legs", "A rotation has at least one leg: add what you sold or bought.")
    if len(draft.legs) > MAX_LEGS:
        raise DraftRefused("legs", f"A rotation has at most {MAX_LEGS} legs; log the rest as another one.")
    if not draft.thesis.strip():
        raise DraftRefused("thesis", "Write why you do this. One sentence is enough; the review will show it to you.")
    if draft.conviction is not None and not 0 < draft.conviction < 1:
        raise DraftRefused("conviction", "Give a probability between 0 and 1, such as 0.6, or leave it empty.")
    if draft.recommendation is not None:
        _check_recommendation(draft.recommendation, portfolio, draft.executed_at)
    for number, leg in enumerate(draft.legs):
        _check_leg(f"legs.{number}", leg, draft)


def _check_recommendation(named: Recommendation, portfolio: Portfolio, executed_at: datetime) -> None:
    """Refuse one that the decision cannot have rested on; a time may be stated to the minute only."""
    if named.portfolio_id != portfolio.pk:
        raise DraftRefused("recommendation", "This recommendation belongs to another portfolio.")
    if named.is_refusal:
        raise DraftRefused("recommendation", "Nothing was recommended here: log this without it.")
    if executed_at < named.issued_at.replace(second=0, microsecond=0):
        issued = f"{named.issued_at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"
        raise DraftRefused(
            "recommendation",
            f"This recommendation was issued on {issued}, after you traded. Correct when you traded, or log it without "
            "the recommendation.",
        )


def _check_leg(where: str, leg: DraftLeg, draft: Draft) -> None:
    """Refuse a leg whose action does not fit its instrument, or that opens futures without a stop."""
    if leg.action not in Action.values:
        raise DraftRefused(f"{where}.action", "Choose what this leg does.")
    is_spot = leg.instrument.kind == Instrument.Kind.SPOT
    if is_spot != (leg.action in SPOT):
        raise DraftRefused(
            f"{where}.action", f"{leg.instrument.name} cannot be used to {Action(leg.action).label.lower()}."
        )
    if leg.action not in OPENS:
        return
    if leg.leverage is None or leg.leverage < 1:
        raise DraftRefused(f"{where}.leverage", "Give the leverage of this futures leg, 1 or more.")
    most = leg.instrument.max_leverage
    if most is not None and leg.leverage > most:
        name = f"{leg.instrument.venue.name} lends at most {most.normalize():f}x on {leg.instrument.name}"
        raise DraftRefused(f"{where}.leverage", f"{name}: write {most.normalize():f} or less.")
    if leg.stop_price is None and not draft.no_stop_reason.strip():
        raise DraftRefused(f"{where}.stop_price", 'Give a stop, or write why there is none under "no stop, because …".')
    is_long = leg.action == Action.OPEN_LONG
    if leg.stop_price is not None and (leg.stop_price >= leg.price) == is_long:
        side = "below" if is_long else "above"
        raise DraftRefused(f"{where}.stop_price", f"The stop of this leg belongs {side} its entry of {leg.price:f}.")
