"""Find the decisions whose outcome is known and was not looked at yet, those first that teach most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, OuterRef, QuerySet

from accounts.models import User
from journal.domain.learning import worth_learning
from journal.models import Lesson, Pass, Review, Rotation
from journal.queries.unacted import followed_on_paper
from portfolio.models import Portfolio
from signals.models import Recommendation

HORIZONS = (7, 30, 90)
SHOWN = 20
MOST_PASSES = 100
RELATED = ("source_sector", "destination_sector")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Name a decision whose outcome at a horizon waits to be guessed, without the outcome."""

    rotation: Rotation | None = None
    passed: Pass | None = None
    horizon_days: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Hold what waits, how much there is of it, and the lessons that were begun or kept last."""

    waiting: tuple[Waiting, ...]
    count: int
    begun: tuple[Lesson, ...]
    kept: tuple[Lesson, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a decision came to at a horizon, in USD."""

    horizon_days: int
    alpha: Decimal
    hold: Decimal | None
    actual: Decimal | None
    overlay: Decimal | None


def review_queue(*, portfolio: Portfolio, moment: datetime) -> Queue:
    """Return what waits to be reviewed, in an order that gives no outcome away. Six queries."""
    ranked = sorted([*_rotations(portfolio), *_passes(portfolio, moment)], key=lambda each: -each[0])
    of_rotations = Lesson.objects.filter(rotation__portfolio=portfolio, rotation__state=Rotation.State.LOGGED)
    lessons = of_rotations | Lesson.objects.filter(decided_pass__portfolio=portfolio)
    lessons = lessons.order_by(F("learned_at").desc(nulls_first=True), "-expected_at", "-id")
    places = [f"{path}__{side}" for path in ("rotation", "decided_pass__recommendation") for side in RELATED]
    recent = list(lessons.select_related(*places).defer("rotation__evidence", "rotation__thesis")[:SHOWN])
    return Queue(
        waiting=tuple(_named([each for _, each in ranked[:SHOWN]])),
        count=len(ranked),
        begun=tuple(lesson for lesson in recent if lesson.learned_at is None),
        kept=tuple(lesson for lesson in recent if lesson.learned_at is not None),
    )


def unreviewed(portfolio: Portfolio) -> QuerySet[Review]:
    """Select the longest known result of each standing rotation, unless it or a longer one was reviewed."""
    known = Review.objects.filter(status=Review.Status.OK, horizon_days__in=HORIZONS)
    longer = known.filter(rotation=OuterRef("rotation"), horizon_days__gt=OuterRef("horizon_days"))
    learned = Lesson.objects.filter(rotation=OuterRef("rotation"), horizon_days__gte=OuterRef("horizon_days"))
    mine = known.filter(rotation__portfolio=portfolio, rotation__state=Rotation.State.LOGGED)
    return mine.filter(~Exists(learned), ~Exists(longer)).order_by()


def _rotations(portfolio: Portfolio) -> Iterator[tuple[float, tuple[str, int, int]]]:
    columns = ("rotation_id", "horizon_days", "total_alpha_usd", "rotation__conviction")
    for pk, days, alpha, chance in unreviewed(portfolio).values_list(*columns):
        yield worth_learning(size=float(alpha), chance=chance), ("rotation", pk, days)


def _passes(portfolio: Portfolio, moment: datetime) -> Iterator[tuple[float, tuple[str, int, int]]]:
    """Return what was passed on, with the longest known result on paper that was not reviewed."""
    newest = Recommendation.objects.filter(portfolio=portfolio, decided_pass__isnull=False)[:MOST_PASSES]
    found = followed_on_paper(newest, portfolio=portfolio, moment=moment, horizons=HORIZONS)
    of_passes = Lesson.objects.filter(decided_pass__portfolio=portfolio).order_by("horizon_days")
    learned = dict(of_passes.values_list("decided_pass_id", "horizon_days"))
    for each in found:
        passed = each.recommendation.decided_pass.pk
        known = [(days, result) for days in HORIZONS if (result := each.known(days)) is not None]
        if known and known[-1][0] > learned.get(passed, 0):
            days, result = known[-1]
            yield worth_learning(size=float(result.total_alpha or 0), chance=None), ("pass", passed, days)


def _named(chosen: Sequence[tuple[str, int, int]]) -> Iterable[Waiting]:
    """Return the decisions that were chosen, in their order. Two queries."""
    rotations = Rotation.objects.select_related(*RELATED).defer("evidence")
    of_rotations = rotations.in_bulk([pk for kind, pk, _ in chosen if kind == "rotation"])
    passes = Pass.objects.select_related(*(f"recommendation__{side}" for side in RELATED))
    of_passes = passes.in_bulk([pk for kind, pk, _ in chosen if kind == "pass"])
    for kind, pk, days in chosen:
        if kind == "rotation":
            yield Waiting(rotation=of_rotations[pk], horizon_days=days)
        else:
            yield Waiting(passed=of_passes[pk], horizon_days=days)


def outcomes_of_rotation(reviews: Iterable[Review]) -> dict[int, Outcome]:
    """Return what is known of a rotation at 7, 30 and 90 days."""
    return {
        review.horizon_days: Outcome(
            horizon_days=review.horizon_days,
            alpha=review.total_alpha_usd,
            hold=review.hold_usd,
            actual=review.actual_usd,
            overlay=review.overlay_usd,
        )
        for review in reviews
        if review.horizon_days in HORIZONS and review.status == Review.Status.OK and review.total_alpha_usd is not None
    }


def outcomes_of_pass(passed: Pass, *, moment: datetime) -> dict[int, Outcome]:
    """Return what is known on paper of what was passed on, at 7, 30 and 90 days. Three queries."""
    row = Recommendation.objects.filter(pk=passed.recommendation_id)
    [found] = followed_on_paper(row, portfolio=passed.portfolio, moment=moment, horizons=HORIZONS)
    return {
        days: Outcome(
            horizon_days=days,
            alpha=result.total_alpha,
            hold=result.hold,
            actual=result.actual,
            overlay=result.overlay,
        )
        for days in HORIZONS
        if (result := found.known(days)) is not None and result.total_alpha is not None
    }


def own_pass(*, user: User, pk: int) -> Pass | None:
    """Return a person's own pass with what it was about; None where it is not theirs. One query."""
    places = (f"recommendation__{side}" for side in (*RELATED, "evidence"))
    mine = Pass.objects.filter(portfolio__owner_id=user.pk, pk=pk)
    return mine.select_related("portfolio__market", "portfolio__venue", *places).first()


def next_step(lessons: Sequence[Lesson], outcomes: dict[int, Outcome]) -> tuple[Lesson | None, int | None]:
    """Return the lesson in hand and the horizon that is to be guessed: one of them, or neither.

    What was begun is finished first; then the longest known result that was not looked at; then the last lesson.
    """
    begun = next((lesson for lesson in lessons if lesson.learned_at is None), None)
    if begun is not None:
        return begun, None
    seen = max((lesson.horizon_days for lesson in lessons), default=0)
    longest = max(outcomes, default=0)
    if longest > seen:
        return None, longest
    return max(lessons, key=lambda lesson: lesson.horizon_days, default=None), None


def lessons_of(*, user: User | AnonymousUser) -> QuerySet[Lesson]:
    """Select a person's own lessons, newest first."""
    mine = Lesson.objects.filter(rotation__portfolio__owner_id=user.pk)
    passed = Lesson.objects.filter(decided_pass__portfolio__owner_id=user.pk)
    return (mine | passed).order_by("-expected_at", "-id")
