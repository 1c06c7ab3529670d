"""hledger: which lots a journal's accounts hold, and what its sales gain, by the method it declares."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

from portfolio.domain.events import EventError
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Kind as Why
from portfolio.domain.outcomes import Oversold
from tests.portfolio.cases.hledger_books import Books, Mixed, Row
from tests.portfolio.cases.hledger_events import ASSET
from tests.portfolio.cases.hledger_journal import Posting, Transaction, printed, read_money
from tests.portfolio.cases.hledger_roi import compare_roi
from tests.portfolio.cases.reading import Case, Comparison, Differing, Elsewhere, Kind, Lacking, Sheet, Unread, document

TOLERANCE = Decimal("1e-8")
ZERO = Decimal(0)
REPORTS = ("bal", "balance", "bs", "print", "check", "roi")
RECEIPTS = re.compile(r"(revenues?|incomes?)(:|$)", re.IGNORECASE)


class Command(NamedTuple):
    """Hold a report and what it is limited to."""

    report: str
    flags: frozenset[str]
    queries: tuple[str, ...]
    until: str | None

    def shows(self, account: str, commodity: str) -> bool:
        """Tell whether a report shows a commodity in an account."""
        accounts = [query for query in self.queries if not re.match(r"\w+:", query) or query.startswith("assets")]
        currencies = [query[4:] for query in self.queries if query.startswith("cur:")]
        is_account = not accounts or any(re.search(query, account, re.IGNORECASE) for query in accounts)
        return is_account and (not currencies or commodity in currencies)


def read_command(text: str) -> Command:
    """Read hledger's command line; of several in a row, the first."""
    words = shlex.split(text.partition("|")[0].replace("2>&1", ""))
    report = next((word for word in words if word in REPORTS), "")
    until, flags, queries = None, set(), []
    rest = iter(word for word in words[1:] if word != report)
    for word in rest:
        if word == "-e":
            until = next(rest)
        elif word in ("-b", "-O"):
            flags.add(f"{word} {next(rest)}")
        elif word.startswith("-"):
            flags.add(word.partition("=")[0])
        else:
            queries.append(word)
    return Command(report, frozenset(flags), tuple(queries), until)


def compare(case: Case) -> Comparison:
    """Put a case to the ledger by what its command shows."""
    if case["part"] == "roi":
        return compare_roi(case)
    journal = _journal(case)
    command = read_command(case["command"])
    if "-I" in command.flags or any(flag.startswith("-O") for flag in command.flags):
        raise Elsewhere("syntax", case["command"])
    lines = case["expected_stdout"] or []
    is_refused = bool(case["expected_error"]) or any(line.startswith("hledger: Error") for line in lines)
    sheet = Sheet()
    try:
        books = Books(journal, command.until)
        books.held()
        _assertions(sheet, books)
        if not is_refused:
            _REPORTS[command.report](sheet, books, command, case)
    except (Oversold, Mixed, EventError) as error:
        return _refused(error, is_refused=is_refused)
    if is_refused:
        text = str(case["expected_error"] or lines)
        if "no lots matching" in text:
            raise Lacking("specific_identification", text)
        raise Elsewhere("journal_checks", text)
    return _told(sheet, books)


def _journal(case: Case) -> Mapping[str, Any]:
    """Return the journal; a test without one goes on with that of the test before it in its file."""
    stem, _, place = case["id"].rpartition("-")
    known = {one["id"]: one for one in document("hledger").get("cases", ())}
    for before in range(int(place), 0, -1):
        found = case if before == int(place) else known.get(f"{stem}-{before}")
        if found is None:
            break
        if found["journal"]["transactions"]:
            journal: Mapping[str, Any] = found["journal"]
            return journal
    raise Elsewhere("no_journal", "The journal is not in the case.")


def _told(sheet: Sheet, books: Books) -> Comparison:
    """Return what was compared, with what may excuse a difference."""
    if not sheet.wanted:
        raise Elsewhere("syntax", "Nothing is shown of lots, balances or gains.")
    if books.is_named:
        return sheet.comparison(TOLERANCE, "specific_identification", Kind.METHOD)
    return sheet.comparison(TOLERANCE, "lots_of_all_accounts" if books.is_wide else "")


def _refused(error: Exception, *, is_refused: bool) -> Comparison:
    """Agree that a journal is refused, or name the convention by which only the ledger refuses it."""
    if is_refused:
        return Comparison(found={"refused": True}, wanted={"refused": True})
    keys = {Mixed: "one_method_a_portfolio", Oversold: "no_spot_shorts", EventError: "unknown_cost_is_refused"}
    raise Differing(keys[type(error)], str(error)) from error


