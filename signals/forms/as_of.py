"""Read the moment that a page or the API is asked to look from: a day, whose close is meant, or a moment."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from portfolio.models import closes_on

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Nothing was known before; what looks back from here stays within the calendar."""
REMEDY = "Write a day as YYYY-MM-DD, or a moment with its offset."


class NotAMomentError(ValueError):
    """The text names neither a day nor a moment."""


def asked_moment(text: str) -> datetime:
    """Return the close of a day, or the moment itself, in UTC. Raises NotAMomentError."""
    try:
        if _DAY.fullmatch(text):
            return max(closes_on(date.fromisoformat(text)), EARLIEST)
        if _MOMENT.fullmatch(text):
            return max(datetime.fromisoformat(text).astimezone(UTC), EARLIEST)
    except (ValueError, OverflowError) as error:
        raise NotAMomentError(REMEDY) from error
    raise NotAMomentError(REMEDY)
