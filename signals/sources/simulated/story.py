"""Tell the slow story behind the simulated market: risk-on and AI, the peak, the fall, DeFi's return, the calm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from signals.sources.simulated.noise import Floats, uniforms

ORIGIN = date(2022, 1, 1)
SHORTEST_CYCLE_DAYS = 95
CYCLE_SPREAD_DAYS = 50

Shape = tuple[tuple[float, float], ...]

BTC_SHAPE: Shape = (
    (0.0, 0.0), (0.04, 0.01), (0.16, 0.12), (0.36, 0.24), (0.45, 0.26), (0.52, 0.14), (0.62, -0.05), (0.68, -0.06),
    (0.86, -0.03), (1.0, 0.0),
)  # fmt: skip
AI_SHAPE: Shape = (
    (0.0, 0.0), (0.05, 0.0), (0.16, 0.11), (0.34, 0.32), (0.42, 0.38), (0.52, 0.24), (0.62, 0.02), (0.74, -0.08),
    (0.88, -0.06), (1.0, 0.0),
)  # fmt: skip
DEFI_SHAPE: Shape = (
    (0.0, 0.0), (0.20, -0.05), (0.42, -0.08), (0.52, -0.03), (0.62, 0.04), (0.78, 0.24), (0.88, 0.18), (1.0, 0.0),
)  # fmt: skip
OTHER_SHAPE: Shape = ((0.0, 0.0), (0.10, 0.0), (0.40, 0.10), (0.62, -0.04), (0.85, -0.02), (1.0, 0.0))
TURBULENCE: Shape = (
    (0.0, 0.75), (0.20, 0.95), (0.40, 1.15), (0.50, 1.55), (0.62, 1.40), (0.70, 0.85), (0.85, 0.70), (1.0, 0.75),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """Where each day stands in its cycle; `strength` says how pronounced the cycle's attack and return are."""

    day: NDArray[np.int64]
    phase: Floats
    attack_strength: Floats
    base_strength: Floats

    def along(self, shape: Shape) -> Floats:
        """Follow a shape, given as (phase, value) knots, through the days."""
        return np.interp(self.phase, [knot[0] for knot in shape], [knot[1] for knot in shape])


def day_number(day: date) -> int:
    """Count days since the origin of the simulation."""
    return (day - ORIGIN).days


def story(*, seed: int, last: date) -> Story:
    """Tell the story from the origin to `last`, inclusive; the days before any `last` do not depend on it."""
    day = np.arange(day_number(last) + 1, dtype=np.int64)
    cycle = np.arange(len(day) // SHORTEST_CYCLE_DAYS + 2, dtype=np.int64)
    lengths = SHORTEST_CYCLE_DAYS + np.floor(uniforms(seed, "cycle/length", cycle) * CYCLE_SPREAD_DAYS)
    ends = np.cumsum(lengths)
    current = np.searchsorted(ends, day, side="right")
    starts = np.concatenate([[0.0], ends])[current]
    return Story(
        day=day,
        phase=(day - starts) / lengths[current],
        attack_strength=(0.35 + 1.05 * _apart(uniforms(seed, "cycle/attack", cycle)))[current],
        base_strength=(0.50 + 0.70 * uniforms(seed, "cycle/base", cycle))[current],
    )


def _apart(draws: Floats) -> Floats:
    """Draw numbers in [0, 1) apart: cycles are faint or pronounced more often than in between."""
    return draws * draws * (3.0 - 2.0 * draws)
