"""rp2: gains of every taxable event against its lots, over all exchanges of an asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from portfolio.domain.events import USD, Move, Side, SpotFill, Swap, TransferIn
from portfolio.domain.ledger import Folded
from portfolio.domain.lots import Method, Scope
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Disposal, Kind, Oversold
from tests.portfolio.cases.reading import Case, Comparison, Differing, Lacking, Sheet, Unread, document, number, only
from tests.portfolio.cases.script import Script, day

METHODS = {"FIFO": Method.FIFO, "LIFO": Method.LIFO, "HIFO": Method.HIFO}
LACKING = ("LOFO",)
INCOME = ("AIRDROP", "HARDFORK", "INCOME", "INTEREST", "MINING", "STAKING", "WAGES")
BOUGHT = ("BUY", "DONATE", "GIFT")
GIVEN = ("DONATE", "FEE", "GIFT", "LOST", "SELL", "STAKING")
YEAR = timedelta(days=365)
TOLERANCE = Decimal("1e-8")
LOT = "ASSET"
JOINT = " | "
REPORT = ("yearly_summary", "balances", "average_price_paid", "gain_loss_detail", "visible_in", "visible_out")
Row = Mapping[str, Any]


class Gain(NamedTuple):
    """Hold what a taxable event brought on a part of it: against one lot, or as income."""

    when: datetime
    name: str
    acquired_at: datetime | None
    amount: Decimal
    proceeds: Decimal
    cost: Decimal
    local_year: str

    @property
    def term(self) -> str:
        """Return whether the lot was held for a year."""
        return "LONG" if self.acquired_at and self.when - self.acquired_at >= YEAR else "SHORT"


class Books:
    """Write the transactions of an asset, up to a day, and read their gains."""

    def __init__(self, rows: Mapping[str, Iterable[Row]], until: date | None, *, by_exchange: bool) -> None:
        """Write them in the order of time; what comes in comes first."""
        self.script, self.by_exchange = Script(), by_exchange
        self.names: dict[int, tuple[str, str]] = {}
        self.incomings: set[int] = set()
        written = [
            (moment(row["timestamp"]), place, row, write)
            for place, (kind, write) in enumerate(_WRITE.items())
            for row in rows[kind]
            if until is None or row["timestamp"][:10] <= until.isoformat()
        ]
        for when, _, row, write in sorted(written, key=lambda one: one[:2]):
            write(self, row, when)

    def choose(self, methods: Mapping[datetime, Method]) -> None:
        """Set the method of each year, over all exchanges."""
        for since, method in methods.items():
            self.script.choose(since, method, Scope.PORTFOLIO)

    def place(self, row: Row, prefix: str = "") -> str:
        """Name the account: an exchange and its holder, or all of them as one."""
        return JOINT.join((row[f"{prefix}exchange"], row[f"{prefix}holder"])) if self.by_exchange else "all"

    @in_context
    def gains(self, folded: Folded) -> list[Gain]:
        """Return every part of every taxable event."""
        gains: list[Gain] = []
        for outcome in folded.outcomes:
            if outcome.event.sequence not in self.names:
                continue
            name, stamp = self.names[outcome.event.sequence]
            when, year = outcome.event.executed_at, stamp[:4]
            if outcome.income:
                (lot,) = outcome.acquired
                gains.append(Gain(when, name, None, lot.quantity, outcome.income, Decimal(0), year))
            for disposal in outcome.disposals:
                if disposal.kind is not Kind.MOVED and disposal.asset == LOT:
                    gains += _parts(disposal, when, name, year)
        return gains


def _parts(disposal: Disposal, when: datetime, name: str, year: str) -> Iterator[Gain]:
    for lot, part, cost in disposal.matches:
        yield Gain(when, name, lot.acquired_at, part, disposal.proceeds * part / disposal.quantity, cost, year)


def _write_in(books: Books, row: Row, when: datetime) -> None:
    """Acquire: bought or given at its cost with the fee, or income at its market value."""
    account, units, kind = books.place(row), number(row["crypto_in"]), row["type"]
    if kind not in (*BOUGHT, *INCOME):
        raise Unread(f"The incoming type {kind} is not known.")
    if row["taxable"] == "YES":
        terms = {"asset": LOT, "quantity": units, "value": number(row["fiat_in_with_fee"]), "is_income": True}
        sequence = books.script.add(TransferIn, when, account=account, **terms)
        books.names[sequence] = (f"IN / {kind}", row["timestamp"])
    else:
        total, fee = number(row["fiat_in_no_fee"]), number(row["fiat_fee"])
        terms = {"account": account, "base": LOT, "quantity": units, "total": total, "fee": fee}
        sequence = books.script.trade(Side.BUY, when, **terms)
    books.incomings.add(sequence)


def _write_out(books: Books, row: Row, when: datetime) -> None:
    """Dispose of units at their market value; a fee in the asset goes with them."""
    kind, units, fee = row["type"], number(row["crypto_out_no_fee"]), number(row["crypto_fee"])
    if kind not in GIVEN:
        raise Unread(f"The outgoing type {kind} is not known.")
    worth = number(row["fiat_out_no_fee"])
    account = books.place(row)
    if units and worth:
        terms = {"base": LOT, "quote": USD, "quantity": units, "price": worth / units, "fee": fee, "fee_asset": LOT}
        sequence = books.script.add(SpotFill, when, account=account, side=Side.SELL, **terms)
    else:
        worth = worth if units else number(row["fiat_fee"])
        if not worth:
            raise Unread("Units are given away for nothing.")
        terms = {"asset": LOT, "quantity": units + fee, "into": USD, "received": worth, "value": worth}
        sequence = books.script.add(Swap, when, account=account, **terms)
    books.names[sequence] = (f"OUT / {kind}", row["timestamp"])


def _write_intra(books: Books, row: Row, when: datetime) -> None:
    """Move units between own accounts; the network fee is a disposal, and all that is left where they are one."""
    source, fee, worth = books.place(row, "from_"), number(row["crypto_fee"]), number(row["fiat_fee"])
    terms: dict[str, Any]
    if books.by_exchange:
        terms = {"quantity": number(row["crypto_received"]), "fee": fee, "fee_asset": LOT, "fee_usd": worth}
        to = books.script.account(books.place(row, "to_"))
        sequence = books.script.add(Move, when, account=source, asset=LOT, to_account=to, **terms)
    elif fee:
        terms = {"asset": LOT, "quantity": fee, "into": USD, "received": worth, "value": worth}
        sequence = books.script.add(Swap, when, account=source, **terms)
    else:
        return
    books.names[sequence] = ("INTRA / MOVE", row["timestamp"])


_WRITE: dict[str, Callable[[Books, Row, datetime], None]] = {
    "in": _write_in,
    "out": _write_out,
    "intra": _write_intra,
}


def cases(rp2: Mapping[str, Any]) -> list[Case]:
    """Return the reports, and the cases in which only the order of lots is looked for."""
    return [*rp2["cases"], *rp2["lot_seek_cases"]] if rp2 else []


def compare(case: Case) -> Comparison:
    """Put a case to the ledger."""
    return _seek(case) if "lots" in case else _report(case)


def _report(case: Case) -> Comparison:
    """Compare every line of a report."""
    expected = case["expected"]
    only(expected, REPORT, "A report")
    until = date.fromisoformat(case["to"]) if case["to"] else None
    rows = document("rp2")["inputs"][case["input_ref"]]
    books, folded = _folded(rows, until, case["method"])
    gains, since = books.gains(folded), case["from"] or ""
    shown = [gain for gain in gains if not since or gain.when >= day(since)]
    reported = [gain for gain in gains if gain.local_year >= since[:4]]
    sheet = Sheet()
    sheet.put("details", _ordered(map(_expected, expected["gain_loss_detail"])), _ordered(map(_detail, shown)))
    sheet.put("years", _ordered(map(_expected_year, expected["yearly_summary"])), _ordered(_years(reported)))
    if books.by_exchange:
        sheet.put("balances", _ordered(_expected_balances(expected["balances"])), _ordered(_balances(books, folded)))
    sheet.put("average", number(expected["average_price_paid"]), _average(books, folded))
    return sheet.comparison(TOLERANCE, _excuse(case["method"], rows["in"]))


def _folded(rows: Mapping[str, Iterable[Row]], until: date | None, method: str) -> tuple[Books, Folded]:
    """Fold exchange by exchange; rp2 holds none to what it has, so where one would be overdrawn they are one."""
    for by_exchange in (True, False):
        books = Books(rows, until, by_exchange=by_exchange)
        books.choose(_methods(method))
        try:
            return books, books.script.fold(Method.FIFO)
        except Oversold as error:
            if not by_exchange:
                raise Differing("no_spot_shorts", str(error)) from error
    raise AssertionError


def _methods(name: str) -> dict[datetime, Method]:
    years = {"1900": name}
    if "MULTI" in name.upper():
        years = document("rp2")["multi_method_by_year"]
    for method in years.values():
        if method in LACKING:
            raise Lacking(method)
        if method not in METHODS:
            raise Unread(f"The method {method} is not known.")
    return {datetime(int(year), 1, 1, tzinfo=UTC): METHODS[method] for year, method in years.items()}


def _excuse(method: str, incoming: Iterable[Row]) -> str:
    """HIFO orders by cost with fees; name that convention where rp2's order by spot price is another."""
    ways = (
        lambda row: number(row["spot_price"]),
        lambda row: number(row["fiat_in_with_fee"]) / number(row["crypto_in"]),
    )
    spot, cost = (sorted(incoming, key=lambda row: (-way(row), moment(row["timestamp"]))) for way in ways)
    is_hifo = Method.HIFO in _methods(method).values()
    return "hifo_with_fees" if is_hifo and spot != cost else ""


