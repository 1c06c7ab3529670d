"""Write down rotations from fills, whole or leg by leg, and keep what follows from their fills in step (DOMAIN 5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from jobs.services import enqueue
from journal.domain.classify import Adherence, classify, is_too_late
from journal.domain.shares import decided_at
from journal.models import Leg, LegFill, PlanLeg, Review, Rotation
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
from journal.services.stating import Draft, DraftRefused
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Fill, Portfolio
from portfolio.services.entries import NewFill
from portfolio.services.ledger import CoreSaleRefused, Recorded, record_fills
from signals.models import Recommendation, RecommendationLeg
from signals.services.outcomes import RecommendationClosedError, close_recommendation, withdraw_outcome

Action = RecommendationLeg.Action
REVIEW_TASK = "journal.measure_reviews"
OUTCOMES = {
    Adherence.FOLLOWED: Recommendation.State.FOLLOWED,
    Adherence.DEVIATED: Recommendation.State.DEVIATED,
    Adherence.CONTRADICTED: Recommendation.State.CONTRADICTED,
}
"""What rotations make of their recommendation; those that did something else make nothing of it."""

DERIVED = (
    "kind", "source_sector", "destination_sector", "adherence", "similarity", "executed_at", "moved_usd", "fees_usd",
    "spot_pnl_usd", "futures_pnl_usd",
)  # fmt: skip


LegName = tuple[str, int, int | None, int | None]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A fill, and which side of the rotation it executes."""

    fill: Fill
    action: str
    purpose: str = ""
    stop_price: Decimal | None = None
    planned: PlanLeg | None = None
    is_core_violation: bool = False
    number: int | None = None

    @property
    def key(self) -> LegName:
        """Name the leg it belongs to: the one stated, else of its action and instrument, and of its planned leg."""
        return self.action, self.fill.instrument_id, None if self.planned is None else self.planned.pk, self.number


def execute(*, portfolio: Portfolio, draft: Draft, now: datetime, planned: Sequence[PlanLeg | None] = ()) -> list[Part]:
    """Record the fills of a draft in the order of its legs, and return which leg, and which planned one, each executes.

    Raises `DraftRefused` naming the field, or another `Refusal` of the ledger.
    """
    recorded = _record(portfolio, draft, now)
    _check_closings(recorded.fills, draft)
    breached = {breach.asset for breach in recorded.core_breaches}
    aims = planned or [None] * len(draft.legs)
    return [
        Part(
            fill=fill,
            action=leg.action,
            purpose=leg.purpose,
            stop_price=leg.stop_price,
            planned=aim,
            number=number if aim is None else None,
            is_core_violation=leg.action == Action.SELL_SPOT and leg.instrument.asset.symbol in breached,
        )
        for number, (fill, leg, aim) in enumerate(zip(recorded.fills, draft.legs, aims, strict=True))
    ]


def write_rotation(*, portfolio: Portfolio, draft: Draft, parts: Sequence[Part], now: datetime) -> Rotation:
    """Insert a rotation of some fills with its legs and the evidence as it stood; tell what it makes of the advice."""
    moment = _moment([part.fill for part in parts])
    standing = standing_at(portfolio=portfolio, recommendation=draft.recommendation, moment=moment)
    places = places_of(portfolio=portfolio, instruments=[part.fill.instrument for part in parts], moment=moment)
    follows = _following(parts, standing.recommendation, places)
    rotation = Rotation.objects.create(
        portfolio=portfolio,
        client_key=draft.client_key,
        recorded_at=now,
        **follows,
        **_stated(draft, any(part.is_core_violation for part in parts)),
        **_frozen(standing),
    )
    _write_legs(rotation, parts, places, {})
    _announce(rotation, now)
    return rotation


def extend_rotation(*, rotation: Rotation, parts: Sequence[Part], now: datetime) -> None:
    """Add fills to a rotation that stands; everything that follows from its fills follows from these too."""
    known: dict[LegName, Leg] = {}
    for leg, pair in _pairs(rotation):
        known[leg.action, pair.fill.instrument_id, leg.planned_id, None] = leg
    _write_legs(rotation, parts, _places(rotation, [part.fill for part in parts]), known)
    renew(rotation=rotation, now=now)


def renew(*, rotation: Rotation, now: datetime) -> None:
    """Derive a rotation anew from its fills and have it measured again; reason and evidence stay as they were."""
    parts = [Part(fill=pair.fill, action=leg.action) for leg, pair in _pairs(rotation)]
    places = _places(rotation, [part.fill for part in parts])
    for name, value in _following(parts, rotation.recommendation, places).items():
        setattr(rotation, name, value)
    rotation.save(update_fields=DERIVED)
    Review.objects.filter(rotation=rotation).delete()
    _announce(rotation, now)


