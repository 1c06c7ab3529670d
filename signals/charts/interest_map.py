"""Chart open interest against price over seven days, with the dead bands in which nothing is said (DOMAIN 2.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portfolio.charts.axes import Layer, frame
from portfolio.charts.chart import WIDE_PX, Chart, Spec, Table
from portfolio.charts.palette import PALETTE, hue
from signals.charts.shapes import PADDING, box, percent, quantity, words_at
from signals.domain.params import Params

LEAST_PRICE, LEAST_INTEREST = 0.12, 0.18


@dataclass(frozen=True, kw_only=True)
class InterestPoint:
    """One narrative's changes of price and open interest over 7 days (fractions), the label and funding in words."""

    name: str
    hue: str
    price_change: float | None
    interest_change: float | None
    label: str
    funding: str

    @property
    def is_known(self) -> bool:
        """Return whether both changes are known."""
        return self.price_change is not None and self.interest_change is not None


def interest_map(*, points: Sequence[InterestPoint], params: Params) -> Chart:
    """Chart where each narrative stands between price and open interest."""
    known = [point for point in points if point.is_known]
    description = _description(points)

    def build(*, width: int, is_interactive: bool) -> Spec:
        """Return the specification for one width."""
        across = _reach([point.price_change for point in known], LEAST_PRICE)
        up = _reach([point.interest_change for point in known], LEAST_INTEREST)
        layers = [
            box(y=(-params.interest_band, params.interest_band)),
            box(x=(-params.interest_price_band, params.interest_price_band)),
            _corners(across, up),
            *(_dot(point, across, up) for point in known),
            *(_name(point, across) for point in known),
        ]
        height = 300 if width >= WIDE_PX else 270
        return frame(description=description, height=height, layers=layers, padding=PADDING)

    return Chart(
        slug="open-interest",
        description=description,
        caption="Changes over 7 days, open interest in base units, so that price alone moves nothing. In the tinted "
        "bands nothing is said: open interest within 5%, price within 2%.",
        table=_table(points) if known else Table(caption="", headers=(), rows=()),
        build=build,
    )


def _reach(values: Sequence[float | None], least: float) -> float:
    return round(max([least, *(abs(value) * 1.2 for value in values if value is not None)]), 4)


def _corners(across: float, up: float) -> Layer:
    x, y = across * 0.62, up * 0.93
    return words_at(
        [(x, y, "Longs build up"), (-x, y, "Shorts build up"), (x, -y, "Shorts cover"), (-x, -y, "Longs are closed")]
    )


def _dot(point: InterestPoint, across: float, up: float) -> Layer:
    return {
        "data": {"values": [{"x": round(point.price_change or 0.0, 5), "y": round(point.interest_change or 0.0, 5)}]},
        "mark": {"type": "circle", "color": hue(point.hue), "size": 150, "opacity": 1, "aria": False},
        "encoding": {
            "x": quantity("x", domain=(-across, across), title="Price", format="+.0%"),
            "y": quantity("y", domain=(-up, up), title="Open interest", format="+.0%"),
        },
    }


def _name(point: InterestPoint, across: float) -> Layer:
    is_right = (point.price_change or 0.0) > across * 0.55
    mark = {"type": "text", "color": PALETTE["ink"], "fontWeight": 600, "align": "right" if is_right else "left"}
    values = {"x": round(point.price_change or 0.0, 5), "y": round(point.interest_change or 0.0, 5), "name": point.name}
    return {
        "data": {"values": [values]},
        "mark": {**mark, "dx": -11 if is_right else 11},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
            "text": {"field": "name"},
        },
    }


def _description(points: Sequence[InterestPoint]) -> str:
    if not any(point.is_known for point in points):
        return "Open interest is not known: no venue has told it in time."
    return f"Open interest against price over 7 days. {', '.join(f'{p.name}: {p.label}' for p in points)}."


def _table(points: Sequence[InterestPoint]) -> Table:
    rows = tuple((p.name, percent(p.price_change), percent(p.interest_change), p.label, p.funding) for p in points)
    headers = ("Narrative", "Price", "Open interest", "Says", "Funding")
    return Table(caption="Over the last 7 days; open interest alone has no direction", headers=headers, rows=rows)
