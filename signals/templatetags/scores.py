"""Draw how the parts of a score add up, and how an indicator moved: small SVG without a style attribute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 88, 24, 2.0
NEUTRAL = 50.0
LEAST_SPAN = 12.0


@register.simple_tag
def score_scale(cards: Iterable[Any]) -> tuple[float, float]:
    """Return the range that the parts of all these scores need, so that their bars compare."""
    edges = [edge for card in cards for term in card.terms for edge in (term.start, term.end)]
    low, high = min([NEUTRAL, *edges]), max([NEUTRAL, *edges])
    missing = max(0.0, LEAST_SPAN - (high - low)) / 2
    return low - missing - 1, high + missing + 1


@register.simple_tag
def waterfall(term: Any, scale: tuple[float, float]) -> SafeString:
    """Draw one part of a score as a bar that begins where the part before it ended; the fine line is 50."""
    low, high = min(term.start, term.end), max(term.start, term.end)
    tone = "gain" if term.end > term.start else "loss"
    width = max(_percent(high, scale) - _percent(low, scale), 0.4)
    return format_html(
        '<svg width="100%" height="16" aria-hidden="true"><line x1="{mid}%" x2="{mid}%" y1="0" y2="16"'
        ' stroke="var(--line)"/>'
        '<rect x="{left}%" y="3" width="{width}%" height="10" rx="2" fill="var(--{tone})"/></svg>',
        mid=f"{_percent(NEUTRAL, scale):.2f}",
        left=f"{_percent(low, scale):.2f}",
        width=f"{width:.2f}",
        tone=tone,
    )


@register.simple_tag
def total_bar(value: Any, scale: tuple[float, float]) -> SafeString:
    """Draw where the parts end: a bar from 50 to the score."""
    low, high = sorted((NEUTRAL, float(value)))
    return format_html(
        '<svg width="100%" height="16" aria-hidden="true"><rect x="{left}%" y="3" width="{width}%" height="10" rx="2"'
        ' fill="var(--ink)"/></svg>',
        left=f"{_percent(low, scale):.2f}",
        width=f"{max(_percent(high, scale) - _percent(low, scale), 0.4):.2f}",
    )


@register.simple_tag
def sparkline(history: Sequence[float | None], label: str = "") -> SafeString:
    """Draw a series, oldest left, with gaps where nothing was known and a fine line at zero where it is in reach."""
    known = [value for value in history if value is not None]
    if len(known) < 2:
        return mark_safe("")
    low, high = min([*known, 0.0]) if min(known) <= 0 else min(known), max(known)
    runs = _runs(history, low, high)
    lines = format_html_join("", '<polyline points="{}"/>', ((points,) for points in runs))
    return format_html(
        '<svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" fill="none" stroke="var(--soft)" stroke-width="1.5"'
        ' role="img" aria-label="{2}">{3}{4}</svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        label,
        _zero(low, high),
        lines,
    )


def _percent(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    return (value - low) / (high - low) * 100


def _runs(history: Sequence[float | None], low: float, high: float) -> list[str]:
    """Return the unbroken stretches of a series as points."""
    step = SPARK_WIDTH / max(len(history) - 1, 1)
    runs: list[list[str]] = [[]]
    for place, value in enumerate(history):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{place * step:.1f},{_height(value, low, high):.1f}")
    return [" ".join(run) for run in runs if len(run) > 1]


def _height(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return SPARK_HEIGHT - SPARK_MARGIN - share * (SPARK_HEIGHT - 2 * SPARK_MARGIN)


def _zero(low: float, high: float) -> SafeString:
    if not low <= 0 <= high:
        return mark_safe("")
    y = f"{_height(0.0, low, high):.1f}"
    return format_html('<line x1="0" x2="{}" y1="{}" y2="{}" stroke="var(--line)"/>', SPARK_WIDTH, y, y)
