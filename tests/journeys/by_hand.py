"""Check what the engine said over real history from the raw files alone: nothing of the product is imported here."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev

DEFI = frozenset({"UNI", "AAVE", "CRV", "COMP", "SNX", "SUSHI", "MKR", "YFI", "LDO", "1INCH", "RUNE", "DYDX", "GMX"})
AI = frozenset({"FET", "GRT", "NEAR", "OCEAN", "RNDR", "NMR", "PHA", "RLC", "LPT", "THETA", "ICP", "INJ"})
LEADER_SHARE = {"SC": 0.5, "NI": 0.75, "PR": 0.20, "RE": 0.125}
FUTURES_SHARE = {"SC": 0.0, "NI": 0.30, "PR": 0.25, "RE": 0.25}
BAND, FEE, HALF_SPREAD, IC, HORIZON = 0.02, 0.001, 0.0005, 0.05, 14


@dataclass(frozen=True, kw_only=True)
class Tape:
    """Hold the closes and the turnover of the files, by asset and day."""

    closes: Mapping[str, Mapping[date, float]]
    turnover: Mapping[str, Mapping[date, tuple[str, float]]]

    def lately(self, asset: str, day: date, days: int) -> list[float]:
        """Return the last closes up to a day, oldest first, of as many days as the reference window has."""
        found = [self.closes[asset].get(day - timedelta(days=back)) for back in range(days)]
        return [value for value in reversed(found) if value is not None]

    def slippage(self, asset: str, day: date, size: float) -> float:
        """Return half the spread and two thirds of daily volatility times the root of size over turnover."""
        closes = self.lately(asset, day, 40)
        moves = [after / before - 1 for before, after in pairwise(closes)][-30:]
        known = [self.turnover[asset].get(day - timedelta(days=back)) for back in range(40)]
        found = [pair for pair in known if pair is not None][:30]
        volumes = [value for scope, value in found if scope == found[0][0]]
        if len(moves) < 20:
            return 2 * HALF_SPREAD
        return HALF_SPREAD + 2 / 3 * stdev(moves) * math.sqrt(size / fmean(volumes))


@dataclass(frozen=True, kw_only=True)
class Said:
    """Hold one answer of the engine with what was held when it was given."""

    day: date
    kind: str
    stage: str
    refusal: str
    held: Mapping[str, D]
    moved: float
    alpha: float
    hurdle: float
    z: float
    sigma: float
    legs: Sequence[tuple[str, str, D, D, D, D]] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Hand:
    """Hold the arithmetic of one answer, in USD and fractions."""

    pool: float
    defi: float
    ai: float
    target: float
    gap: float
    band: float
    sells: float


def tape_of(folder: Path) -> Tape:
    """Read the daily file."""
    closes: dict[str, dict[date, float]] = defaultdict(dict)
    turnover: dict[str, dict[date, tuple[str, float]]] = defaultdict(dict)
    with (folder / "daily.csv").open() as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["date"])
            if row["price_usd"]:
                closes[row["asset"]][day] = float(row["price_usd"])
            if row["volume_usd"]:
                turnover[row["asset"]][day] = (row["volume_scope"], float(row["volume_usd"]))
    return Tape(closes=closes, turnover=turnover)


def by_hand(said: Said, tape: Tape) -> Hand:
    """Return the pool, its split, what the stage wants of AI, how far that is, and what has to be sold."""
    rotates = {asset: quantity for asset, quantity in said.held.items() if asset in DEFI | AI}
    worth = {asset: float(quantity) * tape.closes[asset][said.day] for asset, quantity in rotates.items()}
    defi = sum(value for asset, value in worth.items() if asset in DEFI)
    ai = sum(value for asset, value in worth.items() if asset in AI)
    pool = defi + ai
    share = LEADER_SHARE[said.stage]
    if said.stage == "NI":
        share = max(share, min(ai / pool, 0.875))
    gap, band = pool * share - ai, BAND * pool
    owed = abs(gap) if said.kind == "stage" else abs(gap) - band / 2
    sells = owed if abs(gap) > band else 0.0
    return Hand(pool=pool, defi=defi, ai=ai, target=share, gap=gap, band=band, sells=min(sells, 0.6 * pool))


def expected_alpha(said: Said) -> float:
    """Return IC x z x relative volatility x root of the horizon over a year."""
    return IC * said.z * said.sigma * math.sqrt(HORIZON / 365)


def in_words(said: Said, hand: Hand) -> str:
    """Write the arithmetic down as the page of documentation has it."""
    target = "" if said.stage == "SC" else f" (stage {said.stage})"
    split = f"DeFi ${hand.defi:,.0f} + AI ${hand.ai:,.0f} = pool ${hand.pool:,.0f}"
    aim = f"AI at {hand.target:.1%}{target} is ${hand.pool * hand.target:,.0f}, so {hand.gap:+,.0f}"
    band = f"band {BAND:.0%} = ${hand.band:,.0f}"
    if said.refusal:
        wants = (
            f"{FUTURES_SHARE[said.stage]:.0%} of the pool in futures = ${FUTURES_SHARE[said.stage] * hand.pool:,.0f}"
        )
        return f"{split}; {aim}; {band}: no spot leg; the stage wants {wants}, and the files hold no funding of it"
    how = "the whole gap" if said.kind == "stage" else "the gap less half the band"
    model = f"{IC} x {said.z:.3f} x {said.sigma:.3f} x root(14/365) = {expected_alpha(said):.2%}"
    return f"{split}; {aim}; {band}; {how} = ${hand.sells:,.0f}, said ${said.moved:,.0f}; alpha {model}"
