"""Hold what a page needs to show a chart: pictures for two widths, the table behind them, the spec to explore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from portfolio.charts.drawing import render

Spec = dict[str, Any]
WIDE_PX = 600
NARROW_PX = 340


class Builder(Protocol):
    """Make a spec for a width in pixels, with or without what follows the pointer."""

    def __call__(self, *, width: int, is_interactive: bool) -> Spec:
        """Return a Vega-Lite spec."""
        ...


@dataclass(frozen=True, kw_only=True)
class Table:
    """The figures behind a chart, as text."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart ready to be shown; `build` makes its Vega-Lite spec."""

    slug: str
    description: str
    caption: str
    table: Table
    build: Builder
    spec_url: str = ""

    @property
    def spec(self) -> Spec:
        """Return the spec to explore, for a JSON answer."""
        return self.build(width=WIDE_PX, is_interactive=True)

    @property
    def wide(self) -> str:
        """Draw the picture for a wide column."""
        return render(self.build(width=WIDE_PX, is_interactive=False), width=WIDE_PX)

    @property
    def narrow(self) -> str:
        """Draw the picture for a telephone."""
        return render(self.build(width=NARROW_PX, is_interactive=False), width=NARROW_PX)
