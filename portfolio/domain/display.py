"""Write exact numbers as text: round once, half to even, with a real minus and never a negative zero."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

Amount = Decimal | int | None
UNKNOWN = "—"
MINUS = "\N{MINUS SIGN}"
HARD_SPACE = "\N{NO-BREAK SPACE}"
UNITS = ((12, "tn"), (9, "bn"), (6, "m"), (3, "k"))
CONTEXT = Context(prec=80, rounding=ROUND_HALF_EVEN)


def number(value: Amount, places: int = 1, *, is_signed: bool = False) -> str:
    """Write a plain number: 1,234.5 or, signed, +1,234.5."""
    return _write(exact(value), places=places, is_signed=is_signed)


def usd(value: Amount, places: int = 2, *, is_signed: bool = False) -> str:
    """Write US dollars: $1,234.56 or −$1,234.56."""
    return _write(exact(value), places=places, before="$", is_signed=is_signed)


def usd_short(value: Amount) -> str:
    """Write large US dollars in three figures: $1.24 bn."""
    amount = exact(value)
    if amount is None:
        return UNKNOWN
    for power, unit in UNITS:
        scaled = amount.scaleb(-power, CONTEXT)
        if abs(scaled) >= 1:
            return _write(scaled, places=max(0, 2 - scaled.adjusted()), before="$", after=HARD_SPACE + unit)
    return usd(amount)


def price(value: Amount) -> str:
    """Write a price with more places the smaller it is: 64,210.00, 1.3470, 0.00001234."""
    amount = exact(value)
    if amount is None:
        return UNKNOWN
    is_large = not amount or abs(amount) >= 100
    return _write(amount, places=2 if is_large else min(18, max(4, 3 - amount.adjusted())))


def pct(value: Amount, places: int = 1, *, is_signed: bool = False) -> str:
    """Write a fraction as a percentage: 0.123 is 12.3%."""
    return _write(_hundredfold(value), places=places, after="%", is_signed=is_signed)


def points(value: Amount, places: int = 1) -> str:
    """Write a difference of two shares in percentage points: 0.011 is 1.1 points."""
    return _write(_hundredfold(value), places=places, after=f"{HARD_SPACE}points")


def qty(value: Amount, step: Amount = None) -> str:
    """Write a quantity to the instrument's step, or with every place it has."""
    amount, precision = exact(value), exact(step)
    if amount is None:
        return UNKNOWN
    exponent = (precision or amount).normalize(CONTEXT).as_tuple().exponent
    return _write(amount, places=max(0, -int(exponent)))


def day(value: date) -> str:
    """Write a date: 24 Nov 2026."""
    return f"{value.day} {value:%b %Y}"


def rounded(value: Amount, places: int) -> Decimal | None:
    """Round an amount as it is shown."""
    known = exact(value)
    return None if known is None else known.quantize(Decimal(1).scaleb(-places), context=CONTEXT)


def exact(value: object) -> Decimal | None:
    """Accept exact numbers only: None, empty and non-finite are not known, a float raises TypeError."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"Amounts are shown from Decimal or int, not from {type(value).__name__}.")
    known = Decimal(value)
    return known if known.is_finite() else None


def _hundredfold(value: Amount) -> Decimal | None:
    known = exact(value)
    return None if known is None else known.scaleb(2, CONTEXT)


def _write(value: Decimal | None, *, places: int, before: str = "", after: str = "", is_signed: bool = False) -> str:
    shown = rounded(value, places)
    if shown is None:
        return UNKNOWN
    sign = MINUS if shown < 0 else "+" if is_signed and shown > 0 else ""
    return f"{sign}{before}{shown.copy_abs():,f}{after}"
