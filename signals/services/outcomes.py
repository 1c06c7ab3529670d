"""Note what a person did about a recommendation; the journal tells the outcome (DOMAIN 3.8, 5.2; DECISIONS 4)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from signals.models import Recommendation

State = Recommendation.State
LAPSED = (State.EXPIRED, State.SUPERSEDED, State.INVALIDATED)
ACTED = (State.FOLLOWED, State.DEVIATED, State.CONTRADICTED)
OUTCOMES: dict[State, tuple[State, ...]] = {
    State.FOLLOWED: (*Recommendation.OPEN, *LAPSED, State.CONTRADICTED),
    State.DEVIATED: (*Recommendation.OPEN, *LAPSED, State.CONTRADICTED),
    State.CONTRADICTED: (*Recommendation.OPEN, *LAPSED),
    State.IGNORED: (*Recommendation.OPEN, *LAPSED),
    State.PASSED: Recommendation.OPEN,
}
REVERSED = "The rotation that followed it was reversed."


class RecommendationClosedError(ValueError):
    """The recommendation no longer stands, so nothing more can be done about it."""


class UnknownOutcomeError(ValueError):
    """The outcome is none a recommendation can have."""


@transaction.atomic
def acknowledge(*, recommendation: Recommendation, now: datetime) -> Recommendation:
    """Note that the person has seen it, once; raise `RecommendationClosedError` when it no longer stands."""
    moment = recommendation.portfolio.clock(now)
    standing = Recommendation.objects.filter(pk=recommendation.pk, expires_at__gt=moment)
    standing.filter(state=State.ISSUED).update(state=State.ACKNOWLEDGED)
    recommendation.refresh_from_db()
    if not recommendation.is_open(moment):
        raise RecommendationClosedError("This recommendation no longer stands. Look at the newest one.")
    return recommendation


@transaction.atomic
def close_recommendation(
    *, recommendation: Recommendation, outcome: str, now: datetime, reason: str = ""
) -> Recommendation:
    """Close it as followed, deviated, contradicted, passed or ignored; repeating the same outcome changes nothing.

    What had lapsed may still turn out otherwise, since fills are often logged later, and who traded against it may
    follow it yet; only what is open can be passed on. Raises `UnknownOutcomeError` and `RecommendationClosedError`.
    """
    if outcome not in OUTCOMES:
        raise UnknownOutcomeError(f"{outcome!r} is none of {', '.join(OUTCOMES)}.")
    allowed = Recommendation.objects.filter(pk=recommendation.pk, state__in=OUTCOMES[State(outcome)])
    moment = recommendation.portfolio.clock(now)
    if outcome == State.PASSED:
        allowed = allowed.filter(expires_at__gt=moment)
    allowed.update(state=outcome, closed_at=moment, close_reason=reason[:200])
    recommendation.refresh_from_db()
    if recommendation.is_refusal:
        raise RecommendationClosedError("Nothing was recommended here, so there is nothing to decide.")
    if recommendation.state in Recommendation.OPEN:
        raise RecommendationClosedError("This recommendation has lapsed: there is nothing left to pass on.")
    if recommendation.state != outcome:
        raise RecommendationClosedError(f"This recommendation is {recommendation.get_state_display().lower()} already.")
    return recommendation


@transaction.atomic
def withdraw_outcome(*, recommendation: Recommendation, now: datetime) -> Recommendation:
    """Take back what was done about it, its rotation being reversed: the change is owed again (DECISIONS 18, 30)."""
    acted = Recommendation.objects.filter(pk=recommendation.pk, state__in=ACTED)
    acted.update(state=State.EXPIRED, closed_at=recommendation.portfolio.clock(now), close_reason=REVERSED)
    recommendation.refresh_from_db()
    return recommendation
