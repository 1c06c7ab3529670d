"""Log a rotation whole or not at all, and reverse it whole (DOMAIN F06, 5.2; DECISIONS 14-18)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from jobs.services import enqueue
from journal.domain.classify import Adherence, Classified, classify, is_too_late
from journal.models import Leg, LegFill, Rotation
from journal.queries.evidence import Standing, standing_at
from journal.queries.legs import (
    BUYS,
    CLOSES,
    OPENS,
    SPOT,
    Placed,
    done_about,
    executed_sizes,
    moved_between,
    open_after,
    places_of,
    recommended_sizes,
)
from journal.queries.results import results_of
from portfolio.domain.money import ZERO, Refusal, exact
from portfolio.models import Asset, Fill, Instrument, Portfolio
from portfolio.services.entries import KeyReused, NewFill
from portfolio.services.ledger import CoreSaleRefused, Recorded, lock, record_fills, reverse_fills
from signals.models import Recommendation, RecommendationLeg
from signals.services.outcomes import RecommendationClosedError, close_recommendation, withdraw_outcome

Action = RecommendationLeg.Action
MAX_LEGS = 20
REVIEW_TASK = "journal.measure_reviews"
OUTCOMES = {
    Adherence.FOLLOWED: Recommendation.State.FOLLOWED,
    Adherence.DEVIATED: Recommendation.State.DEVIATED,
    Adherence.CONTRADICTED: Recommendation.State.CONTRADICTED,
}
"""What rotations make of their recommendation; those that did something else make nothing of it."""


class DraftRefused(Refusal):
    """Say which field of a draft cannot be taken, and what to do."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field, such as `thesis` or `legs.0.stop_price`."""
        super().__init__(message)
        self.field = field


class AlreadyReversed(Refusal):
    """Refuse to reverse a rotation twice."""


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


@dataclass(frozen=True, kw_only=True)
class Logged:
    """The rotation, and whether it was there before."""

    rotation: Rotation
    is_repeat: bool


def log_rotation(*, portfolio: Portfolio, draft: Draft, now: datetime) -> Logged:
    """Record fills, legs, evidence and outcome together; a second submit of the same key returns the first rotation.

    Raises `DraftRefused` naming the field, `KeyReused`, or another `Refusal` of the ledger: oversold, core, future …
    """
    try:
        return _log(portfolio, draft, now)
    except IntegrityError:
        found = _known(portfolio, draft)
        if found is None:
            raise
        return found


@transaction.atomic
def _log(portfolio: Portfolio, draft: Draft, now: datetime) -> Logged:
    locked = lock(portfolio)
    found = _known(locked, draft)
    if found is not None:
        return found
    check(portfolio=locked, draft=draft)
    recorded = _record(locked, draft, now)
    _check_closings(recorded.fills, draft)
    places = places_of(portfolio=locked, instruments=[leg.instrument for leg in draft.legs], moment=draft.executed_at)
    standing = standing_at(portfolio=locked, recommendation=draft.recommendation, moment=draft.executed_at)
    verdict = _verdict(recorded.fills, draft.legs, places, standing)
    rotation = _write(locked, draft, standing, verdict, places, recorded, now)
    _write_legs(rotation, draft, recorded, places)
    if standing.recommendation is not None:
        _tell_outcome(standing.recommendation, now)
    enqueue(task=REVIEW_TASK, now=now, unique_key=REVIEW_TASK)
    return Logged(rotation=rotation, is_repeat=False)


@transaction.atomic
def reverse_rotation(*, rotation: Rotation, reason: str, now: datetime) -> Rotation:
    """Reverse all its fills; the rotation and its reversal stay visible (DECISIONS 18).

    Raises `AlreadyReversed`, `DraftRefused` for a missing reason, or `Oversold` where later sales need what it bought.
    """
    if not reason.strip():
        raise DraftRefused("reason", "Say why you reverse it: the reason stays beside the rotation.")
    portfolio = lock(rotation.portfolio)
    claimed = Rotation.objects.filter(pk=rotation.pk, state=Rotation.State.LOGGED)
    changes = {"reversed_at": portfolio.clock(now), "reversal_reason": reason.strip()[:300]}
    if not claimed.update(state=Rotation.State.REVERSED, **changes):
        raise AlreadyReversed("This rotation was reversed already.")
    fills = Fill.objects.filter(leg_fill__leg__rotation=rotation).order_by("-sequence")
    reverse_fills(portfolio=portfolio, fills=fills, now=now)
    if rotation.recommendation is not None:
        _tell_outcome(rotation.recommendation, now)
    enqueue(task=REVIEW_TASK, now=now, unique_key=REVIEW_TASK)
    rotation.refresh_from_db()
    return rotation


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


def _check_closings(fills: Sequence[Fill], draft: Draft) -> None:
    """Refuse a leg that closes more than is open: the rest would open the other side, without a stop."""
    for number, fill in enumerate(fills):
        if draft.legs[number].action not in CLOSES:
            continue
        side = 1 if fill.side == Fill.Side.SELL else -1
        left = open_after(fill) * side
        if left < 0:
            name, held = fill.instrument.name, max(left + fill.quantity, ZERO)
            words = f"You have {held.normalize():f} {name} {'long' if side > 0 else 'short'} then: close at most that."
            raise DraftRefused(f"legs.{number}.quantity", words)


