"""Work out what a portfolio was worth at each close, what it held and what was paid (DOMAIN 4.5, DECISIONS 34)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.benchmark import held_after, held_value
from portfolio.domain.futures import unrealized
from portfolio.domain.lots import Method
from portfolio.domain.money import ZERO, canonical, in_context
from portfolio.domain.valuation import Held, HeldFutures, Sleeves, sleeves
from portfolio.models import Policy, Portfolio, closes_on
from portfolio.queries.day_money import DayMoney, money_of
from portfolio.queries.history import DayBook, Past, day_books, past_of
from portfolio.queries.positions import mark_of
from portfolio.queries.sectors import Belonging, belongings

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
    "fees_usd",
    "funding_usd",
    "income_usd",
    "flows",
    "units",
    "sizes",
)
OTHER = "other"


@in_context
def day_rows(*, portfolio: Portfolio, from_date: date, to_date: date, method: Method) -> list[tuple[Any, ...]]:
    """Return the values of FIELDS for a span of days, both ends included, in constant queries."""
    days = [from_date + timedelta(days=n) for n in range((to_date - from_date).days + 1)]
    past = past_of(portfolio=portfolio, from_date=from_date, to_date=to_date)
    books = day_books(portfolio=portfolio, days=days, method=method)
    money = money_of(portfolio=portfolio, since=from_date, until=to_date)
    held = _held(past, days)
    return [
        (
            *_values(portfolio, day, _sleeves(book, past, day), kept, flow),
            *_paid(money.on(day)),
            {str(past.assets[symbol].pk): canonical(quantity) for symbol, quantity in book.held.items() if quantity},
            _sizes(book),
        )
        for day, book, (kept, flow) in zip(days, books, held, strict=True)
    ]


def _paid(day: DayMoney) -> tuple[Any, ...]:
    """Return a day's costs and income, and its flows with the share of the day that had passed."""
    return day.fees, day.funding, day.income, [[canonical(flow.amount), flow.passed] for flow in day.flows]


def _sizes(book: DayBook) -> dict[str, str]:
    """Return the signed size by contract, of all accounts and sides together."""
    found: dict[int, Decimal] = {}
    for instrument, position in book.positions:
        found[instrument] = found.get(instrument, ZERO) + position.quantity
    return {str(instrument): canonical(size) for instrument, size in found.items()}


def _values(portfolio: Portfolio, day: date, parts: Sleeves, held: Decimal, flow: Decimal) -> tuple[Any, ...]:
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
