"""rotki: profit and loss of a history of events, and of steps on one asset; its profit currency is the ledger's USD."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from portfolio.domain.events import USD, Side, Swap, TransferIn
from portfolio.domain.ledger import Folded
from portfolio.domain.money import in_context
from portfolio.domain.outcomes import Kind, Outcome
from tests.portfolio.cases.reading import Case, Comparison, Differing, Elsewhere, Sheet, Unread, number, only
from tests.portfolio.cases.rotki_steps import chosen_method, compare_steps, moment, split
from tests.portfolio.cases.script import Script

FIAT = ("AUD", "BRL", "CAD", "CHF", "CNY", "EUR", "GBP", "INR", "JPY", "KRW", "NZD", "RUB", "SEK", "SGD", "TRY", "USD")
SETTINGS = (
    "cost_basis_method",
    "include_crypto2crypto",
    "taxfree_after_period_seconds",
    "include_fees_in_cost_basis",
    "calculate_past_cost_basis",
    "include_gas_costs",
    "profit_currency",
    "eth_staking_taxable_after_withdrawal_enabled",
)
INCOME = {
    ("RECEIVE", "NONE"): "transaction_event",
    ("RECEIVE", "REWARD"): "transaction_event",
    ("RECEIVE", "PAYMENT"): "transaction_event",
    ("RECEIVE", "INTEREST"): "transaction_event",
    ("RECEIVE", "AIRDROP"): "airdrop",
    ("STAKING", "REWARD"): "staking",
}
SPENT = {
    ("SPEND", "FEE"): "transaction_event",
    ("SPEND", "NONE"): "transaction_event",
    ("SPEND", "PAYMENT"): "transaction_event",
    ("SPEND", "DONATE"): "transaction_event",
}
NEUTRAL = (("DEPOSIT", "DEPOSIT_ASSET"), ("WITHDRAWAL", "REMOVE_ASSET"), ("TRANSFER", "NONE"))
SWAPS = ("SwapEvent", "EvmSwapEvent", "SolanaSwapEvent")
EXPECTED = ("pnl_totals_by_type", "pnl_taxable_per_processed_event", "python_assertions_on_result", "expected")
TRADED = {"trade", "fee"}
"""What a total that is not stated is zero of; whether income counts is a rule of each reader's own in rotki."""
TOLERANCE = Decimal("1e-6")
ZERO = Decimal(0)
Event = Mapping[str, Any]


class Leg(NamedTuple):
    """Hold an asset and how much of it."""

    asset: str
    amount: Decimal


