"""Share what every chart over time is made of: its frame, its axes, fewer points, a line that follows the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from portfolio.charts.palette import NAME_OF, PALETTE

Layer = dict[str, Any]
T = TypeVar("T")
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
MOST_POINTS = 150
SHORT_DAYS = 75
TEXT_PX = 14
MONTHS = "utcmonth(datum.value) == 0 ? utcFormat(datum.value, '%Y') : utcFormat(datum.value, '%b')"
DAYS = "utcFormat(datum.value, '%-d %b')"


def frame(*, description: str, height: int, layers: list[Layer], padding: dict[str, int]) -> dict[str, Any]:
    """Compose layers into a spec whose type is legible and whose colours are the palette's."""
    return {
        "$schema": SCHEMA,
        "description": description,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": padding,
        "background": None,
        "layer": layers,
        "config": _config(),
        "usermeta": {"palette": NAME_OF},
    }


def time_axis(*, dates: Sequence[date], width: int) -> dict[str, Any]:
    """Encode the days along x, labelled by month (a January by its year), or by day over a short span."""
    is_short = bool(dates) and (dates[-1] - dates[0]).days <= SHORT_DAYS
    return {
        "field": "date",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {
            "title": None,
            "grid": False,
            "tickCount": max(3, width // 90),
            "labelExpr": DAYS if is_short else MONTHS,
            "labelOverlap": "greedy",
            "labelFlush": True,
        },
    }


def thin(items: Sequence[T], most: int = MOST_POINTS) -> list[T]:
    """Keep every k-th item, counted from the newest, and the first: at most about `most` of them."""
    step = max(1, -(-len(items) // most))
    kept = list(items[::-1][::step])[::-1]
    return kept if not items or kept[0] is items[0] else [items[0], *kept]


def month_ends(items: Sequence[T], dates: Sequence[date]) -> list[T]:
    """Keep the last item of each month: the rows of the table behind a chart."""
    last_of = {(day.year, day.month): item for day, item in zip(dates, items, strict=True)}
    return list(last_of.values())


def pointer(*, x: dict[str, Any], rows: list[dict[str, Any]], tooltip: list[dict[str, str]]) -> Layer:
    """Draw a rule that follows the pointer and tells every figure of that day (interactive charts only)."""
    hover = {"name": "hover", "select": {"type": "point", "fields": ["date"], "nearest": True, "on": "pointerover"}}
    return {
        "data": {"values": rows},
        "params": [hover],
        "mark": {"type": "rule", "color": PALETTE["ink"], "aria": False},
        "encoding": {
            "x": {"field": x["field"], "type": "temporal"},
            "opacity": {"condition": {"param": "hover", "empty": False, "value": 0.6}, "value": 0},
            "tooltip": [{"field": "date", "type": "temporal", "title": "Day", "format": "%-d %b %Y"}, *tooltip],
        },
    }


def _config() -> dict[str, Any]:
    axis = {
        "labelFont": "sans-serif",
        "labelFontSize": TEXT_PX,
        "titleFont": "sans-serif",
        "titleFontSize": TEXT_PX,
        "titleFontWeight": "normal",
        "labelColor": PALETTE["soft"],
        "titleColor": PALETTE["soft"],
        "gridColor": PALETTE["line"],
        "domainColor": PALETTE["edge"],
        "tickColor": PALETTE["edge"],
        "aria": False,
    }
    return {
        "axis": axis,
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": {
            "labelFont": "sans-serif",
            "labelFontSize": TEXT_PX,
            "labelColor": PALETTE["soft"],
            "symbolStrokeWidth": 0,
            "symbolSize": 120,
            "columnPadding": 14,
            "offset": 6,
            "aria": False,
        },
        "view": {"stroke": None},
        "text": {"font": "sans-serif", "fontSize": TEXT_PX, "aria": False},
    }
