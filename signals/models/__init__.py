"""Hold the tables of signals, one topic a file."""

from signals.models.events import Event, EventVerdict
from signals.models.market import Evidence, Regime, RegimeDay, Score, StageDay
from signals.models.readings import Delisting, Reading, SourcePoll
from signals.models.recommendations import Recommendation, RecommendationLeg
from signals.models.shadows import Shadow, ShadowDay, ShadowFill
from signals.models.sources import Feed, Quarantine, SectorAlias, SourceAlias, SourceState, SourceValidator
from signals.models.subscriptions import Channel, Delivery, Subscription, Topic

__all__ = [
    "Channel",
    "Delisting",
    "Delivery",
    "Event",
    "EventVerdict",
    "Evidence",
    "Feed",
    "Quarantine",
    "Reading",
    "Recommendation",
    "RecommendationLeg",
    "Regime",
    "RegimeDay",
    "Score",
    "SectorAlias",
    "Shadow",
    "ShadowDay",
    "ShadowFill",
    "SourceAlias",
    "SourcePoll",
    "SourceState",
    "SourceValidator",
    "StageDay",
    "Subscription",
    "Topic",
]
