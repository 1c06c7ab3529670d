"""Ask how the live sources are doing: success, age, quota, circuit, quarantine and what they cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max

from jobs.models import Job
from portfolio.models import Market, Price
from signals.models import Quarantine, Reading, SourcePoll, SourceState
from signals.queries.standing import REFRESH_TASK
from signals.sources.live.registry import Listed, enabled_sources

RECENT = timedelta(days=7)
LATE = 3


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source as the health page shows it; `coverage` counts the series it keeps up."""

    name: str
    every: timedelta
    polled_at: datetime | None
    succeeded_at: datetime | None
    message: str
    minute_used: int
    per_minute: int
    month_used: int
    per_month: int
    failures: int
    open_until: datetime | None
    wait_until: datetime | None
    quarantined: int
    coverage: int
    newest_at: datetime | None
    is_late: bool

    @property
    def standing(self) -> str:
        """Say in a word how it stands."""
        if self.open_until is not None:
            return "Resting"
        if self.polled_at is None:
            return "Never asked"
        return "Late" if self.is_late else "Working"


def source_health(*, market: Market, now: datetime) -> list[SourceHealth]:
    """Return every listed source's health, in five queries."""
    states = {state.name: state for state in SourceState.objects.all()}
    polls = {poll.source: poll for poll in SourcePoll.objects.filter(market=market)}
    recent = Quarantine.objects.filter(market=market, last_at__gte=now - RECENT)
    quarantined = dict(recent.values_list("source").annotate(number=Count("id")))
    series = Reading.objects.filter(market=market, observed_at__gte=now - RECENT)
    pairs = series.values_list("source", "indicator", "subject").annotate(newest=Max("observed_at"))
    kept = [(source, newest) for source, _, _, newest in pairs]
    prices = Price.objects.filter(market=market, closes_at__gte=now - RECENT)
    kept += [
        (source, newest) for source, _, newest in prices.values_list("source", "asset").annotate(n=Max("closes_at"))
    ]
    return [
        _health(source, states.get(source.name), polls.get(source.name), quarantined.get(source.name, 0), kept, now)
        for source in enabled_sources()
    ]


def _health(
    source: Listed,
    state: SourceState | None,
    poll: SourcePoll | None,
    quarantined: int,
    kept: list[tuple[str, datetime]],
    now: datetime,
) -> SourceHealth:
    """Put one source's figures together; a minute or month that is over has used nothing."""
    mine = [newest for name, newest in kept if name.split(" ")[0] == source.name or _is_feed(name, source.name)]
    every = timedelta(seconds=source.every)
    succeeded_at = poll.succeeded_at if poll else None
    is_minute = state is not None and now - state.minute_at < timedelta(minutes=1)
    is_month = state is not None and (state.month_at.year, state.month_at.month) == (now.year, now.month)
    return SourceHealth(
        name=source.name,
        every=every,
        polled_at=poll.polled_at if poll else None,
        succeeded_at=succeeded_at,
        message=(poll.message if poll else "") or (state.message if state else ""),
        minute_used=state.minute_used if state and is_minute else 0,
        per_minute=source.policy.per_minute,
        month_used=state.month_used if state and is_month else 0,
        per_month=source.policy.per_month,
        failures=state.failures if state else 0,
        open_until=_ahead(state.open_until if state else None, now),
        wait_until=_ahead(state.wait_until if state else None, now),
        quarantined=quarantined,
        coverage=len(mine),
        newest_at=max(mine, default=None),
        is_late=succeeded_at is None or now - succeeded_at > LATE * every,
    )


def _ahead(moment: datetime | None, now: datetime) -> datetime | None:
    """Return a moment that is still to come."""
    return moment if moment is not None and moment > now else None


def _is_feed(name: str, source: str) -> bool:
    """Return whether rows of one feed belong to the source of all feeds."""
    return source == "feeds" and name.startswith("feed ")


@dataclass(frozen=True, slots=True)
class LastRefresh:
    """How the last periodic refresh of all markets ended, and what it said."""

    finished_at: datetime
    is_failed: bool
    words: str


def last_refresh() -> LastRefresh | None:
    """Return how the last periodic refresh ended, None before the first. One query."""
    ended = Job.objects.filter(task=REFRESH_TASK, state__in=[Job.State.DONE, Job.State.FAILED])
    job = ended.exclude(finished_at=None).order_by("-finished_at", "-pk").first()
    if job is None or job.finished_at is None:
        return None
    words = job.error.partition(": ")[2] or job.error or job.message
    return LastRefresh(job.finished_at, job.state == Job.State.FAILED, words)


def newest_quarantined(*, market: Market, limit: int = 30) -> list[Quarantine]:
    """Return what was not believed last."""
    return list(Quarantine.objects.filter(market=market).order_by("-last_at", "-id")[:limit])


CONTRADICTED = (
    Quarantine.Reason.CONFLICT,
    Quarantine.Reason.DUPLICATE,
    Quarantine.Reason.SPIKE,
    Quarantine.Reason.VALUE,
)


def contradictions(*, market: Market, moment: datetime, limit: int = 5) -> list[Quarantine]:
    """Return what was contradicted or impossible in the day before a moment, and is not believed yet. One query."""
    recent = Quarantine.objects.filter(market=market, first_at__lte=moment, last_at__gt=moment - timedelta(days=1))
    doubted = recent.filter(reason__in=CONTRADICTED, accepted_at=None)
    return list(doubted.order_by("-last_at", "-id")[:limit])
