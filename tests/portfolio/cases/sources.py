"""Name the sources of cases about lots, and count how the ledger does on each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from tests.portfolio.cases import beancount, ghostfolio, hledger, portfolio_performance, rotki, rp2
from tests.portfolio.cases.listed import LISTED
from tests.portfolio.cases.reading import Case, Compare, Kind, Verdict, document, is_other, judge


class Source(NamedTuple):
    """Hold how a source's cases are compared, and which they are."""

    compare: Compare
    cases: Callable[[Mapping[str, Any]], Sequence[Case]]


def _all(read: Mapping[str, Any]) -> Sequence[Case]:
    found: Sequence[Case] = read.get("cases", ())
    return found


SOURCES = {
    "rotki": Source(rotki.compare, _all),
    "rp2": Source(rp2.compare, rp2.cases),
    "beancount": Source(beancount.compare, _all),
    "hledger": Source(hledger.compare, _all),
    "portfolio_performance": Source(portfolio_performance.compare, _all),
    "ghostfolio": Source(ghostfolio.compare, _all),
}


class Count(NamedTuple):
    """Count a source's cases by how they ended."""

    cases: int
    passed: int
    listed: int
    lacking: int
    elsewhere: int
    failed: int

    @property
    def listed_share(self) -> float:
        """Return which part of what is left without lacking methods and other subjects is listed out."""
        left = self.cases - self.lacking - self.elsewhere
        return self.listed / left if left else 0.0


def listed_names(source: str) -> set[str]:
    """Return which cases are listed: those of the table, and of other files all that a convention excuses."""
    found = verdicts(source)
    excused = {name for name, verdict in found.items() if verdict.kind is Kind.DIFFERS}
    return set(LISTED[source]) & set(found) | (excused if is_other(source) else set())


@cache
def verdicts(source: str) -> dict[str, Verdict]:
    """Put every case of a source to the ledger."""
    adapter = SOURCES[source]
    return {case["id"]: judge(adapter.compare, case) for case in adapter.cases(document(source))}


def count(source: str) -> Count:
    """Count a source's cases; one that differs by a convention but is not listed has failed."""
    found = verdicts(source)
    listed = listed_names(source)
    kinds = [verdict.kind for name, verdict in found.items() if name not in listed]
    known = (Kind.PASSED, Kind.METHOD, Kind.ELSEWHERE)
    passed, lacking, elsewhere = (kinds.count(kind) for kind in known)
    failed = len(kinds) - passed - lacking - elsewhere
    return Count(len(found), passed, len(found) - len(kinds), lacking, elsewhere, failed)