def _detail(gain: Gain) -> tuple[Any, ...]:
    won = gain.proceeds - gain.cost
    return (gain.when, gain.name, gain.acquired_at, gain.term, gain.amount, gain.proceeds, gain.cost, won)


def _expected(row: Row) -> tuple[Any, ...]:
    since = moment(row["lot_time"]) if row["lot_time"] else None
    cost = number(row["cost_basis"] or "0")
    amounts = (number(row["amount"]), number(row["event_fiat"]), cost, number(row["gain"]))
    return (moment(row["event_time"]), row["event_type"], since, row["term"], *amounts)


def _years(gains: Iterable[Gain]) -> list[tuple[Any, ...]]:
    totals: dict[tuple[str, str, str], list[Decimal]] = {}
    for gain in gains:
        total = totals.setdefault((gain.local_year, gain.term, gain.name.split(" / ")[1]), [Decimal(0)] * 3)
        for place, amount in enumerate((gain.amount, gain.proceeds, gain.cost)):
            total[place] += amount
    return [(*key, units, worth, cost, worth - cost) for key, (units, worth, cost) in totals.items()]


def _expected_year(row: Row) -> tuple[Any, ...]:
    names = ("crypto_total", "fiat_total", "cost_basis", "capital_gains")
    return (row["year"], row["term"], row["type"], *(number(row[name]) for name in names))


