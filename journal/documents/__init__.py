"""Print reports as PDF (the one module that wraps typst): our own template, and all words as data, never as markup."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import typst

from portfolio.charts import Chart, ChartError
from portfolio.charts.chart import WIDE_PX
from portfolio.charts.drawing import picture_of
from portfolio.kept import kept

TEMPLATE = Path(__file__).with_name("report.typ")
KEPT_FOR_S = 3600
STANDARD: Literal["ua-1"] = "ua-1"

Cell = str | dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Report:
    """A document: its heading, what stands under it, its sections, and the line at the foot of every page."""

    title: str
    subtitle: str
    sections: Sequence[dict[str, Any]]
    footer: str


def prose(title: str, *paragraphs: str) -> dict[str, Any]:
    """Set what a person wrote, a paragraph a line."""
    lines = [line for words in paragraphs for line in words.splitlines() if line.strip()]
    return {"kind": "prose", "title": title, "paragraphs": lines}


def note(*sentences: str, title: str = "") -> dict[str, Any]:
    """Set sentences smaller."""
    return {"kind": "note", "title": title, "paragraphs": list(sentences)}


def facts(title: str, rows: Sequence[tuple[str, Cell]]) -> dict[str, Any]:
    """Set labelled figures in a grid."""
    return {"kind": "facts", "title": title, "rows": [list(row) for row in rows]}


def table(title: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    """Set a table that may run over pages."""
    return {"kind": "table", "title": title, "headers": list(headers), "rows": [list(row) for row in rows]}


def picture(title: str, chart: Chart) -> dict[str, Any]:
    """Set a chart as it is drawn for a light page; where it cannot be drawn, its table."""
    try:
        svg = picture_of(chart.build(width=WIDE_PX, is_interactive=False), width=WIDE_PX)
    except ChartError:
        return table(title, chart.table.headers, chart.table.rows)
    return {"kind": "picture", "title": title, "svg": svg, "alt": chart.description, "caption": chart.caption}


def printed(report: Report, *, now: datetime) -> bytes:
    """Return a report as a tagged PDF, from the cache where the same was printed before."""
    words = json.dumps(asdict(report), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{_template()!r}{words}".encode()).hexdigest()[:32]
    return kept(f"report:{digest}", seconds=KEPT_FOR_S, make=lambda: _compiled(words, now))


def _compiled(words: str, now: datetime) -> bytes:
    document: bytes = typst.compile(
        _template(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": words},
        format="pdf",
        pdf_standards=STANDARD,
        timestamp=int(now.timestamp()),
    )
    return document


@cache
def _template() -> bytes:
    return TEMPLATE.read_bytes()


@cache
def _fonts() -> typst.Fonts:
    """Return the fonts that come with the wheel, and none of the system's: a report looks the same everywhere."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
