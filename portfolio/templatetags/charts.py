"""Show a chart: pictures for two widths, the table behind them, a button to explore."""

from __future__ import annotations

import logging
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString, mark_safe

from portfolio.charts.bundle import bundle_name
from portfolio.charts.chart import Chart
from portfolio.charts.drawing import ChartError

register = template.Library()
logger = logging.getLogger(__name__)


@register.inclusion_tag("portfolio/partials/chart.html")
def chart(shown: Chart) -> dict[str, Any]:
    """Show a chart; one that cannot be drawn leaves its table, opened."""
    return {"chart": shown, "bundle_url": _bundle_url() if shown.spec_url else "", **_pictures(shown)}


def _pictures(shown: Chart) -> dict[str, SafeString]:
    if not shown.table.rows:
        return {}
    try:
        return {"wide": mark_safe(shown.wide), "narrow": mark_safe(shown.narrow)}
    except ChartError:
        logger.exception("The chart %s could not be drawn.", shown.slug)
        return {}


def _bundle_url() -> str:
    try:
        return reverse("charts:bundle", args=[bundle_name()])
    except NoReverseMatch:
        return ""