def _assertions(sheet: Sheet, books: Books) -> None:
    """Compare the balances that the journal asserts of tracked commodities."""
    for place, transaction in enumerate(books.transactions):
        for posting in transaction.postings:
            balance = posting.balance
            if balance is None or balance.commodity not in books.tracked:
                continue
            if posting.has_lot_account and posting.lot:
                rows = books.lots(place)
                found = sum((row.units for row in rows if _is_lot(row, posting)), ZERO)
            else:
                found = books.held(place).get((posting.account, balance.commodity), ZERO)
            sheet.put(f"{place}.{posting.account} asserts", balance.quantity, found)


def _is_lot(row: Row, posting: Posting) -> bool:
    """Tell whether a row is of the lot that an account is named by."""
    lot = posting.lot
    assert lot is not None
    cost = round(lot.cost.quantity, 8) if lot.cost else row.cost
    named = (posting.account, posting.commodity, lot.date or row.date, lot.label or row.label, cost)
    return named == row[:5]


def _balances(sheet: Sheet, books: Books, command: Command, case: Case) -> None:
    """Compare the lots, the gains or the balances of a balance report."""
    if "--gain" in command.flags:
        _gains(sheet, books, command, case)
    elif "--lots" in command.flags:
        _lots(sheet, books, command, case)
    else:
        wanted = {key: units for key, units in _shown(case) if key[1] in books.tracked and ASSET.match(key[0])}
        found = {key: units for key, units in books.held().items() if command.shows(*key)}
        sheet.put(
            "balances",
            sorted((*key, units) for key, units in wanted.items()),
            sorted((*key, units) for key, units in found.items()),
        )


def _shown(case: Case) -> list[tuple[tuple[str, str], Decimal]]:
    """Read the lines of a balance report; totals have no account."""
    rows = []
    for line in case["expected_stdout"] or []:
        match = re.match(r"(.+?)  (\S.*)$", line.strip())
        if match and not line.strip().startswith("--"):
            amount, _ = read_money(match[1])
            rows.append(((match[2], amount.commodity), amount.quantity))
    return rows


def _lots(sheet: Sheet, books: Books, command: Command, case: Case) -> None:
    """Compare the lots of a balance report; in an average pool, only how much each account holds."""
    wanted = [_read_row(row) for row in case["expected_lots"] or []]
    if books.is_average or books.is_wide:
        held = [(*key, units) for key, units in books.held().items() if command.shows(*key)]
        totals: Counter[tuple[str | None, str]] = Counter()
        for row in wanted:
            totals[row.account, row.commodity] += row.units
        sheet.put("held", sorted((*key, units) for key, units in totals.items()), sorted(held))
    if not books.is_average:
        found = [row for row in books.lots() if command.shows(row.account or "", row.commodity)]
        hidden = (lambda row: row._replace(account=None)) if books.is_wide else (lambda row: row)
        sheet.put("lots", _summed(map(hidden, wanted)), _summed(map(hidden, found)))


def _read_row(row: Any) -> Row:
    """Read a lot of a balance report: its cost comes last, its label before it."""
    words = list(row["rest"])
    cost = read_money(words.pop())[0].quantity if words else None
    label = words.pop() if words else None
    return Row(row["account"], row["commodity"], row["lot_date"], label, cost, Decimal(row["units"].replace(",", "")))


