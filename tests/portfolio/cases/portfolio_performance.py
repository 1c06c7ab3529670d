"""Portfolio Performance: cost, capital gains and trades, first in first out and by moving average."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from portfolio.domain.events import Side, TransferIn
from portfolio.domain.ledger import Folded
from portfolio.domain.lots import Method
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Oversold
from tests.portfolio.cases.reading import Case, Comparison, Differing, Elsewhere, Unread, number, only
from tests.portfolio.cases.script import Script, by_sequence, day

METHODS = {"fifo": Method.FIFO, "moving_average": Method.AVG}
RETURNS = ("ttwror", "irr", "drawdown", "volatility", "volatility_real", "risk", "semi_volatility", "sharpe")
KNOWN = (
    "closed",
    "side",
    "shares",
    "entry_value",
    "exit_value",
    "pnl",
    "pnl_moving_average",
    "pnl_without_fees_taxes",
    "pnl_moving_average_without_fees_taxes",
)
CENT = Decimal("0.01")
CHARGES = ("fee", "tax", "fees", "taxes")
WORDS = ("date", "type", "shares", "amount", "price", "amount_eur", "amount_usd", "rate_usd_eur", *CHARGES)


def compare(case: Case) -> Comparison:
    """Put a case to the ledger by its kind."""
    kind = case["kind"]
    if kind in RETURNS:
        raise Elsewhere("returns", kind)
    if kind not in _KINDS:
        raise Unread(f"The kind {kind} is not known.")
    try:
        return _KINDS[kind](case)
    except Oversold as error:
        raise Differing("no_spot_shorts", str(error)) from error


def _cost(case: Case) -> Comparison:
    """What is left of the cost."""
    found = {}
    for name, method in METHODS.items():
        found[f"{name}_cost"] = _remaining(_folded(case, method)[0])
    return Comparison(found=found, wanted=_numbers(case["expected"]), tolerance=_tolerance(case))


def _gains(case: Case) -> Comparison:
    """What sales realised, and what the rest would."""
    found = {}
    for name, method in METHODS.items():
        folded, _ = _folded(case, method)
        found[f"realized_{name}"] = sum((one.realized for one in folded.outcomes), Decimal(0))
        found[f"unrealized_{name}"] = _value(case, folded) - _remaining(folded)
    return Comparison(found=found, wanted=_numbers(case["expected"]), tolerance=_tolerance(case))


def _trades(case: Case) -> Comparison:
    """Closed trades are sales, the open one is what is left."""
    fifo, average = _listed_trades(case, Method.FIFO), _listed_trades(case, Method.AVG)
    bare, bare_average = (_listed_trades(case, method, with_fees=False) for method in METHODS.values())
    wanted, found = {}, {}
    only(case["expected"], ("trades", "moving_average_entry_value"), "What is expected of trades")
    expected = case["expected"]["trades"]
    for place, trade in enumerate(expected):
        for name, figure in trade.items():
            if name in ("return", "irr"):
                continue
            wanted[f"{place}.{name}"] = figure if isinstance(figure, bool) or name == "side" else number(figure)
        if place < len(fifo):
            mine = dict(fifo[place])
            mine["pnl_moving_average"] = average[place]["pnl"]
            mine["pnl_without_fees_taxes"] = bare[place]["pnl"]
            mine["pnl_moving_average_without_fees_taxes"] = bare_average[place]["pnl"]
            found.update({f"{place}.{name}": figure for name, figure in mine.items()})
    unknown = sorted({name for name in wanted if name.partition(".")[2] not in KNOWN})
    if unknown:
        raise Unread(f"Of trades it is expected that {', '.join(unknown)}.")
    wanted["count"], found["count"] = len(expected), len(fifo)
    return Comparison(found=found, wanted=wanted, tolerance=_tolerance(case))


_KINDS: dict[str, Callable[[Case], Comparison]] = {"cost": _cost, "capital_gains": _gains, "round_trips": _trades}


@in_context
def _listed_trades(case: Case, method: Method, *, with_fees: bool = True) -> list[dict[str, Any]]:
    folded, sales = _folded(case, method, with_fees=with_fees)
    outcomes = by_sequence(folded)
    trades = []
    for sequence in sales:
        (sold,) = (one for one in outcomes[sequence].disposals if one.asset == "SHARE")
        trades.append(_trade(True, sold.quantity, sold.cost, sold.proceeds))
    held = folded.state.held(1, "SHARE")
    if held:
        trades.append(_trade(False, held, _remaining(folded), _value(case, folded)))
    return trades


def _trade(closed: bool, shares: Decimal, entry: Decimal, left: Decimal) -> dict[str, Any]:
    return {
        "closed": closed,
        "side": "long",
        "shares": shares,
        "entry_value": entry,
        "exit_value": left,
        "pnl": left - entry,
    }


@in_context
def _folded(case: Case, method: Method, *, with_fees: bool = True) -> tuple[Folded, list[int]]:
    """Fold a case's transactions, in their order within a day, and name the sales."""
    script, sales = Script(), []
    script.account("")
    for line in sorted(case["input"]["transactions"], key=lambda one: one["date"]):
        only(line, WORDS, "A transaction")
        sequence = _write(script, case["input"], line, with_fees)
        if line["type"] in ("SELL", "DELIVERY_OUT"):
            sales.append(sequence)
    return script.fold(method), sales


