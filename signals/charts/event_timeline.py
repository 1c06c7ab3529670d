"""Chart news over time: which narrative, good or bad, how large, and what is left of it (DOMAIN 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portfolio.charts.axes import Layer, frame, time_axis
from portfolio.charts.chart import Chart, Spec, Table
from portfolio.charts.palette import PALETTE
from portfolio.domain.display import day
from signals.charts.shapes import PADDING, plain

ROW_PX = 52
SMALLEST_PX = 40


@dataclass(frozen=True, kw_only=True)
class TimelineEvent:
    """One piece of news: `weight` is what it still adds to the event score, signed; a refuted one adds nothing."""

    at: datetime
    narrative: str
    kind: str
    title: str
    size: float
    weight: float
    status: str
    is_refuted: bool


def event_timeline(*, events: Sequence[TimelineEvent], since: datetime, until: datetime) -> Chart:
    """Chart the events between two moments, newest first in the table."""
    narratives = list(dict.fromkeys(event.narrative for event in events))
    description = _description(events)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        height = 24 + ROW_PX * max(len(narratives), 1)
        layers = [_dots(events, since, until, width)]
        return frame(description=description, height=height, layers=layers, padding=PADDING)

    return Chart(
        slug="events",
        description=description,
        caption="Each dot is a piece of news on the day it came out: the larger, the weightier. Green speaks for the "
        "narrative, red against it; the paler, the less is left of it. A hollow one was refuted.",
        table=_table(events),
        build=build,
    )


def _dots(events: Sequence[TimelineEvent], since: datetime, until: datetime, width: int) -> Layer:
    axis = time_axis(dates=[since.date(), until.date()], width=width)
    axis["scale"] = {"type": "utc", "domain": [since.isoformat(), until.isoformat()]}
    opacity = {"field": "opacity", "type": "quantitative", "scale": None, "legend": None}
    return {
        "data": {"values": [_value(event) for event in events]},
        "mark": {"type": "point", "strokeWidth": 1.5, "aria": False},
        "encoding": {
            "x": axis,
            "y": {"field": "narrative", "type": "nominal", "sort": None, "axis": {"title": None, "grid": True}},
            "size": {"field": "area", "type": "quantitative", "scale": None, "legend": None},
            "stroke": {"field": "stroke", "type": "nominal", "scale": None, "legend": None},
            "fill": {"field": "fill", "type": "nominal", "scale": None, "legend": None},
            "fillOpacity": opacity,
            "strokeOpacity": {**opacity, "field": "line"},
        },
    }


def _value(event: TimelineEvent) -> dict[str, Any]:
    tone = PALETTE["soft"] if event.is_refuted else PALETTE["gain" if event.size > 0 else "loss"]
    left = abs(event.weight / event.size) if event.size else 0.0
    return {
        "date": event.at.isoformat(),
        "narrative": event.narrative,
        "area": round(SMALLEST_PX + 260 * min(abs(event.size), 1.0)),
        "stroke": tone,
        "fill": PALETTE["sheet"] if event.is_refuted else tone,
        "opacity": 1.0 if event.is_refuted else round(0.15 + 0.85 * min(left, 1.0), 2),
        "line": 1.0 if event.is_refuted else round(0.5 + 0.5 * min(left, 1.0), 2),
    }


def _description(events: Sequence[TimelineEvent]) -> str:
    if not events:
        return "No news is known of this time."
    good = sum(event.size > 0 and not event.is_refuted for event in events)
    bad = sum(event.size < 0 and not event.is_refuted for event in events)
    refuted = len(events) - good - bad
    return f"{len(events)} pieces of news: {good} speak for a narrative, {bad} against one, {refuted} count no more."


def _table(events: Sequence[TimelineEvent]) -> Table:
    rows = tuple(
        (day(e.at.date()), e.narrative, e.kind, e.title, plain(e.weight, 2), e.status)
        for e in sorted(events, key=lambda event: event.at, reverse=True)
    )
    headers = ("Day", "Narrative", "Kind", "News", "Adds now", "Status")
    return Table(caption="Newest first; what an event adds halves with time", headers=headers, rows=rows)
