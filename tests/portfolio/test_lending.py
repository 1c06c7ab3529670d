"""Debts are deducted from equity and are no flows; collateral has a health factor; bonus credit is never equity."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from portfolio.domain.lending import FreedIncome, LoanKind, Overpaid, funding_annual, outstanding
from portfolio.models import Account, LoanEntry, Market, Portfolio, Transfer, ValuationDay
from portfolio.queries.holdings import Snapshot, snapshot
from portfolio.queries.invariants import violations
from portfolio.queries.lending import freed_lines
from portfolio.queries.performance import performance_of
from portfolio.queries.proof import portfolio_proofs
from portfolio.services.entries import KeyReused, PriceUnknown
from portfolio.services.ledger import METHOD, record_fills, record_transfer
from portfolio.services.lending import (
    BadLoan,
    BadPledge,
    BelongsToLoan,
    NewLoan,
    end_bonus,
    grant_bonus,
    record_loan,
    reverse_entry,
    reverse_loan,
    set_freed_yield,
    set_pledge,
)
from portfolio.services.valuation import value_portfolio
from tests.api.scene import Caller, faults
from tests.pages import heading, said
from tests.portfolio.factories import NOW, PRICES, asset, at, fill, perp, price, transfer


@pytest.fixture
def closed(market: Market) -> Market:
    """A market with five closes; ETH rises on the third."""
    for number in range(5):
        price(market, number, PRICES if number < 3 else {**PRICES, "ETH": "3000"})
    return market


@pytest.fixture
def caller(alice: User) -> Caller:
    """The owner's token."""
    return Caller(alice)


def loan(book: Portfolio, kind: str, symbol: str, quantity: str, when: Any, **more: Any) -> LoanEntry:
    new = NewLoan(kind=LoanKind(kind), asset=asset(symbol), quantity=D(quantity), executed_at=when, **more)
    return record_loan(portfolio=book, new=new, now=NOW)


def now_of(book: Portfolio, now: Any) -> Snapshot:
    book.refresh_from_db()
    return snapshot(portfolio=book, now=now)


def equity(book: Portfolio) -> D:
    return now_of(book, now=NOW).sleeves.equity.value


class TestArithmetic:
    def test_interest_adds_and_repaying_takes(self) -> None:
        moves = [(LoanKind.BORROW, D(100)), (LoanKind.INTEREST, D("0.5")), (LoanKind.REPAY, D("100.5"))]

        assert outstanding(moves, asset="USDC") == 0
        assert outstanding(moves[:2], asset="USDC") == D("100.5")

    def test_more_than_is_owed_is_refused_at_any_moment(self) -> None:
        with pytest.raises(Overpaid, match="You owe 0 USDC then, and this repays 1"):
            outstanding([(LoanKind.REPAY, D(1)), (LoanKind.BORROW, D(100))], asset="USDC")

    def test_what_is_freed_earns_less_its_funding(self) -> None:
        income = FreedIncome(freed=D("6666.67"), apy=D("0.06"), funding=D(250))

        assert (income.earned, income.net) == (D("400.0002"), D("150.0002"))
        assert income.breakeven_apy is not None
        assert abs(income.breakeven_apy - D("0.0375")) < D("1e-6")

    @pytest.mark.parametrize(("apy", "funding"), [(None, D(1)), (D(1), None)])
    def test_what_nobody_knows_is_nothing(self, apy: D | None, funding: D | None) -> None:
        income = FreedIncome(freed=D(100), apy=apy, funding=funding)

        assert income.net is None
        assert (income.earned is None, income.breakeven_apy is None) == (apy is None, funding is None)

    def test_what_frees_nothing_is_never_even(self) -> None:
        assert FreedIncome(freed=D(0), apy=D(1), funding=D(1)).breakeven_apy is None

    def test_funding_goes_on_at_its_pace(self) -> None:
        assert funding_annual(received=D(-3), days=D(10)) == D("109.5")
        assert funding_annual(received=D(3), days=D(1)) == D(-1095)
        assert funding_annual(received=D(3), days=D("0.5")) is None


