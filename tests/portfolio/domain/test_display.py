"""Amounts are written as pages show them: rounded once, half to even, with a real minus and never a negative zero."""

from datetime import date
from decimal import Context, localcontext
from decimal import Decimal as D

import pytest

from portfolio.domain.display import UNKNOWN, day, exact, number, pct, points, price, qty, rounded, usd, usd_short

HARD = "\N{NO-BREAK SPACE}"


class TestNumber:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [("1234.56", "1,234.6"), ("0.25", "0.2"), ("0.35", "0.4"), ("-0.04", "0.0"), ("-1234.5", "−1,234.5")],
    )
    def test_has_one_place_rounded_half_to_even(self, value: str, shown: str) -> None:
        assert number(D(value)) == shown

    def test_a_sign_is_written_where_it_is_asked_for_and_never_before_zero(self) -> None:
        assert [number(D(value), 0, is_signed=True) for value in (7, 0, -7)] == ["+7", "0", "−7"]
        assert number(D(7)) == "7.0"
        assert number(D("0.5"), is_signed=True) == "+0.5"


class TestUsd:
    def test_the_sign_stands_before_the_dollar(self) -> None:
        assert usd(D("1234.565")) == "$1,234.56"
        assert usd(D("-1234.5")) == "−$1,234.50"
        assert usd(D("1234.5"), 0, is_signed=True) == "+$1,234"

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("999.99", "$999.99"),
            ("1000", f"$1.00{HARD}k"),
            ("12345", f"$12.3{HARD}k"),
            ("123456", f"$123{HARD}k"),
            ("1234567", f"$1.23{HARD}m"),
            ("-1235000000", f"−$1.24{HARD}bn"),
            ("12345678901234", f"$12.3{HARD}tn"),
            ("1234567890123456", f"$1,235{HARD}tn"),
        ],
    )
    def test_large_amounts_have_three_figures(self, value: str, shown: str) -> None:
        assert usd_short(D(value)) == shown


class TestPrice:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("0", "0.00"),
            ("100", "100.00"),
            ("-100", "−100.00"),
            ("99.99", "99.9900"),
            ("0.123456", "0.1235"),
            ("0.0123456", "0.01235"),
            ("0.00000001234", "0.00000001234"),
            ("0.0000000000000000123", "0.000000000000000012"),
        ],
    )
    def test_a_smaller_one_has_more_places_up_to_eighteen(self, value: str, shown: str) -> None:
        assert price(D(value)) == shown


class TestShares:
    def test_a_fraction_is_a_percentage(self) -> None:
        assert pct(D("0.1234")) == "12.3%"
        assert pct(D("-0.12345"), 2) == "−12.34%"
        assert pct(D("0.5"), 0, is_signed=True) == "+50%"

    def test_a_difference_is_in_points(self) -> None:
        assert points(D("0.011")) == f"1.1{HARD}points"
        assert points(D("-0.01234"), 2) == f"−1.23{HARD}points"


class TestQuantity:
    @pytest.mark.parametrize(
        ("value", "step", "shown"),
        [
            ("1.50", None, "1.5"),
            ("1200", None, "1,200"),
            ("1.5", "0.0010", "1.500"),
            ("1234.5", "10", "1,234"),
            ("0.000000000000000001", None, "0.000000000000000001"),
        ],
    )
    def test_has_the_places_of_its_step_or_all_it_has(self, value: str, step: str | None, shown: str) -> None:
        assert qty(D(value), D(step) if step else None) == shown

    def test_no_digit_of_the_largest_amount_is_lost(self) -> None:
        assert qty(D("99999999999999999999.999999999999999999")) == "99,999,999,999,999,999,999.999999999999999999"


class TestContext:
    def test_no_digit_is_lost_in_a_thread_of_few(self) -> None:
        with localcontext(Context(prec=5)):
            shown = [pct(D("0.123456789"), 7), qty(D("1234567.125")), usd_short(D(123456789)), usd(D("1234567.25"))]

        assert shown == ["12.3456789%", "1,234,567.125", f"$123{HARD}m", "$1,234,567.25"]

    def test_a_short_dollar_amount_is_rounded_once(self) -> None:
        with localcontext(Context(prec=4)):
            assert usd_short(D(1234999999)) == f"$1.23{HARD}bn"


class TestUnknown:
    @pytest.mark.parametrize("write", [number, usd, usd_short, price, pct, points, qty])
    @pytest.mark.parametrize("value", [None, D("NaN"), D("Infinity")])
    def test_what_is_not_known_is_a_dash(self, write: object, value: D | None) -> None:
        assert callable(write)
        assert write(value) == UNKNOWN == "—"

    def test_an_empty_text_is_not_known(self) -> None:
        assert exact("") is None
        assert rounded(None, 2) is None

    @pytest.mark.parametrize(("wrong", "kind"), [(1.5, "float"), (True, "bool"), ("1.5", "str")])
    def test_anything_but_exact_numbers_is_refused_by_its_kind(self, wrong: object, kind: str) -> None:
        with pytest.raises(TypeError, match=rf"^Amounts are shown from Decimal or int, not from {kind}\.$"):
            exact(wrong)

    def test_whole_numbers_are_exact(self) -> None:
        assert exact(3) == D(3)
        assert rounded(D("2.345"), 2) == D("2.34")


def test_a_day_is_written_in_words() -> None:
    assert day(date(2026, 11, 4)) == "4 Nov 2026"
