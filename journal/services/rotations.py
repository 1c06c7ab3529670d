"""Log a rotation whole or not at all, and reverse it whole (DOMAIN F06, 5.2; DECISIONS 14-18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from jobs.services import enqueue
from journal.models import LegFill, Rotation
from journal.services.plans import follow, give_up, matched, plan_of, settle
from journal.services.stating import MAX_LEGS, Draft, DraftLeg, DraftRefused, check
from journal.services.writing import REVIEW_TASK, execute, tell_outcome, write_rotation
from portfolio.domain.money import Refusal, exact
from portfolio.models import Fill, Portfolio
from portfolio.services.entries import KeyReused
from portfolio.services.ledger import lock, reverse_fills

__all__ = [
    "MAX_LEGS",
    "AlreadyReversed",
    "Draft",
    "DraftLeg",
    "DraftRefused",
    "Logged",
    "check",
    "log_rotation",
    "reverse_rotation",
]


class AlreadyReversed(Refusal):
    """Refuse to reverse a rotation twice."""


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
    plan = plan_of(portfolio=locked, client_key=draft.client_key)
    planned = () if plan is None else matched(plan=plan, draft=draft)
    parts = execute(portfolio=locked, draft=draft, now=now, planned=planned)
    rotation = write_rotation(portfolio=locked, draft=draft, parts=parts, now=now)
    if plan is not None:
        follow(plan=plan, rotation=rotation, now=now)
        settle(plan=plan, now=now)
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
        tell_outcome(recommendation=rotation.recommendation, now=now)
    enqueue(task=REVIEW_TASK, now=now, unique_key=REVIEW_TASK)
    give_up(rotation=rotation, reason=reason, now=now)
    rotation.refresh_from_db()
    return rotation


def _known(portfolio: Portfolio, draft: Draft) -> Logged | None:
    """Return what the draft's key logged before; a key that logged something else is refused."""
    rotation = Rotation.objects.filter(portfolio=portfolio, client_key=draft.client_key).first()
    if rotation is None:
        return None
    columns = ("leg__action", "fill__instrument_id", "fill__quantity", "fill__price", "fill__executed_at")
    first = LegFill.objects.filter(leg__rotation=rotation).order_by("pk").values_list(*columns)[: len(draft.legs)]
    terms = [(leg.action, leg.instrument.pk, exact(leg.quantity), exact(leg.price)) for leg in draft.legs]
    stated = [(*leg, draft.executed_at) for leg in terms]
    if (rotation.thesis, list(first)) != (draft.thesis.strip(), stated):
        raise KeyReused("Something else was logged under this key before: begin a new ticket for another rotation.")
    return Logged(rotation=rotation, is_repeat=True)
