"""Compute what a journey expects from the raw CSV, with csv and fractions, importing nothing of the product."""

from __future__ import annotations

import csv
import math
from fractions import Fraction
from pathlib import Path


class Raw:
    """The closes of a file."""

    def __init__(self, path: Path) -> None:
        """Read the file."""
        self.closes: dict[tuple[str, str], Fraction] = {}
        self.days: list[str] = []
        with path.open() as file:
            for row in csv.DictReader(file):
                if row["price_usd"]:
                    self.closes[row["asset"], row["date"]] = Fraction(row["price_usd"])
        self.days = sorted({day for _, day in self.closes})

    def close(self, asset: str, day: str) -> Fraction:
        """Return an asset's close."""
        return self.closes[asset, day]

    def trend(self, asset: str, day: str, width: int) -> float:
        """Return ln of the close over the mean of the last closes, its own among them."""
        span = self.days[self.days.index(day) - width + 1 : self.days.index(day) + 1]
        mean = sum(self.closes[asset, each] for each in span) / width
        return math.log(self.closes[asset, day] / mean)

    def fear(self, folder: Path, day: str) -> Fraction:
        """Return the fear-and-greed value of a day."""
        with (folder / "fear_greed_daily.csv").open() as file:
            return next(Fraction(row["fng"]) for row in csv.DictReader(file) if row["date"] == day)


def money(value: Fraction) -> str:
    """Write dollars as a page does: two places, half to even, a real minus."""
    cents = round(value * 100)
    sign = "−" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
