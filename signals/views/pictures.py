"""Turn a market's day and the days before it into charts: rotation map, funding, open interest, news."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from portfolio.charts import Chart
from signals.charts import (
    FundingPoint,
    InterestPoint,
    MapTrail,
    TimelineEvent,
    event_timeline,
    funding_bands,
    interest_map,
    rotation_map,
)
from signals.domain.params import DEFAULTS
from signals.models import Score
from signals.queries.events import Story
from signals.queries.market import MarketPast
from signals.views import words

TAIL_DAYS = 28
TIMELINE_DAYS = 30


def market_pictures(past: MarketPast, *, news: Sequence[Story], moment: datetime) -> dict[str, Chart]:
    """Return the charts of a market's page by name."""
    scores = list(past.day.scores.values())
    return {
        "map_chart": rotation_map(trails=[_trail(past.scores[slug]) for slug in past.day.scores]),
        "funding_chart": funding_bands(points=[_funding(score) for score in scores], params=DEFAULTS),
        "interest_chart": interest_map(points=[_interest(score) for score in scores], params=DEFAULTS),
        "news_chart": news_picture(news, moment=moment),
    }


def news_picture(news: Iterable[Story], *, moment: datetime) -> Chart:
    """Return the timeline of the thirty days before a moment."""
    since = moment - timedelta(days=TIMELINE_DAYS)
    shown = [_news(story) for story in news if story.event.published_at >= since]
    return event_timeline(events=shown, since=since, until=moment)


def _trail(past: Sequence[Score]) -> MapTrail:
    """Return a narrative's last four weeks on the map; days on which it could not be placed are left out."""
    newest = past[-1]
    since = newest.date - timedelta(days=TAIL_DAYS)
    tail = [score for score in past if score.date >= since]
    places = [(score.date, score.details.get("rsr"), score.details.get("rsm")) for score in tail]
    is_placed = newest.details.get("rsr") is not None and newest.details.get("rsm") is not None
    return MapTrail(
        name=newest.sector.name,
        hue=newest.sector.hue,
        points=[(at, x, y) for at, x, y in places if x is not None and y is not None] if is_placed else [],
        quadrant=newest.details.get("quadrant") or "",
    )


def _funding(score: Score) -> FundingPoint:
    found: dict[str, Any] = score.details.get("funding", {})
    return FundingPoint(
        name=score.sector.name,
        hue=score.sector.hue,
        annual=found.get("annual"),
        percentile=found.get("percentile"),
        label=words.FUNDING_FLAGS.get(found.get("flag", "UNKNOWN"), "not known"),
    )


def _interest(score: Score) -> InterestPoint:
    found: dict[str, Any] = score.details.get("interest", {})
    return InterestPoint(
        name=score.sector.name,
        hue=score.sector.hue,
        price_change=found.get("price_change"),
        interest_change=found.get("interest_change"),
        label=words.INTERESTS.get(found.get("quadrant", "UNKNOWN"), "not known"),
        funding=words.with_rate(
            words.FUNDING_FLAGS, *(score.details.get("funding", {}).get(name) for name in ("flag", "annual"))
        ),
    )


def _news(story: Story) -> TimelineEvent:
    event = story.event
    return TimelineEvent(
        at=event.published_at,
        narrative=event.sector.name,
        kind=words.EVENT_TYPES[event.type],
        title=event.title,
        size=story.size or event.polarity * story.magnitude / 5 * event.confidence,
        weight=story.points,
        status=words.EVENT_STATES[story.status],
        is_refuted=story.is_refuted,
    )
