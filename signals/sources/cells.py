"""Read the cells of a CSV line strictly: a cell is what it claims to be, or it is refused with a remedy."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from portfolio.domain.money import INTEGER_DIGITS, exact

LONGEST_CELL = 100
LONGEST_LINE_BYTES = 4096
EARLIEST_DAY = date(2009, 1, 3)

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_PLAIN = re.compile(r"\d{1,20}(?:\.\d{1,18})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}(?:_[A-Z0-9]{1,10})?", re.ASCII)


class BadCellError(ValueError):
    """Name the column, what is wrong there and what would be right."""

    def __init__(self, column: str, reason: str, remedy: str) -> None:
        """Keep the three parts apart: the report shows them in its own words."""
        super().__init__(f"{column}: {reason}")
        self.column, self.reason, self.remedy = column, reason, remedy


def split_line(raw: bytes) -> list[str]:
    """Split one line of bytes into cells; raise `BadCellError` where it is no line of a UTF-8 CSV file."""
    if len(raw) > LONGEST_LINE_BYTES:
        raise BadCellError(
            "", f"the line is longer than {LONGEST_LINE_BYTES} bytes", "Check the line ends of the file."
        )
    if b"\0" in raw:
        raise BadCellError("", "the line contains a NUL byte", "Save the file as plain text (UTF-8) again.")
    try:
        line = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadCellError("", "the line is not valid UTF-8", "Save the file with the encoding UTF-8.") from None
    cells = _quoted(line) if '"' in line else line.split(",")
    if len(line) > LONGEST_CELL and any(len(cell) > LONGEST_CELL for cell in cells):
        raise BadCellError("", f"a cell is longer than {LONGEST_CELL} characters", "Shorten it.")
    return cells


def read_day(text: str, *, column: str) -> date:
    """Read YYYY-MM-DD; raise `BadCellError` for anything else."""
    day = _day(text) if _DAY.fullmatch(text) else None
    if day is None:
        raise BadCellError(column, f"{text!r} is not a date", "Write a calendar day as YYYY-MM-DD.")
    if day < EARLIEST_DAY:
        raise BadCellError(column, f"{text} lies before {EARLIEST_DAY}", "Check the year.")
    return day


def read_milliseconds(text: str, *, column: str) -> datetime:
    """Read a Unix time in milliseconds (13 digits); raise `BadCellError` for anything else."""
    if len(text) == 13 and text.isascii() and text.isdigit():
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text))
    raise BadCellError(column, f"{text!r} is not a time in milliseconds", "Write 13 digits, such as 1577836800000.")


def read_price(text: str, *, column: str) -> Decimal:
    """Read an amount above zero."""
    amount = Decimal(text) if _PLAIN.fullmatch(text) else read_amount(text, column=column)
    if not amount:
        raise BadCellError(column, "the price is zero", "Leave the cell empty if there was no price.")
    return amount


def read_amount(text: str, *, column: str) -> Decimal:
    """Read an amount of at least zero with up to 20 digits before the point; raise `BadCellError` otherwise."""
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    number = read_number(text, column=column)
    if number < 0:
        raise BadCellError(column, f"{text} is negative", "Only amounts of at least zero are accepted.")
    return exact(number)


def read_number(text: str, *, column: str) -> Decimal:
    """Read a finite decimal number of either sign; raise `BadCellError` for NaN, infinities, separators and blanks."""
    if not _NUMBER.fullmatch(text):
        reason = f"{text!r} is not a number" if text else "the cell is empty"
        raise BadCellError(column, reason, "Write plain digits with a point, such as 1234.56.")
    number = Decimal(text) if len(text.lower().partition("e")[2]) <= 4 else None
    if number is None or (number and not -INTEGER_DIGITS <= number.adjusted() < INTEGER_DIGITS):
        raise BadCellError(column, f"{text} is out of range", "Use at most 20 digits before the point and 18 behind.")
    return number


def read_symbol(text: str, *, column: str) -> str:
    """Read a symbol of capitals and digits; raise `BadCellError` for anything else."""
    if _SYMBOL.fullmatch(text):
        return text
    raise BadCellError(column, f"{text!r} is not a symbol", "Use capitals and digits, such as BTC.")


def _day(text: str) -> date | None:
    """Return the calendar day, or nothing where there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _quoted(line: str) -> list[str]:
    """Split a line with quotes by the rules of CSV; a quote that stays open is refused."""
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        raise BadCellError("", "the quotes do not match", "Close each quote on its own line.") from None