def tell_outcome(*, recommendation: Recommendation, now: datetime) -> None:
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


def _announce(rotation: Rotation, now: datetime) -> None:
    if rotation.recommendation is not None:
        tell_outcome(recommendation=rotation.recommendation, now=now)
    enqueue(task=REVIEW_TASK, now=now, unique_key=REVIEW_TASK)


def _pairs(rotation: Rotation) -> list[tuple[Leg, LegFill]]:
    rows = LegFill.objects.filter(leg__rotation=rotation).select_related("leg", "fill__instrument__asset")
    return [(pair.leg, pair) for pair in rows.order_by("leg__position", "pk")]


def _places(rotation: Rotation, fills: Iterable[Fill]) -> dict[int, Placed]:
    instruments = [fill.instrument for fill in fills]
    return places_of(portfolio=rotation.portfolio, instruments=instruments, moment=rotation.executed_at)


@in_context
def _moment(fills: Iterable[Fill]) -> datetime:
    return decided_at([(fill.executed_at, fill.quantity * fill.price * fill.quote_usd) for fill in fills])


def _following(
    parts: Sequence[Part], recommendation: Recommendation | None, places: dict[int, Placed]
) -> dict[str, Any]:
    """Return what follows from some fills: which way money moved, what was realised, how it relates to the advice."""
    fills = [part.fill for part in parts]
    sizes = executed_sizes(fills=fills, actions=[part.action for part in parts], places=places)
    is_late = recommendation is not None and is_too_late(
        min(fill.executed_at for fill in fills), expires_at=recommendation.expires_at
    )
    verdict = classify(executed=sizes, recommended=recommended_sizes(recommendation), is_late=is_late)
    moved = moved_between([part.fill for part in parts if part.action in SPOT], places)
    results = results_of(fills=[fill.pk for fill in fills])
    return {
        "kind": moved.kind,
        "source_sector": moved.source,
        "destination_sector": moved.destination,
        "adherence": verdict.adherence,
        "similarity": None if verdict.similarity is None else float(verdict.similarity),
        "executed_at": _moment(fills),
        "moved_usd": results.sold_usd,
        "fees_usd": results.fees_usd,
        "spot_pnl_usd": results.spot_pnl_usd,
        "futures_pnl_usd": results.futures_pnl_usd,
    }


def _stated(draft: Draft, has_sold_core: bool) -> dict[str, Any]:
    """Return what a person said."""
    return {
        "thesis": draft.thesis.strip(),
        "conviction": draft.conviction,
        "no_stop_reason": draft.no_stop_reason.strip()[:300],
        "core_override_reason": draft.core_override_reason.strip()[:300] if has_sold_core else "",
        "tags": list(dict.fromkeys(tag.strip() for tag in draft.tags if tag.strip()))[:20],
        "mood": draft.mood,
        "checklist": [asdict(each) for each in draft.checklist],
    }


def _frozen(standing: Standing) -> dict[str, Any]:
    """Return what the machine said."""
    return {
        "recommendation": standing.recommendation,
        "stage": standing.stage,
        "regime": standing.regime,
        "evidence": standing.evidence,
        "evidence_sha256": standing.sha256,
    }


def _write_legs(
    rotation: Rotation, parts: Sequence[Part], places: dict[int, Placed], known: Mapping[LegName, Leg]
) -> None:
    """Insert the legs that are not there yet, and tie each fill to its leg."""
    ordered: dict[LegName, Part] = {}
    for part in parts:
        if part.key not in known:
            ordered.setdefault(part.key, part)
    first = len({leg.pk for leg in known.values()}) + 1
    rows = Leg.objects.bulk_create(
        _leg(rotation, number, part, places) for number, part in enumerate(ordered.values(), start=first)
    )
    legs = {**known, **dict(zip(ordered, rows, strict=True))}
    LegFill.objects.bulk_create(LegFill(leg=legs[part.key], fill=part.fill) for part in parts)


def _leg(rotation: Rotation, number: int, part: Part, places: dict[int, Placed]) -> Leg:
    return Leg(
        rotation=rotation,
        position=number,
        action=part.action,
        purpose=part.purpose,
        sector_id=places[part.fill.instrument_id].sector.pk,
        stop_price=part.stop_price,
        planned=part.planned,
        is_core_violation=part.is_core_violation,
    )


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
