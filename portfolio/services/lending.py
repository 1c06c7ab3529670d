"""Record what is borrowed, pledged and lent as a bonus, and what freed capital earns (DOMAIN F42, F48, F61)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from jobs.services import enqueue
from portfolio.domain.lending import LoanKind, outstanding
from portfolio.domain.money import ONE, Refusal, exact, in_context
from portfolio.models import Account, Asset, BonusCredit, FreedYield, Holding, LoanEntry, Pledge, Portfolio, Transfer
from portfolio.queries.lending import lending_state, standing_loans
from portfolio.queries.prices import price_at
from portfolio.services.entries import KeyReused, NewTransfer, PriceUnknown, check_moment
from portfolio.services.ledger import default_account, lock, record_transfer, reverse_transfer
from portfolio.services.recompute import VALUE_TASK

COINS = {LoanKind.BORROW: Transfer.Kind.DEPOSIT, LoanKind.REPAY: Transfer.Kind.WITHDRAWAL}
SAME = ("kind", "asset_id", "quantity", "executed_at")


class BadLoan(Refusal):
    """Refuse a change of a debt that cannot be."""


class BelongsToLoan(Refusal):
    """Refuse to reverse what a loan brought without the loan."""


class BadPledge(Refusal):
    """Refuse to pledge what is not there, or at a threshold that cannot be."""


class BadYield(Refusal):
    """Refuse a yield that cannot be."""


@dataclass(frozen=True, kw_only=True)
class NewLoan:
    """State a change of a debt; `is_paid_here` tells whether the coins came into the account, or left it."""

    kind: LoanKind
    asset: Asset
    quantity: Decimal
    executed_at: datetime
    account: Account | None = None
    value_usd: Decimal | None = None
    is_paid_here: bool = True


@transaction.atomic
@in_context
def record_loan(*, portfolio: Portfolio, new: NewLoan, now: datetime, client_key: str = "") -> LoanEntry:
    """Record a change of a debt, with the coins that came or went; a repeat under the same key is returned as it is.

    What is borrowed is no deposit of one's own and what is repaid no withdrawal: neither is a flow.
    """
    locked = lock(portfolio)
    account = new.account or default_account(locked)
    _check(locked, new, account, now)
    known = LoanEntry.objects.filter(account=account, external_id=client_key).first() if client_key else None
    row = _row(locked, new, account, now, client_key)
    if known is not None:
        if any(getattr(known, name) != getattr(row, name) for name in SAME):
            raise KeyReused(f"The id {client_key} was used before for something else.")
        return known
    _check_owed(row)
    if new.is_paid_here and new.kind in COINS:
        row.transfer = record_transfer(
            portfolio=portfolio, transfer=_coins(new, account, row.value_usd), now=now, client_key=client_key
        )
    _keep(locked, row, now)
    return row


@transaction.atomic
def reverse_loan(*, portfolio: Portfolio, loan: LoanEntry, now: datetime) -> LoanEntry:
    """Reverse a change of a debt, and the coins with it: all stays visible."""
    locked = lock(portfolio)
    row = LoanEntry.objects.filter(portfolio=locked, pk=loan.pk, reverses__isnull=True).first()
    if row is None:
        raise BadLoan("Only a loan of this portfolio that is not a reversal itself can be reversed.")
    reversal = LoanEntry.objects.filter(reverses=row).first()
    if reversal is not None:
        return reversal
    if row.transfer is not None:
        reverse_transfer(portfolio=portfolio, transfer=row.transfer, now=now)
    taken_back = LoanEntry(
        **{name: getattr(row, name) for name in ("kind", "asset", "quantity", "value_usd", "executed_at", "account")},
        portfolio=locked,
        recorded_at=now,
        reverses=row,
    )
    _check_owed(row, is_reversed=True)
    _keep(locked, taken_back, now)
    return taken_back


def reverse_entry(*, portfolio: Portfolio, transfer: Transfer, now: datetime) -> Transfer:
    """Reverse a transfer that stands by itself; what a loan brought is reversed with the loan."""
    if LoanEntry.objects.filter(transfer=transfer, reverses__isnull=True, reversed_by__isnull=True).exists():
        raise BelongsToLoan("This belongs to a loan: reverse the loan, and this goes with it.")
    return reverse_transfer(portfolio=portfolio, transfer=transfer, now=now)


@transaction.atomic
@in_context
def set_pledge(
    *,
    portfolio: Portfolio,
    asset: Asset,
    quantity: Decimal,
    threshold: Decimal,
    now: datetime,
    account: Account | None = None,
) -> Pledge:
    """State how much of an asset is collateral from now on; zero releases it. At most what the account holds."""
    locked = lock(portfolio)
    where = account or default_account(locked)
    _check_account(locked, where)
    if not 0 < threshold <= ONE:
        raise BadPledge("A liquidation threshold is above 0% and at most 100%.")
    held = Holding.objects.filter(account=where, asset=asset).first()
    if exact(quantity) > (held.quantity if held else 0):
        there = f"{held.quantity.normalize():f}" if held else "no"
        raise BadPledge(f"{where} holds {there} {asset}: pledge at most that.")
    row, _ = Pledge.objects.update_or_create(
        account=where,
        asset=asset,
        effective_at=locked.clock(now),
        defaults={"portfolio": locked, "quantity": quantity, "threshold": threshold},
    )
    _renew(locked)
    return row


@transaction.atomic
def grant_bonus(
    *,
    portfolio: Portfolio,
    asset: Asset,
    quantity: Decimal,
    now: datetime,
    usable_for: str = BonusCredit.Use.MARGIN,
    expires_at: datetime | None = None,
    account: Account | None = None,
) -> BonusCredit:
    """Note a bonus credit of a venue: it is shown, and counts neither as equity nor as a deposit (DOMAIN F61)."""
    locked = lock(portfolio)
    where, moment = account or default_account(locked), locked.clock(now)
    _check_account(locked, where)
    if expires_at is not None and expires_at <= moment:
        raise BadLoan("This credit is over already.")
    row = BonusCredit.objects.create(
        portfolio=locked,
        account=where,
        asset=asset,
        quantity=quantity,
        usable_for=usable_for,
        granted_at=moment,
        expires_at=expires_at,
    )
    _renew(locked)
    return row


@transaction.atomic
def end_bonus(*, portfolio: Portfolio, bonus: BonusCredit, now: datetime) -> BonusCredit:
    """Note that a bonus credit is used up or was taken back; it stays visible as over."""
    locked = lock(portfolio)
    row = BonusCredit.objects.get(portfolio=locked, pk=bonus.pk)
    if row.ended_at is None:
        row.ended_at = locked.clock(now)
        row.save(update_fields=["ended_at"])
        _renew(locked)
    return row


@transaction.atomic
def set_freed_yield(*, portfolio: Portfolio, apy: Decimal, now: datetime, source: str = "") -> FreedYield:
    """State what freed capital earns a year from now on; earlier statements stay (DOMAIN F48)."""
    locked = lock(portfolio)
    if exact(apy) < 0:
        raise BadYield("A yield is not negative.")
    row, _ = FreedYield.objects.update_or_create(
        portfolio=locked, effective_at=locked.clock(now), defaults={"apy": apy, "source": source}
    )
    _renew(locked)
    return row


def _check(portfolio: Portfolio, new: NewLoan, account: Account, now: datetime) -> None:
    check_moment(portfolio=portfolio, moment=new.executed_at, now=now)
    _check_account(portfolio, account)
    if exact(new.quantity) <= 0:
        raise BadLoan("The quantity must be greater than zero.")


def _check_account(portfolio: Portfolio, account: Account) -> None:
    if account.portfolio_id != portfolio.pk:
        raise BadLoan("That account is not one of this portfolio's.")


def _check_owed(row: LoanEntry, *, is_reversed: bool = False) -> None:
    """Refuse what would leave more repaid than owed at any moment."""
    stand = [one for one in standing_loans(row.portfolio_id) if (one.account_id, one.asset_id) == _place(row)]
    after = [one for one in stand if one.pk != row.pk] if is_reversed else [*stand, row]
    after.sort(key=lambda one: (one.executed_at, one.sequence or row.portfolio.ledger_version + 1))
    outstanding([(LoanKind(one.kind), one.quantity) for one in after], asset=row.asset.symbol)


def _place(row: LoanEntry) -> tuple[int, int]:
    return (row.account_id, row.asset_id)


def _row(portfolio: Portfolio, new: NewLoan, account: Account, now: datetime, client_key: str) -> LoanEntry:
    return LoanEntry(
        portfolio=portfolio,
        account=account,
        kind=new.kind.value,
        asset=new.asset,
        quantity=new.quantity,
        value_usd=_value(portfolio, new),
        executed_at=new.executed_at,
        recorded_at=now,
        external_id=client_key or None,
    )


def _value(portfolio: Portfolio, new: NewLoan) -> Decimal:
    if new.asset.kind == Asset.Kind.FIAT:
        return new.quantity
    if new.value_usd is not None:
        return new.value_usd
    price = price_at(portfolio=portfolio, asset=new.asset.pk, moment=new.executed_at)
    if price is None:
        raise PriceUnknown(f"Say what it was worth in USD: no price of {new.asset} is known at that time.")
    return exact(new.quantity * price)


def _coins(new: NewLoan, account: Account, value: Decimal) -> NewTransfer:
    """State the coins that a loan brought, which cost what they were worth, or those that repaid it."""
    terms: dict[str, Any] = {"cost_usd": value} if new.kind is LoanKind.BORROW else {}
    return NewTransfer(
        kind=COINS[new.kind],
        asset=new.asset,
        quantity=new.quantity,
        executed_at=new.executed_at,
        value_usd=value,
        account=account,
        **terms,
    )


def _keep(portfolio: Portfolio, row: LoanEntry, now: datetime) -> None:
    """Store an entry as the ledger's next, and ask for the daily values that follow from it."""
    version = Portfolio.objects.values_list("ledger_version", flat=True).get(pk=portfolio.pk) + 1
    row.sequence = version
    row.save(force_insert=True)
    Portfolio.objects.filter(pk=portfolio.pk).update(ledger_version=version)
    _renew(portfolio)
    enqueue(task=VALUE_TASK, now=now, unique_key=VALUE_TASK)


def _renew(portfolio: Portfolio) -> None:
    """Keep with the portfolio what is owed, pledged, credited and earned now."""
    Portfolio.objects.filter(pk=portfolio.pk).update(lending=lending_state(portfolio))
