"""Chart how one amount becomes another: each step starts where the one before it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portfolio.charts.axes import frame
from portfolio.charts.chart import Chart, Spec, Table
from portfolio.charts.palette import PALETTE
from portfolio.domain.display import usd
from portfolio.domain.money import ZERO, in_context

PADDING = {"left": 4, "top": 18, "right": 12, "bottom": 4}
HEIGHT = 240


@dataclass(frozen=True, kw_only=True)
class Step:
    """One amount on the way, in USD; a total stands on the ground and is what the steps before it add up to."""

    name: str
    amount: Decimal
    is_total: bool = False


def waterfall_chart(steps: Sequence[Step], *, slug: str, said: str, caption: str) -> Chart:
    """Chart amounts that add up, in the order in which they do."""
    shown = tuple(steps)
    parts = ", ".join(f"{step.name} {usd(step.amount, is_signed=True)}" for step in shown)
    description = f"{said}: {parts}." if shown else f"{said}: nothing is known yet."

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Compose the layers."""
        rows = bars_of(shown)
        layers = [_bars(rows), _ground(), _labels(rows)]
        return frame(description=description, height=HEIGHT, layers=layers, padding=PADDING)

    return Chart(
        slug=slug,
        description=description,
        caption=caption,
        table=Table(
            caption=said,
            headers=("Step", "USD"),
            rows=tuple((step.name, usd(step.amount, is_signed=True)) for step in shown),
        ),
        build=build,
    )


@in_context
def bars_of(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return each bar with where it begins and ends; steps float, totals stand on the ground."""
    at, rows = ZERO, []
    for step in steps:
        start = ZERO if step.is_total else at
        at = step.amount if step.is_total else at + step.amount
        rows.append(
            {
                "step": step.name,
                "from": round(float(start), 2),
                "to": round(float(at), 2),
                "top": round(float(max(start, at)), 2),
                "side": "total" if step.is_total else "gain" if step.amount >= 0 else "loss",
                "label": usd(step.amount, 0, is_signed=True),
            }
        )
    return rows


def _x(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    axis = {"title": None, "labelAngle": 0, "labelLimit": 140, "labelExpr": "split(datum.label, '|')", "grid": False}
    return {"field": "step", "type": "ordinal", "sort": [row["step"] for row in rows], "axis": axis}


def _bars(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sides = ["gain", "loss", "total"]
    colours = {"domain": sides, "range": [PALETTE["gain"], PALETTE["loss"], PALETTE["ink"]]}
    axis = {"title": None, "format": "$,.0f", "tickCount": 5}
    return {
        "data": {"values": list(rows)},
        "mark": {"type": "bar", "aria": False, "size": 40},
        "encoding": {
            "x": _x(rows),
            "y": {"field": "from", "type": "quantitative", "axis": axis, "scale": {"padding": 14}},
            "y2": {"field": "to"},
            "color": {"field": "side", "type": "nominal", "scale": colours, "legend": None},
        },
    }


def _ground() -> dict[str, Any]:
    return {
        "data": {"values": [{"zero": 0}]},
        "mark": {"type": "rule", "color": PALETTE["edge"], "aria": False},
        "encoding": {"y": {"field": "zero", "type": "quantitative"}},
    }


def _labels(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "data": {"values": list(rows)},
        "mark": {"type": "text", "baseline": "bottom", "dy": -4, "color": PALETTE["ink"]},
        "encoding": {
            "x": _x(rows),
            "y": {"field": "top", "type": "quantitative"},
            "text": {"field": "label"},
        },
    }
