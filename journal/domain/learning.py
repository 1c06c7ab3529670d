"""Say what decisions taught, each figure with the number behind it (DOMAIN 5.3, 5.4). Float analytics, no money."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from statistics import fmean, stdev

from portfolio.domain.money import in_context

Z = 1.959963984540054
LEAST = 10
"""No verdict rests on fewer than this many decisions (DOMAIN 5.2)."""

LEAST_BLOCKS = 5
"""An interval of a mean needs this many decisions that do not overlap: below, it says more of luck than of you."""

MOST_FOR_QUALITY = 100
BLOCK = timedelta(days=30)
UNDECIDED = 0.5


class Verdict(StrEnum):
    """What a comparison allows one to say."""

    TOO_FEW = "too_few"
    OPEN = "open"
    BETTER = "better"
    WORSE = "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How often something happened: k of n, with Wilson's 95% interval; all None at n = 0."""

    count: int
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """An average of n figures, `blocks` of which do not overlap; its 95% interval where these are enough."""

    n: int
    blocks: int
    value: float | None = None
    spread: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Predictions of about the same chance: what was said on average, and how often it came true."""

    said: float
    came: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Stated chances against what happened: brier = reliability - resolution + uncertainty + within."""

    n: int
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    skill: float | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectancy:
    """What a decision brings per unit risked; ratios are None where there is nothing to divide by."""

    n: int
    mean: float
    hits: Share
    average_win: float
    average_loss: float
    payoff: float | None
    profit_factor: float | None
    quality: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What costs took from what was won before them; the ratio is None where nothing was won or lost."""

    costs: Decimal
    gross: Decimal
    net: Decimal
    ratio: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A move of money between two sectors, by any key that tells decisions apart."""

    key: int
    source: str
    destination: str
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """A move and the one that undid it."""

    there: int
    back: int
    days: float


def share(count: int, n: int) -> Share:
    """Return k of n with Wilson's interval (DOMAIN 5.4)."""
    if not n:
        return Share(count=count, n=0)
    rate, spread = count / n, Z * Z / n
    middle = rate + spread / 2
    reach = Z * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
    low, high = (max(0.0, middle - reach) / (1 + spread), min(1 + spread, middle + reach) / (1 + spread))
    return Share(count=count, n=n, value=rate, low=low, high=high)


def blocks(moments: Iterable[datetime], *, length: timedelta = BLOCK) -> int:
    """Return how many of some decisions are measured over times that do not overlap: the effective n (DOMAIN 5.4)."""
    count, free_from = 0, None
    for moment in sorted(moments):
        if free_from is None or moment >= free_from:
            count, free_from = count + 1, moment + length
    return count


def mean(values: Sequence[float], *, moments: Iterable[datetime], length: timedelta = BLOCK) -> Mean:
    """Return an average with Student's interval, as wide as decisions that do not overlap allow (DOMAIN 5.4)."""
    n, free = len(values), blocks(moments, length=length)
    if not n:
        return Mean(n=0, blocks=0)
    value = fmean(values)
    if n < 2:
        return Mean(n=n, blocks=free, value=value)
    spread = math.sqrt(math.fsum((each - value) ** 2 for each in values) / (n - 1))
    if free < LEAST_BLOCKS:
        return Mean(n=n, blocks=free, value=value, spread=spread)
    reach = student(free - 1) * spread / math.sqrt(free)
    return Mean(n=n, blocks=free, value=value, spread=spread, low=value - reach, high=value + reach)


def compare(one: Mean, other: Mean) -> Verdict:
    """Say whether one group did better than another: only from ten each on, only where Welch's interval leaves zero."""
    if min(one.n, other.n) < LEAST or min(one.blocks, other.blocks) < LEAST_BLOCKS:
        return Verdict.TOO_FEW
    if one.value is None or other.value is None or one.spread is None or other.spread is None:
        return Verdict.TOO_FEW
    first, second = one.spread**2 / one.blocks, other.spread**2 / other.blocks
    difference, variance = one.value - other.value, first + second
    if not variance:
        return Verdict.OPEN if not difference else _side(difference)
    freedom = variance**2 / (first**2 / (one.blocks - 1) + second**2 / (other.blocks - 1))
    is_clear = abs(difference) > student(freedom) * math.sqrt(variance)
    return _side(difference) if is_clear else Verdict.OPEN


