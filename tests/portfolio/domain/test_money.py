"""Amounts are read strictly, rounded once, and printed in one way."""

import threading
from decimal import Context, Decimal, FloatOperation, getcontext, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.money import (
    AmountError,
    canonical,
    exact,
    floor_to_step,
    in_context,
    parse_amount,
    pro_rata,
    shares,
    summed,
)

amounts = st.decimals(
    min_value=Decimal(-99999999999999999999), max_value=Decimal(99999999999999999999), places=18, allow_nan=False
)
positive = st.decimals(min_value=Decimal("1e-18"), max_value=Decimal(99999999999999999999), places=18)


class TestParseAmount:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("0", "0"),
            ("-0", "0"),
            ("12.50", "12.5"),
            ("-3", "-3"),
            ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
            ("-99999999999999999999.999999999999999999", "-99999999999999999999.999999999999999999"),
            ("0.000000000000000001", "0.000000000000000001"),
        ],
    )
    def test_reads_plain_digits(self, text: str, value: str) -> None:
        assert parse_amount(text) == Decimal(value)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " 1",
            "1 ",
            "1\n",
            "+1",
            ".5",
            "5.",
            "1e3",
            "1e1000000",
            "1e-1000000",
            "NaN",
            "sNaN",
            "Infinity",
            "-Infinity",
            "1_000",
            "1,5",
            "1.000,50",
            "0x10",
            "１２３",
            "٣",
            "--1",
            "1.2.3",
            "1" * 21,
            "1" * 39,
            "1" * 5000,
            "0.1234567890123456789",
            "\u0000",
            "1\u200b",
        ],
    )
    def test_refuses_everything_else(self, text: str) -> None:
        with pytest.raises(
            AmountError,
            match=r"^Write the amount in plain digits, such as 1234\.56: at most 20 digits before the point and 18 ",
        ):
            parse_amount(text)

    @pytest.mark.parametrize("value", [1, 1.5, True, None, [], {}, Decimal(1)])
    def test_refuses_what_is_not_text(self, value: object) -> None:
        with pytest.raises(AmountError, match=r"^An amount must be given as text, so that no digit is lost\.$"):
            parse_amount(value)  # type: ignore[arg-type]

    def test_says_that_an_amount_must_not_be_negative_or_zero(self) -> None:
        with pytest.raises(AmountError, match=r"^The amount must not be negative\.$"):
            parse_amount("-1", positive=True)
        with pytest.raises(AmountError, match=r"^The amount must not be zero\.$"):
            parse_amount("0.00", positive=True, allow_zero=False)
        assert parse_amount("0", positive=True) == 0


class TestExact:
    def test_rounds_once_half_even(self) -> None:
        assert exact(Decimal("0.0000000000000000005")) == 0
        assert exact(Decimal("0.0000000000000000015")) == Decimal("0.000000000000000002")

    @pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
    def test_refuses_what_is_no_number(self, text: str) -> None:
        with pytest.raises(AmountError, match=r"^The amount is not a finite number\.$"):
            exact(Decimal(text))

    @pytest.mark.parametrize("text", ["1e1000000", "1e60", "1e20", "-1e20"])
    def test_refuses_what_is_too_large(self, text: str) -> None:
        with pytest.raises(AmountError, match=r"^The amount has more than 20 digits before the point\.$"):
            exact(Decimal(text))

    def test_refuses_what_rounds_up_to_too_many_digits(self) -> None:
        with pytest.raises(AmountError, match=r"^The amount has more than 20 digits before the point\.$"):
            exact(Decimal("99999999999999999999.9999999999999999999"))

    @pytest.mark.parametrize("value", [0.1, True, "1"])
    def test_refuses_floats_and_texts(self, value: object) -> None:
        with pytest.raises(AmountError, match=r"^An amount must be a decimal number, never a float\.$"):
            exact(value)  # type: ignore[arg-type]

    def test_takes_whole_numbers(self) -> None:
        assert (exact(3), canonical(10**19)) == (Decimal(3), "1" + "0" * 19)

    def test_takes_a_vanishing_amount_for_zero_without_a_sign(self) -> None:
        assert str(exact(Decimal("-1e-1000000"))) == "0"


