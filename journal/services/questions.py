"""Keep the questions that a person asks themselves on every ticket."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from journal.domain.checklist import asked
from journal.models import Question
from journal.services.stating import DraftRefused

MOST = 20


def questions_of(user: User) -> tuple[str, ...]:
    """Return what a ticket asks: the playbook's considerations, then the person's own. One query."""
    own = Question.objects.filter(owner=user, is_asked=True)
    return asked(list(own.values_list("text", flat=True)))


@transaction.atomic
def ask(*, user: User, text: str, now: datetime) -> Question:
    """Ask a question on every ticket from now on; one that is asked already stays.

    Raises `DraftRefused` for none, or one too many.
    """
    words = " ".join(text.replace("\x00", "").split())
    if not words or len(words) > 200:
        raise DraftRefused("text", "Write a question of at most 200 letters.")
    found, is_new = Question.objects.get_or_create(owner=user, text=words, defaults={"added_at": now})
    if is_new and Question.objects.filter(owner=user, is_asked=True).count() > MOST:
        raise DraftRefused("text", f"Ask yourself at most {MOST} questions: take one away first.")
    if not found.is_asked:
        found.is_asked = True
        found.save(update_fields=["is_asked"])
    return found


def stop_asking(*, question: Question) -> None:
    """Ask a question no longer; tickets on which it was asked keep it."""
    question.is_asked = False
    question.save(update_fields=["is_asked"])
