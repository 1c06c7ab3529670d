"""Read what entries did, each for itself: under the average their lots have become one (DOMAIN 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from portfolio.domain.checkpoints import read
from portfolio.domain.ledger import fold
from portfolio.domain.lots import Method
from portfolio.domain.outcomes import Outcome, State
from portfolio.models import Checkpoint, LotMethod, Portfolio
from portfolio.queries.events import standing_events


class Done(NamedTuple):
    """Give the ledger where a replay began, and what every entry since did."""

    opening: State
    outcomes: Sequence[Outcome]


def is_averaged(portfolio: Portfolio) -> bool:
    """Return whether lots were ever pooled: then a lot's quantity is not that of the entry it is named after."""
    return LotMethod.objects.filter(portfolio=portfolio, method=Method.AVG).exists()


def outcomes_since(*, portfolio: Portfolio, since: datetime, until: datetime | None = None) -> Done:
    """Replay a ledger from the last checkpoint before a moment on. Four queries."""
    starts = Checkpoint.objects.filter(portfolio=portfolio, executed_at__lt=since)
    start = starts.order_by("-executed_at", "-sequence").first()
    after = None if start is None else (start.executed_at, start.sequence)
    opening = State() if start is None else read(start.state)
    events = standing_events(portfolio=portfolio, after=after)
    wanted = [event for event in events if until is None or event.executed_at <= until]
    return Done(opening, fold(events=wanted, opening=opening).outcomes)
