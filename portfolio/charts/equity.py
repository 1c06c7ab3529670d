"""Chart equity against having held, with every rotation marked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portfolio.charts.axes import Layer, frame, month_ends, pointer, thin, time_axis
from portfolio.charts.chart import WIDE_PX, Chart, Spec, Table
from portfolio.charts.palette import PALETTE, hue
from portfolio.domain.display import day, usd

CROWDED = 0.09
"""Two labels closer than this share of the plot's height would touch."""

MOST_MARKS = 100
"""More marks than this would cover each other: those of about a hundredth of the span stand as one."""


@dataclass(frozen=True, kw_only=True)
class EquityPoint:
    """Equity at the close of a day, and what it would be without any rotation (USD; None while not known)."""

    date: date
    equity: Decimal
    held: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class RotationMark:
    """A rotation on the time axis, in the hue of the sector it moved into."""

    date: date
    label: str
    hue: str


def equity_chart(
    *, points: Sequence[EquityPoint], rotations: Sequence[RotationMark] = (), spec_url: str = "", slug: str = "equity"
) -> Chart:
    """Chart the equity of a portfolio beside having held, oldest first."""

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        return _spec(thin(points), list(rotations), width=width, is_interactive=is_interactive)

    return Chart(
        slug=slug,
        description=_description(points, rotations),
        caption=_caption(rotations),
        table=_table(points),
        build=build,
        spec_url=spec_url,
    )


def _spec(points: list[EquityPoint], rotations: list[RotationMark], *, width: int, is_interactive: bool) -> Spec:
    height = 250 if width >= WIDE_PX else 220
    x = time_axis(dates=[point.date for point in points], width=width)
    layers = [
        _line("held", points, x, color=PALETTE["soft"], strokeWidth=1.5, strokeDash=[5, 4]),
        _line("equity", points, x, color=PALETTE["ink"], strokeWidth=2.25),
        *_ends(points),
        *_marks(rotations, height=height),
    ]
    if is_interactive:
        layers.append(pointer(x=x, rows=_rows(points), tooltip=_tooltip()))
    padding = {"left": 2, "right": 2, "top": 6, "bottom": 2}
    return frame(description=_description(points, rotations), height=height, layers=layers, padding=padding)


def _line(field: str, points: list[EquityPoint], x: dict[str, Any], **mark: Any) -> Layer:
    axis = {"title": None, "format": "$~s", "tickCount": 5}
    return {
        "data": {"values": [row for row in _rows(points) if row[field] is not None]},
        "mark": {"type": "line", "aria": False, "interpolate": "linear", **mark},
        "encoding": {
            "x": x,
            "y": {"field": field, "type": "quantitative", "scale": {"zero": False, "padding": 12}, "axis": axis},
        },
    }


def _rows(points: Sequence[EquityPoint]) -> list[dict[str, Any]]:
    return [
        {
            "date": point.date.isoformat(),
            "equity": round(float(point.equity), 2),
            "held": None if point.held is None else round(float(point.held), 2),
        }
        for point in points
    ]


def _ends(points: list[EquityPoint]) -> list[Layer]:
    """Name each line at its end, moved apart where they end close together."""
    if not points:
        return []
    last = points[-1]
    if last.held is None:
        return [_end("You", last.date, last.equity, dy=0, color=PALETTE["ink"], weight=600)]
    shift = 8 if _is_crowded(points) else 0
    sign = -1 if last.equity >= last.held else 1
    return [
        _end("You", last.date, last.equity, dy=sign * shift, color=PALETTE["ink"], weight=600),
        _end("Held", last.date, last.held, dy=-sign * shift, color=PALETTE["soft"], weight=400),
    ]


def _is_crowded(points: list[EquityPoint]) -> bool:
    every = [value for point in points for value in (point.equity, point.held) if value is not None]
    gap = abs(points[-1].equity - (points[-1].held or points[-1].equity))
    return float(gap) < CROWDED * float(max(every) - min(every))


