"""Read a decision under review, a rotation or a pass, and say what it came to against what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from journal.domain.counterfactual import first_close
from journal.models import Lesson, Pass, Rotation
from journal.queries.review_queue import HORIZONS, Outcome, outcomes_of_pass, outcomes_of_rotation, own_pass
from journal.queries.timeline import title_of
from journal.views.evidence import evidence_context
from journal.views.rotation import own_rotation
from journal.views.words import chance
from portfolio.models import Portfolio, Stage
from portfolio.views.access import person_of
from signals.models import Regime

VERBS = {"review": "review_{}", "expect": "expect_{}", "learn": "learn_{}"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """Hold a decision with its lessons and outcomes; `addresses` are where it is shown, guessed and learned from."""

    decision: Rotation | Pass
    portfolio: Portfolio
    title: str
    hue: str
    reason: str
    decided_at: datetime
    chance: Decimal | None
    lessons: Sequence[Lesson]
    outcomes: dict[int, Outcome]
    addresses: dict[str, str]

    @property
    def is_pass(self) -> bool:
        """Return whether nothing was done."""
        return isinstance(self.decision, Pass)


def case_of_rotation(request: HttpRequest, rotation_id: int) -> Case:
    """Return the person's own rotation under review; another's, or a reversed one, is a 404."""
    found = own_rotation(request, rotation_id)
    if found.state == Rotation.State.REVERSED:
        raise Http404
    return Case(
        decision=found,
        portfolio=found.portfolio,
        title=title_of(found),
        hue=found.destination_sector.hue if found.destination_sector else "overlay",
        reason=found.thesis,
        decided_at=found.executed_at,
        chance=chance(found.conviction),
        lessons=list(found.lessons.all()),
        outcomes=outcomes_of_rotation(found.reviews.all()),
        addresses=_addresses("rotation", found.pk),
    )


def case_of_pass(request: HttpRequest, pass_id: int) -> Case:
    """Return the person's own pass under review; another's is a 404."""
    found = own_pass(user=person_of(request), pk=pass_id)
    if found is None:
        raise Http404
    about = found.recommendation
    return Case(
        decision=found,
        portfolio=found.portfolio,
        title=title_of(about),
        hue=about.destination_sector.hue if about.destination_sector else "overlay",
        reason=found.reason,
        decided_at=found.passed_at,
        chance=None,
        lessons=list(found.lessons.all()),
        outcomes=outcomes_of_pass(found, moment=found.portfolio.clock(timezone.now())),
        addresses=_addresses("pass", found.pk),
    )


def evidence_of(case: Case) -> dict[str, Any]:
    """Return what is shown of that moment: the legs and scores of a rotation, or what was recommended."""
    decision = case.decision
    if isinstance(decision, Pass):
        return {"recommendation": decision.recommendation, **evidence_context(_as_rotated(decision))}
    return {
        "rotation": decision,
        "legs": [(leg, [pair.fill for pair in leg.leg_fills.all()]) for leg in decision.legs.all()],
        "stage_name": str(Stage(decision.stage).label) if decision.stage else "",
        "regime_name": str(Regime(decision.regime).label) if decision.regime else "",
        **evidence_context(decision),
    }


def _as_rotated(passed: Pass) -> Rotation:
    """Return what a rotation of that moment would have frozen; it is never stored."""
    stood = passed.recommendation.evidence
    frozen = {"evidence": stood.payload, "evidence_sha256": stood.sha256}
    return Rotation(portfolio=passed.portfolio, executed_at=passed.passed_at, **frozen)


def known_on(case: Case) -> datetime:
    """Return when the first result that can be reviewed becomes known."""
    return first_close(case.decided_at) + timedelta(days=HORIZONS[0])


def verdict(lesson: Lesson) -> str:
    """Say how what was expected stands beside what came."""
    words = str(Lesson.Expectation(lesson.expectation).label).lower()
    before = "You knew it, and said" if lesson.had_seen else "You expected"
    if lesson.expectation == Lesson.Expectation.SAME or not lesson.shown_alpha_usd:
        return f"{before}: {words}."
    is_right = (lesson.shown_alpha_usd > 0) == (lesson.expectation == Lesson.Expectation.BETTER)
    return f"{before}: {words}. {'So it was' if is_right else 'It was not'}."


def _addresses(kind: str, pk: int) -> dict[str, str]:
    return {verb: reverse(f"learning:{name.format(kind)}", args=[pk]) for verb, name in VERBS.items()}
