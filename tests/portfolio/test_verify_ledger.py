"""The check is silent on a sound ledger and names the row of every damage."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from portfolio.domain.lending import LoanKind
from portfolio.domain.lots import Method, Scope
from portfolio.models import (
    Account,
    Disposal,
    Fill,
    Holding,
    Lot,
    LotMethod,
    Portfolio,
    Position,
    PositionChange,
    Transfer,
    Unmatched,
)
from portfolio.services.ledger import (
    record_fills,
    record_transfers,
    reverse_fills,
    reverse_transfer,
    set_lot_method,
)
from portfolio.services.lending import NewLoan, record_loan
from tests.portfolio.factories import NOW, asset, at, fill, perp, portfolio, spot, transfer


def verify(*portfolios: int) -> tuple[int, str]:
    """Run the command and return its exit code and output."""
    out = StringIO()
    try:
        call_command("verify_ledger", *portfolios, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def busy(book: Portfolio) -> Portfolio:
    """A portfolio to which everything happened once."""
    record_fills(
        portfolio=book,
        now=NOW,
        fills=[
            fill(spot("UNI"), "sell", 30, "25.7", at(1), fee_amount="0.777"),
            fill(spot("FET"), "buy", "100.1", "2.001", at(2), fee_amount="0.001", fee_asset=asset("BNB")),
            fill(perp("FET"), "buy", 1500, 2, at(3), leverage="3", fee_amount="1.5"),
            fill(spot("UNI"), "sell", 20, "25.7", at(4), fee_amount="0.5", fee_asset=asset("UNI")),
        ],
    )
    record_fills(portfolio=book, now=NOW, fills=[fill(spot("AAVE"), "sell", 1, 90, at(5))], is_imported=True)
    record_transfers(
        portfolio=book,
        now=NOW,
        transfers=[
            transfer("withdrawal", "UNI", 5, at(6)),
            transfer("deposit", "USD", 5, at(6)),
            transfer("funding", "USDC", -1, at(6, 1), instrument=perp("FET")),
        ],
    )
    _carry(book)
    wrong = record_fills(portfolio=book, now=NOW, fills=[fill(spot("FET"), "buy", 5, 2, at(7))])
    reverse_fills(portfolio=book, fills=wrong.fills, now=NOW)
    return book


def _carry(book: Portfolio) -> None:
    """Move, migrate, rebase and swap a little, and change the method."""
    vault = Account.objects.create(portfolio=book, venue=book.venue, name="Vault")
    carried = [
        transfer("move", "UNI", 9, at(6, 2), to_account=vault, fee_amount="1"),
        transfer("migration", "FET", 30, at(6, 3), into=asset("AAVE"), ratio="0.5"),
        transfer("rebase", "BNB", "0.1", at(6, 4)),
        transfer("swap", "BNB", "0.2", at(6, 5), into=asset("USDC"), into_quantity="120", value_usd="120"),
    ]
    record_transfers(portfolio=book, now=NOW, transfers=carried)
    set_lot_method(portfolio=book, method=Method.HIFO, scope=Scope.ACCOUNT, effective_at=at(6, 6), now=NOW)


def change(row: Any, **values: Any) -> None:
    """Damage a row behind the ledger's back."""
    type(row).objects.filter(pk=row.pk).update(**values)


