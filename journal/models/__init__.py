"""What I did, why, and how it turned out: plans, rotations with their legs, passes, and reviews against having held."""

from journal.models.plans import Mood, Plan, PlanLeg
from journal.models.reviews import Lesson, Pass, Peek, Review
from journal.models.rotations import Leg, LegFill, Rotation, RotationQuerySet
from journal.models.shelf import JournalFeed, SavedView
from journal.models.writings import Picture, Question, Wording

__all__ = [
    "JournalFeed",
    "Leg",
    "LegFill",
    "Lesson",
    "Mood",
    "Pass",
    "Peek",
    "Picture",
    "Plan",
    "PlanLeg",
    "Question",
    "Review",
    "Rotation",
    "RotationQuerySet",
    "SavedView",
    "Wording",
]
