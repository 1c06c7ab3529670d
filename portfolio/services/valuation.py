"""Write what a portfolio was worth at each day's close (DOMAIN 4.5, DECISIONS 34)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, Subquery

from jobs.bulk import insert_rows
from portfolio.domain.benchmark import held_after, held_value
from portfolio.domain.futures import unrealized
from portfolio.domain.money import ZERO, canonical, in_context
from portfolio.domain.valuation import Held, HeldFutures, Sleeves, sleeves
from portfolio.models import (
    Fill,
    Holding,
    LoanEntry,
    Market,
    Policy,
    Portfolio,
    Price,
    Transfer,
    ValuationDay,
    closes_on,
)
from portfolio.queries.history import DayBook, Past, day_books, past_of
from portfolio.queries.positions import mark_of
from portfolio.queries.sectors import Belonging, belongings
from portfolio.services.ledger import METHOD, lock, rebuild

FIELDS = (
    "portfolio_id",
    "date",
    "equity_usd",
    "core_usd",
    "reserve_usd",
    "pool_usd",
    "futures_usd",
    "held_usd",
    "flow_usd",
    "sectors",
    "unpriced_count",
    "risk_usd",
)
OTHER = "other"
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
    rows = list(_rows(portfolio, from_date, to_date))
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


@in_context
def _rows(portfolio: Portfolio, from_date: date, to_date: date) -> list[tuple[Any, ...]]:
    days = [from_date + timedelta(days=n) for n in range((to_date - from_date).days + 1)]
    past = past_of(portfolio=portfolio, from_date=from_date, to_date=to_date)
    books = day_books(portfolio=portfolio, days=days, method=METHOD)
    held = _held(past, days)
    return [
        _row(portfolio, day, _sleeves(book, past, day), kept, flow)
        for day, book, (kept, flow) in zip(days, books, held, strict=True)
    ]


def _row(portfolio: Portfolio, day: date, parts: Sleeves, held: Decimal, flow: Decimal) -> tuple[Any, ...]:
    sectors = {sector: canonical(value.value) for sector, value in parts.sectors.items()}
    if parts.other.value:
        sectors[OTHER] = canonical(parts.other.value)
    return (
        portfolio.pk,
        day,
        parts.equity.value,
        parts.core.value,
        parts.reserve.value,
        parts.pool.value,
        parts.futures.value,
        held,
        flow,
        sectors,
        parts.equity.unpriced,
        parts.risk_equity,
    )


def _sleeves(book: DayBook, past: Past, day: date) -> Sleeves:
    """Value what was held at a close."""
    moment = closes_on(day)
    core = past.core_on(moment)
    where = belongings(assets=past.assets.values(), members=past.members, on=day)
    holdings = (
        _held_asset(symbol, quantity - book.locked.get(symbol, ZERO), past, where, core, moment)
        for symbol, quantity in book.held.items()
        if quantity
    )
    policy = past.policy_on(moment)
    is_carved = policy is not None and policy.margin_source == Policy.MarginSource.CARVE_OUT
    futures = _futures(book, past, where, moment, is_carved=is_carved)
    return sleeves(holdings=holdings, futures=futures, now=moment, debts=past.owed_on(moment))


def _held_asset(
    symbol: str,
    quantity: Decimal,
    past: Past,
    where: Mapping[int, Belonging],
    core: Mapping[str, Decimal],
    moment: datetime,
) -> Held:
    asset = past.assets[symbol]
    belonging = where[asset.pk]
    return Held(
        asset=symbol,
        quantity=quantity,
        quoted=past.quotes.at(asset.pk, moment),
        core=core.get(symbol, ZERO),
        is_reserve=belonging.is_reserve,
        sectors=belonging.narratives,
        haircut=asset.haircut,
    )


def _futures(
    book: DayBook, past: Past, where: Mapping[int, Belonging], moment: datetime, *, is_carved: bool
) -> Iterator[HeldFutures]:
    for instrument, position in book.positions:
        asset = past.instruments[instrument].asset
        settle = past.quotes.at(past.assets[position.settle].pk, moment)
        of_asset = past.quotes.at(asset.pk, moment)
        mark = mark_of(is_inverse=position.is_inverse, of_asset=of_asset, of_settle=settle)
        yield HeldFutures(
            margin=position.margin,
            unrealized=None if mark is None else unrealized(position=position, mark=mark),
            settle=settle,
            marked=of_asset,
            carved_from=next(iter(where[asset.pk].narratives), None) if is_carved else None,
            haircut=past.assets[position.settle].haircut,
        )


def _held(past: Past, days: Iterable[date]) -> Iterator[tuple[Decimal, Decimal]]:
    """Give for each day what holding would be worth, and the flows of that day."""
    units: dict[str, Decimal] = {}
    waiting = list(past.flows)
    for day in days:
        flow = ZERO
        while waiting and waiting[0][0] <= day:
            on, one = waiting.pop(0)
            units = held_after(units=units, flows=[one], prices=_prices(past, units, on))
            flow += one.value if on == day else ZERO
        yield held_value(units=units, prices=_prices(past, units, day)), flow


def _prices(past: Past, units: Mapping[str, Decimal], day: date) -> dict[str, Decimal]:
    quotes = {symbol: past.quotes.at(past.assets[symbol].pk, closes_on(day)) for symbol in units}
    return {symbol: quoted.price for symbol, quoted in quotes.items() if quoted is not None}
