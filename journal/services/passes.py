"""Record a decision not to act, which is measured like an action (DECISIONS 4)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from journal.models import Pass
from journal.services.rotations import DraftRefused
from signals.models import Recommendation
from signals.services.outcomes import close_recommendation


@transaction.atomic
def pass_on(*, recommendation: Recommendation, reason: str, now: datetime) -> Pass:
    """Pass on a recommendation with a reason; repeating returns the first pass.

    Raises `DraftRefused` for a missing reason, `RecommendationClosedError` where it no longer stands.
    """
    known = Pass.objects.filter(recommendation=recommendation).first()
    if known is not None:
        return known
    if not reason.strip():
        raise DraftRefused("reason", "Say why not now: half a sentence is enough.")
    close_recommendation(
        recommendation=recommendation, outcome=Recommendation.State.PASSED, now=now, reason=reason.strip()
    )
    kept = {
        "portfolio_id": recommendation.portfolio_id,
        "reason": reason.strip()[:2000],
        "passed_at": recommendation.portfolio.clock(now),
    }
    return Pass.objects.get_or_create(recommendation=recommendation, defaults=kept)[0]
