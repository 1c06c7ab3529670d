"""Debts grow and are repaid in order, and freed capital earns what its funding costs (DOMAIN F42, F47, F48, E31)."""

from decimal import Context, localcontext
from decimal import Decimal as D

import pytest

from portfolio.domain.lending import FreedIncome, LoanKind, Overpaid, funding_annual, outstanding


class TestOutstanding:
    def test_interest_adds_and_repayment_takes_off(self) -> None:
        moves = [(LoanKind.BORROW, D(100)), (LoanKind.INTEREST, D("0.5")), (LoanKind.REPAY, D(40))]

        assert outstanding(moves, asset="USDC") == D("60.5")
        assert outstanding([*moves, (LoanKind.REPAY, D("60.5"))], asset="USDC") == 0
        assert outstanding([], asset="USDC") == 0

    def test_more_than_is_owed_then_cannot_be_repaid(self) -> None:
        moves = [(LoanKind.BORROW, D("100.50")), (LoanKind.REPAY, D("100.6")), (LoanKind.BORROW, D(100))]

        with pytest.raises(Overpaid, match=r"^You owe 100\.5 USDC then, and this repays 100\.6\.$"):
            outstanding(moves, asset="USDC")


class TestFreedIncome:
    """E31."""

    def test_earns_less_than_its_funding_below_the_break_even(self) -> None:
        found = FreedIncome(freed=D("3333.333333"), apy=D("0.06"), funding=D("547.5"))

        assert found.earned == D("199.99999998")
        assert found.net == D("-347.50000002")
        assert round(found.breakeven_apy or D(0), 6) == D("0.16425")

    def test_what_nobody_knows_is_nothing(self) -> None:
        no_yield = FreedIncome(freed=D(100), apy=None, funding=D(5))
        no_funding = FreedIncome(freed=D(100), apy=D("0.1"), funding=None)

        assert (no_yield.earned, no_yield.net, no_yield.breakeven_apy) == (None, None, D("0.05"))
        assert (no_funding.earned, no_funding.net, no_funding.breakeven_apy) == (10, None, None)

    @pytest.mark.parametrize(("freed", "breakeven"), [("0", None), ("-1", None), ("0.5", D(10))])
    def test_without_freed_capital_there_is_no_break_even(self, freed: str, breakeven: D | None) -> None:
        assert FreedIncome(freed=D(freed), apy=None, funding=D(5)).breakeven_apy == breakeven

    def test_no_digit_is_lost_in_a_thread_of_few(self) -> None:
        with localcontext(Context(prec=4)):
            found = FreedIncome(freed=D("12345.6789"), apy=D("0.5"), funding=D("0.0001"))

            assert (found.earned, found.net) == (D("6172.83945"), D("6172.83935"))


class TestFunding:
    def test_is_scaled_to_a_year_and_paid_is_a_cost(self) -> None:
        assert funding_annual(received=D(-3), days=D("1.5")) == 730
        assert funding_annual(received=D("0.5"), days=D(1)) == D("-182.5")

    def test_before_a_day_has_passed_it_says_nothing(self) -> None:
        assert funding_annual(received=D(-3), days=D("0.99")) is None
