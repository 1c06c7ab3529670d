"""Let news decay, and let refutation leave the past alone (DOMAIN 2.3; DECISIONS 21)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signals.domain.events import event_indicator, event_points, event_score
from signals.domain.indicators import Reason
from signals.domain.panel import EventTable, no_events
from signals.domain.params import Params
from tests.signals.domain.test_indices import panel_of

PARAMS = Params()
NOON = np.array(["2026-01-01T12:00:00"], "datetime64[s]")
NEVER = np.array(["NaT"], "datetime64[s]")
DAY = np.timedelta64(86400, "s")
PARTNERSHIP = EventTable(
    ids=("e",),
    types=("PARTNERSHIP",),
    polarity=np.array([1.0]),
    magnitude=np.array([4.0]),
    confidence=np.array([0.8]),
    published_at=NOON - DAY,
    first_seen_at=NOON,
    verified_at=NOON,
    refuted_at=NEVER,
    sectors=np.ones((1, 1), np.bool_),
)


class TestEventScore:
    def test_the_worked_example(self) -> None:
        points = event_points(PARTNERSHIP, np.concatenate([NOON, NOON + 5 * DAY]), params=PARAMS)[:, 0]

        assert points.tolist() == pytest.approx([0.64, 0.32])
        assert event_score(points, params=PARAMS).tolist() == pytest.approx([1.21, 0.63], abs=0.005)

    def test_counts_from_when_it_was_seen(self) -> None:
        assert event_points(PARTNERSHIP, NOON - np.timedelta64(1, "s"), params=PARAMS).tolist() == [[0.0]]

    def test_refutation_works_forward_only(self) -> None:
        refuted = replace(PARTNERSHIP, refuted_at=NOON + DAY)
        moments = np.concatenate([NOON, NOON + DAY])

        plain, changed = (event_points(e, moments, params=PARAMS)[:, 0] for e in (PARTNERSHIP, refuted))

        assert changed.tolist() == [plain[0], 0.0]

    def test_a_rumour_is_capped_until_it_is_verified(self) -> None:
        rumour = replace(PARTNERSHIP, verified_at=NOON + DAY)

        found = event_points(rumour, np.concatenate([NOON, NOON + DAY]), params=PARAMS)[:, 0]

        assert found.tolist() == pytest.approx([0.8 * 0.4, 0.8 * 0.8 * 0.5 ** (1 / 5)])


class TestEventIndicator:
    def test_no_news_is_neutral_only_if_someone_looked(self) -> None:
        panel = replace(
            panel_of(np.ones((2, 4))),
            events=no_events(1),
            event_coverage={"PARTNERSHIP": np.array([False, True])},
        )

        found = event_indicator(panel, np.zeros((2, 0)), sector=0, kinds=("PARTNERSHIP",), params=PARAMS)

        assert found.freshness.tolist() == [0.0, 1.0]
        assert found.z.tolist() == [0.0, 0.0]
        assert Reason(int(found.reason[0])).label == "no source asked"
