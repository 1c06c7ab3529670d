"""Use each day what was known that day, and nothing that came later (DOMAIN 0)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.alignment import averaged_versions, newest_versions, read, read_averaged
from signals.domain.panel import ReadingSeries
from signals.domain.params import Params
from tests.signals.domain.synthetic_panel import HOUR
from tests.signals.domain.test_indices import panel_of

PARAMS = Params()
ORIGIN = np.datetime64("2026-01-01T00:00:00", "s")
ROWS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.floats(-5, 5)),
    min_size=1,
    max_size=15,
    unique_by=lambda r: r[:2],
)


def series_of(rows: list[tuple[int, int, float]]) -> ReadingSeries:
    """Return rows of (observed, delay, value) as a series, in hours."""
    observed = ORIGIN + np.array([row[0] for row in rows]) * HOUR
    return ReadingSeries(observed, observed + np.array([row[1] for row in rows]) * HOUR, np.array([r[2] for r in rows]))


def known_at(rows: list[tuple[int, int, float]], hour: int) -> dict[int, float]:
    """Return the newest known value of each instant, the slow way."""
    found: dict[int, tuple[int, float]] = {}
    for observed, delay, value in rows:
        ingested = observed + delay
        if ingested <= hour and (observed not in found or ingested > found[observed][0]):
            found[observed] = (ingested, value)
    return {observed: value for observed, (_, value) in found.items()}


class TestNewestKnown:
    @given(ROWS)
    def test_agrees_with_a_search_row_by_row(self, rows: list[tuple[int, int, float]]) -> None:
        versions = newest_versions(series_of(rows))

        for hour in range(45):
            position = np.searchsorted(versions.ingested_at, ORIGIN + hour * HOUR, side="right") - 1
            known = known_at(rows, hour)
            assert (position < 0) == (not known)
            if known:
                assert versions.values[position] == known[max(known)]

    @given(ROWS)
    def test_averages_the_last_three_instants_known(self, rows: list[tuple[int, int, float]]) -> None:
        versions = averaged_versions(series_of(rows), count=3)

        for hour in range(45):
            position = np.searchsorted(versions.ingested_at, ORIGIN + hour * HOUR, side="right") - 1
            latest = sorted(known_at(rows, hour).items())[-3:]
            if latest:
                assert versions.values[position] == pytest.approx(sum(v for _, v in latest) / len(latest))


class TestRead:
    def test_a_reading_ages_and_goes_stale(self) -> None:
        midnight = np.array(["2023-01-31T00:00:00"], "datetime64[s]")
        readings = {("tvl", "one"): ReadingSeries(midnight, midnight, np.array([7.0]))}
        panel = panel_of(np.ones((6, 4)), first="2023-01-30")
        object.__setattr__(panel, "readings", readings)

        found = read(panel, "tvl", "one", params=PARAMS)

        hours = [1 / 12, 24 + 1 / 12, 48 + 1 / 12, 72 + 1 / 12]
        assert found.freshness[:4].tolist() == pytest.approx([1, 1, (96 - hours[2]) / 60, (96 - hours[3]) / 60])
        assert found.values[3] == 7.0
        assert found.is_stale.tolist() == [False] * 4 + [True] * 2

    def test_funding_is_fresh_for_one_interval(self) -> None:
        observed = np.datetime64("2023-01-30T16:00:00", "s") + np.array([0, 8]) * HOUR
        panel = panel_of(np.ones((3, 4)), first="2023-01-30")
        object.__setattr__(
            panel, "readings", {("funding", "A0"): ReadingSeries(observed, observed, np.array([0.1, 0.3]))}
        )

        found = read_averaged(panel, "funding", "A0", params=PARAMS)

        assert found.values[0] == pytest.approx(0.2)
        assert found.freshness.tolist() == [1.0, 0.0, 0.0]
