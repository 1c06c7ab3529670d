"""Chart funding against the bands of its labels: an extreme needs the rate and its rank, both (DOMAIN 2.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portfolio.charts.axes import Layer, frame
from portfolio.charts.chart import Chart, Spec, Table
from portfolio.charts.palette import PALETTE, hue
from signals.charts.shapes import PADDING, UNKNOWN, box, percent, plain, quantity, rules
from signals.domain.params import Params

FLOOR = 0.1095
"""What a venue charges when nothing pulls the rate: 0.01% per 8 hours (DOMAIN 2.6)."""
LOW, HIGH = -0.25, 0.50
ROW_PX = 46


@dataclass(frozen=True, kw_only=True)
class FundingPoint:
    """One narrative's annualised funding, its rank among 90 days, and its label in words; None is not known."""

    name: str
    hue: str
    annual: float | None
    percentile: float | None
    label: str


def funding_bands(*, points: Sequence[FundingPoint], params: Params) -> Chart:
    """Chart each narrative's funding over the bands."""
    known = [point for point in points if point.annual is not None]
    description = _description(points)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        domain = _domain(known)
        layers = [
            *_bands(params, domain),
            rules("x", [FLOOR], dash=(3, 3)),
            _dots(known, domain),
            *_names(known, domain),
        ]
        height = 34 + ROW_PX * max(len(known), 1)
        return frame(description=description, height=height, layers=layers, padding=PADDING)

    return Chart(
        slug="funding",
        description=description,
        caption="Funding as a rate a year, weighted over venues and members. Darker is rarer; the dotted line is what "
        "venues charge when nothing pulls (10.95%). A label needs the rate and its rank among 90 days.",
        table=_table(points, params) if known else Table(caption="", headers=(), rows=()),
        build=build,
    )


def _domain(points: Sequence[FundingPoint]) -> tuple[float, float]:
    rates = [point.annual for point in points if point.annual is not None]
    return min([LOW, *(rate * 1.1 for rate in rates)]), max([HIGH, *(rate * 1.1 for rate in rates)])


def _bands(params: Params, domain: tuple[float, float]) -> list[Layer]:
    low, high = domain
    return [
        box(x=(low, params.funding_low_annual), tone="line"),
        box(x=(params.funding_low_annual, params.funding_cold_annual), tone="wash"),
        box(x=(params.funding_hot_annual, params.funding_extreme_annual), tone="wash"),
        box(x=(params.funding_extreme_annual, high), tone="line"),
    ]


def _place(domain: tuple[float, float]) -> dict[str, Any]:
    return quantity("x", domain=domain, title="Funding a year", format="+.0%")


def _row() -> dict[str, Any]:
    return {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "labelLimit": 90}}


def _dots(points: Sequence[FundingPoint], domain: tuple[float, float]) -> Layer:
    values = [{"name": point.name, "x": round(point.annual or 0.0, 5)} for point in points]
    scale = {"domain": [point.name for point in points], "range": [hue(point.hue) for point in points]}
    return {
        "data": {"values": values},
        "mark": {"type": "circle", "size": 170, "opacity": 1, "aria": False},
        "encoding": {
            "x": _place(domain),
            "y": _row(),
            "color": {"field": "name", "type": "nominal", "legend": None, "scale": scale},
        },
    }


def _names(points: Sequence[FundingPoint], domain: tuple[float, float]) -> list[Layer]:
    """Write each label above its dot, towards the side where there is room."""
    middle = (domain[0] + domain[1]) / 2
    left = [point for point in points if (point.annual or 0.0) <= middle]
    right = [point for point in points if (point.annual or 0.0) > middle]
    return [_labels(left, align="left", shift=-8), _labels(right, align="right", shift=8)]


def _labels(points: Sequence[FundingPoint], *, align: str, shift: int) -> Layer:
    values = [
        {"name": p.name, "x": round(p.annual or 0.0, 5), "words": f"{percent(p.annual)}, {p.label}"} for p in points
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "text", "color": PALETTE["ink"], "align": align, "dx": shift, "dy": -16},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": _row(),
            "text": {"field": "words"},
        },
    }


def _description(points: Sequence[FundingPoint]) -> str:
    if all(point.annual is None for point in points):
        return "Funding is not known: no venue has told it in time."
    said = [f"{point.name} {percent(point.annual)} a year, {point.label}" for point in points]
    return f"Funding. {'; '.join(said)}."


def _table(points: Sequence[FundingPoint], params: Params) -> Table:
    rows = tuple(
        (
            point.name,
            percent(point.annual),
            UNKNOWN if point.annual is None else percent(point.annual - FLOOR),
            UNKNOWN if point.percentile is None else f"{plain(100 * point.percentile, 0)} of 100",
            point.label,
        )
        for point in points
    )
    caption = (
        f"Extremely high from {percent(params.funding_extreme_annual)} and the top 5 of 100, hot from "
        f"{percent(params.funding_hot_annual)} and the top 10; cold from {percent(params.funding_cold_annual)} down "
        f"and the lowest 10, extremely low from {percent(params.funding_low_annual)} down and the lowest 5"
    )
    return Table(caption=caption, headers=("Narrative", "A year", "Over neutral", "Rank", "Label"), rows=rows)
