"""hledger's `roi`: what was put in, what it became, and its money- and time-weighted returns, period by period."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from portfolio.domain.money import in_context
from portfolio.domain.returns import DayFlow, DayValue, annual_return, daily_returns, time_weighted
from portfolio.domain.xirr import DatedFlow, xirr
from tests.portfolio.cases.hledger_journal import Money, Posting, Transaction, read_money, transactions
from tests.portfolio.cases.reading import Case, Comparison, Sheet, Unread, number

YEAR = 365.25
"""Days a year: flows are at the start of their day, and what is left is at the end of the last one."""
ZERO = Decimal(0)
DAY = timedelta(days=1)
Holding = Counter[str]


class Unvalued(ValueError):
    """Say that what is held has no price in one commodity."""


class Terms(NamedTuple):
    """Hold what a command asks for."""

    inv: str
    pnl: str
    begin: date | None
    end: date | None
    interval: str
    mode: str
    target: str
    is_inferred: bool


LONG = {"--begin": "-b", "--end": "-e", "--period": "-p", "--exchange": "-X"}
UNUSED = ("-f-", "roi", "--cost")
MONTHS = {"Y": 12, "Q": 3, "M": 1}


def read_terms(command: str) -> Terms:
    """Read a command line."""
    found: dict[str, str] = {}
    words = iter(shlex.split(command)[1:])
    for word in words:
        match = re.match(r"(--\w+)=(.*)|(-[a-zA-Z])(\d.*)$|(-[bepX]|--inv|--pnl|--value|--begin|--end|--period)$", word)
        if match:
            name = match[1] or match[3] or match[5]
            found[LONG.get(name, name)] = match[2] or match[4] or next(words)
        elif word in ("-Y", "-Q", "-M"):
            found["interval"] = word[1]
        elif word in ("--infer-market-prices", "--infer-value"):
            found["infer"] = word
        elif word == "-f":
            next(words)
        elif word not in UNUSED:
            raise Unread(f"The word {word} of the command is not known.")
    valued = found.get("--value", f"end,{found['-X']}" if "-X" in found else "")
    mode, _, target = valued.partition(",")
    begin, end = found.get("-b"), found.get("-e")
    if "-p" in found:
        begin, end = found["-p"], None
    first = _first_day(begin) if begin else None
    last = _first_day(end) if end else _after(begin) if "-p" in found and begin else None
    accounts = [found.get(name, "$^").removeprefix("acct:") for name in ("--inv", "--pnl")]
    return Terms(*accounts, first, last, found.get("interval", ""), mode, target.strip("'"), "infer" in found)


def _first_day(text: str) -> date:
    """Return the first day of a year, a month or a day."""
    year, month, day, *_ = [*(int(part) for part in re.split("[-/.]", text)), 1, 1]
    return date(year, month, day)


def _after(text: str) -> date:
    """Return the day after a year, a month or a day."""
    first, length = _first_day(text), len(re.split("[-/.]", text))
    if length == 1:
        return date(first.year + 1, 1, 1)
    return (first.replace(day=28) + 4 * DAY).replace(day=1) if length == 2 else first + DAY


class Prices:
    """Look prices up: as they are written, the other way round, and by way of other commodities."""

    def __init__(self, lines: Sequence[str], read: Sequence[Transaction] = ()) -> None:
        """Read the market prices of a journal, and those at which transactions were made, where they count."""
        self.known: list[tuple[date, str, Money]] = []
        for line in lines:
            day, commodity, price = line.split(maxsplit=2)
            self.known.append((_first_day(day), commodity.strip('"'), read_money(price)[0]))
        for transaction in read:
            for posting in transaction.postings:
                worth = posting.worth()
                if posting.price and posting.units and worth is not None:
                    price = replace(posting.price, quantity=worth / abs(posting.units))
                    self.known.append((_first_day(transaction.date), posting.commodity, price))
        self.known.sort(key=lambda one: one[0])

    def rate(self, source: str, target: str, day: date) -> Decimal:
        """Return how much of the target one unit of the source is worth on a day."""
        rates, waiting = {source: Decimal(1)}, [source]
        edges = self._edges(day)
        while waiting:
            here = waiting.pop(0)
            for there, rate in edges.get(here, {}).items():
                if there not in rates:
                    rates[there] = rates[here] * rate
                    waiting.append(there)
        if target not in rates:
            raise Unvalued(f"{source} has no price in {target}.")
        return rates[target]

    def _edges(self, day: date) -> dict[str, dict[str, Decimal]]:
        edges: dict[str, dict[str, Decimal]] = {}
        for since, commodity, price in self.known:
            if since <= day:
                edges.setdefault(commodity, {})[price.commodity] = price.quantity
                edges.setdefault(price.commodity, {})[commodity] = 1 / price.quantity
        return edges


class Investment:
    """Hold what a journal says of the accounts that are invested in."""

    def __init__(self, journal: Mapping[str, Any], terms: Terms) -> None:
        """Sum up, for every day, what came in and what was there after it."""
        self.terms, self.read = terms, transactions(journal)
        self.prices = Prices(journal["market_prices"], self.read if terms.is_inferred else ())
        self.held: dict[date, Holding] = {}
        self.flows: dict[date, list[Holding]] = {}
        holding: Holding = Counter()
        balances: Counter[tuple[str, str]] = Counter()
        for transaction in self.read:
            day = _first_day(transaction.date)
            changes = _changes(transaction, balances)
            own = _sum(units for account, units in changes if re.search(terms.inv, account, re.IGNORECASE))
            gains = _sum(units for account, units in changes if re.search(terms.pnl, account, re.IGNORECASE))
            holding = _sum([holding, own])
            self.held[day] = holding
            if own or gains:
                self.flows.setdefault(day, []).append(_sum([own, gains]))

    def at(self, day: date) -> Holding:
        """Return what is held at the end of a day."""
        before = [one for one in self.held if one <= day]
        return self.held[max(before)] if before else Counter()

    def worth(self, holding: Holding, day: date, last: date) -> Decimal:
        """Value a holding on a day, or at the end of the period."""
        kept = {name: units for name, units in holding.items() if units}
        if not self.terms.mode:
            if len(kept) > 1:
                raise Unvalued(f"There are several commodities: {', '.join(kept)}.")
            return sum(kept.values(), ZERO)
        if self.terms.mode not in ("then", "end"):
            raise Unread(f"The valuation {self.terms.mode} is not known.")
        when = day if self.terms.mode == "then" else last
        return sum((units * self.prices.rate(name, self.terms.target, when) for name, units in kept.items()), ZERO)

    def periods(self) -> Iterator[tuple[date, date]]:
        """Yield the first and the last day of every period."""
        days = [_first_day(one.date) for one in self.read]
        begin = self.terms.begin or min(days)
        end = (self.terms.end - DAY) if self.terms.end else max(days)
        while begin <= end:
            last = min(_interval_end(begin, self.terms.interval), end)
            yield begin, last
            begin = last + DAY


def _interval_end(day: date, interval: str) -> date:
    """Return the last day of the year, the quarter or the month that a day lies in; of no interval, none."""
    if not interval:
        return date.max
    length = MONTHS[interval]
    month = (day.month - 1) // length * length + length
    return _after(f"{day.year}-{month:02}") - DAY


def _changes(transaction: Transaction, balances: Counter[tuple[str, str]]) -> list[tuple[str, Holding]]:
    """Return what each account gets, with what is assigned and what balances the transaction."""
    changes: list[tuple[str, Holding]] = []
    paid: list[Holding] = []
    blank: str | None = None
    for posting in transaction.postings:
        units = _units(posting, balances)
        if units is None:
            blank = posting.account
            continue
        changes.append((posting.account, units))
        paid.append(_paid(posting, units))
    if blank is not None:
        total = _sum(paid)
        changes.append((blank, Counter({name: -units for name, units in total.items()})))
    for account, holding in changes:
        for name, units in holding.items():
            balances[account, name] += units
    return changes


def _paid(posting: Posting, units: Holding) -> Holding:
    """Return what balances a posting: its units, or what they cost at its price."""
    worth = posting.worth()
    if posting.price is None or worth is None:
        return units
    return Counter({posting.price.commodity: worth.copy_sign(posting.units)})


def _units(posting: Posting, balances: Counter[tuple[str, str]]) -> Holding | None:
    """Return what a posting gives an account; nothing where it is left out."""
    if posting.amount:
        return Counter({posting.commodity: posting.units})
    if posting.balance is None:
        return None
    name = posting.balance.commodity
    return Counter({name: posting.balance.quantity - Decimal(balances[posting.account, name])})


def _sum(holdings: Any) -> Holding:
    total: Holding = Counter()
    for holding in holdings:
        for name, units in holding.items():
            total[name] += units
    return Counter({name: units for name, units in total.items() if units})


@in_context
def compare_roi(case: Case) -> Comparison:
    """Compare every period that is printed."""
    sheet = Sheet()
    try:
        investment = Investment(case["journal"], read_terms(case["command"]))
        rows = [_row(investment, *period) for period in investment.periods()]
    except Unvalued:
        sheet.put("refused", bool(case["expected_error"]), True)
        return sheet.comparison(ZERO)
    sheet.put("refused", bool(case["expected_error"]), False)
    sheet.put("periods", [row["begin"] for row in case["expected_rows"]], [row["begin"] for row in rows])
    for wanted, found in zip(case["expected_rows"], rows, strict=False):
        _put_row(sheet, wanted, found)
    is_nothing = all(row["irr"] is None and row["twr_period"] is None for row in rows)
    if is_nothing:
        return sheet.comparison(ZERO, "no_return_is_null")
    is_only_time_weighted = all(".twr_" in line for line in sheet.comparison(ZERO).differences())
    return sheet.comparison(ZERO, "returns_from_valuations" if is_only_time_weighted else "")


def _put_row(sheet: Sheet, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Compare a period as far as digits are printed."""
    for name in ("value_begin", "cashflow", "value_end", "pnl"):
        amount = number(wanted[f"{name}_num"])
        sheet.put(f"{wanted['row']}.{name}", amount, round(found[name], -int(amount.as_tuple().exponent)))
    for name in ("irr", "twr_period", "twr_year"):
        rate = found[name]
        sheet.put(
            f"{wanted['row']}.{name}", wanted[name], None if rate is None else f"{round(100 * rate, 2) + 0.0:.2f}%"
        )


