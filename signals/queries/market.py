"""Read what was computed of a market: its newest day, and the point from which to go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portfolio.models import Market, Price, closes_on
from signals.domain.params import Params
from signals.domain.pipeline import Resume
from signals.domain.records import regime_state, stage_state
from signals.domain.regime import Regime
from signals.models import Evidence, RegimeDay, Score, StageDay


@dataclass(frozen=True)
class MarketDay:
    """Hold a market's day as it is stored: scores by sector slug, regime, stage, and the frozen evidence if any."""

    date: date
    scores: dict[str, Score]
    regime: RegimeDay
    stage: StageDay
    evidence: Evidence | None

    @property
    def closes_at(self) -> datetime:
        """Return when the day closed."""
        return closes_on(self.date)

    def is_stale(self, now: datetime, *, params: Params) -> bool:
        """Return whether a later day should have been computed by now."""
        return now - self.closes_at > timedelta(hours=params.close_stale_hours)


def newest_day(*, market: Market, on: date | None = None) -> MarketDay | None:
    """Return the newest computed day, or that of a date; None where nothing was computed. Four queries."""
    stages = StageDay.objects.filter(market=market).select_related("leader", "base")
    stage = (stages.filter(date=on) if on else stages.order_by("-date")).first()
    if stage is None:
        return None
    scores = Score.objects.filter(market=market, date=stage.date).select_related("sector")
    return MarketDay(
        date=stage.date,
        scores={score.sector.slug: score for score in scores.order_by("sector__position", "sector__slug")},
        regime=RegimeDay.objects.get(market=market, date=stage.date),
        stage=stage,
        evidence=Evidence.objects.filter(market=market, as_of=closes_on(stage.date)).first(),
    )


def resume_point(*, market: Market) -> Resume | None:
    """Return where the computation of a market stands; None before its first day."""
    stage = StageDay.objects.filter(market=market).select_related("leader").order_by("-date").first()
    if stage is None:
        return None
    days = RegimeDay.objects.filter(market=market, date__lte=stage.date).order_by("date")
    regimes = {day: Regime[code] for day, code in days.values_list("date", "regime").iterator(10_000)}
    regime = RegimeDay.objects.get(market=market, date=stage.date)
    leader = None if stage.leader is None else stage.leader.slug
    return Resume(
        day=stage.date,
        regime=regime_state(regime.regime, regime.state, frozen_since=regime.frozen_since),
        stage=stage_state(stage.stage, leader, stage.state, since=stage.since, reason=stage.reason),
        regimes=regimes,
    )


def newest_close(*, market: Market, until: datetime) -> date | None:
    """Return the last day whose close was known by a moment."""
    closes = Price.objects.filter(market=market).usable_at(until).order_by("-date")
    return closes.values_list("date", flat=True).first()
