"""An adapter passes no case whose figures it has not compared, and names a method that is lacking."""

from __future__ import annotations

from typing import Any

import pytest

from tests.portfolio.cases import ghostfolio, hledger, rotki
from tests.portfolio.cases.reading import Kind, judge

pytestmark = [pytest.mark.cases, pytest.mark.once]
RULES = {
    "cost_basis_method": "FIFO",
    "include_crypto2crypto": True,
    "taxfree_after_period_seconds": None,
    "include_fees_in_cost_basis": False,
    "calculate_past_cost_basis": True,
    "include_gas_costs": True,
    "profit_currency": "EUR",
}


def leg(asset: str, amount: str) -> dict[str, str]:
    """Write one side of a swap."""
    return {"asset": asset, "amount": amount}


def swap(second: int, spend: dict[str, str], receive: dict[str, str], fee: str) -> dict[str, Any]:
    """Write a swap whose fee is in euros."""
    return {
        "kind": "swap", "timestamp": f"{second}000", "spend": spend, "receive": receive, "fee": leg("EUR", fee),
    }  # fmt: skip


def history(**totals: str) -> dict[str, Any]:
    """Buy at 70 and sell at 95, for fees of 2 and 3 that are costs of their own."""
    events = [swap(10, leg("EUR", "70"), leg("DOT", "7"), "2"), swap(20, leg("DOT", "7"), leg("EUR", "95"), "3")]
    wanted = {name: {"taxable": total, "free": "0"} for name, total in totals.items()}
    told = {"settings": RULES, "other_fixture_settings": {}, "period": ["0", "99"], "events": events, "prices": {}}
    return {**told, "expected": {"pnl_totals_by_type": wanted}}


class TestRotki:
    def test_all_totals_agree(self) -> None:
        assert judge(rotki.compare, history(trade="25", fee="-5")).kind is Kind.PASSED

    @pytest.mark.parametrize("totals", [{"trade": "25"}, {"fee": "-5"}, {}])
    def test_a_gain_that_is_not_expected_is_a_difference(self, totals: dict[str, str]) -> None:
        assert judge(rotki.compare, history(**totals)).kind is Kind.WRONG


class TestHledger:
    def test_untracked_lots_are_a_method_that_is_lacking(self) -> None:
        lines = [{"account": "assets:depot", "amount": "3 KANU {$4}"}, {"account": "assets:cash", "amount": None}]
        transactions = [{"date": "2024-02-03", "description": "buy", "postings": lines}]
        journal = {"directives": ["commodity KANU  ; lots: NONE"], "market_prices": [], "transactions": transactions}
        told = {"part": "lots", "id": "depot-1", "command": "hledger -f- bal assets --lots -N", "journal": journal}

        found = judge(hledger.compare, {**told, "expected_stdout": [], "expected_lots": [], "expected_error": None})

        assert (found.kind, found.key) == (Kind.METHOD, "NONE")


def invested(*rows: tuple[str, str, str, str, str, str]) -> dict[str, Any]:
    """Put 50 in, win 5 in the second quarter; each row tells begin, opening, flow, closing, gain and rate."""
    moves = [("2023-01-01", "assets:cash", "-50"), ("2023-06-30", "income:won", "-5")]
    transactions = [
        {"date": day, "description": "x", "postings": [{"account": "fund", "amount": amount[1:]},
                                                       {"account": other, "amount": amount}]}
        for day, other, amount in moves
    ]  # fmt: skip
    journal = {"directives": [], "market_prices": [], "transactions": transactions}
    names = ("begin", "value_begin_num", "cashflow_num", "value_end_num", "pnl_num", "irr")
    told = [dict(zip(names, row, strict=True)) for row in rows]
    told = [{**row, "row": str(at), "twr_period": "10.00%", "twr_year": row["irr"]} for at, row in enumerate(told, 1)]
    told[0]["twr_period"] = "0.00%"
    command = "hledger -f- roi --inv acct:fund --pnl won --begin 2023 --end 2023-07 -Q"
    return {"part": "roi", "command": command, "journal": journal, "expected_rows": told, "expected_error": None}


class TestReturns:
    FIRST = ("2023-01-01", "0", "50", "50", "0", "0.00%")

    def test_quarters_are_periods(self) -> None:
        """1.1 to the power of 365.25 / 91 is 1.4660."""
        second = ("2023-04-01", "50", "0", "55", "5", "46.60%")

        found = judge(hledger.compare, invested(self.FIRST, second))

        assert found.kind is Kind.PASSED, found.detail

    @pytest.mark.parametrize("second", [("2023-04-01", "50", "5", "55", "0", "46.60%")])
    def test_no_convention_excuses_another_flow(self, second: Any) -> None:
        assert judge(hledger.compare, invested(self.FIRST, second)).kind is Kind.WRONG


class TestGhostfolio:
    @pytest.mark.parametrize(("second", "kind"), [("27", Kind.PASSED), ("28", Kind.WRONG)])
    def test_what_each_year_brought_is_compared(self, second: str, kind: Kind) -> None:
        """Buy 5 at 20 with a fee of 3, worth 22 at the year's end, sold at 28 with a fee of 3: 7, then 27."""
        terms = {"symbol": "KANU", "asset_currency": "USD", "quantity": "5", "fee_in_asset_currency": "3"}
        terms["fee_in_base_currency"] = "3"
        activities = [
            {**terms, "date": "2023-06-01", "type": "BUY", "unit_price": "20"},
            {**terms, "date": "2024-06-01", "type": "SELL", "unit_price": "28"},
        ]
        rows = [
            {"date": "2023-01-01", "netPerformance": "7", "netPerformanceInPercentage": "0.07"},
            {"date": "2024-01-01", "netPerformance": second},
        ]
        told = {"as_of": "2024-06-01", "base_currency": "USD", "activities": activities, "fx": {}}
        told["prices"] = {"KANU": {"2023-12-31": "22", "2024-06-01": "28"}}
        told["assertions"] = [{"target": "performanceByYear.chart", "matcher": "toEqual", "expected": rows}]

        assert judge(ghostfolio.compare, told).kind is kind
