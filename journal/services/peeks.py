"""Remember that somebody looked at an outcome before they guessed it."""

from __future__ import annotations

from datetime import datetime

from journal.models import Pass, Peek, Rotation


def peek(*, decision: Rotation | Pass, horizon_days: int, now: datetime) -> Peek:
    """Keep that an outcome was looked at unguessed; a repeat returns the first."""
    which = "rotation" if isinstance(decision, Rotation) else "decided_pass"
    terms = {which: decision, "horizon_days": horizon_days}
    return Peek.objects.get_or_create(**terms, defaults={"peeked_at": now})[0]