def _row(investment: Investment, first: date, last: date) -> dict[str, Any]:
    """Measure one period."""
    opening = investment.worth(investment.at(first - DAY), first - DAY, last)
    days, flows = [], []
    for passed in range((last - first).days + 1):
        day = first + passed * DAY
        came = [investment.worth(one, day, last) for one in investment.flows.get(day, ())]
        flows += [DatedFlow(years=passed / YEAR, amount=-float(amount)) for amount in came if amount]
        value = investment.worth(investment.at(day), day, last)
        days.append(DayValue(date=day, value=value, flows=tuple(DayFlow(amount=one, passed=0.0) for one in came)))
    closing, years = days[-1].value, len(days) / YEAR
    paid = sum((flow.amount for one in days for flow in one.flows), ZERO)
    root = xirr([DatedFlow(years=0, amount=-float(opening)), *flows, DatedFlow(years=years, amount=float(closing))])
    total = time_weighted(daily_returns(days=days, opening=opening)).value
    return {
        "begin": first.isoformat(),
        "value_begin": opening,
        "cashflow": paid,
        "value_end": closing,
        "pnl": closing - opening - paid,
        "irr": None if root is None else root.rate,
        "twr_period": total,
        "twr_year": None if total is None else annual_return(total=total, years=years),
    }