@pytest.mark.usefixtures("market")
class TestVerify:
    def test_a_sound_ledger_passes(self, busy: Portfolio) -> None:
        assert verify() == (0, "1 portfolios checked, 0 violations.\n")
        assert verify(busy.pk)[0] == 0

    def test_no_ledger_is_sound(self) -> None:
        assert verify() == (0, "0 portfolios checked, 0 violations.\n")

    @pytest.mark.parametrize(
        ("model", "where", "values", "invariant"),
        [
            (Holding, {"asset__symbol": "UNI"}, {"quantity": D(1)}, "I01"),
            (Holding, {"asset__symbol": "USD"}, {"quantity": D(1)}, "I16"),
            (Disposal, {"asset__symbol": "UNI", "fill__sequence": 5}, {"quantity": D(29)}, "I02"),
            (Unmatched, {}, {"quantity": D(2)}, "I02"),
            (Lot, {"asset__symbol": "FET"}, {"remaining_quantity": D(101)}, "I03"),
            (Lot, {"asset__symbol": "FET"}, {"is_open": False}, "I03"),
            (Lot, {"asset__symbol": "UNI"}, {"remaining_quantity": D(7)}, "I04"),
            (Lot, {"asset__symbol": "UNI"}, {"remaining_cost_usd": D(7)}, "I04"),
            (Disposal, {"kind": "moved"}, {"quantity": D(8)}, "I02"),
            (Disposal, {"kind": "fee", "transfer__isnull": False}, {"quantity": D(8)}, "I02"),
            (Disposal, {"kind": "converted"}, {"realized_pnl_usd": D(8)}, "I06"),
            (Lot, {"account__name": "Vault"}, {"quantity": D(8)}, "I09"),
            (Lot, {"asset__symbol": "AAVE", "transfer__isnull": False}, {"cost_usd": D(8)}, "I09"),
            (Holding, {"asset__symbol": "BNB"}, {"realized_pnl_usd": D(8)}, "I07"),
            (Holding, {"asset__symbol": "BNB"}, {"cost_usd": D(8)}, "I16"),
            (LotMethod, {}, {"sequence": 1}, "I18"),
            (Disposal, {"fill__sequence": 5}, {"disposed_at": at(0) - timedelta(days=9)}, "I05"),
            (Disposal, {"fill__sequence": 5}, {"realized_pnl_usd": D(9)}, "I06"),
            (Position, {}, {"quantity": D(9)}, "I10"),
            (Position, {}, {"entry_cost": D(9)}, "I16"),
            (PositionChange, {}, {"realized_pnl_usd": D(9)}, "I16"),
            (Unmatched, {}, {"proceeds_usd": D(9)}, "I16"),
            (Lot, {"asset__symbol": "FET"}, {"cost_usd": D(9)}, "I16"),
            (Fill, {"sequence": 5}, {"sequence": 1}, "I18"),
            (Fill, {"sequence": 5}, {"sequence": 99}, "I18"),
            (Fill, {"reverses__isnull": False}, {"price": D(3)}, "I18"),
        ],
    )
    def test_damage_is_found(
        self, busy: Portfolio, model: Any, where: dict[str, Any], values: dict[str, Any], invariant: str
    ) -> None:
        change(model.objects.filter(portfolio=busy, **where).first(), **values)

        code, said = verify()

        assert code == 1
        assert f": {invariant} " in said

    def test_a_withdrawal_that_gains_is_found(self, busy: Portfolio) -> None:
        row = Disposal.objects.get(transfer__kind=Transfer.Kind.WITHDRAWAL)
        change(row, proceeds_usd=row.cost_usd + 1, realized_pnl_usd=D(1))

        assert f"I06 disposal {row.pk}: units that were sent realised something" in verify()[1]

    def test_a_missing_row_is_found(self, busy: Portfolio) -> None:
        Position.objects.all().delete()
        Lot.objects.filter(asset__symbol="FET").delete()

        code, said = verify()

        assert code == 1
        assert "I10 position" in said
        assert "I16 lot of FET" in said

    def test_a_closed_position_with_margin_is_found(self, busy: Portfolio) -> None:
        record_fills(portfolio=busy, now=NOW, fills=[fill(perp("FET"), "sell", 1500, 2, at(8))])
        change(Position.objects.get(), margin=D(5))

        assert "closed, and still has margin" in verify()[1]

    def test_rows_of_two_portfolios_are_found(self, busy: Portfolio, bob: User) -> None:
        other = portfolio(bob, {"UNI": ("10", "10")})
        change(Lot.objects.get(portfolio=busy, asset__symbol="FET"), account=Account.objects.get(portfolio=other))
        change(Disposal.objects.filter(portfolio=busy).first(), lot=Lot.objects.get(portfolio=other))
        change(PositionChange.objects.get(), portfolio=other)

        code, said = verify()

        assert code == 1
        assert "its account belongs to another portfolio" in said
        assert "its lot belongs to another portfolio" in said
        assert "its entry belongs to another portfolio" in said

    def test_a_ledger_that_cannot_be_replayed_is_named(self, busy: Portfolio) -> None:
        change(Transfer.objects.get(portfolio=busy, kind="deposit", asset__symbol="UNI"), quantity=D(1))

        assert f"I16 portfolio {busy.pk}: cannot be replayed: You hold 1 UNI" in verify(busy.pk)[1]

    @pytest.mark.parametrize(("model", "where", "values"), [
        (Fill, {"sequence__gt": 0}, {"quote_usd": D(0)}),
        (Fill, {"sequence__gt": 0}, {"fee_usd": D(-1)}),
        (Transfer, {"kind": "funding"}, {"value_usd": None}),
        (Transfer, {"kind": "swap"}, {"value_usd": None}),
    ])  # fmt: skip
    def test_what_has_no_worth_is_named(
        self, model: Any, where: dict[str, Any], values: dict[str, Any], busy: Portfolio
    ) -> None:
        row = model.objects.filter(portfolio=busy, **where).first()
        change(row, **values)

        code, said = verify(busy.pk)

        assert code == 1
        assert f"I12 {model.__name__.lower()} {row.pk}: " in said

    def test_a_loan_whose_coins_went_alone_is_named(self, busy: Portfolio) -> None:
        loan = NewLoan(kind=LoanKind.BORROW, asset=asset("USDC"), quantity=D(50), executed_at=at(20))
        row = record_loan(portfolio=busy, new=loan, now=NOW)
        assert row.transfer is not None
        reverse_transfer(portfolio=busy, transfer=row.transfer, now=NOW)
        change(Portfolio.objects.get(pk=busy.pk), lending=[])

        said = verify(busy.pk)[1]

        assert f"I09 loan {row.pk}: it and its coins were not reversed together" in said
        assert f"I16 portfolio {busy.pk}: what is shown as owed is not what was stated" in said

    def test_more_repaid_than_owed_is_named(self, busy: Portfolio) -> None:
        for kind, when in ((LoanKind.BORROW, 20), (LoanKind.REPAY, 21)):
            loan = NewLoan(kind=kind, asset=asset("USDC"), quantity=D(50), executed_at=at(when), is_paid_here=False)
            row = record_loan(portfolio=busy, new=loan, now=NOW)
        change(row, quantity=D(51))

        assert f"I16 loan {row.pk}: You owe 50 USDC then, and this repays 51." in verify(busy.pk)[1]
