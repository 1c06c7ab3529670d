"""Chart the rotation map: relative strength across, its momentum up, with the way each narrative came (DOMAIN 2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from portfolio.charts.axes import Layer, frame
from portfolio.charts.chart import WIDE_PX, Chart, Spec, Table
from portfolio.charts.palette import PALETTE, hue
from portfolio.domain.display import day
from signals.charts.shapes import PADDING, UNKNOWN, plain, quantity, rules, words_at

NEUTRAL = 100.0
LEAST_REACH = 1.5
STEP_DAYS = 7
QUADRANTS = {"LEADING": "leading", "WEAKENING": "weakening", "LAGGING": "lagging", "IMPROVING": "improving"}


@dataclass(frozen=True, kw_only=True)
class MapTrail:
    """One narrative's way over the map, oldest first: day, RSR, RSM; `quadrant` is where it stands now."""

    name: str
    hue: str
    points: Sequence[tuple[date, float, float]]
    quadrant: str


def rotation_map(*, trails: Sequence[MapTrail]) -> Chart:
    """Chart where narratives stand and whence they came; one nobody can place is left out and stands in the table."""
    placed = [trail for trail in trails if trail.points]
    description = _description(trails)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        reach = _reach(placed)
        low, high = NEUTRAL - reach, NEUTRAL + reach
        height = 340 if width >= WIDE_PX else 300
        layers = [
            rules("x", [NEUTRAL]),
            rules("y", [NEUTRAL]),
            _corners(reach),
            *(_way(trail, (low, high)) for trail in placed),
            *(_weeks(trail) for trail in placed),
            *(_now(trail) for trail in placed),
            *(_name(trail, reach) for trail in placed),
        ]
        return frame(description=description, height=height, layers=layers, padding=PADDING)

    return Chart(
        slug="rotation-map",
        description=description,
        caption="To the right a narrative is ahead of the others, at the top it gains on them; 100 is its own mean of "
        "90 days. The tail is four weeks, with a dot a week.",
        table=_table(trails),
        build=build,
    )


def _reach(trails: Sequence[MapTrail]) -> float:
    """Return how far from 100 the map has to reach, the same in both directions."""
    away = [abs(value - NEUTRAL) for trail in trails for _, *both in trail.points for value in both]
    return round(max([LEAST_REACH, *away]) * 1.15, 2)


def _corners(reach: float) -> Layer:
    far, up = reach * 0.72, reach * 0.93
    return words_at(
        [
            (NEUTRAL + far, NEUTRAL + up, "Leading"),
            (NEUTRAL + far, NEUTRAL - up, "Weakening"),
            (NEUTRAL - far, NEUTRAL - up, "Lagging"),
            (NEUTRAL - far, NEUTRAL + up, "Improving"),
        ]
    )


def _values(points: Sequence[tuple[date, float, float]]) -> list[dict[str, Any]]:
    return [{"x": round(x, 3), "y": round(y, 3), "order": place} for place, (_, x, y) in enumerate(points)]


def _way(trail: MapTrail, domain: tuple[float, float]) -> Layer:
    return {
        "data": {"values": _values(trail.points)},
        "mark": {"type": "line", "color": hue(trail.hue), "strokeWidth": 1.75, "opacity": 0.55, "aria": False},
        "encoding": {
            "x": quantity("x", domain=domain, title="Relative strength (RSR)"),
            "y": quantity("y", domain=domain, title="Momentum (RSM)"),
            "order": {"field": "order", "type": "quantitative"},
        },
    }


def _dots(trail: MapTrail, points: Sequence[tuple[date, float, float]], size: int) -> Layer:
    return {
        "data": {"values": _values(points)},
        "mark": {"type": "circle", "color": hue(trail.hue), "size": size, "opacity": 1, "aria": False},
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
    }


def _weeks(trail: MapTrail) -> Layer:
    return _dots(trail, trail.points[::-1][::STEP_DAYS][1:], 24)


def _now(trail: MapTrail) -> Layer:
    return _dots(trail, trail.points[-1:], 150)


def _name(trail: MapTrail, reach: float) -> Layer:
    _, x, y = trail.points[-1]
    is_right = x > NEUTRAL + reach * 0.6
    mark = {"type": "text", "color": PALETTE["ink"], "fontWeight": 600, "dx": -11 if is_right else 11}
    return {
        "data": {"values": [{"x": round(x, 3), "y": round(y, 3), "name": trail.name}]},
        "mark": {**mark, "align": "right" if is_right else "left"},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
            "text": {"field": "name"},
        },
    }


def _description(trails: Sequence[MapTrail]) -> str:
    said = [f"{trail.name} {QUADRANTS.get(trail.quadrant, UNKNOWN)}" for trail in trails]
    if not any(trail.points for trail in trails):
        return "No narrative can be placed on the rotation map yet: it needs half a year of closes."
    return f"Rotation map. {', '.join(said)}."


def _table(trails: Sequence[MapTrail]) -> Table:
    """Return where each narrative stood now and at each weekly dot; nothing while nobody can be placed."""
    rows = [
        (trail.name, day(at), plain(x, 2), plain(y, 2), QUADRANTS[quadrant_of(x, y)])
        for trail in trails
        for at, x, y in trail.points[::-1][::STEP_DAYS]
    ]
    missing = [(trail.name, "", UNKNOWN, UNKNOWN, UNKNOWN) for trail in trails if not trail.points]
    shown = tuple(rows + missing) if rows else ()
    headers = ("Narrative", "Day", "RSR", "RSM", "Stands")
    return Table(caption="Now and a week apart, newest first", headers=headers, rows=shown)


def quadrant_of(rsr: float, rsm: float) -> str:
    """Return the quadrant of a place on the map (DOMAIN 2.8)."""
    if rsr >= NEUTRAL:
        return "LEADING" if rsm >= NEUTRAL else "WEAKENING"
    return "IMPROVING" if rsm >= NEUTRAL else "LAGGING"