def _write(script: Script, terms: Mapping[str, Any], line: Mapping[str, Any], with_fees: bool) -> int:
    """Write one transaction; its amount is what was paid or received, fees and taxes included."""
    shares, when = number(line["shares"]), day(line["date"])
    charges = sum((number(line.get(name, "0")) for name in CHARGES), Decimal(0))
    kept = charges if with_fees else Decimal(0)
    if line["type"] in ("BUY", "DELIVERY_IN"):
        cost = _amount(terms, line) - charges
        if line["type"] == "DELIVERY_IN":
            return script.add(TransferIn, when, asset="SHARE", quantity=shares, cost=cost + kept)
        return script.trade(Side.BUY, when, base="SHARE", quantity=shares, total=cost, fee=kept)
    if line["type"] in ("SELL", "DELIVERY_OUT"):
        gross = _amount(terms, line) + charges
        return script.trade(Side.SELL, when, base="SHARE", quantity=shares, total=gross, fee=kept)
    raise Unread(f"The transaction {line['type']} is not known.")


def _amount(terms: Mapping[str, Any], line: Mapping[str, Any]) -> Decimal:
    if "amount" in line:
        return number(line["amount"])
    if "price" in line:
        return number(line["price"]) * number(line["shares"])
    name = f"amount_{terms.get('reporting_currency', '').lower()}"
    if name not in line:
        raise Unread("A transaction has no amount in the reporting currency.")
    return number(line[name])


def _value(case: Case, folded: Folded) -> Decimal:
    """Value what is held at the closing price, in the reporting currency."""
    held = folded.state.held(1, "SHARE")
    if not held:
        return Decimal(0)
    terms = case["input"]
    price = terms["price"]
    if "value" in price:
        return held * number(price["value"])
    if terms.get("reporting_currency") == "EUR" and "eur_usd_at_end" in terms:
        return (held * number(price["value_usd"]) / number(terms["eur_usd_at_end"])).quantize(CENT)
    if terms.get("reporting_currency") == "USD":
        return held * number(price["value_usd"])
    raise Unread("The closing price is in another currency.")


def _remaining(folded: Folded) -> Decimal:
    lots = folded.state.lots.get((1, "SHARE"), ())
    return sum((lot.remaining_cost for lot in lots), Decimal(0))


def _numbers(expected: Mapping[str, Any]) -> dict[str, Any]:
    return {name: number(figure) for name, figure in expected.items()}


def _tolerance(case: Case) -> Decimal:
    """Portfolio Performance rounds to cents; a stated tolerance is about ratios."""
    return CENT / 2 if case.get("rounding") == "2dp" else Decimal("1e-9")
