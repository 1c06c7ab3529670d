"""Let a person have the live sources asked now: one job that shows how far it is, never oftener than budgets bear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import transaction

from jobs.models import Job
from jobs.services import claim_slot, enqueue
from portfolio.models import Market
from signals.models import SourceState
from signals.services.live import listed, refresh_source
from signals.services.refresh import REBUILD_TASK, refresh
from signals.sources.live.registry import enabled_sources

ASK_TASK = "signals.ask_sources"
PAUSE_S = 120
LOOK_PAUSE = timedelta(seconds=30)
PATIENCE_S = 80.0
"""No further source is asked after this; the job's own limit is 120 s."""

Progress = Callable[[int, int, str], None]


class TooSoonError(RuntimeError):
    """It was asked for moments ago."""


@transaction.atomic
def request_look(*, market: Market, user: Any, now: datetime) -> Job:
    """Queue a new look at a market; a person's request that waits already is returned.

    Raises TooSoonError where the person's last look ended moments ago.
    """
    key = f"{REBUILD_TASK}:{market.pk}:{user.pk}"
    recent = Job.objects.filter(task=REBUILD_TASK, user=user, unique_key=key, finished_at__gt=now - LOOK_PAUSE)
    if recent.exists():
        raise TooSoonError("You looked less than half a minute ago. Ask again in a moment.")
    return enqueue(task=REBUILD_TASK, args={"market": market.pk}, user=user, unique_key=key, now=now)


@transaction.atomic
def request_sources(*, market: Market, user: Any, now: datetime, names: Sequence[str] = ()) -> Job:
    """Queue the asking of live sources, all of them or the named; each at most once in two minutes, whoever asks.

    Raises UnknownSourceError, and TooSoonError where none of them may be asked now.
    """
    wanted = [listed(name).name for name in names] or [source.name for source in enabled_sources()]
    resting = set(SourceState.objects.filter(open_until__gt=now).values_list("name", flat=True))
    chosen = [
        name for name in wanted if name not in resting and claim_slot(job=f"{ASK_TASK}:{name}", every=PAUSE_S, now=now)
    ]
    if not chosen:
        raise TooSoonError("Each was asked within the last two minutes, or rests after failures. Ask again later.")
    return enqueue(task=ASK_TASK, args={"market": market.pk, "sources": chosen}, user=user, now=now)


def ask_sources(*, market: Market, names: Sequence[str], now: datetime, progress: Progress) -> str:
    """Ask sources one after the other, then compute what follows; what there is no time for is asked in its slot."""
    begun, said = monotonic(), []
    for place, name in enumerate(names):
        if monotonic() - begun > PATIENCE_S:
            said.append(f"{', '.join(names[place:])}: asked in their own time")
            break
        progress(place, len(names) + 1, f"Asking {name}")
        report = refresh_source(market=market, source=listed(name), now=now)
        said.append(f"{name}: {'nothing could be had' if report.has_failed else f'{report.stored.added} new'}")
    progress(len(names), len(names) + 1, "Computing scores")
    refresh(market=market, now=now)
    return "; ".join(said)
