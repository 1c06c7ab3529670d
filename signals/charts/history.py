"""Chart an indicator over time: its value, and below how unusual it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from portfolio.charts.axes import MOST_POINTS, Layer, frame, thin, time_axis
from portfolio.charts.chart import WIDE_PX, Chart, Spec, Table
from portfolio.charts.palette import PALETTE, hue
from portfolio.domain.display import day
from signals.charts.shapes import PADDING, UNKNOWN

RESTED = 0.0


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """An indicator's days, oldest first: the value in its unit, None where nothing was known, and how it is written."""

    slug: str
    name: str
    unit: str
    hue: str
    days: Sequence[tuple[date, float | None, str]]
    places: str = ".2~f"


def history_chart(*, line: HistoryLine) -> Chart:
    """Chart the known days; a gap stays a gap."""
    known = [value for _, value, _ in line.days if value is not None]
    description = _description(line)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        days = thin(line.days, MOST_POINTS)
        x = time_axis(dates=[at for at, _, _ in days], width=width)
        height = 220 if width >= WIDE_PX else 190
        layers = [*([_zero()] if known and min(known) < RESTED < max(known) else []), _line(line, days, x)]
        return frame(description=description, height=height, layers=layers, padding=PADDING)

    return Chart(
        slug=line.slug,
        description=description,
        caption=f"{line.name} at the close of each day: {line.unit}. A gap is a day on which it was not known.",
        table=_table(line) if known else Table(caption="", headers=(), rows=()),
        build=build,
    )


def _zero() -> Layer:
    return {
        "data": {"values": [{"y": RESTED}]},
        "mark": {"type": "rule", "color": PALETTE["edge"], "aria": False},
        "encoding": {"y": {"field": "y", "type": "quantitative"}},
    }


def _line(line: HistoryLine, days: Sequence[tuple[date, float | None, str]], x: dict[str, Any]) -> Layer:
    values = [{"date": at.isoformat(), "y": None if value is None else round(value, 6)} for at, value, _ in days]
    axis = {"title": None, "tickCount": 5, "format": line.places}
    scale = {"zero": False, "padding": 8}
    return {
        "data": {"values": values},
        "mark": {"type": "line", "color": hue(line.hue), "strokeWidth": 2, "invalid": "break-paths-show-domains"},
        "encoding": {"x": x, "y": {"field": "y", "type": "quantitative", "scale": scale, "axis": axis}},
    }


def _description(line: HistoryLine) -> str:
    known = [(at, text) for at, value, text in line.days if value is not None]
    if not known:
        return f"{line.name} has not been known yet."
    (first, before), (last, now) = known[0], known[-1]
    return f"{line.name}, {line.unit}: {before} on {day(first)}, {now} on {day(last)}."


def _table(line: HistoryLine) -> Table:
    """Return a row a month: the last day of each that was known."""
    months = {(at.year, at.month): (at, text) for at, value, text in line.days if value is not None}
    rows = tuple((day(at), text or UNKNOWN) for at, text in reversed(list(months.values())))
    return Table(caption="At the end of each month, newest first", headers=("Day", line.name), rows=rows)
