"""Compute what a journey expects from the raw CSV, with csv and fractions, importing nothing of the product."""

from __future__ import annotations

import csv
import itertools
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

    def sector_return(self, assets: list[str], first: str, last: str) -> Fraction:
        """Return what equal weights, renewed each day, made from one close to another."""
        span = [day for day in self.days if first <= day <= last]
        total = Fraction(1)
        for before, after in itertools.pairwise(span):
            moves = [
                self.closes[asset, after] / self.closes[asset, before] - 1
                for asset in assets
                if (asset, after) in self.closes and (asset, before) in self.closes
            ]
            total *= 1 + sum(moves) / len(moves)
        return total - 1


def money(value: Fraction) -> str:
    """Write dollars as a page does: two places, half to even, a real minus."""
    cents = round(value * 100)
    sign = "−" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
