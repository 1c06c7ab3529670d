"""Chart what was done, or would have been, beside having held, at the close of each day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portfolio.charts.axes import Layer, frame, time_axis
from portfolio.charts.chart import WIDE_PX, Chart, Spec, Table
from portfolio.charts.palette import PALETTE
from portfolio.domain.display import day, usd

WEEK = 7


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What both were worth at the close of a day, futures included, in USD."""

    date: date
    done: Decimal
    held: Decimal


def against_chart(points: Sequence[Beside], *, name: str) -> Chart:
    """Chart two curves, the one that was done under its name; a table of every week stands behind them."""
    shown = list(points)
    first, last = shown[0], shown[-1]
    ends = f"from {day(first.date)} to {day(last.date)}, {name.lower()} {usd(last.done)}, held {usd(last.held)}"
    description = f"US dollars at the close of each day {ends}."

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Compose the layers."""
        x = time_axis(dates=[each.date for each in shown], width=width)
        layers = [
            _line("held", shown, x, color=PALETTE["soft"], strokeWidth=1.5, strokeDash=[5, 4]),
            _line("done", shown, x, color=PALETTE["ink"], strokeWidth=2.25),
            *_ends(last, name),
        ]
        height = 250 if width >= WIDE_PX else 220
        padding = {"left": 2, "right": 2, "top": 6, "bottom": 2}
        return frame(description=description, height=height, layers=layers, padding=padding)

    weekly = [*shown[::WEEK], *([] if (len(shown) - 1) % WEEK == 0 else [last])]
    return Chart(
        slug="against-holding",
        description=description,
        caption="US dollars at the close of each day.",
        table=Table(
            caption="Every week",
            headers=("Day", name, "Held", "Ahead"),
            rows=tuple(
                (day(each.date), usd(each.done), usd(each.held), usd(each.done - each.held, is_signed=True))
                for each in weekly
            ),
        ),
        build=build,
    )


def _line(field: str, points: Sequence[Beside], x: dict[str, Any], **mark: Any) -> Layer:
    rows = [{"date": each.date.isoformat(), field: round(float(getattr(each, field)), 2)} for each in points]
    axis = {"title": None, "format": "$~s", "tickCount": 5}
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "aria": False, **mark},
        "encoding": {
            "x": x,
            "y": {"field": field, "type": "quantitative", "scale": {"zero": False, "padding": 12}, "axis": axis},
        },
    }


def _ends(last: Beside, name: str) -> list[Layer]:
    """Name each line at its end, apart from each other."""
    sign = -1 if last.done >= last.held else 1
    return [
        _end(name, last.date, last.done, dy=sign * 8, color=PALETTE["ink"], weight=600),
        _end("Held", last.date, last.held, dy=-sign * 8, color=PALETTE["soft"], weight=400),
    ]


def _end(name: str, at: date, value: Decimal, *, dy: int, color: str, weight: int) -> Layer:
    return {
        "data": {"values": [{"date": at.isoformat(), "value": round(float(value), 2), "name": name}]},
        "mark": {"type": "text", "align": "left", "dx": 7, "dy": dy, "color": color, "fontWeight": weight},
        "encoding": {
            "x": {"field": "date", "type": "temporal"},
            "y": {"field": "value", "type": "quantitative"},
            "text": {"field": "name"},
        },
    }