def _end(name: str, at: date, value: Decimal, *, dy: int, color: str, weight: int) -> Layer:
    return {
        "data": {"values": [{"date": at.isoformat(), "value": float(value), "name": name}]},
        "mark": {"type": "text", "align": "left", "dx": 7, "dy": dy, "color": color, "fontWeight": weight},
        "encoding": {
            "x": {"field": "date", "type": "temporal"},
            "y": {"field": "value", "type": "quantitative"},
            "text": {"field": "name"},
        },
    }


def _marks(rotations: list[RotationMark], *, height: int) -> list[Layer]:
    """Stand each rotation on the time axis: a stem and a dot in the hue of where it went."""
    if not rotations:
        return []
    marks = joined(rotations)
    values = [{"date": each.date.isoformat(), "label": each.label, "hue": hue(each.hue)} for each in marks]
    x = {"field": "date", "type": "temporal"}
    stem = {"type": "rule", "color": PALETTE["edge"], "aria": False}
    dot = {"type": "circle", "size": 90, "opacity": 1, "stroke": PALETTE["sheet"], "strokeWidth": 1.5, "aria": False}
    tooltip = [{"field": "label", "title": "Rotation"}]
    colour = {"field": "hue", "type": "nominal", "scale": None}
    return [
        {
            "data": {"values": values},
            "mark": stem,
            "encoding": {"x": x, "y": {"value": height - 16}, "y2": {"value": height}},
        },
        {
            "data": {"values": values},
            "mark": dot,
            "encoding": {"x": x, "y": {"value": height - 16}, "color": colour, "tooltip": tooltip},
        },
    ]


def joined(rotations: Sequence[RotationMark]) -> list[RotationMark]:
    """Join marks that would cover each other into one, on the day of the middle one, in the commonest hue."""
    if len(rotations) <= MOST_MARKS:
        return list(rotations)
    first, last = rotations[0].date, rotations[-1].date
    days = (last - first).days // MOST_MARKS + 1
    groups: dict[int, list[RotationMark]] = defaultdict(list)
    for each in rotations:
        groups[(each.date - first).days // days].append(each)
    return [_one_of(group) for group in groups.values()]


def _one_of(group: Sequence[RotationMark]) -> RotationMark:
    if len(group) == 1:
        return group[0]
    commonest = Counter(each.hue for each in group).most_common(1)[0][0]
    return RotationMark(date=group[len(group) // 2].date, label=f"{len(group)} rotations", hue=commonest)


def _tooltip() -> list[dict[str, str]]:
    money = {"type": "quantitative", "format": "$,.2f"}
    return [{"field": "equity", "title": "You", **money}, {"field": "held", "title": "Held", **money}]


def _description(points: Sequence[EquityPoint], rotations: Sequence[RotationMark]) -> str:
    if not points:
        return "No equity has been measured yet."
    first, last = points[0], points[-1]
    start, end = f"{day(first.date)} ({usd(first.equity)})", f"{day(last.date)} ({usd(last.equity)})"
    beside = f", beside {usd(last.held)} from holding" if last.held is not None else ""
    marked = {0: "No rotation is marked.", 1: "One rotation is marked."}
    said = marked.get(len(rotations), f"{len(rotations)} rotations are marked.")
    return f"Equity in US dollars from {start} to {end}{beside}. {said}"


def _caption(rotations: Sequence[RotationMark]) -> str:
    if not rotations:
        return "US dollars at the close of each day."
    said = "US dollars at the close of each day. A dot is a rotation, in the colour of the narrative it moved into."
    return f"{said} Where many stand close together, one dot stands for them all." if _is_dense(rotations) else said


def _is_dense(rotations: Sequence[RotationMark]) -> bool:
    return len(rotations) > MOST_MARKS


def _table(points: Sequence[EquityPoint]) -> Table:
    ends = month_ends(points, [point.date for point in points])
    rows = [(day(point.date), usd(point.equity), usd(point.held), _ahead(point)) for point in reversed(ends)]
    return Table(
        caption="At the end of each month, newest first", headers=("Day", "You", "Held", "Ahead"), rows=tuple(rows)
    )


def _ahead(point: EquityPoint) -> str:
    return usd(None if point.held is None else point.equity - point.held, is_signed=True)
