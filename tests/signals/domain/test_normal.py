"""Hold the normal distribution to the standard library's."""

from __future__ import annotations

import math

import numpy as np

from signals.domain.normal import normal_cdf


class TestNormal:
    def test_it_agrees_to_the_last_digit(self) -> None:
        x = np.linspace(-9.0, 9.0, 4001)

        expected = np.array([0.5 * (1.0 + math.erf(value / math.sqrt(2.0))) for value in x])
        assert np.max(np.abs(normal_cdf(x) - expected)) < 4e-16
