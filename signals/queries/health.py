"""Ask how the live sources are doing: success, age, quota, circuit, quarantine and what they cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Max, QuerySet

from jobs.models import Job
from portfolio.models import Market, Price
from portfolio.services.catalogue import LIVE_SLUG
from signals.domain.normalise import freshness
from signals.domain.params import DEFAULTS, Params
from signals.models import Quarantine, Reading, SourcePoll, SourceState
from signals.queries.standing import REFRESH_TASK
from signals.sources.live.registry import enabled_sources

RECENT = timedelta(days=7)
LATE = 3
PERIOD = 300
"""Seconds between looks at a market that has no listed source."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source as the health page shows it; `coverage` counts the series it keeps up.

    Budget and circuit are only known of the present: looked at from the past they are None.
    """

    name: str
    every: timedelta
    polled_at: datetime | None
    succeeded_at: datetime | None
    message: str
    minute_used: int | None
    per_minute: int
    month_used: int | None
    per_month: int
    failures: int | None
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

    @property
    def every_seconds(self) -> int:
        """Return how often it is asked, in seconds."""
        return int(self.every.total_seconds())

    @property
    def minute_left(self) -> int | None:
        """Return how many requests are left this minute."""
        return None if self.minute_used is None else max(self.per_minute - self.minute_used, 0)

    @property
    def month_left(self) -> int | None:
        """Return how many requests are left this month, None where no month is counted."""
        return None if self.month_used is None or not self.per_month else max(self.per_month - self.month_used, 0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is kept up of one kind of reading, or of closes: series, their newest moment, who tells them."""

    indicator: str
    series: int
    newest_at: datetime
    sources: tuple[str, ...]
    freshness: float | None


@dataclass(frozen=True, slots=True)
class MarketHealth:
    """How a market's data stands at a moment, source by source and reading by reading."""

    moment: datetime
    sources: list[SourceHealth]
    coverage: list[Coverage]


CLOSES = "closes"
"""Stands beside the indicators for daily closes."""


class _Kept(NamedTuple):
    """One series that was kept up lately."""

    source: str
    indicator: str
    newest: datetime


def source_health(*, market: Market, now: datetime) -> list[SourceHealth]:
    """Return every listed source's health, in five queries."""
    return market_health(market=market, now=now).sources


def market_health(
    *, market: Market, now: datetime, asked: datetime | None = None, params: Params = DEFAULTS
) -> MarketHealth:
    """Return how a market's data stands now, or what is still known of how it stood at a moment. Five queries."""
    moment = market.clock(now) if asked is None else min(asked, market.clock(now))
    states = {} if asked else {state.name: state for state in SourceState.objects.all()}
    polls = {poll.source: poll for poll in SourcePoll.objects.filter(market=market)}
    recent = Quarantine.objects.filter(market=market, last_at__gte=moment - RECENT, first_at__lte=moment)
    doubted = dict(recent.values_list("source").annotate(number=Count("id")))
    kept = _kept(market, moment)
    listed = enabled_sources() if market.slug == LIVE_SLUG else ()
    sources = [
        _health(_Policy(each.name, each.every, each.policy.per_minute, each.policy.per_month), states, polls, kept, now)
        for each in listed
    ]
    others = [_health(_Policy(name, PERIOD, 0, 0), states, polls, kept, now) for name in polls if not listed]
    shown = [_as_of(each, asked, doubted.get(each.name, 0)) for each in [*sources, *others]]
    return MarketHealth(moment, shown, _coverage(kept, moment, params))


class _Policy(NamedTuple):
    """What is wanted of a source: how often it is asked, in seconds, and its budgets."""

    name: str
    every: int
    per_minute: int
    per_month: int


