"""Tell which outcomes are known but were not guessed yet, so that pages keep them until they are (PEERS 4.19)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import IntegerField, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from journal.domain.counterfactual import first_close
from journal.models import Lesson, Pass, Peek, Review, Rotation
from signals.models import Recommendation

HORIZONS = (7, 30, 90)

Decided = TypeVar("Decided", Rotation, Pass, Recommendation)


def with_seen(rows: QuerySet[Decided], *, by: str = "rotation") -> QuerySet[Decided]:
    """Annotate decisions with the longest horizons that were guessed, and looked at before; `by` may be a pass."""

    def longest(model: type[Lesson] | type[Peek]) -> Coalesce:
        """Return the longest horizon that a model holds of a decision, 0 for none."""
        found = model._default_manager.filter(**{by: OuterRef("pk")}).order_by().values(by)
        most = found.annotate(most=Max("horizon_days")).values("most")
        return Coalesce(Subquery(most, output_field=IntegerField()), 0)

    return rows.annotate(guessed_days=longest(Lesson), peeked_days=longest(Peek))


def sealed_days(decision: Any, known: Iterable[int]) -> int | None:
    """Return the longest known horizon, None where it, or a longer one, was guessed or looked at."""
    longest = max(known, default=0)
    return longest if longest > max(decision.guessed_days, decision.peeked_days) else None


def elapsed_days(*, decided_at: datetime, clock: datetime) -> list[int]:
    """Return the horizons of a review queue that are over: a result to date would give them away."""
    return [days for days in HORIZONS if first_close(decided_at) + timedelta(days=days) <= clock]


def known_days(reviews: Iterable[Review]) -> list[int]:
    """Return the horizons of a review queue at which something is known."""
    return [
        review.horizon_days
        for review in reviews
        if review.horizon_days in HORIZONS and review.status == Review.Status.OK and review.total_alpha_usd is not None
    ]
