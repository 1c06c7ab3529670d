"""Find what waits for a person, what is due next, and what the last 30 days cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import User
from journal.domain.counterfactual import first_close
from journal.models import Review, Rotation
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Fill, Portfolio, ValuationDay
from signals.models import Recommendation

MONTH = timedelta(days=30)
NEWS = timedelta(days=14)
"""How long a result counts as new."""

YEAR = timedelta(days=365)
SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Coming:
    """Name a rotation whose 30 days end soon, and when."""

    rotation: Rotation
    known_at: datetime


@dataclass(frozen=True, kw_only=True)
class Fees:
    """Hold what the fills of 30 days cost in USD, and how many they are."""

    amount: Decimal
    fills: int


def waiting(*, user: User, now: datetime) -> dict[str, int]:
    """Return how many recommendations are open and how many 30-day results are new. One query.

    A market that stands still has its own present.
    """
    market_clock = Coalesce("portfolio__market__as_of", Value(now))
    open_now = Recommendation.objects.filter(portfolio__owner=OuterRef("pk"), state__in=Recommendation.OPEN)
    open_now = open_now.annotate(present=market_clock).filter(expires_at__gt=market_clock)
    results = _results().filter(rotation__portfolio__owner=OuterRef("pk"), priced_at__gt=now - NEWS)
    counts = User.objects.filter(pk=user.pk).values_list(_count(open_now, "portfolio__owner"), _count(results, _OWNER))
    recommendations, reviews = counts.get()
    return {"recommendations": recommendations, "reviews": reviews}


def new_results(*, portfolio: Portfolio, moment: datetime) -> list[Review]:
    """Return the results of 30 days that became known lately, newest first. One query."""
    rows = _results().filter(rotation__portfolio=portfolio, priced_at__gt=moment - NEWS, priced_at__lte=moment)
    sectors = ("rotation__source_sector", "rotation__destination_sector")
    return list(rows.select_related(*sectors).defer("rotation__evidence").order_by("-priced_at", "-id")[:SHOWN])


def coming_results(*, portfolio: Portfolio, moment: datetime) -> list[Coming]:
    """Return the rotations whose 30 days end next. One query."""
    young = Rotation.objects.filter(portfolio=portfolio, executed_at__gt=moment - MONTH).standing()
    rows = young.select_related("source_sector", "destination_sector").defer("evidence").order_by("executed_at", "id")
    return [Coming(rotation=row, known_at=first_close(row.executed_at) + MONTH) for row in rows[:SHOWN]]


@in_context
def fees_of_month(*, portfolio: Portfolio, moment: datetime) -> Fees:
    """Return what the standing fills of 30 days cost. One query."""
    recent = Fill.objects.filter(portfolio=portfolio, executed_at__gt=moment - MONTH, executed_at__lte=moment)
    fees = list(recent.filter(reverses__isnull=True, reversed_by__isnull=True).values_list("fee_usd", flat=True))
    return Fees(amount=sum(fees, ZERO), fills=len(fees))


def valued_year(*, portfolio: Portfolio, moment: datetime) -> list[ValuationDay]:
    """Return the valued days of the last twelve months, oldest first. One query."""
    days = ValuationDay.objects.filter(portfolio=portfolio, date__gte=(moment - YEAR).date())
    return list(days.order_by("date"))


_OWNER = "rotation__portfolio__owner"


def _results() -> QuerySet[Review]:
    known = Q(horizon_days=MONTH.days, status=Review.Status.OK, rotation__state=Rotation.State.LOGGED)
    return Review.objects.filter(known)


def _count(rows: QuerySet[Recommendation] | QuerySet[Review], owner: str) -> Coalesce:
    counted = rows.order_by().values(owner).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
