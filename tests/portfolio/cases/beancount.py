"""Beancount: which lots a posting reduces, by the booking method of its account."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from portfolio.domain.events import USD, EventError, TransferIn, TransferOut
from portfolio.domain.lots import Lot, Method
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Outcome, Oversold
from tests.portfolio.cases.reading import Case, Comparison, Differing, Elsewhere, Lacking, Sheet, Unread, number, only
from tests.portfolio.cases.script import FIRST, Script, by_sequence, day

METHODS = {"FIFO": Method.FIFO, "LIFO": Method.LIFO, "HIFO": Method.HIFO, "AVERAGE": Method.AVG}
LACKING = ("STRICT", "STRICT_WITH_SIZE", "NONE")
AT_COST = "{}"
TOLERANCE = Decimal("1e-12")
Posting = Mapping[str, Any]
Line = tuple[str, Decimal, str, Decimal | None, str | None, str | None, str | None]
"""Account, units, commodity; unit cost, its currency, the lot's date and its label."""


class Entry(NamedTuple):
    """Hold one transaction that is applied to the inventory."""

    when: datetime
    postings: Sequence[Posting]


class Inventory:
    """Write an inventory and one entry as events, and read lots back with the names that the case gave them."""

    def __init__(self, ante: Sequence[Posting], ante_day: datetime) -> None:
        """Bring in what there is before."""
        self.script = Script()
        self.names: dict[int, tuple[str | None, str | None]] = {}
        for posting in ante:
            if number(posting["units"]) < 0:
                raise Differing("no_spot_shorts")
            self._receive(posting, ante_day, FIRST)

    @in_context
    def apply(self, entry: Entry, method: Method) -> tuple[list[Line], list[Line]]:
        """Return what an entry reduces or adds, and what there is after it; it reduces what there was before."""
        arrivals = (event.acquired_at or FIRST for event in self.script.events if isinstance(event, TransferIn))
        latest = max(arrivals, default=FIRST)
        now = max(entry.when, latest + timedelta(days=1))
        ordered = sorted(entry.postings, key=lambda posting: number(posting["units"]) > 0)
        sequences = [self._post(posting, entry.when, now) for posting in ordered]
        folded = self.script.fold(method)
        outcomes = by_sequence(folded)
        booked = [line for sequence in sequences if sequence for line in self._booked(outcomes[sequence])]
        names = {account: name for name, account in self.script.accounts.items()}
        after = [
            self._line(names[account], lot, lot.remaining_quantity, lot.remaining_cost / lot.remaining_quantity)
            for (account, _), lots in folded.state.lots.items()
            for lot in lots
        ]
        return booked, after

    def _post(self, posting: Posting, when: datetime, now: datetime) -> int | None:
        units = number(posting["units"])
        if units > 0:
            return self._receive(posting, when, now)
        if not units:
            return None
        return self.script.add(TransferOut, now, account=posting["account"], asset=_asset(posting), quantity=-units)

    def _receive(self, posting: Posting, when: datetime, now: datetime) -> int:
        cost = posting.get("cost")
        units, total = number(posting["units"]), Decimal(0) if cost is None else None
        if cost and "number" in cost:
            total = units * number(cost["number"])
        since = day(cost["date"]) if cost and "date" in cost else when
        terms = {"asset": _asset(posting), "quantity": units, "cost": total, "acquired_at": since}
        sequence = self.script.add(TransferIn, now, account=posting["account"], **terms)
        self.names[sequence] = (cost.get("currency"), cost.get("label")) if cost is not None else (None, None)
        return sequence

    def _booked(self, outcome: Outcome) -> list[Line]:
        account = {number: name for name, number in self.script.accounts.items()}[outcome.event.account]
        lines = [self._line(account, lot, lot.quantity, lot.cost / lot.quantity) for lot in outcome.acquired]
        for disposal in outcome.disposals:
            lines += [self._line(account, lot, -part, cost / part) for lot, part, cost in disposal.matches]
        return lines

    def _line(self, account: str, lot: Lot, units: Decimal, unit_cost: Decimal) -> Line:
        currency, label = self.names[lot.sequence]
        commodity = lot.asset.removesuffix(AT_COST).removesuffix(".")
        if currency is None:
            return (account, units, commodity, None, None, None, None)
        return (account, units, commodity, unit_cost, currency, lot.acquired_at.date().isoformat(), label)


def compare(case: Case) -> Comparison:
    """Apply every entry to a copy of the inventory, and compare what it booked and what is left."""
    sheet = Sheet()
    if any("units" not in one for entry in case["apply"] for one in entry["postings"]):
        raise Elsewhere("interpolation", "An amount is left out.")
    for place, terms in enumerate(case["apply"]):
        entry = Entry(day(terms["date"]), terms["postings"])
        _check(case["ante"], entry)
        method = _method(case, entry)
        _put(sheet, case, entry, method, place)
    return sheet.comparison(TOLERANCE)


