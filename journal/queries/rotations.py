"""Find one rotation with everything that its page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch

from accounts.models import User
from journal.models import Leg, LegFill, Picture, Rotation, Wording
from journal.queries.plans import Progress, progress_of
from journal.queries.sealed import with_seen

RELATED = (
    "portfolio__market", "portfolio__venue", "portfolio__reserve_asset", "recommendation", "plan", "source_sector",
    "destination_sector",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Hold what stands of a reason or a note, every wording of it, oldest first, and how many came afterwards."""

    stands: str
    wordings: Sequence[Wording]

    @property
    def late(self) -> int:
        """Return how many were written after an outcome was known."""
        return sum(wording.is_after_outcome for wording in self.wordings)


def rotation_of(*, user: User, pk: int) -> Rotation | None:
    """Return a person's own rotation with its reviews, wordings and pictures; None where it is not theirs.

    Four queries.
    """
    mine = with_seen(Rotation.objects.owned_by(user).filter(pk=pk)).select_related(*RELATED)
    pictures = Picture.objects.defer("data")
    return mine.prefetch_related("reviews", "wordings", Prefetch("pictures", pictures)).first()


def pairs_of(rotation: Rotation) -> list[LegFill]:
    """Return a rotation's fills with their legs, in order. One query."""
    fill = ("fill__instrument__asset", "fill__quote_asset", "fill__fee_asset")
    rows = LegFill.objects.filter(leg__rotation=rotation).select_related("leg__sector", *fill)
    return list(rows.order_by("leg__position", "fill__executed_at", "pk"))


def by_leg(pairs: Sequence[LegFill]) -> list[tuple[Leg, list[LegFill]]]:
    """Return the legs in order, each with its fills."""
    found: dict[int, tuple[Leg, list[LegFill]]] = {}
    for pair in pairs:
        found.setdefault(pair.leg_id, (pair.leg, []))[1].append(pair)
    return list(found.values())


def versions_of(rotation: Rotation, subject: str) -> Versions:
    """Return what stands of a subject, with every later wording."""
    wordings = [wording for wording in rotation.wordings.all() if wording.subject == subject]
    first = rotation.thesis if subject == Wording.Subject.THESIS else ""
    return Versions(stands=wordings[-1].text if wordings else first, wordings=wordings)


def progress_under_way(rotation: Rotation) -> list[Progress]:
    """Return how far the legs of its plan are, nothing where it has none or it is over. Two queries while it is."""
    plan = getattr(rotation, "plan", None)
    return [] if plan is None or plan.state != plan.State.EXECUTING else progress_of(plan)
