"""Say where a market's stage stands, which stages it went through, and how fresh its signals are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db.models import F, FilteredRelation, Max, OuterRef, Q, QuerySet, Subquery

from portfolio.charts import StageBand
from portfolio.models import Market, Stage, closes_on
from portfolio.provided import StageNow
from signals.domain.params import DEFAULTS
from signals.models import Score, SourcePoll, StageDay

REFRESH_TASK = "signals.refresh_markets"
MISSED_REFRESHES = 3
SCORE_OK = 40.0


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """Tell how old a market's signals are: `as_of` is when it was last read, `closes_at` the close scored last."""

    as_of: datetime | None
    closes_at: datetime | None
    reason: str
    polls: tuple[SourcePoll, ...]

    @property
    def is_stale(self) -> bool:
        """Return whether something newer should be here by now."""
        return bool(self.reason)

    @property
    def notice(self) -> dict[str, Any] | None:
        """Return what the banner of a page says, None while all is fresh."""
        return {"as_of": self.as_of, "reason": self.reason} if self.reason else None


def stage_now(*, market: Market, now: datetime) -> StageNow | None:
    """Return where a market's stage stood at its last close before a moment. One query: the day joins its scores."""
    last = (market.clock(now) - timedelta(days=1)).date()
    newest = StageDay.objects.filter(market=market, date__lte=last).order_by("-date").values("pk")[:1]
    scores = list(_scores_of(newest))
    if not scores:
        return None
    day, known = scores[0], [row for row in scores if row.slug is not None]
    return StageNow(
        stage=day.stage,
        name=str(Stage(day.stage).label),
        since=day.since,
        day=day_number(day),
        leader=day.leader.slug if day.leader else None,
        base=day.base.slug,
        names={row.slug: row.sector_name for row in known} | _names(day),
        score_ok={row.slug: _is_ok(Score(value=row.value, coverage=row.coverage)) for row in known},
        defensiveness={row.slug: row.defensiveness for row in known},
    )


def _scores_of(day: QuerySet[StageDay, Any]) -> QuerySet[Any]:
    """Return a day once for each of its scores, and once where it has none."""
    of_the_day = FilteredRelation("market__scores", condition=Q(market__scores__date=F("date")))
    return (
        StageDay.objects.filter(pk__in=day)
        .select_related("leader", "base")
        .annotate(
            score=of_the_day,
            value=F("score__value"),
            coverage=F("score__coverage"),
            slug=F("score__sector__slug"),
            sector_name=F("score__sector__name"),
            defensiveness=F("score__sector__defensiveness"),
        )
    )


def _is_ok(score: Score) -> bool:
    return not score.is_hidden and score.value >= SCORE_OK


def day_number(day: StageDay) -> int:
    """Return the how manieth day of its stage a day is; the day of the switch is the first."""
    return (day.date - day.since).days + 1


def stage_bands(*, market: Market, since: date) -> list[StageBand]:
    """Return the stages a market went through since a day, oldest first. One query."""
    rows = (
        StageDay.objects.filter(market=market, date__gte=since).order_by("date").values_list("date", "stage", "since")
    )
    days = list(rows)
    if not days:
        return []
    begun = [days[0], *(after for before, after in pairwise(days) if before[1:] != after[1:])]
    ends = [each[0] for each in begun[1:]] + [days[-1][0] + timedelta(days=1)]
    return [
        StageBand(start=start, end=end, name=str(Stage(stage).label))
        for (start, stage, _), end in zip(begun, ends, strict=True)
    ]


def scored_until(market: Market) -> datetime | None:
    """Return the close that was scored last, None before the first. One query."""
    newest = StageDay.objects.filter(market=market).order_by("-date").values_list("date", flat=True).first()
    return None if newest is None else closes_on(newest)


def stale_notice(*, market: Market, now: datetime) -> dict[str, Any] | None:
    """Return what the banner of a page about a market says, None while all is fresh. One query."""
    newest = StageDay.objects.filter(market=OuterRef("pk")).order_by("-date").values("date")[:1]
    dates = Market.objects.filter(pk=market.pk).annotate(scored=Subquery(newest), read=Max("polls__succeeded_at"))
    scored, read = dates.values_list("scored", "read").get()
    reason = _stale_reason(market, None if scored is None else closes_on(scored), read, now)
    return {"as_of": market.as_of or read, "reason": reason} if reason else None


def freshness(*, market: Market, closes_at: datetime | None, now: datetime) -> Freshness:
    """Return how fresh a market's signals are, given the close that was scored last. One query."""
    polls = tuple(SourcePoll.objects.filter(market=market).order_by("source"))
    read = max((poll.succeeded_at for poll in polls if poll.succeeded_at is not None), default=None)
    return Freshness(
        as_of=market.as_of or read,
        closes_at=closes_at,
        reason=_stale_reason(market, closes_at, read, now),
        polls=polls,
    )


def _stale_reason(market: Market, closes_at: datetime | None, read: datetime | None, now: datetime) -> str:
    """Return why the signals are older than they should be, empty while they are not."""
    if closes_at is None:
        return "Nothing has been computed for this market yet. It happens on its own once the worker runs."
    if market.as_of is None and (read is None or now - read > _longest_silence()):
        return (
            "These signals are stale: the market was not read when it should have been. Is the worker running? "
            "No recommendation is made from old readings."
        )
    if market.clock(now) - closes_at > timedelta(hours=DEFAULTS.close_stale_hours):
        return "These signals are stale: a later day has closed and is not computed yet."
    return ""


def _longest_silence() -> timedelta:
    period: int = settings.PERIODIC_JOBS[REFRESH_TASK]
    return timedelta(seconds=MISSED_REFRESHES * period)


def _names(day: StageDay) -> dict[str, str]:
    found: Iterable[Any] = (sector for sector in (day.leader, day.base) if sector is not None)
    return {sector.slug: sector.name for sector in found}
