"""Score a decision not to act like an action: held against followed, at every horizon of a rotation (PEERS 4.7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch

from accounts.models import User
from journal.domain.counterfactual import Measured, Status, first_close, measure, measure_to_date
from journal.models import Pass
from journal.queries.decisions import daily_closes
from journal.queries.examine import LONGEST, Point, curve_of
from journal.queries.paper import paper_decision
from journal.queries.sealed import HORIZONS as BLIND
from journal.queries.sealed import with_seen
from portfolio.domain.money import in_context
from signals.models import RecommendationLeg

HORIZONS = (1, 7, 30, 90)
TO_DATE = 0


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Hold what following would have brought, by days (0 is to date), and both curves. In USD."""

    measured: dict[int, Measured]
    curve: tuple[Point, ...]

    def known(self) -> list[int]:
        """Return the horizons of the review queue at which it is known."""
        return [days for days in BLIND if self.measured[days].status is Status.OK]


def scored_pass(*, user: User, pk: int) -> Pass | None:
    """Return a person's own pass with what it was about; None where it is not theirs. Two queries."""
    legs = RecommendationLeg.objects.filter(is_accepted=True).select_related("instrument__asset", "sector")
    places = ("source_sector", "destination_sector", "evidence")
    mine = with_seen(Pass.objects.filter(portfolio__owner_id=user.pk, pk=pk), by="decided_pass")
    related = mine.select_related("portfolio__market", *(f"recommendation__{place}" for place in places))
    return related.prefetch_related(Prefetch("recommendation__legs", legs.order_by("position"))).first()


@in_context
def score(*, passed: Pass, clock: datetime) -> Scored:
    """Return what following what was passed on would have brought up to a moment. One query."""
    decision = paper_decision(passed.recommendation)
    symbols = {side.asset for side in (*decision.sold, *decision.bought)} | {f.asset for f in decision.futures}
    first, newest = first_close(decision.decided_at), clock.replace(hour=0, minute=0, second=0, microsecond=0)
    prices = daily_closes(
        market=passed.portfolio.market_id,
        symbols=symbols,
        since=first,
        until=min(first + LONGEST + timedelta(days=1), clock),
        also=newest,
    )
    measured = {days: measure(decision=decision, horizon_days=days, prices=prices, clock=clock) for days in HORIZONS}
    measured[TO_DATE] = measure_to_date(decision=decision, prices=prices, clock=clock)
    return Scored(measured=measured, curve=tuple(curve_of(decision=decision, prices=prices, clock=clock)))
