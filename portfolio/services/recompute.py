"""Derive a ledger anew from a moment on: at once where little follows, else in a worker (issue 3; RELIABILITY I16)."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import F

from jobs.services import enqueue
from portfolio.domain.checkpoints import read, written
from portfolio.domain.events import Event
from portfolio.domain.ledger import Folded, fold, state_after
from portfolio.domain.lots import Lot as DomainLot
from portfolio.domain.lots import LotKey, Method
from portfolio.domain.outcomes import State
from portfolio.models import Checkpoint, Portfolio
from portfolio.queries.events import MOMENTS, Order, later, standing_events
from portfolio.queries.stored import stored_state
from portfolio.services.posting import forget, forget_after, sources_of, write_anew

METHOD = Method.FIFO
"""The method in force before a portfolio names another."""

AT_ONCE = 5_000
"""So many entries are folded and written in the request itself, so that the figure is there at once."""

SPACING = 1_000
"""The distance of the last checkpoint from the end; each earlier one is four times as far away."""

GROWTH = 4

RECOMPUTE_TASK = "portfolio.recompute_ledger"
CHECKPOINT_TASK = "portfolio.checkpoint_ledger"
VALUE_TASK = "portfolio.value_portfolios"
FOLLOWING = (VALUE_TASK, "journal.measure_reviews")
"""What is done with new figures once a worker has derived them, by name: a lower app imports no higher one."""


def derive_from(*, portfolio: Portfolio, since: Order, now: datetime) -> State:
    """Fold what follows from a moment, and write it at once or ask a worker to; returns the ledger as it will be.

    Raises what the fold raises: nothing is stored then. Until the worker is done the old figures stand, whole.
    """
    Checkpoint.objects.filter(later(Checkpoint, (since[0], since[1] - 1)), portfolio=portfolio).delete()
    waiting = portfolio.recompute_from
    if waiting is None and _count_after(portfolio, _last_checkpoint(portfolio)) <= AT_ONCE:
        return _derive(portfolio).state
    state = _tried(portfolio)
    portfolio.recompute_from = since[0] if waiting is None else min(since[0], waiting)
    Portfolio.objects.filter(pk=portfolio.pk).update(recompute_from=portfolio.recompute_from)
    _ask(portfolio.pk, now)
    return state


def ask_again(*, now: datetime) -> int:
    """Ask a worker once more for every ledger that waits, whatever became of the first time; returns how many wait."""
    waiting = list(Portfolio.objects.filter(recompute_from__isnull=False).values_list("pk", flat=True))
    for portfolio in waiting:
        _ask(portfolio, now)
    return len(waiting)


def _ask(portfolio: int, now: datetime) -> None:
    """Write the job down; one that is under way already is not asked for twice."""
    key = f"{RECOMPUTE_TASK}:{portfolio}"
    enqueue(task=RECOMPUTE_TASK, now=now, args={"portfolio": portfolio}, unique_key=key)


@transaction.atomic
def recompute(*, portfolio: Portfolio, now: datetime) -> int:
    """Bring the derived figures up to date in one transaction; returns how many entries were folded anew."""
    locked = lock(portfolio)
    if locked.recompute_from is None:
        return 0
    folded = _derive(locked)
    Portfolio.objects.filter(pk=locked.pk).update(recompute_from=None)
    for task in FOLLOWING:
        enqueue(task=task, now=now, unique_key=task)
    return len(folded.outcomes)


@transaction.atomic
def rebuild(portfolio: Portfolio) -> None:
    """Delete everything that was derived and derive it anew from all that was recorded."""
    locked = lock(portfolio)
    Checkpoint.objects.filter(portfolio=locked).delete()
    _derive(locked)
    Portfolio.objects.filter(pk=locked.pk).update(recompute_from=None)


@transaction.atomic
def checkpoint(portfolio: Portfolio) -> None:
    """Write down where the ledger stands now, so that a later correction need not go back further."""
    locked = lock(portfolio)
    state = stored_state(portfolio=locked).state
    if state.last is None or locked.recompute_from is not None:
        return
    if not Checkpoint.objects.filter(portfolio=locked, sequence=state.last[1]).exists():
        _keep(locked, replace(state, method=state.method or METHOD))


def lock(portfolio: Portfolio) -> Portfolio:
    """Hold the portfolio's row until the transaction ends, on both databases, and read it as it now is."""
    Portfolio.objects.filter(pk=portfolio.pk).update(ledger_version=F("ledger_version"))
    return Portfolio.objects.select_related("market", "reserve_asset").get(pk=portfolio.pk)