def _put(sheet: Sheet, case: Case, entry: Entry, method: Method, place: int) -> None:
    expected = case["booked"][0] if case["booked"] else {}
    is_refused = "error" in expected
    try:
        booked, after = Inventory(case["ante"], _ante_day(case)).apply(entry, method)
    except Oversold as error:
        if not is_refused:
            raise Differing("no_spot_shorts", str(error)) from error
        sheet.put(f"{place}.refused", True, True)
        return
    except EventError as error:
        if not is_refused:
            raise Differing("unknown_cost_is_refused", str(error)) from error
        sheet.put(f"{place}.refused", True, True)
        return
    sheet.put(f"{place}.refused", is_refused, False)
    if expected and not is_refused:
        sheet.put(f"{place}.booked", _sum(_read(expected["postings"], entry.when)), _sum(booked))
    if case["ex"] is not None:
        sheet.put(f"{place}.after", _sum(_read(case["ex"], _ante_day(case))), _sum(after))


def _method(case: Case, entry: Entry) -> Method:
    """Choose the method; where the posting names lots, or the booking refuses to choose, Rotabook has none."""
    name = case["method"]
    if name == "NONE":
        raise Lacking(name)
    for posting in entry.postings:
        if number(posting["units"]) >= 0:
            continue
        held = [one for one in case["ante"] if _is_same(one, posting)]
        chosen = [one for one in held if _fits(one["cost"], posting.get("cost") or {}, _ante_day(case))]
        if held and len(chosen) < len(held):
            raise Lacking("specific_identification")
        if name == "AVERAGE" and len({one["cost"].get("currency") for one in chosen}) > 1:
            raise Differing("one_currency")
        whole = sum((number(one["units"]) for one in chosen), Decimal(0))
        if name in LACKING and len(chosen) > 1 and whole != -number(posting["units"]):
            raise Lacking(name)
    if name not in (*METHODS, *LACKING):
        raise Unread(f"The booking method {name} is not known.")
    return METHODS.get(name, Method.FIFO)


def _is_same(one: Posting, other: Posting) -> bool:
    return bool("cost" in one and all(one[word] == other[word] for word in ("account", "commodity")))


def _fits(cost: Mapping[str, Any], spec: Mapping[str, Any], ante_day: datetime) -> bool:
    known = {"date": ante_day.date().isoformat(), **cost}
    return all(
        known.get(word) == wanted if word != "number" else number(known[word]) == number(wanted)
        for word, wanted in spec.items()
        if word != "merge"
    )


def _check(ante: Iterable[Posting], entry: Entry) -> None:
    for posting in (*ante, *entry.postings):
        only(posting, ("account", "units", "commodity", "cost", "price", "flag"), "A posting")
        only(posting.get("cost") or {}, ("number", "currency", "date", "label", "merge"), "A cost")


def _read(postings: Iterable[Posting], when: datetime) -> list[Line]:
    """Read the lots that a case expects; what is only merged into an average is not booked."""
    lines: list[Line] = []
    for posting in postings:
        if posting.get("flag") == "M":
            continue
        units, cost = number(posting["units"]), posting.get("cost")
        words: tuple[Any, ...] = (None, None, None, None)
        if cost is not None:
            since = cost.get("date", when.date().isoformat())
            words = (number(cost["number"]), cost["currency"], since, cost.get("label"))
        lines.append((posting["account"], units, posting["commodity"], *words))
    return lines


def _sum(lines: Iterable[Line]) -> list[tuple[Any, ...]]:
    """Add up lots that are the same in all but units, as an inventory does."""
    totals: Counter[tuple[Any, ...]] = Counter()
    for account, units, commodity, cost, *rest in lines:
        totals[account, commodity, None if cost is None else cost.normalize(), *rest] += units
    return sorted(((*key, units) for key, units in totals.items() if units), key=str)


def _ante_day(case: Case) -> datetime:
    """Return the day of the inventory, which gives a lot without a date its own."""
    match = re.search(r"^(\d{4}-\d\d-\d\d) \* .*#ante", case["source_text"], re.MULTILINE)
    return day(match[1]) if match else FIRST


def _asset(posting: Posting) -> str:
    """Name an asset: money is a commodity like another here, and what is held at cost is apart from what is not."""
    commodity: str = posting["commodity"]
    name = commodity + "." if commodity == USD else commodity
    return name if posting.get("cost") is None else name + AT_COST
