"""Hold the tables of signals, one topic a file."""

from signals.models.market import Evidence, Regime, RegimeDay, Score, StageDay
from signals.models.readings import Delisting, Event, Reading, SourcePoll
from signals.models.recommendations import Recommendation, RecommendationLeg
from signals.models.sources import Quarantine, SourceAlias, SourceState, SourceValidator

__all__ = [
    "Delisting",
    "Event",
    "Evidence",
    "Quarantine",
    "Reading",
    "Recommendation",
    "RecommendationLeg",
    "Regime",
    "RegimeDay",
    "Score",
    "SourceAlias",
    "SourcePoll",
    "SourceState",
    "SourceValidator",
    "StageDay",
]
