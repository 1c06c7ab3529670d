"""The adapter of beancount holds what is at cost apart from what is not, and lets no entry reduce what it adds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.portfolio.cases.beancount import compare
from tests.portfolio.cases.reading import Kind, judge

pytestmark = [pytest.mark.cases, pytest.mark.once]


def posting(units: str, cost: dict[str, str] | None = None) -> dict[str, Any]:
    """Write a posting of one share."""
    terms = {"account": "Assets:Depot", "units": units, "commodity": "KANU"}
    return terms if cost is None else {**terms, "cost": cost}


def case(ante: list[Any], postings: list[Any], booked: dict[str, Any], method: str = "FIFO") -> dict[str, Any]:
    """Write a case of one entry."""
    apply = [{"date": "2024-05-02", "postings": postings}]
    return {"method": method, "ante": ante, "apply": apply, "booked": [booked], "ex": None, "source_text": ""}


def priced(number: str, currency: str = "USD") -> dict[str, str]:
    """Write a cost."""
    return {"number": number, "currency": currency, "date": "2024-01-01"}


class TestWhatIsReduced:
    def test_units_without_a_cost_are_no_lots(self) -> None:
        refused = case([posting("50")], [posting("-40", {})], {"error": "No position", "postings": []})

        assert judge(compare, refused).kind is Kind.PASSED

    def test_an_entry_does_not_reduce_what_it_adds(self) -> None:
        entry = [posting("2", priced("15")), posting("-2", priced("16"))]

        found = judge(compare, case([], entry, {"postings": entry}))

        assert (found.kind, found.key) == (Kind.DIFFERS, "no_spot_shorts")

    def test_an_average_of_two_currencies_is_none_of_ours(self) -> None:
        held = [posting("6", priced("10")), posting("4", priced("11", "CAD"))]

        found = judge(compare, case(held, [posting("-2", {})], {"error": "Ambiguous", "postings": []}, "AVERAGE"))

        assert (found.kind, found.key) == (Kind.DIFFERS, "one_currency")
