"""Chart how many decisions brought how many R (DOMAIN 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from journal.domain.habits import HIGHEST_R, LOWEST_R
from portfolio.charts.axes import frame
from portfolio.charts.chart import Chart, Spec, Table
from portfolio.charts.palette import PALETTE

PADDING = {"left": 4, "top": 12, "right": 12, "bottom": 4}
HEIGHT = 240


def multiples_chart(steps: Sequence[tuple[int, int]]) -> Chart:
    """Chart how many decisions brought how many R."""
    counts = dict(steps)
    rows = [(step_name(step), counts.get(step, 0), step) for step in range(LOWEST_R, HIGHEST_R + 1)] if counts else []
    described = ", ".join(f"{name}: {count}" for name, count, _ in rows if count)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Compose the layers."""
        layers = [_columns(rows)]
        return frame(description=f"Decisions by R. {described}.", height=HEIGHT, layers=layers, padding=PADDING)

    return Chart(
        slug="multiples",
        description=f"Decisions by R. {described}." if rows else "No decision with a stop is known by now.",
        caption="1R is what you would have lost at your stop, fees included.",
        table=Table(
            caption="By what came of it, in R",
            headers=("R", "Decisions"),
            rows=tuple((name, str(count)) for name, count, _ in rows),
        ),
        build=build,
    )


def step_name(step: int) -> str:
    """Name a step of R by its ends."""
    if step <= LOWEST_R:
        return f"below {_whole(LOWEST_R + 1)}"
    return f"{_whole(step)} or more" if step >= HIGHEST_R else f"{_whole(step)} to {_whole(step + 1)}"


def _whole(number: int) -> str:
    return f"−{-number}" if number < 0 else str(number)


def _columns(rows: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    values = [{"r": name, "count": count, "side": "gain" if step >= 0 else "loss"} for name, count, step in rows]
    colour = {"condition": {"test": "datum.side == 'gain'", "value": PALETTE["gain"]}, "value": PALETTE["loss"]}
    whole = {"title": "Decisions", "tickMinStep": 1, "format": "d"}
    return {
        "data": {"values": values},
        "mark": {"type": "bar", "aria": False},
        "encoding": {
            "x": {
                "field": "r",
                "type": "ordinal",
                "sort": [name for name, _, _ in rows],
                "axis": {"title": "R", "labelAngle": -40, "grid": False},
            },
            "y": {"field": "count", "type": "quantitative", "axis": whole},
            "color": colour,
        },
    }
