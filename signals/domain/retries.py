"""Space out the attempts to deliver a message: at once, then ever longer, for three days and a bit."""

from __future__ import annotations

from datetime import timedelta

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The schedule of Standard Webhooks: ten attempts over 75 hours."""
MAX_ATTEMPTS = len(PAUSES) + 1
LONGEST_PAUSE = timedelta(hours=24)


def pause_after(attempts: int, *, jitter: float, wanted: timedelta | None = None) -> timedelta | None:
    """Give how long to wait after so many attempts, None when enough were made; `jitter` is in [0, 1).

    What the receiver asks for is waited if it is longer, up to a day.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    pause = PAUSES[max(attempts, 1) - 1] * (1 + jitter / 5)
    return max(pause, min(wanted or timedelta(0), LONGEST_PAUSE))
