"""Open accounts: the places in which a portfolio keeps things."""

from __future__ import annotations

from django.db import transaction

from portfolio.domain.money import Refusal
from portfolio.models import Account, Portfolio, Venue
from portfolio.services.ledger import lock

MOST_ACCOUNTS = 50


class AccountNameTaken(Refusal):
    """Refuse a second account of the same name."""


class TooManyAccounts(Refusal):
    """Refuse more accounts than a page can offer."""


@transaction.atomic
def open_account(*, portfolio: Portfolio, name: str, venue: Venue | None = None) -> Account:
    """Open another account of a portfolio, at its own venue unless another is named."""
    locked = lock(portfolio)
    if locked.accounts.filter(name=name).exists():
        raise AccountNameTaken(f"This portfolio has an account named {name} already.")
    if locked.accounts.count() >= MOST_ACCOUNTS:
        raise TooManyAccounts(f"A portfolio has at most {MOST_ACCOUNTS} accounts.")
    return Account.objects.create(portfolio=locked, venue=venue or locked.venue, name=name)
