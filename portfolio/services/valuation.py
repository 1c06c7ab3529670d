"""Write what a portfolio was worth at each day's close (DOMAIN 4.5, DECISIONS 34)."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, Subquery

from jobs.bulk import insert_rows
from portfolio.models import (
    Fill,
    Holding,
    LoanEntry,
    Market,
    Portfolio,
    Price,
    Transfer,
    ValuationDay,
    closes_on,
)
from portfolio.queries.day_rows import FIELDS, day_rows
from portfolio.services.ledger import METHOD, lock, rebuild

log = logging.getLogger(__name__)


class ValuationFailedError(Exception):
    """Say which portfolios could not be valued, once all others were."""


def value_due(*, now: datetime, limit: int = 200) -> int:
    """Value the portfolios whose ledger or market moved on, and return how many there were, at most the limit.

    One that cannot be valued keeps nobody else waiting: raises `ValuationFailedError` once all had their turn.
    """
    valued, failed = 0, []
    for portfolio in _due(now):
        try:
            value_portfolio(portfolio=portfolio, now=now)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            log.exception("portfolio %s could not be valued", portfolio.pk)
            failed.append(str(portfolio.pk))
            continue
        valued += 1
        if valued == limit:
            break
    if failed:
        raise ValuationFailedError(f"Portfolios that could not be valued: {', '.join(failed)}. {valued} others were.")
    return valued


def value_portfolio(*, portfolio: Portfolio, now: datetime) -> int:
    """Bring a portfolio's daily values up to date and return how many days were written.

    Days from the first change on are written anew; derived rows that are missing are rebuilt first.
    """
    current = Portfolio.objects.select_related("market").get(pk=portfolio.pk)
    if current.ledger_version and not Holding.objects.filter(portfolio=current).exists():
        rebuild(current)
    last, first = _last_day(current.market, now), _first_stale_day(current)
    if last is None or first is None or first > last:
        unchanged = Portfolio.objects.filter(pk=current.pk, ledger_version=current.ledger_version)
        unchanged.update(valued_version=current.ledger_version)
        return 0
    return value_days(portfolio=current, from_date=first, to_date=last)


def value_days(*, portfolio: Portfolio, from_date: date, to_date: date) -> int:
    """Write the values of a span of days, both ends included, in constant queries; returns how many.

    Returns 0 and writes nothing if the ledger changed meanwhile: the change itself asks for another run.
    """
    version = Portfolio.objects.values_list("ledger_version", flat=True).get(pk=portfolio.pk)
    rows = day_rows(portfolio=portfolio, from_date=from_date, to_date=to_date, method=METHOD)
    with transaction.atomic():
        locked = lock(portfolio)
        if locked.ledger_version != version or locked.recompute_from is not None:
            return 0
        ValuationDay.objects.filter(portfolio=portfolio, date__gte=from_date, date__lte=to_date).delete()
        insert_rows(ValuationDay, FIELDS, rows)
        Portfolio.objects.filter(pk=portfolio.pk).update(valued_version=version)
    return len(rows)


def _due(now: datetime) -> Any:
    """Return the portfolios that a run would change: nothing that has no day to value yet takes another's turn.

    A ledger that a worker derives anew waits: its figures are still the old ones.
    """
    valued = ValuationDay.objects.filter(portfolio=OuterRef("pk")).order_by("-date").values("date")[:1]
    behind = Q(pk__in=[])
    for market in Market.objects.all():
        last = _last_day(market, now)
        behind |= Q(pk__in=[]) if last is None else Q(market=market) & _is_behind(last)
    rows = Portfolio.objects.annotate(valued_on=Subquery(valued))
    rows = rows.filter(behind, ledger_version__gt=0, recompute_from__isnull=True)
    return rows.select_related("market").order_by("pk")


def _is_behind(last: date) -> Q:
    """Select what was not valued up to a day, of what had begun by then, and what recorded something since."""
    past = {"portfolio": OuterRef("pk"), "executed_at__lt": closes_on(last)}
    has_begun = Exists(Transfer.objects.filter(**past)) | Exists(Fill.objects.filter(**past))
    is_missing = Q(valued_on__isnull=True) & has_begun
    return Q(valued_on__lt=last) | is_missing | ~Q(valued_version=F("ledger_version"))


def _last_day(market: Market, now: datetime) -> date | None:
    """Return the last day that is closed and priced."""
    closed: date = market.clock(now).date() - timedelta(days=1)
    last: date | None = Price.objects.filter(market=market, date__lte=closed).aggregate(last=Max("date"))["last"]
    return last


def _first_stale_day(portfolio: Portfolio) -> date | None:
    """Return the first day that is not valued, or the day of the earliest entry recorded since the last run."""
    valued = ValuationDay.objects.filter(portfolio=portfolio).aggregate(last=Max("date"))["last"]
    since = portfolio.valued_version if valued else 0
    changed = [
        model._default_manager.filter(portfolio=portfolio, sequence__gt=since)
        .order_by("executed_at")
        .values_list("executed_at", flat=True)
        .first()
        for model in (Fill, Transfer, LoanEntry)
    ]
    days = [moment.date() for moment in changed if moment is not None]
    return min([*days, valued + timedelta(days=1)] if valued else days, default=None)
