"""A case is judged by its figures: nothing passes unseen, and an excuse counts only where figures differ."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.portfolio.cases.reading import Comparison, Differing, Kind, Lacking, Sheet, Unread, judge

D = Decimal


def verdict(found: Any, wanted: Any, **terms: Any) -> Kind:
    """Judge one figure."""
    return judge(lambda _: Comparison(found={"a": found}, wanted={"a": wanted}, **terms), {}).kind


class TestJudge:
    @pytest.mark.parametrize(
        ("found", "wanted", "kind"),
        [
            (D("1.00"), D(1), Kind.PASSED),
            (D("1.01"), D(1), Kind.WRONG),
            (None, D(0), Kind.WRONG),
            (D(1), True, Kind.WRONG),
            ([("a", D(1))], [("a", D(1))], Kind.PASSED),
            ([("a", D(1))], [], Kind.WRONG),
            ([("a", D(1))], [("a", D(2))], Kind.WRONG),
        ],
    )
    def test_figures_agree_or_not(self, found: Any, wanted: Any, kind: Kind) -> None:
        assert verdict(found, wanted) is kind

    def test_a_tolerance_is_the_largest_difference(self) -> None:
        assert verdict(D("1.01"), D(1), tolerance=D("0.01")) is Kind.PASSED
        assert verdict(D("1.011"), D(1), tolerance=D("0.01")) is Kind.WRONG

    def test_an_excuse_counts_only_where_figures_differ(self) -> None:
        assert verdict(D(1), D(1), excuse="hifo_with_fees") is Kind.PASSED
        assert verdict(D(2), D(1), excuse="hifo_with_fees") is Kind.DIFFERS
        assert verdict(D(2), D(1), excuse="LOFO", excuse_kind=Kind.METHOD) is Kind.METHOD

    def test_nothing_compared_is_nothing_passed(self) -> None:
        assert judge(lambda _: Sheet().comparison(D(0)), {}).kind is Kind.UNREAD

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (Lacking("LOFO"), Kind.METHOD),
            (Differing("not_stated"), Kind.DIFFERS),
            (Unread("x"), Kind.UNREAD),
            (KeyError("x"), Kind.UNREAD),
        ],
    )
    def test_what_an_adapter_says_instead(self, error: Exception, kind: Kind) -> None:
        def refuse(_: Any) -> Comparison:
            raise error

        assert judge(refuse, {}).kind is kind