def _summed(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Add up the parts of the same lot in the same account."""
    totals: Counter[tuple[Any, ...]] = Counter()
    for account, commodity, date, label, cost, units in rows:
        unit_cost = None if cost is None else f"{round(cost, 8).normalize():f}"
        totals[account, commodity, date, label, unit_cost] += units
    return sorted(((*key, units) for key, units in totals.items() if units), key=lambda line: str(line[:5]))


@in_context
def _gains(sheet: Sheet, books: Books, command: Command, case: Case) -> None:
    """Compare realized and unrealized gains together, by account."""
    if command.flags - {"-f-", "--gain", "-N", "--no-total"}:
        raise Unread(f"The gains of {case['command']} are not known.")
    found: Counter[str] = Counter()
    for name, commodity in books.commodities.items():
        accounts = {number: account for account, number in commodity.script.accounts.items()}
        state = books.folded(name).state
        for outcome in books.outcomes(name):
            for one in outcome.disposals:
                found[accounts[one.account]] += one.realized if one.kind is Why.SOLD else ZERO
        for lots in state.lots.values():
            for lot in lots:
                worth = lot.remaining_quantity * _price(case, name, command.until)
                found[accounts[lot.account]] += worth - lot.remaining_cost
    gains = sorted((account, gain) for account, gain in found.items() if gain and command.shows(account, ""))
    sheet.put("gains", sorted((account, units) for (account, _), units in _shown(case)), gains)


def _price(case: Case, name: str, until: str | None) -> Decimal:
    """Return the last price before a day."""
    found = None
    for line in sorted(case["journal"]["market_prices"]):
        date, commodity, price = line.split(maxsplit=2)
        if commodity.strip('"') == name and (until is None or date < until):
            found = read_money(price)[0].quantity
    if found is None:
        raise Unread(f"{name} has no price.")
    return found


def _print(sheet: Sheet, books: Books, command: Command, case: Case) -> None:
    """Compare printed transactions: the lots that they add and take, and what they gain."""
    seen: Counter[tuple[str, str]] = Counter()
    for transaction in printed(case["expected_stdout"] or []):
        key = (transaction.date, transaction.description)
        places = [place for place, one in enumerate(books.transactions) if (one.date, one.description) == key]
        if seen[key] >= len(places):
            raise Unread(f"The journal has no transaction {key}.")
        place = places[seen[key]]
        seen[key] += 1
        rows, gain = books.changes(place)
        _put_lots(sheet, books, place, transaction, rows, is_full="--lots" in command.flags)
        _put_types(sheet, books, place, transaction)
        _put_gain(sheet, place, transaction, gain, is_sale=any(row.units < 0 for row in rows))


def _put_lots(
    sheet: Sheet, books: Books, place: int, transaction: Transaction, rows: Sequence[Row], *, is_full: bool
) -> None:
    """Compare the lots that a transaction adds and takes, where they are printed with date and cost."""
    own = [one for one in transaction.postings if one.commodity in books.tracked and ASSET.match(one.account)]
    wanted = [row for one in own if (row := _printed_row(books, one))]
    if not is_full and not (wanted and all(one.lot and one.lot.date and one.lot.cost for one in own)):
        return
    blank = _blank(books, wanted)
    sheet.put(f"{place}.lots", _summed(map(blank, wanted)), _summed(map(blank, rows)))


def _put_types(sheet: Sheet, books: Books, place: int, transaction: Transaction) -> None:
    """Compare what each posting is tagged as: an acquisition, a disposal, or an end of a transfer."""
    wanted = {
        (one.account, match[1])
        for one in transaction.postings
        if ASSET.match(one.account) and (match := re.search(r"ptype:\s*([\w-]+)", one.tags))
    }
    if wanted:
        sheet.put(f"{place}.types", sorted(wanted), sorted(books.types(place)))


def _printed_row(books: Books, posting: Posting) -> Row | None:
    """Read the lot of a printed posting in an asset account."""
    lot = posting.lot
    if posting.commodity not in books.tracked or not ASSET.match(posting.account) or lot is None or not posting.units:
        return None
    cost = lot.cost.quantity if lot.cost else None
    return Row(posting.account, posting.commodity, lot.date, lot.label, cost, posting.units)


def _blank(books: Books, wanted: Sequence[Row]) -> Callable[[Row], Row]:
    """Leave out what is not compared: dates within an average pool, and labels and costs that are not printed."""

    def blank(row: Row) -> Row:
        if books.is_average:
            row = row._replace(date=None)
        if books.is_wide:
            row = row._replace(account=None)
        is_costed = all(one.cost is not None for one in wanted)
        return row if is_costed else row._replace(cost=None)

    return blank


def _put_gain(sheet: Sheet, place: int, transaction: Transaction, gain: Decimal, *, is_sale: bool) -> None:
    """Compare a gain as far as the digits that are printed; where none is printed, there is none."""
    gains = [one.amount for one in transaction.postings if one.amount and RECEIPTS.match(one.account)]
    if gains and any("unrealised" in one.account for one in transaction.postings):
        digits = max(one.digits for one in gains)
        wanted = -sum((one.quantity for one in gains), ZERO)
        sheet.put(f"{place}.gain", wanted, gain.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN))
    elif is_sale:
        sheet.put(f"{place}.gain", ZERO, gain)


def _check(sheet: Sheet, books: Books, command: Command, case: Case) -> None:
    """Compare nothing more than the assertions, and that the journal is not refused."""
    if case["expected_stdout"]:
        raise Unread(f"What {command.report} prints is not known.")
    sheet.put("accepted", True, bool(books.tracked))


_REPORTS: dict[str, Callable[[Sheet, Books, Command, Case], None]] = {
    "bal": _balances,
    "balance": _balances,
    "print": _print,
    "check": _check,
}
