"""Chart stated chances against what came of them (DOMAIN 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from journal.domain.learning import Bin, Calibration
from portfolio.charts.axes import frame
from portfolio.charts.chart import Chart, Spec, Table
from portfolio.charts.palette import PALETTE
from portfolio.domain.display import pct

PADDING = {"left": 4, "top": 12, "right": 12, "bottom": 4}
HEIGHT = 240
SHARES = {"domain": [0, 1]}


def reliability_chart(found: Calibration | None) -> Chart:
    """Chart how often what was given a chance came true, with Wilson's interval, against the diagonal."""
    bins = () if found is None else found.bins
    said = ", ".join(f"{_share(each.said)} said, {_share(each.came.value)} came" for each in bins)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Compose the layers."""
        layers = [_diagonal(), _bars(bins), _points(bins), _counts(bins)]
        return frame(description=_reliability(said), height=HEIGHT, layers=layers, padding=PADDING)

    return Chart(
        slug="reliability",
        description=_reliability(said) if bins else "You have given no chance to a decision that is known by now.",
        caption="On the line, what you gave 70% came true in 70 of 100. Bars are 95% intervals; the number is n.",
        table=Table(
            caption="By the chance you gave",
            headers=("You said", "It came", "95% interval", "n"),
            rows=tuple(_bin_row(each) for each in bins),
        ),
        build=build,
    )


def _share(value: float | None) -> str:
    return "" if value is None else pct(Decimal(str(round(value, 6))), 0)


def _reliability(said: str) -> str:
    return f"What came of the chances you gave: {said}."


def _bin_row(each: Bin) -> tuple[str, ...]:
    return _share(each.said), _share(each.came.value), f"{_share(each.came.low)} to {_share(each.came.high)}", _n(each)


def _n(each: Bin) -> str:
    return str(each.came.n)


def _axis(field: str, title: str) -> dict[str, Any]:
    axis = {"title": title, "format": ".0%", "tickCount": 5, "grid": field != "said"}
    return {"field": field, "type": "quantitative", "scale": SHARES, "axis": axis}


def _diagonal() -> dict[str, Any]:
    return {
        "data": {"values": [{"said": 0, "came": 0}, {"said": 1, "came": 1}]},
        "mark": {"type": "line", "color": PALETTE["edge"], "strokeWidth": 1.25, "strokeDash": [5, 4], "aria": False},
        "encoding": {"x": _axis("said", "Chance you gave"), "y": _axis("came", "How often it came true")},
    }


def _bars(bins: Sequence[Bin]) -> dict[str, Any]:
    rows = [{"said": each.said, "low": each.came.low, "high": each.came.high} for each in bins]
    return {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": PALETTE["soft"], "strokeWidth": 2, "aria": False},
        "encoding": {
            "x": {"field": "said", "type": "quantitative"},
            "y": {"field": "low", "type": "quantitative"},
            "y2": {"field": "high"},
        },
    }


def _points(bins: Sequence[Bin]) -> dict[str, Any]:
    rows = [{"said": each.said, "came": each.came.value} for each in bins]
    return {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 90, "color": PALETTE["ink"], "opacity": 1, "aria": False},
        "encoding": {
            "x": {"field": "said", "type": "quantitative"},
            "y": {"field": "came", "type": "quantitative"},
        },
    }


def _counts(bins: Sequence[Bin]) -> dict[str, Any]:
    rows = [{"said": each.said, "came": each.came.value, "n": _n(each)} for each in bins]
    return {
        "data": {"values": rows},
        "mark": {"type": "text", "align": "left", "dx": 9, "color": PALETTE["soft"]},
        "encoding": {
            "x": {"field": "said", "type": "quantitative"},
            "y": {"field": "came", "type": "quantitative"},
            "text": {"field": "n"},
        },
    }