def _known(portfolio: Portfolio, draft: Draft) -> Logged | None:
    """Return what the draft's key logged before; a key that logged something else is refused."""
    rotation = Rotation.objects.filter(portfolio=portfolio, client_key=draft.client_key).first()
    if rotation is None:
        return None
    columns = ("leg__action", "fill__instrument_id", "fill__quantity", "fill__price")
    pairs = LegFill.objects.filter(leg__rotation=rotation).order_by("leg__position")
    stated = [(leg.action, leg.instrument.pk, exact(leg.quantity), exact(leg.price)) for leg in draft.legs]
    terms = (rotation.executed_at, rotation.thesis, list(pairs.values_list(*columns)))
    if terms != (draft.executed_at, draft.thesis.strip(), stated):
        raise KeyReused("Something else was logged under this key before: begin a new ticket for another rotation.")
    return Logged(rotation=rotation, is_repeat=True)


def _record(portfolio: Portfolio, draft: Draft, now: datetime) -> Recorded:
    """Record the fills in the order of the legs; a core sale without a reason names its field."""
    fills = [
        NewFill(
            instrument=leg.instrument,
            side=Fill.Side.BUY if leg.action in BUYS else Fill.Side.SELL,
            quantity=leg.quantity,
            price=leg.price,
            executed_at=draft.executed_at,
            fee_amount=leg.fee_amount,
            fee_asset=leg.fee_asset,
            leverage=leg.leverage if leg.action in OPENS else None,
        )
        for leg in draft.legs
    ]
    try:
        return record_fills(
            portfolio=portfolio,
            fills=fills,
            now=now,
            client_key=str(draft.client_key),
            core_override_reason=draft.core_override_reason,
        )
    except CoreSaleRefused as refusal:
        raise DraftRefused("core_override_reason", str(refusal)) from refusal


def _verdict(
    fills: Sequence[Fill], legs: Sequence[DraftLeg], places: dict[int, Placed], standing: Standing
) -> Classified:
    sizes = executed_sizes(fills=fills, actions=[leg.action for leg in legs], places=places)
    named = standing.recommendation
    is_late = named is not None and is_too_late(fills[0].executed_at, expires_at=named.expires_at)
    return classify(executed=sizes, recommended=recommended_sizes(named), is_late=is_late)


def _write(
    portfolio: Portfolio,
    draft: Draft,
    standing: Standing,
    verdict: Classified,
    places: dict[int, Placed],
    recorded: Recorded,
    now: datetime,
) -> Rotation:
    """Insert the rotation with what it realised and the evidence as it stands."""
    spot = [fill for fill, leg in zip(recorded.fills, draft.legs, strict=True) if leg.action in SPOT]
    kind, source, destination = moved_between(spot, places)
    results = results_of(fills=[fill.pk for fill in recorded.fills])
    return Rotation.objects.create(
        portfolio=portfolio,
        recommendation=standing.recommendation,
        client_key=draft.client_key,
        kind=kind,
        adherence=verdict.adherence,
        similarity=None if verdict.similarity is None else float(verdict.similarity),
        source_sector=source,
        destination_sector=destination,
        stage=standing.stage,
        regime=standing.regime,
        thesis=draft.thesis.strip(),
        conviction=draft.conviction,
        no_stop_reason=draft.no_stop_reason.strip()[:300],
        core_override_reason=draft.core_override_reason.strip()[:300] if recorded.core_breaches else "",
        tags=list(dict.fromkeys(tag.strip() for tag in draft.tags if tag.strip()))[:20],
        executed_at=draft.executed_at,
        recorded_at=now,
        moved_usd=results.sold_usd,
        fees_usd=results.fees_usd,
        spot_pnl_usd=results.spot_pnl_usd,
        futures_pnl_usd=results.futures_pnl_usd,
        evidence=standing.evidence,
        evidence_sha256=standing.sha256,
    )


def _write_legs(rotation: Rotation, draft: Draft, recorded: Recorded, places: dict[int, Placed]) -> None:
    """Insert the legs, each tied to its fill."""
    breached = {breach.asset for breach in recorded.core_breaches}
    legs = Leg.objects.bulk_create(
        Leg(
            rotation=rotation,
            position=number,
            action=leg.action,
            purpose=leg.purpose,
            sector_id=places[leg.instrument.pk].sector.pk,
            stop_price=leg.stop_price,
            is_core_violation=leg.action == Action.SELL_SPOT and leg.instrument.asset.symbol in breached,
        )
        for number, leg in enumerate(draft.legs, start=1)
    )
    LegFill.objects.bulk_create(LegFill(leg=leg, fill=fill) for leg, fill in zip(legs, recorded.fills, strict=True))


def _tell_outcome(recommendation: Recommendation, now: datetime) -> None:
    """Tell `signals` what all standing rotations together made of it; one that was passed on keeps that answer."""
    recommendation.refresh_from_db(fields=["state"])
    done = done_about(recommendation)
    made = classify(executed=done.sizes, recommended=recommended_sizes(recommendation), is_late=done.is_late)
    outcome = OUTCOMES.get(made.adherence) if done.sizes else None
    if outcome == recommendation.state:
        return
    withdraw_outcome(recommendation=recommendation, now=now)
    if outcome is not None:
        with suppress(RecommendationClosedError):
            close_recommendation(recommendation=recommendation, outcome=outcome, now=now)
