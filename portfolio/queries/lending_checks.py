"""Check that what is owed follows from its entries, and that the coins of a loan go with it (I09, I16, I18, I20)."""

from __future__ import annotations

from collections.abc import Iterator

from portfolio.domain.lending import LoanKind, Overpaid, outstanding
from portfolio.models import LoanEntry
from portfolio.queries.ledger_rows import Rows, Violation
from portfolio.queries.lending import lending_state


def lending_violations(rows: Rows) -> Iterator[Violation]:
    """I16: nothing is repaid that was not owed, and what is shown as owed and pledged is what was stated."""
    places: dict[tuple[int, int], list[LoanEntry]] = {}
    for row in sorted(standing_loan_rows(rows), key=lambda one: (one.executed_at, one.sequence)):
        places.setdefault((row.account_id, row.asset_id), []).append(row)
    for same in places.values():
        try:
            outstanding([(LoanKind(row.kind), row.quantity) for row in same], asset=same[0].asset.symbol)
        except Overpaid as error:
            yield Violation(invariant="I16", row=f"loan {same[-1].pk}", message=str(error))
            return
    if rows.portfolio.lending != lending_state(rows.portfolio):
        yield Violation(
            invariant="I16",
            row=f"portfolio {rows.portfolio.pk}",
            message="what is shown as owed is not what was stated",
        )


def loan_coin_violations(rows: Rows) -> Iterator[Violation]:
    """I09 and I20: the coins of a loan are as many, move with it, are reversed with it, and stay in the portfolio."""
    own, standing = rows.portfolio.pk, {row.pk for row in rows.standing_transfers()}
    stands = {row.pk for row in standing_loan_rows(rows)}
    for row in rows.loans:
        name = f"loan {row.pk}"
        if row.account.portfolio_id != own or (row.transfer and row.transfer.portfolio_id != own):
            yield Violation(invariant="I20", row=name, message="its account or its coins belong to another portfolio")
        if row.transfer is None:
            continue
        same = ("account_id", "asset_id", "quantity", "executed_at")
        if any(getattr(row, field) != getattr(row.transfer, field) for field in same):
            yield Violation(invariant="I09", row=name, message="the coins that went with it are not as many")
        if (row.pk in stands) != (row.transfer_id in standing):
            yield Violation(invariant="I09", row=name, message="it and its coins were not reversed together")


def standing_loan_rows(rows: Rows) -> list[LoanEntry]:
    """Return the loans that neither are nor have a reversal."""
    gone = {row.reverses_id for row in rows.loans if row.reverses_id}
    return [row for row in rows.loans if not row.reverses_id and row.pk not in gone]
