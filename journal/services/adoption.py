"""Give executions their reason afterwards: attach them to a rotation, or make a rotation of them (PEERS 4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from journal.models import LegFill, Plan, PlanLeg, Rotation
from journal.queries.undocumented import Deed, deeds_of, undocumented_fills
from journal.services.plans import draft_of, follow, settle
from journal.services.stating import MAX_LEGS, Draft, DraftRefused
from journal.services.writing import Part, extend_rotation, write_rotation
from portfolio.domain.money import Refusal
from portfolio.models import Fill, Portfolio
from portfolio.services.ledger import lock


class NotAttachable(Refusal):
    """Refuse executions that belong to another rotation, were reversed, or are none of this portfolio's."""


@transaction.atomic
def attach_fills(*, rotation: Rotation, fills: Iterable[int], now: datetime) -> Rotation:
    """Attach executions to a rotation that stands; what is attached to it already stays as it is.

    Raises `NotAttachable` for an execution that has a reason elsewhere, or for a rotation that was reversed.
    """
    portfolio = lock(rotation.portfolio)
    rotation.refresh_from_db()
    if rotation.state == Rotation.State.REVERSED:
        raise NotAttachable("This rotation was reversed: make a new one of what you executed.")
    deeds = _deeds(portfolio, fills, rotation)
    if deeds:
        plan = Plan.objects.filter(rotation=rotation, state=Plan.State.EXECUTING).first()
        extend_rotation(rotation=rotation, parts=_parts(deeds, plan), now=now)
        if plan is not None:
            settle(plan=plan, now=now)
    return rotation


@transaction.atomic
def adopt_fills(*, portfolio: Portfolio, fills: Iterable[int], draft: Draft, now: datetime) -> Rotation:
    """Make a rotation of executions that have no reason yet; a repeat of the same key returns the first.

    Raises `DraftRefused` for a missing reason, `NotAttachable` for an execution that has one already.
    """
    locked = lock(portfolio)
    known = Rotation.objects.filter(portfolio=locked, client_key=draft.client_key).first()
    if known is not None:
        return known
    if not draft.thesis.strip():
        raise DraftRefused("thesis", "Write why you did this. One sentence is enough; the review will show it to you.")
    deeds = _deeds(locked, fills, None)
    if not deeds:
        raise DraftRefused("fills", "Choose at least one execution.")
    return write_rotation(portfolio=locked, draft=replace(draft, legs=()), parts=_parts(deeds, None), now=now)


@transaction.atomic
def attach_to_plan(*, plan: Plan, fills: Iterable[int], now: datetime) -> Plan:
    """Count executions as parts of a plan's legs; the first of them makes its rotation."""
    portfolio = lock(plan.portfolio)
    plan.refresh_from_db()
    if plan.rotation is not None:
        attach_fills(rotation=plan.rotation, fills=fills, now=now)
        plan.refresh_from_db()
        return plan
    if not plan.can_become(Plan.State.EXECUTING) or not plan.thesis:
        raise NotAttachable("Only a plan that waits can take what you executed.")
    deeds = _deeds(portfolio, fills, None)
    if not deeds:
        raise DraftRefused("fills", "Choose at least one execution.")
    draft = draft_of(plan=plan, legs=(), executed_at=deeds[0].fill.executed_at, client_key=plan.client_key)
    rotation = write_rotation(portfolio=portfolio, draft=draft, parts=_parts(deeds, plan), now=now)
    follow(plan=plan, rotation=rotation, now=now)
    settle(plan=plan, now=now)
    return plan


def _deeds(portfolio: Portfolio, fills: Iterable[int], rotation: Rotation | None) -> list[Deed]:
    """Return what the executions did that are not attached yet, oldest first."""
    wanted = set(fills)
    if len(wanted) > MAX_LEGS * 5:
        raise NotAttachable(f"Attach at most {MAX_LEGS * 5} executions at once.")
    here = LegFill.objects.filter(leg__rotation=rotation, fill__in=wanted) if rotation is not None else None
    known = set() if here is None else set(here.values_list("fill_id", flat=True))
    rows: list[Fill] = list(
        undocumented_fills(portfolio=portfolio).filter(pk__in=wanted - known).order_by("executed_at", "sequence")
    )
    if {row.pk for row in rows} != wanted - known:
        raise NotAttachable("One of these executions has its reason already, or was reversed. Look again.")
    return deeds_of(rows)


def _parts(deeds: Sequence[Deed], plan: Plan | None) -> list[Part]:
    """Return the executions as parts of legs; those of a plan count for its leg of the same action and instrument."""
    legs = [] if plan is None else list(plan.legs.all())
    aims = {(leg.action, leg.instrument_id): leg for leg in legs}
    return [_part(deed, aims.get((deed.action, deed.fill.instrument_id))) for deed in deeds]


def _part(deed: Deed, aim: PlanLeg | None) -> Part:
    stated = {} if aim is None else {"purpose": aim.purpose, "stop_price": aim.stop_price}
    return Part(fill=deed.fill, action=deed.action, planned=aim, **stated)
