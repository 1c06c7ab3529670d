"""Refresh a market from end to end: prices, then scores, regime and stage, then every portfolio's answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

from jobs.models import Job
from jobs.services import enqueue
from portfolio.models import Market
from signals.models import Recommendation
from signals.services.market import Refreshed, rebuild_market, refresh_market
from signals.services.prices import refresh_prices
from signals.services.recommend import RunResult, recommend
from signals.services.shadows import forget_shadows

REFRESH_TASK = "signals.refresh_markets"
REBUILD_TASK = "signals.refresh_market"
STEPS = ("Fetching prices", "Computing scores, regime and stage", "Working out recommendations")

log = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]


class MarketsFailedError(RuntimeError):
    """Some markets could not be refreshed; the message says which and why, and what became of the others."""


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """Tell what one refresh did to one market."""

    market: Market
    refreshed: Refreshed
    result: RunResult | None

    def __str__(self) -> str:
        """Say it in one sentence."""
        days = f"{self.refreshed.days} days computed" if self.refreshed.days != 1 else "1 day computed"
        if self.result is None:
            return f"{self.market.name}: {days}, too little history to recommend anything"
        return f"{self.market.name}: {days}, {self.result.issued} recommendations, {self.result.refused} refusals"


def refresh_all(*, now: datetime, turn: int = 0) -> list[RefreshReport]:
    """Refresh every market, whatever becomes of one of them; raises `MarketsFailedError` once all had their turn.

    Each `turn` begins with another market, so that one that takes all the time cannot starve those after it for ever.
    """
    markets = list(Market.objects.order_by("pk"))
    first = turn % len(markets) if markets else 0
    reports, failures = [], []
    for market in markets[first:] + markets[:first]:
        try:
            reports.append(refresh(market=market, now=now))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            log.exception("market %s could not be refreshed", market.slug)
            failures.append(f"{market.name} failed: {type(error).__name__}: {error}"[:400])
    if failures:
        raise MarketsFailedError("; ".join([*failures, *map(str, reports)]))
    return reports


def refresh(
    *, market: Market, now: datetime, rebuild_since: date | None = None, progress: Progress | None = None
) -> RefreshReport:
    """Refresh one market; each step is atomic by itself and repeating adds nothing.

    With `rebuild_since` the days from that one on are computed anew, as rows of it arrived after it had been computed.
    """
    say = progress or _silent
    say(0, len(STEPS), STEPS[0])
    if market.is_simulated:
        refresh_prices(market=market, now=now)
    say(1, len(STEPS), STEPS[1])
    if rebuild_since is None:
        refreshed = refresh_market(market=market, now=now)
    else:
        refreshed = rebuild_market(market=market, now=now, since=rebuild_since)
        forget_shadows(market=market)
    say(2, len(STEPS), STEPS[2])
    evidence = refreshed.evidence
    result = None if evidence is None else recommend(market=market, as_of=evidence.as_of, now=now)
    return RefreshReport(market, refreshed, result)


@transaction.atomic
def request_refresh(*, market: Market, now: datetime, user: object = None) -> Job:
    """Ask for a refresh of one market; a request that waits already is returned."""
    return enqueue(
        task=REBUILD_TASK,
        now=now,
        args={"market": market.pk},
        user=user,
        unique_key=f"signals.refresh_market:{market.pk}:{getattr(user, 'pk', '')}",
    )


@transaction.atomic
def request_rebuild(*, market: Market, since: date, now: datetime) -> Job:
    """Ask for the days of a market from one on to be computed anew; a request that waits already begins that early."""
    key = f"{REBUILD_TASK}:{market.pk}:rebuild"
    job = enqueue(task=REBUILD_TASK, now=now, args={"market": market.pk, "since": str(since)}, unique_key=key)
    if date.fromisoformat(job.args["since"]) > since:
        job.args = {**job.args, "since": str(since)}
        job.save(update_fields=["args"])
    return job


def expire_recommendations(*, now: datetime) -> int:
    """Close the recommendations whose time is over, by the clock of their market; returns how many."""
    closed = 0
    for market in Market.objects.all():
        moment = market.clock(now)
        over = Recommendation.objects.filter(
            portfolio__market=market, state__in=Recommendation.OPEN, expires_at__lte=moment
        )
        closed += over.update(
            state=Recommendation.State.EXPIRED, closed_at=moment, close_reason="Its time ran out without an answer."
        )
    return closed


def _silent(_done: int, _total: int, _message: str) -> None:
    """Show nothing."""
