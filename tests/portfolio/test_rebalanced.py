"""A benchmark that drifts between the days on which it is set anew, beside the same done day by day."""

from __future__ import annotations

import numpy as np
import pytest

from portfolio.domain.benchmark import rebalanced
from portfolio.domain.figures import Floats


def day_by_day(targets: Floats, moves: Floats, resets: list[bool]) -> Floats:
    """Return the weights, each day from the one before."""
    weights = [targets[0]]
    for day in range(1, len(resets)):
        grown = weights[-1] * (1.0 + np.nan_to_num(moves[day - 1]))
        drifted = grown / grown.sum() if grown.sum() > 0 else weights[-1]
        weights.append(targets[day] if resets[day] else drifted)
    return np.array(weights)


class TestRebalanced:
    @pytest.mark.parametrize("lost", [(), (4,), (4, 5), (0,), (19,)])
    def test_weights_are_those_of_going_day_by_day(self, lost: tuple[int, ...]) -> None:
        dice = np.random.default_rng(5)
        targets, moves = dice.dirichlet([1, 1, 1], 20), dice.normal(0, 0.1, (20, 3))
        moves[3, 1] = np.nan
        for day in lost:
            moves[day] = -1.0
        resets = [day in {0, 7, 8, 19} for day in range(20)]

        found = rebalanced(targets=targets, moves=moves, resets=resets)

        assert found.weights == pytest.approx(day_by_day(targets, moves, resets), rel=1e-12)