@pytest.mark.usefixtures("closed")
class TestLoans:
    def test_borrowing_changes_no_equity(self, book: Portfolio) -> None:
        before = equity(book)

        loan(book, "borrow", "USDC", "5000", at(1))

        found = now_of(book, now=NOW)
        assert found.sleeves.equity.value == before
        assert found.sleeves.debts.value == -5000
        assert next(line.quantity for line in found.holdings if line.asset.symbol == "USDC") == 25_000

    def test_it_is_no_flow_and_no_return(self, book: Portfolio) -> None:
        value_portfolio(portfolio=book, now=NOW)
        before = [(row.equity_usd, row.flow_usd, row.held_usd) for row in ValuationDay.objects.order_by("date")]

        loan(book, "borrow", "USDC", "5000", at(1))
        loan(book, "repay", "USDC", "2000", at(2))
        value_portfolio(portfolio=book, now=NOW)

        rows = ValuationDay.objects.order_by("date")
        assert [(row.equity_usd, row.flow_usd, row.held_usd) for row in rows] == before
        found = performance_of(portfolio=book, now=NOW)
        assert found is not None
        assert found.you.total.value == pytest.approx(0)

    def test_a_debt_in_a_coin_that_rises_costs(self, book: Portfolio) -> None:
        loan(book, "borrow", "ETH", "2", at(1))
        value_portfolio(portfolio=book, now=NOW)
        record_transfer(portfolio=book, transfer=transfer("withdrawal", "ETH", 2, at(1, 5)), now=NOW)
        value_portfolio(portfolio=book, now=NOW)

        rows = list(ValuationDay.objects.order_by("date").values_list("equity_usd", flat=True))
        assert rows[2] - rows[3] == 1000

    def test_interest_is_a_cost(self, book: Portfolio) -> None:
        loan(book, "borrow", "USDC", "5000", at(1))
        before = equity(book)

        loan(book, "interest", "USDC", "7", at(3))
        value_portfolio(portfolio=book, now=NOW)

        found = performance_of(portfolio=book, now=NOW)
        assert equity(book) == before - 7
        assert found is not None
        assert (found.costs_usd, [row.flow_usd for row in ValuationDay.objects.order_by("date")][1:]) == (7, [0] * 4)
        assert found.you.total.value is not None
        assert found.you.total.value < 0

    def test_a_debt_whose_coins_are_elsewhere_is_a_flow(self, book: Portfolio) -> None:
        before = equity(book)

        loan(book, "borrow", "USDC", "5000", at(1), is_paid_here=False)
        loan(book, "repay", "USDC", "1000", at(2), is_paid_here=False)
        value_portfolio(portfolio=book, now=NOW)

        rows = ValuationDay.objects.order_by("date")
        assert equity(book) == before - 4000
        assert [row.flow_usd for row in rows][1:] == [-5000, 1000, 0, 0]
        found = performance_of(portfolio=book, now=NOW)
        assert found is not None
        assert found.you.total.value == pytest.approx(0)

    def test_more_than_is_owed_is_not_repaid(self, book: Portfolio) -> None:
        loan(book, "borrow", "USDC", "5000", at(2))

        with pytest.raises(Overpaid):
            loan(book, "repay", "USDC", "5001", at(3))
        with pytest.raises(Overpaid):
            loan(book, "repay", "USDC", "1", at(1))
        assert Transfer.objects.filter(portfolio=book, kind="withdrawal").count() == 0

    def test_a_reversal_takes_the_coins_back(self, book: Portfolio) -> None:
        before = equity(book)
        row = loan(book, "borrow", "USDC", "5000", at(1))

        first, second = (reverse_loan(portfolio=book, loan=row, now=NOW) for _ in range(2))

        assert first == second
        assert (equity(book), now_of(book, now=NOW).lending.owed) == (before, ())
        book.refresh_from_db()
        assert violations(portfolio=book, method=METHOD) == []

    def test_what_was_repaid_since_cannot_be_taken_back(self, book: Portfolio) -> None:
        row = loan(book, "borrow", "USDC", "5000", at(1))
        loan(book, "repay", "USDC", "1000", at(2))

        with pytest.raises(Overpaid):
            reverse_loan(portfolio=book, loan=row, now=NOW)
        assert LoanEntry.objects.count() == 2

    def test_its_coins_are_not_reversed_alone(self, book: Portfolio) -> None:
        row = loan(book, "borrow", "USDC", "5000", at(1))
        assert row.transfer is not None

        with pytest.raises(BelongsToLoan):
            reverse_entry(portfolio=book, transfer=row.transfer, now=NOW)

    def test_a_key_names_one_loan(self, book: Portfolio) -> None:
        new = NewLoan(kind=LoanKind.BORROW, asset=asset("USDC"), quantity=D(5), executed_at=at(1))
        first, second = (record_loan(portfolio=book, new=new, now=NOW, client_key="k") for _ in range(2))
        other = NewLoan(kind=LoanKind.BORROW, asset=asset("USDC"), quantity=D(6), executed_at=at(1))

        assert first == second
        with pytest.raises(KeyReused):
            record_loan(portfolio=book, new=other, now=NOW, client_key="k")

    def test_a_debt_without_a_price_asks_for_its_worth(self, book: Portfolio) -> None:
        with pytest.raises(PriceUnknown):
            loan(book, "borrow", "LDO", "5", at(1))

        loan(book, "borrow", "LDO", "5", at(1), value_usd=D(10))
        assert now_of(book, now=NOW).sleeves.equity.unpriced == 2

    def test_nothing_is_borrowed_in_the_future_or_elsewhere(self, book: Portfolio, bob: User) -> None:
        other = Portfolio.objects.create(
            owner=bob, market=book.market, venue=book.venue, reserve_asset=asset("USD"), name="B", created_at=NOW
        )
        theirs = Account.objects.create(portfolio=other, venue=book.venue, name="Theirs")

        with pytest.raises(BadLoan):
            loan(book, "borrow", "USDC", "5", at(1), account=theirs)
        with pytest.raises(BadLoan):
            loan(book, "borrow", "USDC", "0", at(1))

    def test_equity_is_proven_with_its_debts(self, book: Portfolio) -> None:
        loan(book, "borrow", "USDC", "5000", at(1))

        proofs = portfolio_proofs(now_of(book, now=NOW))

        assert all(proof.holds for proof in proofs)


