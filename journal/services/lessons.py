"""Keep what a person expected before they saw the outcome, and what they learned from it; the first of each stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from journal.models import Lesson, Pass, Peek, Rotation
from portfolio.domain.money import Refusal

MOST_LETTERS = 500


class LessonRefused(Refusal):
    """Say why an expectation or a lesson cannot be taken, and what stays."""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a person expects of a result, at the horizon that is shown next."""

    horizon_days: int
    expectation: str
    because: str = ""
    had_seen: bool = False


def expect(*, decision: Rotation | Pass, guess: Guess, outcome: Decimal | None, now: datetime) -> Lesson:
    """Keep an expectation and show the outcome; a repeat returns the first.

    Raises `LessonRefused` where the outcome is not known yet, or where it was shown and another was expected of it.
    """
    if outcome is None:
        raise LessonRefused("This result is not known yet. Come back when the last close of its days is in.")
    which = _of(decision) | {"horizon_days": guess.horizon_days}
    kept = {
        "expectation": guess.expectation,
        "expected_because": guess.because.strip(),
        "had_seen": guess.had_seen
        or Peek.objects.filter(**_of(decision), horizon_days__gte=guess.horizon_days).exists(),
        "expected_at": now,
        "outcome_seen_at": now,
        "shown_alpha_usd": outcome,
    }
    lesson, is_new = _first(which, kept)
    if not is_new and lesson.expectation != guess.expectation:
        raise LessonRefused("You have seen the outcome by now. What you expected first stays.")
    return lesson


@transaction.atomic
def learn(*, lesson: Lesson, sentence: str, mistakes: Iterable[str], now: datetime) -> Lesson:
    """Keep what was learned, once; a repeat returns the first.

    Raises `LessonRefused` for an empty or overlong sentence, an unknown mistake, or another lesson than the kept one.
    """
    text, wanted = sentence.strip(), sorted(set(mistakes))
    if not text or len(text) > MOST_LETTERS:
        raise LessonRefused(f"Write the lesson in a sentence of at most {MOST_LETTERS} letters.")
    if not set(wanted) <= set(Lesson.Mistake.values):
        raise LessonRefused("Choose mistakes from the list.")
    locked = Lesson.objects.select_for_update().get(pk=lesson.pk)
    if locked.learned_at is None:
        locked.lesson, locked.mistakes, locked.learned_at = text, wanted, now
        locked.save(update_fields=["lesson", "mistakes", "learned_at"])
    elif (locked.lesson, locked.mistakes) != (text, wanted):
        raise LessonRefused("You wrote down a lesson here before. The first one stays.")
    return locked


def _has_looked(decision: Rotation | Pass, horizon_days: int) -> bool:
    """Return whether the outcome was looked at before: such a guess is none."""
    return Peek.objects.filter(**_of(decision), horizon_days__gte=horizon_days).exists()


def _of(decision: Rotation | Pass) -> dict[str, Any]:
    return {"rotation" if isinstance(decision, Rotation) else "decided_pass": decision}


def _first(which: Mapping[str, Any], kept: Mapping[str, Any]) -> tuple[Lesson, bool]:
    """Return the lesson of a decision and horizon, made now or before."""
    try:
        with transaction.atomic():
            return Lesson.objects.get_or_create(**which, defaults=kept)
    except IntegrityError:
        return Lesson.objects.get(**which), False
