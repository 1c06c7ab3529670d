"""Share what the charts of a market are made of: named dots, words in corners, axes with a unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from portfolio.charts.axes import Layer
from portfolio.charts.palette import PALETTE
from portfolio.domain.display import number, pct

PADDING = {"left": 2, "right": 8, "top": 6, "bottom": 2}
UNKNOWN = "not known"


def quantity(field: str, *, domain: tuple[float, float], title: str, **axis: Any) -> dict[str, Any]:
    """Encode a quantity along an axis of a fixed reach, with its unit as the title."""
    shown = {"title": title, "grid": False, "tickCount": 5, **axis}
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": list(domain), "nice": False, "clamp": True, "zero": False},
        "axis": shown,
    }


def rules(field: str, values: Sequence[float], *, dash: Sequence[float] = ()) -> Layer:
    """Draw fine lines across the whole chart at some values of an axis (x or y)."""
    mark = {"type": "rule", "color": PALETTE["edge"], "aria": False, **({"strokeDash": list(dash)} if dash else {})}
    return {
        "data": {"values": [{field: value} for value in values]},
        "mark": mark,
        "encoding": {field: {"field": field, "type": "quantitative"}},
    }


def box(*, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None, tone: str = "wash") -> Layer:
    """Tint a rectangle; without a side it reaches all the way."""
    values: dict[str, float] = {}
    encoding: dict[str, Any] = {}
    for name, span in (("x", x), ("y", y)):
        if span is not None:
            values |= {name: span[0], f"{name}2": span[1]}
            encoding |= {name: {"field": name, "type": "quantitative"}, f"{name}2": {"field": f"{name}2"}}
    return {
        "data": {"values": [values]},
        "mark": {"type": "rect", "color": PALETTE[tone], "aria": False},
        "encoding": encoding,
    }


def words_at(words: Sequence[tuple[float, float, str]], *, align: str = "center") -> Layer:
    """Write quiet words at places of the chart."""
    return {
        "data": {"values": [{"x": x, "y": y, "words": text} for x, y, text in words]},
        "mark": {"type": "text", "color": PALETTE["soft"], "align": align, "fontSize": 13},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
            "text": {"field": "words"},
        },
    }


def percent(value: float | None) -> str:
    """Write a fraction with its sign as a percentage, or that it is not known."""
    return UNKNOWN if value is None else pct(Decimal(str(round(value, 6))), is_signed=True)


def plain(value: float | None, places: int = 1) -> str:
    """Write a number, or that it is not known."""
    return UNKNOWN if value is None else number(Decimal(str(round(value, 6))), places)