@pytest.mark.usefixtures("closed")
class TestHealth:
    def pledged(self, book: Portfolio) -> Any:
        return now_of(book, now=NOW).lending.lines[0]

    def test_collateral_at_its_threshold_over_the_debt(self, book: Portfolio) -> None:
        set_pledge(portfolio=book, asset=asset("BTC"), quantity=D("0.5"), threshold=D("0.8"), now=NOW)
        loan(book, "borrow", "USDC", "10000", at(1))

        line = self.pledged(book)

        assert (line.health, line.is_alarming) == (2, False)

    def test_below_one_and_a_half_it_is_alarming(self, book: Portfolio) -> None:
        set_pledge(portfolio=book, asset=asset("BTC"), quantity=D("0.5"), threshold=D("0.8"), now=NOW)
        loan(book, "borrow", "USDC", "13334", at(1))

        assert self.pledged(book).is_alarming

    def test_what_left_the_account_secures_nothing(self, book: Portfolio) -> None:
        set_pledge(portfolio=book, asset=asset("UNI"), quantity=D(200), threshold=D("0.8"), now=NOW)
        loan(book, "borrow", "USDC", "1000", at(1))
        record_transfer(portfolio=book, transfer=transfer("withdrawal", "UNI", 150, at(2)), now=NOW)

        assert self.pledged(book).health == 1

    def test_without_a_price_it_is_not_known(self, book: Portfolio) -> None:
        set_pledge(portfolio=book, asset=asset("BTC"), quantity=D("0.5"), threshold=D("0.8"), now=NOW)
        loan(book, "borrow", "LDO", "5", at(1), value_usd=D(10))

        line = self.pledged(book)

        assert (line.health, line.is_unpriced, line.is_alarming) == (None, True, False)

    def test_a_pledge_is_released_by_zero(self, book: Portfolio) -> None:
        terms = {"asset": asset("BTC"), "threshold": D("0.8")}
        set_pledge(portfolio=book, quantity=D(1), now=NOW - timedelta(days=1), **terms)
        set_pledge(portfolio=book, quantity=D(0), now=NOW, **terms)

        assert now_of(book, now=NOW).lending.lines == ()

    @pytest.mark.parametrize(("quantity", "threshold"), [("1.1", "0.8"), ("1", "0"), ("1", "1.01")])
    def test_what_cannot_be_pledged_is_refused(self, quantity: str, threshold: str, book: Portfolio) -> None:
        with pytest.raises(BadPledge):
            set_pledge(portfolio=book, asset=asset("BTC"), quantity=D(quantity), threshold=D(threshold), now=NOW)