def _balances(books: Books, folded: Folded) -> list[tuple[Any, ...]]:
    totals: Counter[str] = Counter()
    rows: list[tuple[Any, ...]] = []
    for name, account in books.script.accounts.items():
        exchange, holder = name.split(JOINT)
        held = folded.state.held(account, LOT)
        totals[holder] += held
        rows.append((exchange, holder, held))
    return rows + [("Total", holder, held) for holder, held in totals.items()]


def _expected_balances(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    return [(row["exchange"], row["holder"], number(row["final"])) for row in rows]


@in_context
def _average(books: Books, folded: Folded) -> Decimal:
    """Return what all units that came in have cost on average, fees included."""
    bought = [
        lot
        for one in folded.outcomes
        if one.event.sequence in books.incomings
        for lot in one.acquired
        if lot.asset == LOT
    ]
    units = sum((lot.quantity for lot in bought), Decimal(0))
    return sum((lot.cost for lot in bought), Decimal(0)) / units if units else Decimal(0)


@in_context
def _seek(case: Case) -> Comparison:
    """Sell amount by amount, and tell which lot each is taken from first, and what that lot still had."""
    (method,) = _methods(case["method"]).values()
    script, lots = Script(), {}
    for lot in case["lots"]:
        units = number(lot["amount"])
        terms = {"base": LOT, "quantity": units, "total": units * number(lot["spot_price"])}
        lots[script.trade(Side.BUY, day(lot["date"]), **terms)] = number(lot["lot"])
    later = max(day(lot["date"]) for lot in case["lots"]) + timedelta(days=1)
    for amount in case["amounts_to_match"]:
        script.trade(Side.SELL, later, base=LOT, quantity=number(amount), total=number(amount))
    left = {lots[sequence]: number(lot["amount"]) for sequence, lot in zip(lots, case["lots"], strict=True)}
    seeks = []
    for outcome in script.fold(method).outcomes:
        matches = [match for one in outcome.disposals for match in one.matches if one.asset == LOT]
        if matches:
            first = lots[matches[0].lot.sequence]
            seeks.append((first, left[first]))
        for lot, part, _ in matches:
            left[lots[lot.sequence]] -= part
    sheet = Sheet()
    names = ("lot", "lot_remaining_when_found")
    sheet.put("seeks", [tuple(number(seek[name]) for name in names) for seek in case["expected_seeks"]], seeks)
    return sheet.comparison(TOLERANCE)


def _ordered(lines: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Order lines by what they say, numbers as far as both systems agree on them."""
    return sorted(lines, key=lambda line: [f"{word:.6f}" if isinstance(word, Decimal) else str(word) for word in line])


def moment(text: str) -> datetime:
    """Read a moment in any zone as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