class History:
    """Write rotki's events as the ledger's, and sum up what they brought by rotki's types."""

    def __init__(self, case: Case) -> None:
        """Read the settings and the prices."""
        self.case, self.settings = case, case["settings"]
        only(self.settings, SETTINGS, "A setting")
        self.currency = self.settings["profit_currency"]
        self.script = Script()
        self.types: dict[int, str] = {}
        self.excuse = ""
        self.costs: list[tuple[datetime, str, Decimal]] = []
        self.ignored = case["other_fixture_settings"].get("ignored_assets", ())

    def write(self) -> None:
        """Write all events in the order of time, up to the end of the period."""
        last = moment(self.case["period"][1])
        for group in _groups(self.case["events"]):
            when = _when(group[0])
            if when <= last:
                self._write(group, when)

    def _write(self, group: Sequence[Event], when: datetime) -> None:
        """Write one event, or the two or three that make a swap."""
        first = group[0]
        if first["kind"] == "swap" or len(group) > 1:
            self._swap(_legs(group), when)
            return
        leg = Leg(first["asset"], number(first["amount"]))
        words = (_word(first.get("event_type")), _word(first.get("event_subtype")))
        if leg.asset in self.ignored or words in NEUTRAL:
            return
        if first["kind"] == "AssetMovement":
            self._movement(words[1], leg, when)
        elif words in INCOME:
            self._income(leg, when, INCOME[words])
        elif words in SPENT:
            if self.settings["include_gas_costs"] or first.get("counterparty") != "CPT_GAS":
                self._expense(leg, when, SPENT[words])
        else:
            raise Unread(f"The event {words} of kind {first['kind']} is not known.")

    def _movement(self, what: str, leg: Leg, when: datetime) -> None:
        """Leave own transfers alone: lots are those of all places; a fee is spent."""
        if what == "FEE":
            self._expense(leg, when, "asset_movement")
        elif what not in ("SPEND", "RECEIVE", "DEPOSIT_ASSET", "REMOVE_ASSET"):
            raise Unread(f"The movement {what} is not known.")

    def _income(self, leg: Leg, when: datetime, name: str) -> None:
        """Receive at the market value."""
        value = leg.amount * self._price(leg.asset, when)
        asset = USD if leg.asset in FIAT else _named(leg.asset)
        units = value if asset == USD else leg.amount
        self._add(TransferIn, when, name, asset=asset, quantity=units, value=value, is_income=True)

    def _expense(self, leg: Leg, when: datetime, name: str) -> None:
        """Spend at the market value: a sale of the units, and a cost of what they were worth."""
        value = leg.amount * self._price(leg.asset, when)
        if leg.asset not in FIAT and value:
            terms = {"asset": _named(leg.asset), "quantity": leg.amount, "into": USD, "received": value, "value": value}
            self._add(Swap, when, name, **terms)
        self.costs.append((when, name, value))

    def _swap(self, legs: Mapping[str, Leg], when: datetime) -> None:
        """Trade: for money at what was paid, else at the price of what was given."""
        given, taken, fee = legs["spend"], legs["receive"], legs.get("fee")
        if given.asset in self.ignored or taken.asset in self.ignored:
            return
        capitalised = fee if self.settings["include_fees_in_cost_basis"] else None
        if given.asset in FIAT and taken.asset in FIAT:
            return
        if given.asset in FIAT or taken.asset in FIAT:
            self._for_money(given, taken, capitalised, when)
        else:
            self._for_coins(given, taken, capitalised, when)
        if fee and capitalised is None:
            self._expense(fee, when, "fee")

    def _for_money(self, given: Leg, taken: Leg, fee: Leg | None, when: datetime) -> None:
        """Buy or sell for money, whatever currency it is."""
        side, coin, money = (Side.BUY, taken, given) if given.asset in FIAT else (Side.SELL, given, taken)
        terms: dict[str, Any] = {"base": _named(coin.asset), "quantity": coin.amount}
        terms["total"] = money.amount * self._price(money.asset, when)
        self.types[self.script.trade(side, when, is_imported=True, **terms, **self._fee(fee, coin, when))] = "trade"

    def _for_coins(self, given: Leg, taken: Leg, fee: Leg | None, when: datetime) -> None:
        """Swap coins; a fee in what is received makes it less."""
        if not self.settings["include_crypto2crypto"]:
            raise Differing("swaps_are_sales")
        value = given.amount * self._price(given.asset, when)
        own = fee.amount if fee and fee.asset == taken.asset else ZERO
        self.excuse = "fee_in_what_is_received" if own else self.excuse
        terms = {"asset": _named(given.asset), "quantity": given.amount, "value": value}
        terms |= {"into": _named(taken.asset), "received": taken.amount - own}
        self._add(Swap, when, "trade", **terms, **self._fee(None if own else fee, given, when))

    def _fee(self, fee: Leg | None, coin: Leg, when: datetime) -> dict[str, Any]:
        """Charge a fee: in money at its price, or in a coin."""
        if fee is None:
            return {}
        price = self._price(fee.asset, when)
        if fee.asset in FIAT:
            return {"fee": fee.amount * price}
        if fee.asset == coin.asset:
            return {"fee": fee.amount, "fee_asset": _named(fee.asset)}
        return {"fee": fee.amount, "fee_asset": _named(fee.asset), "fee_usd": fee.amount * price}

    def _add(self, kind: Any, when: datetime, name: str, **terms: Any) -> None:
        self.types[self.script.add(kind, when, is_imported=True, **terms)] = name

    def _price(self, asset: str, when: datetime) -> Decimal:
        """Return the price in the profit currency at a moment; the ledger books nothing at a price nobody knows."""
        if asset == self.currency:
            return Decimal(1)
        quotes = (self.case["prices"] or {}).get(asset, {}).get(self.currency, {})
        quote = quotes.get(
            str(int(when.timestamp())), self.case["other_fixture_settings"].get("default_mock_price_value")
        )
        if quote is None:
            raise Differing("unpriced_is_refused", f"{asset} has no price at {when}.")
        return number(quote)

    @in_context
    def totals(self, folded: Folded) -> dict[str, tuple[Decimal, Decimal]]:
        """Return what was won in the period by rotki's types: taxable, and free of tax."""
        start = moment(self.case["period"][0])
        sums: dict[str, list[Decimal]] = {}
        for outcome in folded.outcomes:
            name = self.types.get(outcome.event.sequence)
            if name and outcome.event.executed_at >= start:
                self._add_outcome(sums.setdefault(name, [ZERO, ZERO]), sums.setdefault("fee", [ZERO, ZERO]), outcome)
        for when, name, value in self.costs:
            if when >= start:
                sums.setdefault(name, [ZERO, ZERO])[0] -= value
        return {name: (taxable, free) for name, (taxable, free) in sums.items()}

    def _add_outcome(self, total: list[Decimal], fees: list[Decimal], outcome: Outcome) -> None:
        total[0] += outcome.income
        for disposal in outcome.disposals:
            if disposal.asset == USD:
                continue
            parts = split(disposal, self.settings["taxfree_after_period_seconds"])
            into = fees if disposal.kind is Kind.FEE else total
            into[0] += parts[False][2]
            into[1] += parts[True][2]