@pytest.mark.usefixtures("closed")
class TestBonus:
    def test_it_is_shown_and_never_equity(self, book: Portfolio) -> None:
        before = equity(book)

        bonus = grant_bonus(portfolio=book, asset=asset("USDC"), quantity=D(5100), now=NOW)

        found = now_of(book, now=NOW)
        assert (found.lending.credit.value, found.sleeves.equity.value) == (5100, before)
        end_bonus(portfolio=book, bonus=bonus, now=NOW)
        assert now_of(book, now=NOW).lending.bonuses == ()

    def test_it_ends_by_itself(self, book: Portfolio) -> None:
        terms = {"asset": asset("USDC"), "quantity": D(100), "expires_at": NOW + timedelta(days=3)}
        grant_bonus(portfolio=book, now=NOW, **terms)

        assert now_of(book, now=NOW + timedelta(days=2)).lending.bonuses
        assert not now_of(book, now=NOW + timedelta(days=3)).lending.bonuses


@pytest.mark.usefixtures("closed")
class TestFreed:
    def test_what_margin_frees_earns_what_was_entered(self, book: Portfolio) -> None:
        record_fills(portfolio=book, fills=[fill(perp("FET"), "buy", 1500, 2, at(1), leverage="3")], now=NOW)
        found = now_of(book, now=NOW)
        (unknown,) = freed_lines(positions=found.positions, apy=found.lending.apy, moment=NOW)

        set_freed_yield(portfolio=book, apy=D("0.06"), source="Aave", now=NOW)
        record_transfer(
            portfolio=book, transfer=transfer("funding", "USDC", -3, at(2), instrument=perp("FET")), now=NOW
        )

        found = now_of(book, now=at(11))
        (line,) = freed_lines(positions=found.positions, apy=D("0.06"), moment=at(11))
        assert (unknown.income.freed, unknown.income.earned, unknown.income.funding) == (2000, None, None)
        assert (line.income.earned, line.income.funding, line.income.net) == (D(120), D("109.5"), D("10.5"))
        assert line.income.breakeven_apy == D("0.05475")


@pytest.mark.usefixtures("closed")
class TestPages:
    def post(self, client: Client, book: Portfolio, what: str, **stated: Any) -> Any:
        return client.post(f"/portfolio/{book.pk}/{what}/new/", stated, follow=True)

    def test_it_begins_empty(self, book: Portfolio, client_of_alice: Client) -> None:
        assert heading(client_of_alice, f"/portfolio/{book.pk}/lending/") == "You owe nothing"

    def test_a_loan_is_recorded_secured_and_taken_back(self, book: Portfolio, client_of_alice: Client) -> None:
        where = f"/portfolio/{book.pk}/lending/"
        when = {"executed_at": "2026-01-02T12:00"}
        self.post(client_of_alice, book, "loans", kind="borrow", asset="USDC", quantity="10000", **when)
        unknown = heading(client_of_alice, where)
        self.post(client_of_alice, book, "pledges", asset="BTC", quantity="0.5", threshold="80")
        covered = heading(client_of_alice, where)
        overview = said(client_of_alice, f"/portfolio/?portfolio={book.pk}")
        row = LoanEntry.objects.get()
        client_of_alice.post(f"/portfolio/{book.pk}/loans/{row.pk}/reverse/")

        assert unknown == "Your debt is covered 0.00 times" or unknown.startswith("Your health factor")
        assert covered == "Your debt is covered 2.00 times"
        assert "Owed, deducted already −$10,000.00" in overview
        assert heading(client_of_alice, where) == "You owe nothing"

    def test_refusals_stand_beside_their_field(self, book: Portfolio, client_of_alice: Client) -> None:
        when = {"executed_at": "2026-01-02T12:00"}
        repaid = self.post(client_of_alice, book, "loans", kind="repay", asset="USDC", quantity="1", **when)
        pledged = self.post(client_of_alice, book, "pledges", asset="BTC", quantity="2", threshold="80")

        assert (repaid.status_code, list(repaid.context["form"].errors)) == (422, ["quantity"])
        assert pledged.context["form"].errors["quantity"] == ["Main holds 1 BTC: pledge at most that."]

    def test_bonus_and_yield(self, book: Portfolio, client_of_alice: Client) -> None:
        record_fills(portfolio=book, fills=[fill(perp("FET"), "buy", 1500, 2, at(1), leverage="3")], now=NOW)
        self.post(client_of_alice, book, "bonuses", asset="USDC", quantity="100", usable_for="margin")
        page = self.post(client_of_alice, book, "yields", apy="6", source="Aave")

        text = page.content.decode()
        assert "and no part of your equity" in text
        assert "At 6.00% a year, Aave, as you entered it." in text


