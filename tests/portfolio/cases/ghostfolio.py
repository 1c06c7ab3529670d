"""Ghostfolio: positions at average cost, fees and performance; its percentages (ROAI) are a method of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Oversold
from tests.portfolio.cases.ghostfolio_books import Books, Worth
from tests.portfolio.cases.reading import Case, Comparison, Differing, Elsewhere, Lacking, Sheet, Unread, number

TOLERANCE = Decimal("1e-9")
Figure = Callable[[Worth, Worth], Decimal]
POSITION: dict[str, Figure] = {
    "averagePrice": lambda own, base: own.average_price,
    "quantity": lambda own, base: own.quantity,
    "investment": lambda own, base: own.investment,
    "investmentWithCurrencyEffect": lambda own, base: base.investment,
    "fee": lambda own, base: own.fees,
    "feeInBaseCurrency": lambda own, base: base.fees,
    "grossPerformance": lambda own, base: own.gross,
    "grossPerformanceWithCurrencyEffect": lambda own, base: base.gross,
    "netPerformance": lambda own, base: own.net,
    "netPerformanceWithCurrencyEffect": lambda own, base: base.net,
    "dividend": lambda own, base: own.dividends,
    "dividendInBaseCurrency": lambda own, base: base.dividends,
    "valueInBaseCurrency": lambda own, base: base.value,
}
SNAPSHOT: dict[str, Figure] = {
    "currentValueInBaseCurrency": lambda own, base: base.value,
    "totalInvestment": lambda own, base: own.investment,
    "totalInvestmentWithCurrencyEffect": lambda own, base: base.investment,
    "totalFeesWithCurrencyEffect": lambda own, base: base.fees,
    "totalInterestWithCurrencyEffect": lambda own, base: base.interest,
}
HISTORY: dict[str, Figure] = {
    "value": lambda own, base: own.value,
    "valueWithCurrencyEffect": lambda own, base: base.value,
    "netWorth": lambda own, base: base.value,
    "netPerformance": lambda own, base: own.net,
    "netPerformanceWithCurrencyEffect": lambda own, base: base.net,
    "totalInvestment": lambda own, base: own.investment,
    "totalInvestmentValueWithCurrencyEffect": lambda own, base: base.investment,
}
# What is neither a lot, a fee nor realized PnL: percentages (ROAI), labels of the calculator, and quoted prices.
UNCOMPARED = re.compile(
    r"Percentage|InPercent|timeWeightedInvestment|ForRange|EffectMap$|^(activitiesCount|currency|dataSource|symbol|tags|date"
    r"|dateOfFirstActivity|marketPrice|marketPriceInBaseCurrency|errors|hasErrors|positions|historicalData"
    r"|totalCashInBaseCurrency|totalLiabilitiesWithCurrencyEffect|includeInTotalAssetValue|assetSubClass|assetClass"
    r"|investmentValueWithCurrencyEffect|includeInHoldings|skipErrors|createdAt|name|firstBuyDate|transactionCount)$"
)


def compare(case: Case) -> Comparison:
    """Put a case to the ledger: every assertion about money or units."""
    if "activities" not in case:
        raise Elsewhere("ratios", case["title"])
    sheet = Sheet()
    try:
        books = Books(case)
        for place, assertion in enumerate(case["assertions"]):
            if not assertion["matcher"].startswith("not."):
                _put(sheet, books, assertion["target"], assertion["expected"], place)
    except Oversold as error:
        raise Differing("no_spot_shorts", str(error)) from error
    if not sheet.wanted:
        raise Lacking("ROAI", "Only percentages are asserted.")
    return sheet.comparison(TOLERANCE)


def _put(sheet: Sheet, books: Books, target: str, expected: Any, place: int) -> None:
    """Put one assertion to the books, by what it is about."""
    where = f"{place}.{target}"
    for pattern, write in _TARGETS.items():
        if match := re.fullmatch(pattern, target):
            write(sheet, books, match, expected, where)
            return
    raise Unread(f"The target {target} is not known.")


def _snapshot(sheet: Sheet, books: Books, match: re.Match[str], expected: Any, where: str) -> None:
    """Compare the totals, or one of them, and the positions by their symbols."""
    figures = {match["name"]: expected} if match["name"] else expected
    _figures(sheet, books.worth(), SNAPSHOT, figures, where)
    for position in figures.get("positions", ()):
        symbol = position["symbol"]
        _figures(sheet, books.worth(symbol=symbol), POSITION, position, f"{where}.{symbol}")


def _position(sheet: Sheet, books: Books, match: re.Match[str], expected: Any, where: str) -> None:
    """Compare one position by its place."""
    symbol = books.symbols()[int(match["place"])]
    figures = {match["name"]: expected} if match["name"] else expected
    _figures(sheet, books.worth(symbol=symbol), POSITION, figures, where)


def _history(sheet: Sheet, books: Books, match: re.Match[str], expected: Any, where: str) -> None:
    """Compare one day of the history: the days run from the one before the first activity to the last."""
    found = match.groupdict()
    if found.get("day"):
        day = date.fromisoformat(found["day"])
    else:
        day = _nth(books.first - timedelta(days=1), books.as_of, int(found["place"] or found["at"]))
    figures = {match["name"]: expected} if match["name"] else expected
    _figures(sheet, books.worth(day=day), HISTORY, figures, where)


def _nothing(*_: Any) -> None:
    """Leave out which days a chart has."""


def _figures(
    sheet: Sheet, worth: tuple[Worth, Worth], known: Mapping[str, Figure], expected: Mapping[str, Any], where: str
) -> None:
    """Compare the figures of one object by their names."""
    for name, figure in expected.items():
        if name == "netPerformanceWithCurrencyEffectMap":
            if "max" in figure:
                sheet.put(f"{where}.net.max", number(figure["max"]), worth[1].net)
        elif name in known:
            sheet.put(f"{where}.{name}", number(figure), known[name](*worth))
        elif not UNCOMPARED.search(name):
            raise Unread(f"The figure {name} is not known.")


def _nth(first: date, last: date, place: int) -> date:
    return first + timedelta(days=place) if place >= 0 else last + timedelta(days=place + 1)


@in_context
def _investments(sheet: Sheet, books: Books, _: re.Match[str], expected: Any, where: str) -> None:
    """Compare what was invested after each activity."""
    days = sorted({day for day in books.days() if day <= books.as_of})
    found = [(day.isoformat(), books.worth(day=day)[0].investment) for day in days]
    sheet.put(where, _rows(expected), found)


@in_context
def _grouped(sheet: Sheet, books: Books, match: re.Match[str], expected: Any, where: str) -> None:
    """Compare what was invested more in each month or year."""
    rows, before = [], Decimal(0)
    for name, last in _ends(books, 7 if match["group"] == "Month" else 4):
        after = books.worth(day=last)[0].investment
        rows.append((name + "-01-01" if len(name) == 4 else name + "-01", after - before))
        before = after
    sheet.put(where, _rows(expected), rows)


@in_context
def _performance(sheet: Sheet, books: Books, match: re.Match[str], expected: Any, where: str) -> None:
    """Compare what was won in each month or year; the percentages of a row are ROAI."""
    rows = [expected] if isinstance(expected, Mapping) else expected
    found, before = {}, (Decimal(0), Decimal(0))
    for name, last in _ends(books, 7 if match["group"] == "Month" else 4):
        after = tuple(one.net for one in books.worth(day=last))
        found[name], before = (after[0] - before[0], after[1] - before[1]), (after[0], after[1])
    for row in rows:
        own, base = found.get(row["date"][: 7 if match["group"] == "Month" else 4], (None, None))
        figures = {"netPerformance": own, "netPerformanceWithCurrencyEffect": base}
        for name, figure in row.items():
            if name in figures:
                sheet.put(f"{where}.{row['date']}.{name}", number(figure), figures[name])
            elif not UNCOMPARED.search(name):
                raise Unread(f"The figure {name} is not known.")


def _rows(expected: Any) -> list[tuple[str, Decimal]]:
    return [(row["date"], number(row["investment"])) for row in expected]


def _ends(books: Books, length: int) -> Iterator[tuple[str, date]]:
    """Yield each month or year that has a day in the history, and its last day."""
    day = books.first
    while books.days() and day <= books.as_of:
        name = day.isoformat()[:length]
        after = day
        while after.isoformat()[:length] == name and after <= books.as_of:
            after += timedelta(days=1)
        yield name, after - timedelta(days=1)
        day = after


_NAME = r"(?:\.(?P<name>\w+))?"
_TARGETS: dict[str, Callable[[Sheet, Books, re.Match[str], Any, str], None]] = {
    r"snapshot\.historicalData\.map\(\)": _nothing,
    rf"snapshot\.historicalData(?:\[(?P<place>\d+)\]|\.at\((?P<at>-?\d+)\)){_NAME}": _history,
    rf"snapshot\.historicalData\.find\(.*date === '(?P<day>\d{{4}}-\d\d-\d\d)'.*\){_NAME}": _history,
    rf"(?:snapshot\.positions|transactionPoints\.at\(-1\)\.items)\[(?P<place>\d+)\]{_NAME}": _position,
    rf"snapshot{_NAME}": _snapshot,
    "investments": _investments,
    "investmentsBy(?P<group>Month|Year)": _grouped,
    r"performanceBy(?P<group>Month|Year)(?:\.chart)?(?:\[\d+\])?": _performance,
}
