"""Write a reason or a note anew: every version stays, and those written after the outcome was known say so."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from journal.models import Review, Rotation, Wording
from journal.services.stating import DraftRefused
from portfolio.services.ledger import lock

LONGEST = 10_000
MOST = 200


@transaction.atomic
def reword(*, rotation: Rotation, subject: str, text: str, now: datetime) -> Wording | None:
    """Add a wording of the reason or of the note; the same words again change nothing and return what stands.

    Raises `DraftRefused` for an empty reason, or one that is too long.
    """
    lock(rotation.portfolio)
    words = text.strip().replace("\x00", "")
    if subject not in Wording.Subject.values:
        raise DraftRefused("subject", "Only the reason and the note can be written anew.")
    if subject == Wording.Subject.THESIS and not words:
        raise DraftRefused("text", "A reason cannot be taken away: write what you think now.")
    if len(words) > LONGEST:
        raise DraftRefused("text", f"Write at most {LONGEST:,} letters.")
    earlier = list(Wording.objects.filter(rotation=rotation, subject=subject).order_by("written_at", "id"))
    last = earlier[-1] if earlier else None
    stands = (rotation.thesis if subject == Wording.Subject.THESIS else "") if last is None else last.text
    if words == stands:
        return last
    if len(earlier) >= MOST:
        raise DraftRefused("text", f"This was written anew {MOST} times; let it stand.")
    known = Review.objects.filter(rotation=rotation, status=Review.Status.OK).exclude(horizon_days=Review.TO_DATE)
    return Wording.objects.create(
        rotation=rotation, subject=subject, text=words, written_at=now, is_after_outcome=known.exists()
    )
