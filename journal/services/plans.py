"""Keep what a person means to do: drafts as they are typed, plans, their legs as they fill, and how they end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from journal.domain.checklist import Considered
from journal.domain.shares import is_done
from journal.models import Picture, Plan, PlanLeg, Rotation
from journal.queries.plans import filled_of
from journal.services.stating import Draft, DraftLeg, DraftRefused, check
from journal.services.writing import execute, extend_rotation, write_rotation
from portfolio.domain.money import ZERO, Refusal
from portfolio.models import Asset, Fill, Portfolio
from portfolio.services.ledger import lock

LONGEST = 10_000
MOST_FIELDS = 400
MOST_DRAFTS = 100


class NotNow(Refusal):
    """Refuse a step that a plan cannot take from where it stands."""


@dataclass(frozen=True, kw_only=True)
class Filled:
    """One part of a leg as it was executed; the fee is in the quote asset unless another is named."""

    leg: PlanLeg
    quantity: Decimal
    price: Decimal
    fee_amount: Decimal = ZERO
    fee_asset: Asset | None = None


@transaction.atomic
def keep_draft(*, portfolio: Portfolio, client_key: uuid.UUID, written: Mapping[str, str], now: datetime) -> Plan:
    """Keep a ticket as it is typed, finished or not; what was planned or logged under this key is left as it is.

    The oldest of more than 100 drafts is given up.
    """
    lock(portfolio)
    text = {name[:60]: _clean(value) for name, value in list(written.items())[:MOST_FIELDS]}
    plan, is_new = Plan.objects.get_or_create(
        portfolio=portfolio, client_key=client_key, defaults={"begun_at": now, "saved_at": now, "written": text}
    )
    if not is_new and plan.state == Plan.State.DRAFT:
        plan.written, plan.saved_at = text, now
        plan.save(update_fields=["written", "saved_at"])
    if is_new:
        _trim(portfolio)
    return plan


@transaction.atomic
def keep_plan(*, portfolio: Portfolio, draft: Draft, now: datetime, written: Mapping[str, str] | None = None) -> Plan:
    """Keep a ticket as a plan to be executed later; planned again before its first fill, it is written anew.

    Raises `DraftRefused` naming the field, or `NotNow` once it is executed or over.
    """
    locked = lock(portfolio)
    check(portfolio=locked, draft=draft)
    fresh = {"begun_at": now, "saved_at": now}
    plan, _ = Plan.objects.get_or_create(portfolio=locked, client_key=draft.client_key, defaults=fresh)
    if plan.state not in (Plan.State.DRAFT, Plan.State.PLANNED):
        raise NotNow("This plan is under way or over: what was planned stays as it was.")
    for name, value in _stated(draft).items():
        setattr(plan, name, value)
    plan.written = {name[:60]: _clean(value) for name, value in list((written or {}).items())[:MOST_FIELDS]}
    plan.saved_at = now
    if plan.state == Plan.State.DRAFT:
        _become(plan, Plan.State.PLANNED, now)
    plan.save()
    plan.legs.all().delete()
    PlanLeg.objects.bulk_create(_leg(plan, number, leg) for number, leg in enumerate(draft.legs, start=1))
    return plan


@transaction.atomic
def fill_legs(
    *, plan: Plan, filled: Sequence[Filled], executed_at: datetime, client_key: uuid.UUID, now: datetime
) -> Plan:
    """Record parts of a plan's legs as executed together; the first makes the rotation, the last one closes the plan.

    Raises `NotNow` for a plan that is over, `DraftRefused` naming the field, or another `Refusal` of the ledger.
    """
    portfolio = lock(plan.portfolio)
    plan.refresh_from_db()
    if _known(plan, client_key):
        return plan
    if plan.state not in (Plan.State.PLANNED, Plan.State.EXECUTING):
        raise NotNow("Only a plan that waits or is under way can be filled.")
    legs = tuple(_executed(each) for each in filled)
    draft = draft_of(plan=plan, legs=legs, executed_at=executed_at, client_key=client_key)
    parts = execute(portfolio=portfolio, draft=draft, now=now, planned=[each.leg for each in filled])
    if plan.rotation is None:
        own = replace(draft, client_key=plan.client_key)
        follow(plan=plan, rotation=write_rotation(portfolio=portfolio, draft=own, parts=parts, now=now), now=now)
    else:
        extend_rotation(rotation=plan.rotation, parts=parts, now=now)
    settle(plan=plan, now=now)
    return plan


@transaction.atomic
def abandon(*, plan: Plan, reason: str, now: datetime) -> Plan:
    """Give up a draft or a plan before its first fill, with a reason; one that is given up already stays so."""
    lock(plan.portfolio)
    plan.refresh_from_db()
    if plan.state == Plan.State.ABANDONED:
        return plan
    if plan.state == Plan.State.EXECUTING:
        raise NotNow("Part of this plan is executed: close it with what is filled, or reverse its rotation.")
    if plan.state == Plan.State.PLANNED and not reason.strip():
        raise DraftRefused("reason", "Say why you give it up: half a sentence is enough.")
    return _ended(plan, Plan.State.ABANDONED, reason, now)


@transaction.atomic
def close_short(*, plan: Plan, reason: str, now: datetime) -> Plan:
    """Close a plan with what is filled, leaving the rest undone, with a reason; one that is closed stays so."""
    lock(plan.portfolio)
    plan.refresh_from_db()
    if plan.state == Plan.State.CLOSED:
        return plan
    if not reason.strip():
        raise DraftRefused("reason", "Say why the rest stays undone: half a sentence is enough.")
    return _ended(plan, Plan.State.CLOSED, reason, now)


def draft_of(*, plan: Plan, legs: tuple[DraftLeg, ...], executed_at: datetime, client_key: uuid.UUID) -> Draft:
    """Return a plan, or a part of it, as a draft of a rotation."""
    return Draft(
        client_key=client_key,
        legs=legs,
        thesis=plan.thesis,
        executed_at=executed_at,
        conviction=plan.conviction,
        recommendation=plan.recommendation,
        no_stop_reason=plan.no_stop_reason,
        core_override_reason=plan.core_override_reason,
        tags=tuple(plan.tags),
        mood=plan.mood,
        checklist=tuple(Considered(**each) for each in plan.checklist),
    )


def plan_of(*, portfolio: Portfolio, client_key: uuid.UUID) -> Plan | None:
    """Return the plan that a ticket was kept as, where it still waits for its first fill."""
    waiting = (Plan.State.DRAFT, Plan.State.PLANNED)
    return Plan.objects.filter(portfolio=portfolio, client_key=client_key, state__in=waiting).first()


def follow(*, plan: Plan, rotation: Rotation, now: datetime) -> None:
    """Tie a plan to the rotation that it became; its pictures go along."""
    plan.rotation = rotation
    _become(plan, Plan.State.EXECUTING, now)
    plan.save()
    Picture.objects.filter(plan=plan).update(plan=None, rotation=rotation)


def matched(*, plan: Plan, draft: Draft) -> list[PlanLeg | None]:
    """Return the planned leg that each leg of a draft executes: the first of its action and instrument left over."""
    left = list(plan.legs.all())
    found: list[PlanLeg | None] = []
    for leg in draft.legs:
        aim = next((p for p in left if (p.action, p.instrument_id) == (leg.action, leg.instrument.pk)), None)
        if aim is not None:
            left.remove(aim)
        found.append(aim)
    return found


def settle(*, plan: Plan, now: datetime) -> None:
    """Close a plan whose legs are all filled."""
    if plan.state != Plan.State.EXECUTING:
        return
    filled = filled_of(plan)
    if all(is_done(planned=leg.quantity, filled=filled.get(leg.pk, ZERO)) for leg in plan.legs.all()):
        _ended(plan, Plan.State.CLOSED, "", now)


def give_up(*, rotation: Rotation, reason: str, now: datetime) -> None:
    """Give up the plan of a rotation that is reversed while it is under way."""
    plan = Plan.objects.filter(rotation=rotation, state=Plan.State.EXECUTING).first()
    if plan is not None:
        _ended(plan, Plan.State.ABANDONED, reason, now)


def _ended(plan: Plan, state: str, reason: str, now: datetime) -> Plan:
    plan.ending = reason.strip()[:300]
    _become(plan, state, now)
    plan.save()
    return plan


def _become(plan: Plan, state: str, now: datetime) -> None:
    """Take a legal step and stamp it.

    Raises `NotNow` for any other.
    """
    if not plan.can_become(state):
        raise NotNow(f"What is {plan.get_state_display().lower()} cannot become {Plan.State(state).label.lower()}.")
    plan.state = state
    setattr(plan, Plan.STAMPS[state], now)


def _trim(portfolio: Portfolio) -> None:
    drafts = Plan.objects.filter(portfolio=portfolio, state=Plan.State.DRAFT).order_by("-saved_at", "-id")
    Plan.objects.filter(pk__in=list(drafts.values_list("pk", flat=True)[MOST_DRAFTS:])).delete()


def _known(plan: Plan, client_key: uuid.UUID) -> bool:
    """Return whether a part of this key was recorded before."""
    fills = Fill.objects.filter(portfolio=plan.portfolio_id, leg_fill__leg__rotation__plan=plan)
    return fills.filter(external_id__startswith=str(client_key)).exists()


def _stated(draft: Draft) -> dict[str, Any]:
    return {
        "recommendation": draft.recommendation,
        "thesis": draft.thesis.strip(),
        "conviction": draft.conviction,
        "no_stop_reason": draft.no_stop_reason.strip()[:300],
        "core_override_reason": draft.core_override_reason.strip()[:300],
        "tags": list(dict.fromkeys(tag.strip() for tag in draft.tags if tag.strip()))[:20],
        "mood": draft.mood,
        "checklist": [asdict(each) for each in draft.checklist],
    }


def _leg(plan: Plan, number: int, leg: DraftLeg) -> PlanLeg:
    terms = {name: getattr(leg, name) for name in ("action", "instrument", "quantity", "price", "leverage", "purpose")}
    return PlanLeg(plan=plan, position=number, stop_price=leg.stop_price, **terms)


def _executed(each: Filled) -> DraftLeg:
    return DraftLeg(
        action=each.leg.action,
        instrument=each.leg.instrument,
        quantity=each.quantity,
        price=each.price,
        fee_amount=each.fee_amount,
        fee_asset=each.fee_asset,
        leverage=each.leg.leverage,
        stop_price=each.leg.stop_price,
        purpose=each.leg.purpose,
    )


def _clean(value: str) -> str:
    """Cut what was typed to what a column takes."""
    return value[:LONGEST].replace("\x00", "")
