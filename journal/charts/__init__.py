"""Chart what was learned and what it cost: server-drawn pictures with a table behind each."""

from journal.charts.calibration import reliability_chart
from journal.charts.multiples import multiples_chart, step_name
from journal.charts.waterfall import Step, waterfall_chart

__all__ = ["Step", "multiples_chart", "reliability_chart", "step_name", "waterfall_chart"]
