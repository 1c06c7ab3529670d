"""Chart what was earned beside what it is compared with, and how far below its high that stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portfolio.charts.axes import Layer, frame, month_ends, pointer, thin, time_axis
from portfolio.charts.chart import WIDE_PX, Chart, Spec, Table
from portfolio.charts.palette import PALETTE
from portfolio.domain.display import day, pct

APART = 0.085
"""Labels at the ends of lines stand at least this share of the plot's height apart."""

STYLES: dict[str, dict[str, Any]] = {
    "you": {"color": PALETTE["ink"], "strokeWidth": 2.25},
    "hold": {"color": PALETTE["soft"], "strokeWidth": 1.5, "strokeDash": [5, 4]},
    "anchor": {"color": PALETTE["edge"], "strokeWidth": 1.75, "strokeDash": [1.5, 3]},
    "core": {"color": PALETTE["core"], "strokeWidth": 1.25},
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line to draw: a fraction at each close, oldest first, in the style of its name."""

    name: str
    label: str
    values: Sequence[float]


def index_chart(*, dates: Sequence[date], lines: Sequence[Line], spec_url: str = "") -> Chart:
    """Chart the time-weighted returns so far, the first line being the person's own."""
    return _chart(
        "index",
        dates,
        lines,
        caption="Return since the start at the close of each day, whatever you put in or took out (time-weighted).",
        said="Return in per cent",
        spec_url=spec_url,
    )


def drawdown_chart(*, dates: Sequence[date], lines: Sequence[Line], spec_url: str = "") -> Chart:
    """Chart how far below its highest close so far each index stood."""
    return _chart(
        "drawdown",
        dates,
        lines,
        caption="How far the same index stood below its highest close so far.",
        said="Distance below the high in per cent",
        spec_url=spec_url,
        is_area=True,
    )


def _chart(
    slug: str,
    dates: Sequence[date],
    lines: Sequence[Line],
    *,
    caption: str,
    said: str,
    spec_url: str,
    is_area: bool = False,
) -> Chart:
    description = _description(said, dates, lines)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        rows = _rows(dates, lines, thin(range(len(dates))))
        height = (190 if is_area else 260) if width >= WIDE_PX else (160 if is_area else 230)
        x = time_axis(dates=dates, width=width)
        layers = [*([_area(rows, x)] if is_area and lines else []), *(_line(line, rows, x) for line in lines[::-1])]
        layers += [] if is_area else _ends(dates, lines)
        if is_interactive:
            layers.append(pointer(x=x, rows=rows, tooltip=_tooltip(lines)))
        return frame(description=description, height=height, layers=layers, padding=_PADDING)

    return Chart(
        slug=slug, description=description, caption=caption, table=_table(dates, lines), build=build, spec_url=spec_url
    )


_PADDING = {"left": 2, "right": 2, "top": 6, "bottom": 2}


def _rows(dates: Sequence[date], lines: Sequence[Line], places: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"date": dates[place].isoformat(), **{line.name: round(float(line.values[place]), 5) for line in lines}}
        for place in places
    ]


def _y(field: str) -> dict[str, Any]:
    axis = {"title": None, "format": ".0%", "tickCount": 5}
    return {"field": field, "type": "quantitative", "scale": {"padding": 8}, "axis": axis}


def _line(line: Line, rows: list[dict[str, Any]], x: dict[str, Any]) -> Layer:
    return {
        "data": {"values": [{"date": row["date"], line.name: row[line.name]} for row in rows]},
        "mark": {"type": "line", "aria": False, **STYLES[line.name]},
        "encoding": {"x": x, "y": _y(line.name)},
    }


def _area(rows: list[dict[str, Any]], x: dict[str, Any]) -> Layer:
    return {
        "data": {"values": [{"date": row["date"], "you": row["you"]} for row in rows]},
        "mark": {"type": "area", "aria": False, "color": PALETTE["line"]},
        "encoding": {"x": x, "y": _y("you")},
    }


def _ends(dates: Sequence[date], lines: Sequence[Line]) -> list[Layer]:
    """Name each line at its end, moved apart where they end close together."""
    return [
        {
            "data": {"values": [{"date": dates[-1].isoformat(), "value": at, "name": line.label}]},
            "mark": {
                "type": "text",
                "align": "left",
                "dx": 7,
                "color": PALETTE["ink" if line.name == "you" else "soft"],
                "fontWeight": 600 if line.name == "you" else 400,
            },
            "encoding": {
                "x": {"field": "date", "type": "temporal"},
                "y": {"field": "value", "type": "quantitative"},
                "text": {"field": "name"},
            },
        }
        for line, at in _apart(lines)
    ]


def _apart(lines: Sequence[Line]) -> list[tuple[Line, float]]:
    """Give each label a height, from the lowest up, none nearer to the one below than they are legible."""
    every = [value for line in lines for value in line.values]
    gap = APART * (max(every) - min(every)) if every else 0.0
    ordered = sorted(lines, key=lambda line: line.values[-1])
    heights: list[float] = []
    for line in ordered:
        wanted = float(line.values[-1])
        heights.append(max(wanted, heights[-1] + gap) if heights else wanted)
    return list(zip(ordered, heights, strict=True))


def _tooltip(lines: Sequence[Line]) -> list[dict[str, str]]:
    return [{"field": line.name, "title": line.label, "type": "quantitative", "format": "+.2%"} for line in lines]


def _description(said: str, dates: Sequence[date], lines: Sequence[Line]) -> str:
    if not dates or not lines:
        return "No return has been measured yet."
    ends = ", ".join(f"{line.label} {_shown(line.values[-1])}" for line in lines)
    return f"{said} from {day(dates[0])} to {day(dates[-1])}. At the end: {ends}."


def _table(dates: Sequence[date], lines: Sequence[Line]) -> Table:
    places = month_ends(range(len(dates)), dates)
    rows = [(day(dates[n]), *(_shown(line.values[n]) for line in lines)) for n in reversed(places)]
    headers = ("Day", *(line.label for line in lines))
    return Table(caption="At the end of each month, newest first", headers=headers, rows=tuple(rows))


def _shown(value: float) -> str:
    return pct(Decimal(str(round(float(value), 6))), 1, is_signed=True)