def compare(case: Case) -> Comparison:
    """Put a case to the ledger: steps on one asset, or a history."""
    return compare_steps(case) if "steps" in case else _compare_history(case)


def _compare_history(case: Case) -> Comparison:
    """Compare totals by type, and what the assertions say of lots."""
    if not case["settings"]["calculate_past_cost_basis"]:
        raise Differing("past_cost_always_counts")
    method = chosen_method(case["settings"]["cost_basis_method"])
    expected, sheet = case["expected"], Sheet()
    only(expected, EXPECTED, "What is expected")
    totals = expected.get("pnl_totals_by_type")
    history = History(case)
    history.write()
    folded = history.script.fold(method)
    found = history.totals(folded)
    assertions = expected.get("python_assertions_on_result", ())
    checks = [check for text in assertions if (check := _check(text, history))]
    if totals is None and not checks:
        raise Elsewhere("internals", "Nothing is asserted of lots, fees or gains.")
    for name, wanted in (totals or {}).items():
        both = (number(wanted["taxable"]), number(wanted["free"]))
        sheet.put(name, both, found.get(name, (ZERO, ZERO)))
    if totals is not None:
        unsaid = {name: found[name] for name in TRADED - totals.keys() if any(found.get(name, ()))}
        sheet.put("nothing else", {}, unsaid)
    for name, wanted, figure in checks:
        sheet.put(name, wanted, figure(history, folded))
    is_short = any(one.unmatched_quantity for outcome in folded.outcomes for one in outcome.disposals)
    return sheet.comparison(TOLERANCE, "unmatched_has_no_gain" if is_short else history.excuse)


Check = tuple[str, Any, Callable[[History, Folded], Any]]


def _check(text: str, history: History) -> Check | None:
    """Read what an assertion says of lots; the others are about rotki's own objects."""
    if re.search(r"missing_acquisitions( == \[\]|\) == 0)", text):
        return (text, 0, _missing)
    if match := re.search(r"get_calculated_asset_amount\(.*A_(\w+)\) == FVal\('?([\d.]+)'?\)", text):
        asset = match[1]
        return (text, Decimal(match[2]), lambda history, folded: folded.state.held(1, _named(asset)))
    if match := re.search(r"fee\w*\.cost_basis\.(taxable_amount|taxable_bought_cost) == (ONE|FVal\((.+)\))", text):
        if history.settings["include_fees_in_cost_basis"]:
            raise Differing("fee_in_what_is_received")
        place = ("taxable_amount", "taxable_bought_cost").index(match[1])
        return (text, Decimal(match[3] or 1), lambda history, folded: _fee(history, folded)[place])
    return None


@in_context
def _fee(history: History, folded: Folded) -> tuple[Decimal, Decimal]:
    """Return the units that were spent on fees, and what they had cost."""
    fees = [one for one in folded.outcomes if history.types.get(one.event.sequence) == "fee"]
    spent = [one for outcome in fees for one in outcome.disposals]
    return sum((one.quantity for one in spent), ZERO), sum((one.cost for one in spent), ZERO)


def _missing(_: History, folded: Folded) -> int:
    """Count the disposals of what nobody has seen come in."""
    return sum(1 for outcome in folded.outcomes for one in outcome.disposals if one.unmatched_quantity)


def _groups(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Yield events in the order of time, those of one swap together."""
    rest = sorted(events, key=_when)
    while rest:
        first, after = rest[0], 1
        if first["kind"] != "swap" and _part(first) == "spend":
            while after < len(rest) and _when(rest[after]) == _when(first) and _part(rest[after]) in ("receive", "fee"):
                after += 1
        yield rest[:after]
        rest = rest[after:]


def _part(event: Event) -> str:
    """Return which part of a swap an event is."""
    is_part = event["kind"] in SWAPS or _word(event.get("event_type")) == "TRADE"
    return _word(event.get("event_subtype")).lower() if is_part else ""


def _legs(group: Sequence[Event]) -> dict[str, Leg]:
    """Return the parts of a swap by their names."""
    if group[0]["kind"] == "swap":
        found = {name: group[0][name] for name in ("spend", "receive", "fee") if group[0].get(name)}
    else:
        found = {_part(event): event for event in group}
    if "spend" not in found or "receive" not in found or len(found) < len(group):
        raise Unread("A swap has other parts than what is spent and received, and a fee.")
    return {name: Leg(part["asset"], number(part["amount"])) for name, part in found.items()}


def _word(name: str | None) -> str:
    return (name or "").rsplit(".", maxsplit=1)[-1]


def _when(event: Event) -> datetime:
    return moment(number(event["timestamp"]) // 1000) + timedelta(milliseconds=int(number(event["timestamp"]) % 1000))


def _named(asset: str) -> str:
    """Name a coin; no coin is the ledger's money."""
    return f"{asset}." if asset == USD else asset
