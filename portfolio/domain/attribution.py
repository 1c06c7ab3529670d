"""Say where the difference to a benchmark came from: Brinson-Fachler by day, linked by Carino (DOMAIN 4.7)."""

from dataclasses import dataclass

import numpy as np

from portfolio.domain.figures import Floats, floats

ALARM = 0.0002
"""A residual above 2 bp on a day is worth a look (DOMAIN 4.7)."""


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Hold allocation, selection and interaction; the last axis is the sector, the first the day where there are days.

    Selection and interaction together are what the choice of tokens did.
    """

    allocation: Floats
    selection: Floats
    interaction: Floats

    @property
    def choice(self) -> Floats:
        """Give selection and interaction together."""
        return self.selection + self.interaction

    @property
    def total(self) -> Floats:
        """Give all three."""
        return self.allocation + self.choice


def brinson_fachler(
    *, weights: Floats, benchmark_weights: Floats, returns: Floats, benchmark_returns: Floats
) -> Effects:
    """Split the active return by sector: A = (wp - wb)(rb - RB), S = wb(rp - rb), I = (wp - wb)(rp - rb) (DOMAIN 4.7).

    Weights of the portfolio and of the benchmark must have equal sums for the effects to add up to the active return.
    """
    over = weights - benchmark_weights
    better = returns - benchmark_returns
    whole = np.sum(benchmark_weights * benchmark_returns, axis=-1, keepdims=True)
    return Effects(
        allocation=over * (benchmark_returns - whole),
        selection=benchmark_weights * better,
        interaction=over * better,
    )


def carino(*, returns: Floats, benchmark_returns: Floats) -> Floats | None:
    """Give k_t / k, with k_t = [ln(1 + p) - ln(1 + b)] / (p - b): daily effects times it add up (DOMAIN 4.7).

    Nothing where a day lost everything: its logarithm does not exist.
    """
    if np.any(returns <= -1.0) or np.any(benchmark_returns <= -1.0):
        return None
    total, benchmark_total = floats(np.prod(1.0 + returns) - 1.0), floats(np.prod(1.0 + benchmark_returns) - 1.0)
    return floats(_factor(returns, benchmark_returns) / _factor(total, benchmark_total))


def linked_effect(*, effect: Floats, coefficients: Floats) -> Floats:
    """Add up a daily effect over the days, each scaled by its coefficient (DOMAIN 4.7)."""
    return floats(np.tensordot(coefficients, effect, axes=(0, 0)))


def _factor(p: Floats, b: Floats) -> Floats:
    """Give k; where p equals b it is 1 / (1 + p)."""
    gap = p - b
    is_same = np.abs(gap) < 1e-12
    safe = np.where(is_same, 1.0, gap)
    return np.where(is_same, 1.0 / (1.0 + p), np.log1p(gap / (1.0 + b)) / safe)
