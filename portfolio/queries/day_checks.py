"""Check daily values against a replay: each is what the ledger and the prices give, and gains explain it (I08)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from portfolio.domain.events import USD, Event, standing
from portfolio.domain.futures import unrealized
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.lots import Method
from portfolio.domain.money import ZERO, Refusal, exact
from portfolio.domain.outcomes import State
from portfolio.models import ValuationDay, closes_on
from portfolio.queries.day_rows import FIELDS, day_rows
from portfolio.queries.history import Past, past_of
from portfolio.queries.ledger_rows import Rows, Violation
from portfolio.queries.positions import mark_of

MOMENT = timedelta(microseconds=1)
SLACK = Decimal("1e-12")
"""Parts of a holding are rounded one by one to 18 places, so that sums may differ behind the 12th."""


def day_violations(*, rows: Rows, method: Method) -> Iterator[Violation]:
    """I08: every daily value is as a replay gives it, and so is what came in until then with realised and unrealised.

    Both hold at each close, so that they hold between any two. Days that wait to be valued are left out.
    """
    portfolio = rows.portfolio
    if portfolio.valued_version != portfolio.ledger_version:
        return
    days = list(ValuationDay.objects.filter(portfolio=portfolio).order_by("date"))
    if not days:
        return
    try:
        yield from _stored_days(rows, days, method)
        yield from _explained_days(rows, days, method)
    except Refusal as error:
        yield Violation(invariant="I08", row=f"portfolio {portfolio.pk}", message=f"cannot be valued: {error}")


def _stored_days(rows: Rows, days: Sequence[ValuationDay], method: Method) -> Iterator[Violation]:
    """Hold each stored day against one worked out anew."""
    first, last = days[0].date, days[-1].date
    anew = {row[1]: row for row in day_rows(portfolio=rows.portfolio, from_date=first, to_date=last, method=method)}
    for day in days:
        for name, value in zip(FIELDS, anew.pop(day.date), strict=True):
            if getattr(day, name) != value:
                message = f"{name} is {getattr(day, name)}, a replay gives {value}"
                yield Violation(invariant="I08", row=f"valuation day {day.date}", message=message)
    for missing in anew:
        yield Violation(invariant="I08", row=f"valuation day {missing}", message="it is missing")


@dataclass(kw_only=True)
class _Running:
    """Hold a ledger as far as it was followed, and what came in until there."""

    state: State
    came: Decimal = ZERO

    def follow(self, events: Sequence[Event], method: Method) -> None:
        """Fold some more events."""
        folded: Folded = fold(events=events, opening=self.state, method=method)
        self.state = folded.state
        self.came += sum((one.flow + one.unmatched + one.income for one in folded.outcomes), ZERO)

    @property
    def gained(self) -> Decimal:
        """Return what was realised so far: each fee counts once."""
        futures = self.state.positions.values()
        gains = sum(self.state.gains.values(), ZERO)
        return gains + sum((one.realized_usd - one.fees_usd + one.funding_usd for one in futures), ZERO)


def _explained_days(rows: Rows, days: Sequence[ValuationDay], method: Method) -> Iterator[Violation]:
    """Hold each stored equity against what came in, what was realised and what was not yet (RELIABILITY I08)."""
    past = past_of(portfolio=rows.portfolio, from_date=days[0].date, to_date=days[-1].date)
    waiting, done = standing(rows.events), 0
    running = _Running(state=State())
    for day in days:
        close = closes_on(day.date)
        until = next((n for n in range(done, len(waiting)) if waiting[n].executed_at >= close), len(waiting))
        if until > done:
            running.follow(waiting[done:until], method)
            done = until
        explained = running.came + running.gained + _not_realized(running.state, past, close) + _owed(past, close)
        if abs(day.equity_usd - explained) > SLACK:
            message = f"equity is {day.equity_usd}, but flows and gains until then make {explained}"
            yield Violation(invariant="I08", row=f"valuation day {day.date}", message=message)


def _not_realized(state: State, past: Past, close: Any) -> Decimal:
    """Return what is not realised of what has a price; what has none is taken out with its cost."""
    total = ZERO
    for symbol in {asset for _, asset in state.balances if asset != USD}:
        quantity = sum((held for (_, asset), held in state.balances.items() if asset == symbol), ZERO)
        cost = sum((value for (_, asset), value in state.costs.items() if asset == symbol), ZERO)
        quoted = past.quotes.at(past.assets[symbol].pk, close)
        total += (exact(quantity * quoted.price) if quoted is not None else ZERO) - cost
    return total + _open_futures(state, past, close)


def _open_futures(state: State, past: Past, close: Any) -> Decimal:
    total = ZERO
    for (_, instrument, _), position in state.positions.items():
        settle = past.quotes.at(past.assets[position.settle].pk, close)
        of_asset = past.quotes.at(past.instruments[instrument].asset_id, close)
        mark = mark_of(is_inverse=position.is_inverse, of_asset=of_asset, of_settle=settle)
        if position.quantity and mark is not None and settle is not None:
            total += exact(unrealized(position=position, mark=mark) * settle.price)
    return total


def _owed(past: Past, close: Any) -> Decimal:
    """Return what was owed, as a negative worth, of what had a price."""
    owed = past.owed_on(close)
    return sum((exact(-debt.quantity * debt.quoted.price) for debt in owed if debt.quoted is not None), ZERO)
