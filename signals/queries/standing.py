"""Say where a market's stage stands, which stages it went through, and how fresh its signals are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from portfolio.charts import StageBand
from portfolio.models import Market, Sector, Stage, closes_on
from portfolio.provided import StageNow, StandingNow
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

    def read_by(self, moment: datetime | None) -> datetime | None:
        """Return when the market was last read, as far as that was known at a moment; without one, by now."""
        is_later = moment is not None and self.as_of is not None and self.as_of > moment
        return None if is_later else self.as_of

    @property
    def notice(self) -> dict[str, Any] | None:
        """Return what the banner of a page says, None while all is fresh."""
        return {"as_of": self.as_of, "reason": self.reason} if self.reason else None


def standing_now(*, market: Market, now: datetime) -> StandingNow:
    """Return where a market's stage stood at its last close before a moment, and whether its signals are stale.

    One query.
    """
    sectors = Sector.objects.annotate(**standing_columns(market=market, now=now))
    return standing_in(list(sectors), market=market, now=now)


def stage_now(*, market: Market, now: datetime) -> StageNow | None:
    """Return where a market's stage stood at its last close before a moment, None while nothing was computed."""
    return standing_now(market=market, now=now).stage


def standing_columns(*, market: Market, now: datetime) -> dict[str, Subquery]:
    """Return a market's stage, each sector's score of that day and how fresh both are, as annotations of sectors."""
    last = (market.clock(now) - timedelta(days=1)).date()
    days = StageDay.objects.filter(market=market, date__lte=last).order_by("-date")
    of_the_day = {name: Subquery(days.values(name)[:1]) for name in ("stage", "date", "since", "leader_id", "base_id")}
    scores = Score.objects.filter(market=market, sector=OuterRef("pk"), date=of_the_day["date"])
    return {
        **{f"day_{name}": column for name, column in of_the_day.items()},
        "score_value": Subquery(scores.values("value")[:1]),
        "score_coverage": Subquery(scores.values("coverage")[:1]),
        **_dates(market),
    }


def standing_in(sectors: Sequence[Any], *, market: Market, now: datetime) -> StandingNow:
    """Return what sectors say that came with `standing_columns`."""
    if not sectors:
        return StandingNow()
    stale = _notice(market, sectors[0].scored, sectors[0].read, now)
    return StandingNow(stage=_stage_of(sectors) if sectors[0].day_stage else None, stale=stale)


def _stage_of(sectors: Sequence[Any]) -> StageNow:
    """Return the stage of the day; only sectors that have a score have a name in it, and the leader and the base."""
    day, by_id = sectors[0], {sector.pk: sector for sector in sectors}
    known = [sector for sector in sectors if sector.score_value is not None]
    leader, base = by_id.get(day.day_leader_id), by_id[day.day_base_id]
    return StageNow(
        stage=day.day_stage,
        name=str(Stage(day.day_stage).label),
        since=day.day_since,
        day=_number(day.day_date, day.day_since),
        leader=leader.slug if leader else None,
        base=base.slug,
        names={sector.slug: sector.name for sector in (*known, leader, base) if sector is not None},
        score_ok={s.slug: _is_ok(Score(value=s.score_value, coverage=s.score_coverage)) for s in known},
        defensiveness={sector.slug: sector.defensiveness for sector in known},
    )


def _is_ok(score: Score) -> bool:
    return not score.is_hidden and score.value >= SCORE_OK


def day_number(day: StageDay) -> int:
    """Return the how manieth day of its stage a day is; the day of the switch is the first."""
    return _number(day.date, day.since)


def _number(day: date, since: date) -> int:
    return (day - since).days + 1


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
    dates = Market.objects.filter(pk=market.pk).annotate(**_dates(market))
    found: Any = dates.get()
    return _notice(market, found.scored, found.read, now)


def _dates(market: Market) -> dict[str, Subquery]:
    """Return the day that a market scored last, and when it was last read, as annotations."""
    scored = StageDay.objects.filter(market=market).order_by("-date").values("date")
    read = SourcePoll.objects.filter(market=market, succeeded_at__isnull=False).order_by("-succeeded_at")
    return {"scored": Subquery(scored[:1]), "read": Subquery(read.values("succeeded_at")[:1])}


def _notice(market: Market, scored: date | None, read: datetime | None, now: datetime) -> dict[str, Any] | None:
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
