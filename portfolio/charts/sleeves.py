"""Chart how the portfolio was divided over time, under the stages it went through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portfolio.charts.axes import MOST_POINTS, Layer, frame, month_ends, pointer, thin, time_axis
from portfolio.charts.chart import WIDE_PX, Chart, Spec, Table
from portfolio.charts.palette import PALETTE, hue
from portfolio.domain.display import day, pct

MOST_DAYS = 110
SMALLEST_LABELLED = Decimal("0.06")
STRIP_PX = 16
TONES = {
    "Stable consolidation": "line",
    "Re-emergence": "edge",
    "Narrative ignition": "soft",
    "Peak and rotation": "ink",
}
"""Grey tones, the darker the more a stage asks for."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """One sleeve's or sector's share of equity (a fraction), with its name and hue."""

    name: str
    hue: str
    weight: Decimal


@dataclass(frozen=True, kw_only=True)
class SleeveDay:
    """The shares at the close of a day, in the order in which they are stacked, lowest first."""

    date: date
    shares: tuple[Share, ...]


@dataclass(frozen=True, kw_only=True)
class StageBand:
    """A stage of the playbook from its first day to the day it ended or the last day shown."""

    start: date
    end: date
    name: str


def sleeve_chart(
    *, days: Sequence[SleeveDay], bands: Sequence[StageBand] = (), spec_url: str = "", slug: str = "sleeves"
) -> Chart:
    """Chart the shares of the sleeves over time, oldest first, under bands for the stages."""

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        return _spec(
            thin(days, MOST_POINTS if is_interactive else MOST_DAYS),
            list(bands),
            width=width,
            is_interactive=is_interactive,
        )

    return Chart(
        slug=slug,
        description=_description(days, bands),
        caption="Share of equity at the close of each day. The strip above is the stage of the playbook.",
        table=_table(days),
        build=build,
        spec_url=spec_url,
    )


def _spec(days: list[SleeveDay], bands: list[StageBand], *, width: int, is_interactive: bool) -> Spec:
    height = 260 if width >= WIDE_PX else 230
    x = time_axis(dates=[each.date for each in days], width=width)
    layers = [_areas(days, x), *_ends(days), *_stages(days, bands)]
    if is_interactive:
        names = _names(days)
        layers.append(pointer(x=x, rows=_wide_rows(days, names), tooltip=_tooltip(names)))
    padding = {"left": 2, "right": 2, "top": 2, "bottom": 2}
    return frame(description=_description(days, bands), height=height, layers=layers, padding=padding)


def _areas(days: list[SleeveDay], x: dict[str, Any]) -> Layer:
    hues = {share.name: hue(share.hue) for each in days for share in each.shares}
    values = [
        {"date": each.date.isoformat(), "sleeve": share.name, "weight": round(float(share.weight), 4), "order": index}
        for each in days
        for index, share in enumerate(each.shares)
    ]
    axis = {"title": None, "format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]}
    scale = {"domain": [0, 1], "nice": False, "clamp": True}
    return {
        "data": {"values": values},
        "mark": {"type": "area", "aria": False, "stroke": PALETTE["sheet"], "strokeWidth": 1},
        "encoding": {
            "x": x,
            "y": {"field": "weight", "type": "quantitative", "stack": "zero", "scale": scale, "axis": axis},
            "order": {"field": "order", "type": "quantitative"},
            "color": {
                "field": "sleeve",
                "type": "nominal",
                "legend": None,
                "scale": {"domain": list(hues), "range": list(hues.values())},
            },
        },
    }


def _ends(days: list[SleeveDay]) -> list[Layer]:
    """Name each area at its right end, where it is tall enough for a line of text."""
    if not days:
        return []
    values, floor = [], Decimal(0)
    for share in days[-1].shares:
        if share.weight >= SMALLEST_LABELLED:
            values.append({"name": share.name, "middle": float(floor + share.weight / 2), "hue": hue(share.hue)})
        floor += share.weight
    return [
        {
            "data": {"values": [{"date": days[-1].date.isoformat(), **value} for value in values]},
            "mark": {"type": "text", "align": "left", "dx": 7, "fontWeight": 600},
            "encoding": {
                "x": {"field": "date", "type": "temporal"},
                "y": {"field": "middle", "type": "quantitative"},
                "text": {"field": "name"},
                "color": {"field": "hue", "type": "nominal", "scale": None},
            },
        }
    ]


def _stages(days: list[SleeveDay], bands: list[StageBand]) -> list[Layer]:
    """Lay a strip above the plot in one grey tone a stage, explained in a legend under it."""
    shown = _clipped(days, bands)
    if not shown:
        return []
    names = sorted(
        {band.name for band in shown}, key=list(TONES).index if all(band.name in TONES for band in shown) else None
    )
    values = [{"date": band.start.isoformat(), "end": band.end.isoformat(), "stage": band.name} for band in shown]
    legend = {"orient": "bottom", "title": None, "columns": 2, "symbolType": "square"}
    tone = {"domain": names, "range": [PALETTE[TONES.get(name, "wash")] for name in names]}
    strip = {"type": "rect", "stroke": PALETTE["sheet"], "strokeWidth": 0.5, "aria": False}
    encoding = {
        "x": {"field": "date", "type": "temporal"},
        "x2": {"field": "end"},
        "y": {"value": -STRIP_PX},
        "y2": {"value": -4},
        "fill": {"field": "stage", "type": "nominal", "sort": names, "scale": tone, "legend": legend},
        "tooltip": [{"field": "stage", "title": "Stage"}],
    }
    return [{"data": {"values": values}, "mark": strip, "encoding": encoding}]


def _clipped(days: list[SleeveDay], bands: list[StageBand]) -> list[StageBand]:
    if not days:
        return []
    first, last = days[0].date, days[-1].date
    return [
        StageBand(start=max(band.start, first), end=min(band.end, last), name=band.name)
        for band in bands
        if band.start < last and band.end > first
    ]


def _names(days: Sequence[SleeveDay]) -> list[str]:
    return list(dict.fromkeys(share.name for each in days for share in each.shares))


def _wide_rows(days: list[SleeveDay], names: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "date": each.date.isoformat(),
            **dict.fromkeys(names, 0.0),
            **{share.name: float(share.weight) for share in each.shares},
        }
        for each in days
    ]


def _tooltip(names: list[str]) -> list[dict[str, str]]:
    return [{"field": name, "title": name, "type": "quantitative", "format": ".1%"} for name in names]


def _description(days: Sequence[SleeveDay], bands: Sequence[StageBand]) -> str:
    if not days:
        return "No day has been valued yet."
    now = ", ".join(f"{share.name} {pct(share.weight)}" for share in days[-1].shares)
    stages = f" The portfolio went through {len(bands)} stages; now: {bands[-1].name}." if bands else ""
    return f"Share of each sleeve from {day(days[0].date)} to {day(days[-1].date)}. At the end: {now}.{stages}"


def _table(days: Sequence[SleeveDay]) -> Table:
    names = _names(days)
    ends = month_ends(days, [each.date for each in days])
    return Table(
        caption="At the end of each month, newest first",
        headers=("Day", *names),
        rows=tuple(_table_row(each, names) for each in reversed(ends)),
    )


def _table_row(each: SleeveDay, names: list[str]) -> tuple[str, ...]:
    weights = {share.name: share.weight for share in each.shares}
    return (day(each.date), *(pct(weights.get(name)) for name in names))
