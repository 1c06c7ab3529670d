"""Write down what happened as events of the ledger, and fold them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from portfolio.domain.events import USD, Event, MethodChange, Side, SpotFill, TransferIn
from portfolio.domain.ledger import Folded, fold
from portfolio.domain.lots import Method, Scope
from portfolio.domain.money import exact
from portfolio.domain.outcomes import Outcome

FIRST = datetime(1900, 1, 1, tzinfo=UTC)
PURSE = Decimal(10) ** 15


class Script:
    """Collect events; every account starts with more than enough of the money that the case counts in."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.events: list[Event] = []
        self.accounts: dict[str, int] = {}

    def account(self, name: str) -> int:
        """Number an account by its name, and fill its purse when it is new."""
        if name not in self.accounts:
            self.accounts[name] = len(self.accounts) + 1
            self.add(TransferIn, FIRST, account=name, asset=USD, quantity=PURSE)
        return self.accounts[name]

    def add(self, kind: type[Event], when: datetime, *, account: str = "", **terms: Any) -> int:
        """Write an event, its amounts rounded once, and give its sequence."""
        number = self.account(account)
        exacted = {name: exact(term) if isinstance(term, Decimal) else term for name, term in terms.items()}
        sequence = len(self.events) + 1
        self.events.append(kind(sequence=sequence, account=number, executed_at=when, **exacted))
        return sequence

    def trade(self, side: Side, when: datetime, *, base: str, quantity: Decimal, total: Decimal, **terms: Any) -> int:
        """Buy or sell a quantity for a total; what the price loses at the 18th digit goes to the fee."""
        price = exact(total / quantity)
        rest = total - price * quantity
        fee = terms.pop("fee", Decimal(0))
        if terms.get("fee_asset", USD) == USD:
            fee = max(fee + (rest if side is Side.BUY else -rest), Decimal(0))
        terms |= {"base": base, "quote": USD, "quantity": quantity, "price": price}
        return self.add(SpotFill, when, side=side, fee=fee, **terms)

    def choose(self, since: datetime, method: Method, scope: Scope) -> None:
        """Set the method and the scope from a moment on."""
        sequence = len(self.events) + 1
        terms = {"method": method, "scope": scope}
        self.events.append(MethodChange(sequence=sequence, account=0, executed_at=since, **terms))

    def fold(self, method: Method) -> Folded:
        """Fold all events."""
        return fold(events=self.events, method=method)


def by_sequence(folded: Folded) -> dict[int, Outcome]:
    """Return outcomes by the sequence of their events."""
    return {outcome.event.sequence: outcome for outcome in folded.outcomes}


def day(text: str) -> datetime:
    """Return the start of a day in UTC."""
    return datetime.combine(date.fromisoformat(text[:10]), datetime.min.time(), UTC)
