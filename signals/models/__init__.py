"""Hold the tables of signals, one topic a file."""

from signals.models.market import Evidence, Regime, RegimeDay, Score, StageDay
from signals.models.readings import Event, Reading, SourcePoll
from signals.models.recommendations import Recommendation, RecommendationLeg

__all__ = [
    "Event",
    "Evidence",
    "Reading",
    "Recommendation",
    "RecommendationLeg",
    "Regime",
    "RegimeDay",
    "Score",
    "SourcePoll",
    "StageDay",
]
