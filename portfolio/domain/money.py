"""Parse, check and print exact amounts: at most 20 integer digits and 18 places (DECISIONS 11, 12)."""

import re
from collections.abc import Callable, Iterable
from decimal import (
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import wraps
from typing import ParamSpec, TypeVar

INTEGER_DIGITS = 20
PLACES = 18
QUANTUM = Decimal(1).scaleb(-PLACES)
ZERO = Decimal(0)
ONE = Decimal(1)

_TRAPS = [InvalidOperation, DivisionByZero, Overflow, FloatOperation]
CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=_TRAPS)
# Just wide enough for an amount: what needs more digits cannot be rounded to one, and says so.
_AMOUNTS = Context(prec=INTEGER_DIGITS + PLACES, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=_TRAPS)
# A product of two amounts has up to 76 digits; its quotient needs as many again to be rounded only once.
_WIDE = Context(prec=160, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=_TRAPS)

_AMOUNT = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,18})?")
_LONGEST = 1 + INTEGER_DIGITS + 1 + PLACES

Params = ParamSpec("Params")
Result = TypeVar("Result")


class Refusal(ValueError):
    """Tell a person, in a sentence, why what they asked for is refused; every refusal here is one."""


class AmountError(Refusal):
    """Say why a text or a number is not an amount."""


def in_context(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Run a public entry point under CONTEXT, whatever thread calls it."""

    @wraps(function)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        """Call the function under the context."""
        with localcontext(CONTEXT):
            return function(*args, **kwargs)

    return run


def exact(value: Decimal | int) -> Decimal:
    """Round once, HALF_EVEN, to 18 places; refuse what is not finite or has over 20 integer digits."""
    amount = value if type(value) is Decimal else _as_decimal(value)
    try:
        rounded = _AMOUNTS.quantize(amount, QUANTUM)
    except InvalidOperation as error:
        if amount.is_finite():
            raise AmountError(f"The amount has more than {INTEGER_DIGITS} digits before the point.") from error
        raise AmountError("The amount is not a finite number.") from error
    if rounded.is_nan():
        raise AmountError("The amount is not a finite number.")
    return rounded or ZERO


def parse_amount(text: str, *, positive: bool = False, allow_zero: bool = True) -> Decimal:
    """Read an amount strictly: plain digits, one point, no exponent, no separators, no blanks."""
    if not isinstance(text, str):
        raise AmountError("An amount must be given as text, so that no digit is lost.")
    if len(text) > _LONGEST or not _AMOUNT.fullmatch(text):
        raise AmountError(
            "Write the amount in plain digits, such as 1234.56: at most 20 digits before the point and 18 after."
        )
    amount = exact(Decimal(text))
    if positive and amount < 0:
        raise AmountError("The amount must not be negative.")
    if not allow_zero and not amount:
        raise AmountError("The amount must not be zero.")
    return amount


def canonical(value: Decimal | int) -> str:
    """Write the one text of an amount: no exponent, no trailing zeros, no minus before zero."""
    amount = exact(value)
    if amount != value:
        raise AmountError(f"The amount has more than {PLACES} digits after the point.")
    return plain(amount)


def plain(amount: Decimal) -> str:
    """Write an amount that is exact already in its canonical text."""
    text = str(amount)
    if "E" in text:
        text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@in_context
def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Round a quantity down to a multiple of the instrument's step."""
    if step <= 0:
        raise AmountError("The step must be greater than zero.")
    steps = _WIDE.divide(quantity, step).to_integral_value(rounding=ROUND_FLOOR)
    return exact(steps * step)


def summed(amounts: Iterable[Decimal]) -> Decimal:
    """Add up amounts; none of them are zero."""
    return sum(amounts, ZERO)


def pro_rata(*, total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Give round(total x part / whole), rounded once however many digits there are (DECISIONS 11)."""
    share = _WIDE.divide(_WIDE.multiply(total, part), whole)
    return share.quantize(QUANTUM, context=_WIDE)


@in_context
def shares(*, total: Decimal, weights: Iterable[Decimal]) -> list[Decimal]:
    """Split a total by weights so that the parts are rounded and still add up to the total exactly."""
    remaining = list(weights)
    left, whole, parts = total, summed(remaining), []
    for weight in remaining:
        part = pro_rata(total=left, part=weight, whole=whole) if weight else ZERO
        parts.append(part)
        left, whole = left - part, whole - weight
    return parts


def _as_decimal(value: Decimal | int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise AmountError("An amount must be a decimal number, never a float.")
    return Decimal(value)