def _tried(portfolio: Portfolio) -> State:
    """Fold what follows the last checkpoint without writing anything."""
    with _uncollected():
        start = _last_checkpoint(portfolio)
        events = standing_events(portfolio=portfolio, after=_order(start))
        return state_after(events=events, opening=_state(start), method=METHOD)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let the collector rest: nothing that a fold makes is a cycle, and it would walk every event again and again."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


@_uncollected()
def _derive(portfolio: Portfolio) -> Folded:
    """Fold everything after the last checkpoint and write it in the place of what was there."""
    start = _last_checkpoint(portfolio)
    opening, after = _state(start), _order(start)
    events = sorted(standing_events(portfolio=portfolio, after=after), key=Event.order)
    folded, milestones = _fold_in_parts(events, opening)
    if after is None:
        forget(portfolio)
    else:
        forget_after(portfolio=portfolio, after=after)
    before = [lot for lots in opening.lots.values() for lot in lots]
    write_anew(portfolio=portfolio, folded=folded, sources=sources_of(portfolio), before=before)
    for state in milestones:
        _keep(portfolio, state)
    return folded


def _fold_in_parts(events: Sequence[Event], opening: State) -> tuple[Folded, list[State]]:
    """Fold, and give the states on the way that are worth keeping: ever denser towards the end."""
    cuts, distance = [len(events)], SPACING
    while len(events) - distance > SPACING:
        cuts.append(len(events) - distance)
        distance *= GROWTH
    parts, start, state = [], 0, opening
    for cut in sorted(cuts):
        parts.append(fold(events=events[start:cut], opening=state, method=METHOD))
        start, state = cut, parts[-1].state
    return _joined(parts), [part.state for part in parts[:-1]]


def _joined(parts: Sequence[Folded]) -> Folded:
    if len(parts) == 1:
        return parts[0]
    lots: dict[LotKey, DomainLot] = {}
    for part in parts:
        lots.update(part.lots)
    return Folded(
        state=parts[-1].state,
        outcomes=tuple(outcome for part in parts for outcome in part.outcomes),
        lots=lots,
        changed=frozenset().union(*(part.changed for part in parts)),
    )


def _keep(portfolio: Portfolio, state: State) -> None:
    """Store a checkpoint, and drop what stands closer together than the distance from the end asks for."""
    if state.last is None:
        return
    moment, sequence = state.last
    Checkpoint.objects.create(portfolio=portfolio, executed_at=moment, sequence=sequence, state=written(state))
    kept, surplus = 0, []
    rows = Checkpoint.objects.filter(portfolio=portfolio).order_by("-executed_at", "-sequence")
    for pk, own in rows.values_list("pk", "sequence"):
        distance = abs(sequence - own)
        if 0 < distance < GROWTH * kept:
            surplus.append(pk)
        else:
            kept = distance
    Checkpoint.objects.filter(pk__in=surplus).delete()


def _last_checkpoint(portfolio: Portfolio) -> Checkpoint | None:
    return Checkpoint.objects.filter(portfolio=portfolio).order_by("-executed_at", "-sequence").first()


def _state(start: Checkpoint | None) -> State:
    return State() if start is None else read(start.state)


def _order(start: Checkpoint | None) -> Order | None:
    return None if start is None else (start.executed_at, start.sequence)


def _count_after(portfolio: Portfolio, start: Checkpoint | None) -> int:
    after = _order(start)
    return sum(model._default_manager.filter(later(model, after), portfolio=portfolio).count() for model in MOMENTS)