@pytest.mark.usefixtures("closed")
class TestApi:
    def test_everything_that_the_page_shows(self, book: Portfolio, caller: Caller) -> None:
        base = f"/portfolios/{book.pk}"
        body = {"kind": "borrow", "asset": "USDC", "quantity": "10000", "executed_at": "2026-01-02T12:00:00Z"}
        made = caller.post(f"{base}/loans/", body, **{"Idempotency-Key": "one"})
        again = caller.post(f"{base}/loans/", body, **{"Idempotency-Key": "one"})
        caller.post(f"{base}/pledges/", {"asset": "BTC", "quantity": "0.5", "threshold": "0.8"})
        caller.post(f"{base}/bonuses/", {"asset": "USDC", "quantity": "100"})
        caller.post(f"{base}/freed-yields/", {"apy": "0.06", "source": "Aave"})

        shown = caller.get(f"{base}/lending/").json()
        standing = caller.get(f"{base}/").json()

        assert (made.status_code, again.json()) == (201, made.json())
        assert (shown["debts_usd"], shown["credit_usd"], shown["apy"]) == ("-10000", "100", "0.06")
        assert (shown["lines"][0]["health"], shown["lines"][0]["debts"][0]["quantity"]) == ("2", "-10000")
        assert (standing["debts"]["value"], standing["credit"]["value"]) == ("-10000", "100")
        for tail in ("loans", "pledges", "bonuses", "freed-yields"):
            assert len(caller.get(f"{base}/{tail}/").json()) == 1

    @pytest.mark.parametrize(
        ("tail", "body", "field"),
        [
            ("loans", {"kind": "repay", "asset": "USDC", "quantity": "1"}, "quantity"),
            ("loans", {"kind": "borrow", "asset": "NOPE", "quantity": "1"}, "asset"),
            ("loans", {"kind": "borrow", "asset": "LDO", "quantity": "1"}, "value_usd"),
            ("pledges", {"asset": "BTC", "quantity": "2", "threshold": "0.8"}, "quantity"),
            ("pledges", {"asset": "BTC", "quantity": "1", "threshold": "0"}, "threshold"),
            ("bonuses", {"asset": "USDC", "quantity": "-1"}, "quantity"),
            ("freed-yields", {"apy": "-0.1"}, "apy"),
        ],
    )
    def test_refusals_name_their_field(
        self, tail: str, body: dict[str, str], field: str, book: Portfolio, caller: Caller
    ) -> None:
        when = {"executed_at": "2026-01-02T12:00:00Z"} if tail == "loans" else {}

        answer = caller.post(f"/portfolios/{book.pk}/{tail}/", {**body, **when})

        assert (answer.status_code, faults(answer)) == (400, {field})

    def test_a_loan_is_reversed(self, book: Portfolio, caller: Caller) -> None:
        row = loan(book, "borrow", "USDC", "5000", at(1))

        answer = caller.post(f"/portfolios/{book.pk}/loans/{row.pk}/reverse/", {})

        assert (answer.status_code, answer.json()["reverses"]) == (200, row.pk)
