"""Draw what a market says: the rotation map, funding, open interest, events, an indicator's history."""

from signals.charts.event_timeline import TimelineEvent, event_timeline
from signals.charts.funding_bands import FundingPoint, funding_bands
from signals.charts.history import HistoryLine, history_chart
from signals.charts.interest_map import InterestPoint, interest_map
from signals.charts.rotation_map import MapTrail, rotation_map

__all__ = [
    "FundingPoint",
    "HistoryLine",
    "InterestPoint",
    "MapTrail",
    "TimelineEvent",
    "event_timeline",
    "funding_bands",
    "history_chart",
    "interest_map",
    "rotation_map",
]
