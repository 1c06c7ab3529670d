"""Read what was computed of a market: its newest day, and the point from which to go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import OuterRef, Subquery

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


HISTORY_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class MarketPast:
    """Hold a market's day and the ninety before it: scores by sector slug, oldest first."""

    day: MarketDay
    scores: dict[str, list[Score]]


def last_closed(moment: datetime) -> date:
    """Return the newest day that had closed by a moment: day d closes at d + 1 00:00 UTC (DECISIONS 34)."""
    return (moment.astimezone(UTC) - timedelta(days=1)).date()


def market_past(*, market: Market, moment: datetime, days: int = HISTORY_DAYS) -> MarketPast | None:
    """Return the newest day that had closed by a moment, with the days before it; None before the first. Two queries.

    The day comes without its frozen evidence.
    """
    known = StageDay.objects.filter(market=market, date__lte=last_closed(moment)).annotate(**_regime_columns(market))
    stage = known.select_related("leader", "base").order_by("-date").first()
    if stage is None:
        return None
    span = (stage.date - timedelta(days=days), stage.date)
    rows = Score.objects.filter(market=market, date__range=span).select_related("sector")
    scores: dict[str, list[Score]] = {}
    for score in rows.order_by("sector__position", "sector__slug", "date"):
        scores.setdefault(score.sector.slug, []).append(score)
    newest = {slug: past[-1] for slug, past in scores.items() if past[-1].date == stage.date}
    day = MarketDay(date=stage.date, scores=newest, regime=_regime_of(stage), stage=stage, evidence=None)
    return MarketPast(day=day, scores=scores)


REGIME_COLUMNS = ("id", "regime", "value", "coverage", "components", "state", "frozen_since")


def _regime_columns(market: Market) -> dict[str, Subquery]:
    """Return the regime of a stage's day as annotations, so that both come in one query."""
    days = RegimeDay.objects.filter(market=market, date=OuterRef("date"))
    return {f"regime_{name}": Subquery(days.values(name)[:1]) for name in REGIME_COLUMNS}


def _regime_of(stage: StageDay) -> RegimeDay:
    """Return the regime that came with a stage."""
    values = {name: getattr(stage, f"regime_{name}") for name in REGIME_COLUMNS}
    return RegimeDay(market_id=stage.market_id, date=stage.date, **values)
