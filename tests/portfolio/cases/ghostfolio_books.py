"""Fold Ghostfolio's activities: with fees for the net figures, without them for what it calls investment and gross."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portfolio.domain.events import USD, Side, SpotFill, TransferIn
from portfolio.domain.lots import Method
from portfolio.domain.money import in_context
from tests.portfolio.cases.reading import Case, Lacking, Unread, number, only
from tests.portfolio.cases.script import Script, day

ZERO = Decimal(0)
TRADES = {"BUY": Side.BUY, "SELL": Side.SELL}
INCOME = ("DIVIDEND", "INTEREST")
WORDS = (
    "date",
    "type",
    "symbol",
    "asset_currency",
    "quantity",
    "unit_price",
    "fee_in_asset_currency",
    "fee_in_base_currency",
    "data_source",
    "tags",
    "name",
    "account",
)


@dataclass(frozen=True, kw_only=True)
class Worth:
    """Hold the figures of one position, or of all, in one currency."""

    quantity: Decimal
    investment: Decimal
    value: Decimal
    gross: Decimal
    net: Decimal
    fees: Decimal
    dividends: Decimal
    interest: Decimal

    @property
    def average_price(self) -> Decimal:
        """Return what a unit cost on average."""
        return self.investment / self.quantity if self.quantity else ZERO


class Books:
    """Answer what positions cost and brought up to a day, in their own and in the base currency."""

    def __init__(self, case: Case) -> None:
        """Read a case's activities, quotes and exchange rates."""
        self.case = case
        self.base = case["base_currency"]
        self.activities = sorted(case["activities"], key=lambda one: one["date"])
        for activity in self.activities:
            only(activity, WORDS, "An activity")
            if activity["type"] not in (*TRADES, *INCOME, "FEE"):
                raise Lacking("liabilities") if activity["type"] == "LIABILITY" else Unread(activity["type"])
        last = max(self.days(), default=date(1970, 1, 1))
        self.as_of = date.fromisoformat(case["as_of"]) if case["as_of"] else last
        self.first = min(self.days(), default=last)

    def days(self) -> list[date]:
        """Return the days of all activities."""
        return [date.fromisoformat(one["date"][:10]) for one in self.activities]

    def symbols(self) -> list[str]:
        """Return what was traded, in the order of the first activity."""
        return list(dict.fromkeys(one["symbol"] for one in self.activities if one["type"] in TRADES))

    @in_context
    def worth(self, *, symbol: str | None = None, day: date | None = None) -> tuple[Worth, Worth]:
        """Return the figures on a day: in the assets' own currency, and in the base currency at each day's rate."""
        until = day or self.as_of
        chosen = [
            one
            for one in self.activities
            if symbol in (None, one["symbol"]) and date.fromisoformat(one["date"][:10]) <= until
        ]
        return self._figures(chosen, until, in_base=False), self._figures(chosen, until, in_base=True)

    def _figures(self, chosen: list[Mapping[str, Any]], until: date, *, in_base: bool) -> Worth:
        """Fold twice: the fees are in the cost and the proceeds, or they are left out."""
        charged, bare = (self._folded(chosen, in_base, with_fees=fees) for fees in (True, False))
        quantity, value = ZERO, ZERO
        for symbol in dict.fromkeys(one["symbol"] for one in chosen):
            held = bare.state.held(1, symbol)
            quantity += held
            value += held * self._price(symbol, until, in_base) if held else ZERO
        fee = "fee_in_base_currency" if in_base else "fee_in_asset_currency"
        realized = [sum((one.spot_realized for one in folded.outcomes), ZERO) for folded in (charged, bare)]
        cost = [_cost(folded.state.lots.values()) for folded in (charged, bare)]
        return Worth(
            quantity=quantity,
            investment=cost[1],
            value=value,
            gross=realized[1] + value - cost[1],
            net=realized[0] + value - cost[0],
            fees=sum((number(one[fee]) for one in chosen), ZERO),
            dividends=self._income(chosen, "DIVIDEND", in_base),
            interest=self._income(chosen, "INTEREST", in_base),
        )

    def _folded(self, chosen: Iterable[Mapping[str, Any]], in_base: bool, *, with_fees: bool) -> Any:
        script = Script()
        script.account("")
        fee = "fee_in_base_currency" if in_base else "fee_in_asset_currency"
        for one in chosen:
            when, rate = day(one["date"]), self._rate(one, in_base)
            amount, price = number(one["quantity"]), number(one["unit_price"]) * rate
            if one["type"] in TRADES:
                terms = {"base": one["symbol"], "quote": USD, "quantity": amount, "price": price}
                charge = number(one[fee]) if with_fees else ZERO
                script.add(SpotFill, when, side=TRADES[one["type"]], fee=charge, **terms)
            elif one["type"] in INCOME:
                script.add(TransferIn, when, asset=USD, quantity=amount * price, is_income=True)
        return script.fold(Method.AVG)

    def _income(self, chosen: Iterable[Mapping[str, Any]], kind: str, in_base: bool) -> Decimal:
        folded = self._folded([one for one in chosen if one["type"] == kind], in_base, with_fees=False)
        return sum((one.income for one in folded.outcomes), ZERO)

    def _rate(self, activity: Mapping[str, Any], in_base: bool) -> Decimal:
        return self._exchange(activity["asset_currency"], date.fromisoformat(activity["date"][:10]), in_base)

    def _exchange(self, currency: str, when: date, in_base: bool) -> Decimal:
        """Return the rate on the day, else the last known before it."""
        if not in_base or currency == self.base:
            return Decimal(1)
        rates = self.case["fx"].get(f"{currency}{self.base}", {})
        return number(_quote(rates, when, f"{currency}{self.base}"))

    def _price(self, symbol: str, when: date, in_base: bool) -> Decimal:
        """Return the quote on the day; where there is none at all, the last unit price stands in for it."""
        own = [one for one in self.activities if one["symbol"] == symbol]
        quotes = self.case["prices"].get(symbol) or {own[-1]["date"][:10]: own[-1]["unit_price"]}
        return number(_quote(quotes, when, symbol)) * self._exchange(own[-1]["asset_currency"], when, in_base)


def _quote(quotes: Mapping[str, Any], when: date, name: str) -> Any:
    """Return the quote of a day, else the last before it, else the first after it."""
    if not quotes:
        raise Unread(f"There is no quote of {name}.")
    earlier = [text for text in quotes if text <= when.isoformat()]
    return quotes[max(earlier)] if earlier else quotes[min(quotes)]


def _cost(piles: Iterable[Iterable[Any]]) -> Decimal:
    return sum((lot.remaining_cost for lots in piles for lot in lots), ZERO)
