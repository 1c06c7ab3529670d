"""Draw charts: Vega-Lite specs as plain dicts, still pictures first, a bundle to explore on demand."""

from portfolio.charts.chart import Chart, Table
from portfolio.charts.drawing import ChartError, render
from portfolio.charts.equity import EquityPoint, RotationMark, equity_chart
from portfolio.charts.sleeves import Share, SleeveDay, StageBand, sleeve_chart

__all__ = [
    "Chart",
    "ChartError",
    "EquityPoint",
    "RotationMark",
    "Share",
    "SleeveDay",
    "StageBand",
    "Table",
    "equity_chart",
    "render",
    "sleeve_chart",
]