def student(freedom: float) -> float:
    """Return the 97.5% quantile of Student's t by its Cornish-Fisher expansion, good to 1% from 4 degrees on."""
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def calibration(pairs: Sequence[tuple[float, bool]]) -> Calibration | None:
    """Score stated chances by Brier and Murphy, in bins of ten points (DOMAIN 5.3); None where none was stated."""
    if not pairs:
        return None
    n, rate = len(pairs), fmean(came for _, came in pairs)
    binned: Mapping[int, list[tuple[float, bool]]] = _binned(pairs)
    parts = [_part(each, rate) for _, each in sorted(binned.items())]
    reliability, resolution, within = (sum(sums) / n for sums in zip(*(part[1] for part in parts), strict=True))
    brier, uncertainty = fmean((said - came) ** 2 for said, came in pairs), rate * (1 - rate)
    return Calibration(
        n=n,
        brier=brier,
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        within=within,
        skill=1 - brier / uncertainty if uncertainty else None,
        bins=tuple(part[0] for part in parts),
    )


def bin_of(chance: float) -> int:
    """Return the tenth a chance belongs to: 0.55 to 0.65 is 6."""
    return math.floor(chance * 10 + 0.5 + 1e-9)


def _binned(pairs: Iterable[tuple[float, bool]]) -> Mapping[int, list[tuple[float, bool]]]:
    found: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for said, came in pairs:
        found[bin_of(said)].append((said, came))
    return found


def _part(pairs: Sequence[tuple[float, bool]], rate: float) -> tuple[Bin, tuple[float, float, float]]:
    """Return one bin with its sums of reliability, resolution, and what is left within it (Stephenson 2008)."""
    n, said, came = len(pairs), fmean(said for said, _ in pairs), fmean(came for _, came in pairs)
    within = sum((p - said) ** 2 - 2 * (p - said) * (o - came) for p, o in pairs)
    found = Bin(said=said, came=share(sum(o for _, o in pairs), n))
    return found, (n * (said - came) ** 2, n * (came - rate) ** 2, within)


def expectancy(multiples: Sequence[float]) -> Expectancy | None:
    """Return the mean R, with what a win and a loss are on average (DOMAIN 5.4); None where nothing was risked."""
    if not multiples:
        return None
    n = len(multiples)
    wins, losses = [each for each in multiples if each > 0], [-each for each in multiples if each <= 0]
    win, loss = fmean(wins) if wins else 0.0, fmean(losses) if losses else 0.0
    spread = stdev(multiples) if n > 1 else 0.0
    return Expectancy(
        n=n,
        mean=fmean(multiples),
        hits=share(len(wins), n),
        average_win=win,
        average_loss=loss,
        payoff=win / loss if loss else None,
        profit_factor=sum(wins) / sum(losses) if sum(losses) else None,
        quality=math.sqrt(min(n, MOST_FOR_QUALITY)) * fmean(multiples) / spread if spread else None,
    )


@in_context
def costs_of(*, gross: Decimal, net: Decimal) -> Costs:
    """Return costs over what was won before them: above 1 they took more than the edge (DOMAIN 5.4, E39)."""
    costs = gross - net
    return Costs(costs=costs, gross=gross, net=net, ratio=costs / abs(gross) if gross else None)


def round_trips(moves: Iterable[Move], *, within: timedelta = BLOCK) -> list[RoundTrip]:
    """Return each move that a later one undid within a time, every move at most once (DOMAIN 5.4, churn)."""
    waiting: dict[tuple[str, str], list[Move]] = defaultdict(list)
    found: list[RoundTrip] = []
    for move in sorted(moves, key=lambda each: (each.moved_at, each.key)):
        opposite = waiting[move.destination, move.source]
        while opposite and move.moved_at - opposite[0].moved_at > within:
            opposite.pop(0)
        if opposite:
            there = opposite.pop(0)
            took = (move.moved_at - there.moved_at) / timedelta(days=1)
            found.append(RoundTrip(there=there.key, back=move.key, days=took))
        else:
            waiting[move.source, move.destination].append(move)
    return found


def worth_learning(*, size: float, chance: float | None) -> float:
    """Rank what there is to learn: how much came of it, either way, times how sure one was, either way.

    It is the same for a triumph and a disaster, so that the order of a blind queue does not give the outcome away.
    """
    sureness = 0.0 if chance is None else abs(chance - UNDECIDED)
    return abs(size) * (UNDECIDED + sureness)


def _side(difference: float) -> Verdict:
    return Verdict.BETTER if difference > 0 else Verdict.WORSE