def _kept(market: Market, moment: datetime) -> list[_Kept]:
    """Return the series that were kept up in the seven days before a moment. Two queries."""
    since = moment - RECENT
    series = Reading.objects.filter(market=market, observed_at__gte=since, ingested_at__range=(since, moment))
    pairs = series.values_list("source", "indicator", "subject").annotate(newest=Max("observed_at"))
    kept = [_Kept(source, indicator, newest) for source, indicator, _, newest in pairs]
    prices = Price.objects.filter(market=market, date__gte=since.date(), closes_at__range=(since, moment))
    closes = prices.values_list("source", "asset").annotate(newest=Max("closes_at"))
    return kept + [_Kept(source, CLOSES, newest) for source, _, newest in closes]


def _coverage(kept: Sequence[_Kept], moment: datetime, params: Params) -> list[Coverage]:
    """Return what is kept up by kind; its freshness is that of the newest series (DOMAIN 2.4)."""
    found: dict[str, list[_Kept]] = defaultdict(list)
    for each in kept:
        found[each.indicator].append(each)
    return [
        Coverage(
            indicator=name,
            series=len(rows),
            newest_at=max(row.newest for row in rows),
            sources=tuple(sorted({row.source for row in rows})),
            freshness=_freshness(name, max(row.newest for row in rows), moment, params),
        )
        for name, rows in sorted(found.items())
    ]


def _freshness(name: str, newest: datetime, moment: datetime, params: Params) -> float | None:
    limits = params.limits.get(name)
    if limits is None:
        return None
    return float(freshness((moment - newest).total_seconds() / 3600.0, fresh=limits[0], stale=limits[1]))


def _as_of(source: SourceHealth, asked: datetime | None, quarantined: int) -> SourceHealth:
    """Leave out what a moment of the past did not know: later polls, and what is not kept by time."""
    if asked is None:
        return replace(source, quarantined=quarantined)
    polled = source.polled_at if source.polled_at and source.polled_at <= asked else None
    succeeded = source.succeeded_at if source.succeeded_at and source.succeeded_at <= asked else None
    return replace(
        source,
        polled_at=polled,
        succeeded_at=succeeded,
        message=source.message if polled else "",
        minute_used=None,
        month_used=None,
        failures=None,
        open_until=None,
        wait_until=None,
        quarantined=quarantined,
        is_late=succeeded is None or asked - succeeded > LATE * source.every,
    )


def _health(
    wanted: _Policy,
    states: Mapping[str, SourceState],
    polls: Mapping[str, SourcePoll],
    kept: Sequence[_Kept],
    now: datetime,
) -> SourceHealth:
    """Put one source's figures together; a minute or month that is over has used nothing."""
    state, poll = states.get(wanted.name), polls.get(wanted.name)
    mine = [row.newest for row in kept if row.source.split(" ")[0] == wanted.name or _is_feed(row.source, wanted.name)]
    every = timedelta(seconds=wanted.every)
    succeeded_at = poll.succeeded_at if poll else None
    is_minute = state is not None and now - state.minute_at < timedelta(minutes=1)
    is_month = state is not None and (state.month_at.year, state.month_at.month) == (now.year, now.month)
    return SourceHealth(
        name=wanted.name,
        every=every,
        polled_at=poll.polled_at if poll else None,
        succeeded_at=succeeded_at,
        message=(poll.message if poll else "") or (state.message if state else ""),
        minute_used=state.minute_used if state and is_minute else 0,
        per_minute=wanted.per_minute,
        month_used=state.month_used if state and is_month else 0,
        per_month=wanted.per_month,
        failures=state.failures if state else 0,
        open_until=_ahead(state.open_until if state else None, now),
        wait_until=_ahead(state.wait_until if state else None, now),
        quarantined=0,
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


def quarantined(*, market: Market, moment: datetime, source: str = "") -> QuerySet[Quarantine]:
    """Select what was not believed by a moment, of one source where it is named."""
    found = Quarantine.objects.filter(market=market, first_at__lte=moment)
    return found.filter(source=source) if source else found


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
