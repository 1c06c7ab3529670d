"""Find what waits for a person, what is due next, and what the last 30 days cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, FilteredRelation, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import User
from journal.domain.counterfactual import first_close
from journal.models import Lesson, Review, Rotation
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Fill, Portfolio, ValuationDay
from portfolio.provided import WAITING
from signals.models import Recommendation

MONTH = timedelta(days=30)
NEWS = timedelta(days=14)
"""How long a result counts as new."""

YEAR = timedelta(days=365)
SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Result:
    """Name a rotation whose 30 days ended lately, and what it brought against having held, in USD.

    While it is blind, it was not reviewed: whoever shows the amount takes the guess away.
    """

    rotation: Rotation
    total_alpha_usd: Decimal
    is_blind: bool


@dataclass(frozen=True, kw_only=True)
class Coming:
    """Name a rotation whose 30 days end soon, and when."""

    rotation: Rotation
    known_at: datetime


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """Hold the standing rotations of a year, oldest first, results that are new, and those that come next."""

    year: tuple[Rotation, ...]
    results: tuple[Result, ...]
    coming: tuple[Coming, ...]


@dataclass(frozen=True, kw_only=True)
class Fees:
    """Hold what the fills of 30 days cost in USD, and how many they are."""

    amount: Decimal
    fills: int


def waiting(*, user: User, now: datetime) -> dict[str, int]:
    """Return how many recommendations are open and how many 30-day results are new and not reviewed. One query."""
    counts = Portfolio.objects.owned_by(user).order_by().annotate(**waiting_counts(now=now))
    rows = list(counts.values(*WAITING.values()))
    return {entry: sum(row[count] for row in rows) for entry, count in WAITING.items()}


def waiting_counts(*, now: datetime) -> dict[str, Coalesce]:
    """Return a portfolio's open recommendations and new results, as annotations.

    A market that stands still has its own present.
    """
    clock = Coalesce("portfolio__market__as_of", Value(now))
    open_now = Recommendation.objects.filter(portfolio=OuterRef("pk"), state__in=Recommendation.OPEN)
    open_now = open_now.annotate(present=clock).filter(expires_at__gt=clock)
    results = Review.objects.filter(
        rotation__portfolio=OuterRef("pk"),
        rotation__state=Rotation.State.LOGGED,
        horizon_days=MONTH.days,
        status=Review.Status.OK,
        priced_at__gt=now - NEWS,
    )
    results = results.filter(~Exists(Lesson.objects.filter(rotation=OuterRef("rotation"), horizon_days__gte=30)))
    counts = {"recommendations": _count(open_now, "portfolio"), "reviews": _count(results, "rotation__portfolio")}
    return {WAITING[entry]: count for entry, count in counts.items()}


def agenda_of(*, portfolio: Portfolio, moment: datetime) -> Agenda:
    """Return what is due, and the year's rotations. One query: each rotation comes with its result of 30 days."""
    of_month = FilteredRelation("reviews", condition=Q(reviews__horizon_days=MONTH.days))
    known = {name: F(f"month__{name}") for name in ("status", "priced_at", "total_alpha_usd")}
    rows = Rotation.objects.filter(portfolio=portfolio, executed_at__gt=moment - YEAR - timedelta(days=1)).standing()
    rows = rows.select_related("source_sector", "destination_sector").defer("evidence", "thesis")
    reviewed = Exists(Lesson.objects.filter(rotation=OuterRef("pk"), horizon_days__gte=MONTH.days))
    year = tuple(rows.annotate(month=of_month, is_reviewed=reviewed, **known).order_by("executed_at", "id"))
    return Agenda(year=year, results=_results(year, moment), coming=_coming(year, moment))


def _results(year: Iterable[Any], moment: datetime) -> tuple[Result, ...]:
    """Return the results of 30 days that became known lately, newest first."""
    new = [row for row in year if row.status == Review.Status.OK and moment - NEWS < row.priced_at <= moment]
    newest = sorted(new, key=lambda row: (row.priced_at, row.pk), reverse=True)
    return tuple(
        Result(rotation=row, total_alpha_usd=row.total_alpha_usd, is_blind=not row.is_reviewed)
        for row in newest[:SHOWN]
    )


def _coming(year: Iterable[Rotation], moment: datetime) -> tuple[Coming, ...]:
    """Return the rotations whose 30 days end next."""
    young = [row for row in year if row.executed_at > moment - MONTH]
    return tuple(Coming(rotation=row, known_at=first_close(row.executed_at) + MONTH) for row in young[:SHOWN])


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


def _count(rows: QuerySet[Recommendation] | QuerySet[Review], by: str) -> Coalesce:
    counted = rows.order_by().values(by).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