class TestCanonical:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("0", "0"),
            ("-0.00", "0"),
            ("1E+3", "1000"),
            ("100", "100"),
            ("1.500", "1.5"),
            ("-1e-18", "-0." + "0" * 17 + "1"),
        ],
    )
    def test_has_one_text_for_an_amount(self, value: str, text: str) -> None:
        assert canonical(Decimal(value)) == text

    def test_refuses_to_drop_digits(self) -> None:
        with pytest.raises(AmountError, match=r"^The amount has more than 18 digits after the point\.$"):
            canonical(Decimal("1e-19"))

    @given(amounts)
    def test_is_read_back_as_the_same_amount(self, value: Decimal) -> None:
        assert parse_amount(canonical(value)) == value
        assert canonical(parse_amount(canonical(value))) == canonical(value)


class TestFloorToStep:
    def test_rounds_down_to_the_step(self) -> None:
        assert floor_to_step(Decimal("1.2345"), Decimal("0.01")) == Decimal("1.23")
        assert floor_to_step(Decimal("0.009"), Decimal("0.01")) == 0

    def test_needs_a_step(self) -> None:
        with pytest.raises(AmountError, match=r"^The step must be greater than zero\.$"):
            floor_to_step(Decimal(1), Decimal(0))

    @given(positive, st.sampled_from(["0.000000000000000001", "0.003", "0.5", "7"]))
    def test_never_exceeds_the_quantity(self, quantity: Decimal, step: str) -> None:
        floored = Fraction(floor_to_step(quantity, Decimal(step)))

        assert 0 <= Fraction(quantity) - floored < Fraction(step)


class TestShares:
    @given(positive, positive, positive)
    def test_a_part_is_rounded_once(self, total: Decimal, one: Decimal, other: Decimal) -> None:
        part, whole = sorted((one, other))

        share = pro_rata(total=total, part=part, whole=whole)

        scaled = Fraction(total) * Fraction(part) / Fraction(whole) * 10**18
        assert Fraction(share) * 10**18 == round(scaled)

    def test_a_part_has_all_its_places_in_a_thread_of_few(self) -> None:
        with localcontext(Context(prec=5)):
            assert pro_rata(total=Decimal(1), part=Decimal(1), whole=Decimal(3)) == Decimal("0." + "3" * 18)

    def test_nothing_adds_up_to_an_amount(self) -> None:
        assert isinstance(summed([]), Decimal)
        assert summed([Decimal("0.1"), Decimal(2)]) == Decimal("2.1")

    @given(positive, st.lists(st.decimals(min_value=0, max_value=9, places=3), min_size=1, max_size=9))
    def test_parts_add_up(self, total: Decimal, weights: list[Decimal]) -> None:
        if not sum(weights):
            weights.append(Decimal(1))

        parts = shares(total=total, weights=weights)

        assert sum(map(Fraction, parts)) == Fraction(total)
        assert all(part >= 0 for part in parts)


class TestContext:
    def test_holds_in_any_thread(self) -> None:
        seen: list[Decimal] = []

        @in_context
        def multiply() -> None:
            seen.append(Decimal("123456789012345678.123456789012345678") * Decimal("1.000000000000000001"))

        def work() -> None:
            getcontext().prec = 5
            multiply()
            assert getcontext().prec == 5

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

        assert seen == [Decimal("123456789012345678.246913578024691356123456789012345678")]

    def test_hands_arguments_and_names_on(self) -> None:
        @in_context
        def third(whole: Decimal, *, share: Decimal) -> Decimal:
            """Divide."""
            return whole / share

        assert third(Decimal(1), share=Decimal(3)) == Decimal("0." + "3" * 60)
        assert (third.__name__, third.__doc__) == ("third", "Divide.")

    def test_refuses_floats(self) -> None:
        half = 0.5

        @in_context
        def mix() -> Decimal:
            return Decimal(half)

        with pytest.raises(FloatOperation):
            mix()
