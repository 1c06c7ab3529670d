"""Add indicators up to a score that explains itself (DOMAIN 2.4, E25)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.indicators import Indicator, Reason, composite
from signals.domain.params import Params
from signals.domain.regime import Regime
from signals.domain.strength import gap_fallback, standing, strength, tilts

PARAMS = Params()
NO_TILT = np.zeros(1)


def known(z: float | None, freshness: float = 1.0, *, days: int = 1) -> Indicator:
    """Return an indicator that says the same every day; None is one nobody knows."""
    missing = z is None
    return Indicator(
        raw=np.full(days, np.nan if z is None else z),
        z=np.full(days, 0.0 if z is None else z),
        freshness=np.full(days, 0.0 if missing else freshness),
        reason=np.full(days, Reason.MISSING if missing else Reason.NONE, np.int8),
        observed_at=np.full(days, np.datetime64("NaT", "s")),
    )


class TestExampleE25:
    def test_ai(self) -> None:
        items = {
            "rs": known(1.2),
            "xs_mom": known(0.8),
            "turnover": known(2.0),
            "partnership": known(0.75),
            "sentiment": known(None),
        }

        found = strength(items, PARAMS.weights["ai"], tilt=NO_TILT, params=PARAMS)

        points = {name: float(series[0]) for name, series in found.points.items() if name in items}
        assert points == pytest.approx(
            {"rs": 5.0, "xs_mom": 2.0, "turnover": 6.666667, "partnership": 2.5, "sentiment": 0.0}, abs=1e-6
        )
        assert found.score[0] == pytest.approx(66.166667, abs=1e-6)
        assert found.coverage[0] == pytest.approx(0.8)

    def test_defi_and_the_spread(self) -> None:
        z = {"tvl": -0.4, "l2": 0.5, "regulatory": 0.0, "rs": -0.6, "xs_mom": -0.8, "dex_volume": 0.3}

        found = strength(
            {name: known(value) for name, value in z.items()}, PARAMS.weights["defi"], tilt=NO_TILT, params=PARAMS
        )

        assert found.points["tvl"][0] == pytest.approx(-1.666667, abs=1e-6)
        assert found.points["xs_mom"][0] == pytest.approx(-1.333333, abs=1e-6)
        assert found.score[0] == pytest.approx(46.25)
        assert found.coverage[0] == pytest.approx(1.0)
        assert 66.166667 - found.score[0] == pytest.approx(19.916667, abs=1e-6)


class TestContributions:
    @given(
        st.lists(st.tuples(st.floats(-3, 3), st.floats(0, 1)), min_size=5, max_size=5),
        st.floats(-3, 3),
    )
    def test_add_up_to_the_distance_from_fifty(self, items: list[tuple[float, float]], tilt: float) -> None:
        names = PARAMS.weights["ai"]
        indicators = {name: known(z, f) for name, (z, f) in zip(names, items, strict=True)}

        found = strength(indicators, names, tilt=np.array([tilt]), params=PARAMS)

        total = sum(float(series[0]) for series in found.points.values())
        assert total == pytest.approx(float(found.score[0]) - 50.0, abs=1e-9)
        assert 0.0 <= found.score[0] <= 100.0

    def test_say_what_was_cut_off_at_the_limit(self) -> None:
        indicators = {name: known(3.0) for name in PARAMS.weights["ai"]}

        found = strength(indicators, PARAMS.weights["ai"], tilt=np.array([3.0]), params=PARAMS)

        assert found.score[0] == 100.0
        assert found.points["limit"][0] == pytest.approx(-3.0)

    def test_one_surviving_input_cannot_drive_the_score(self) -> None:
        indicators = {name: known(3.0 if name == "rs" else None) for name in PARAMS.weights["ai"]}

        found = strength(indicators, PARAMS.weights["ai"], tilt=NO_TILT, params=PARAMS)

        assert found.score[0] == pytest.approx(62.5)
        assert found.coverage[0] == pytest.approx(0.25)
        assert found.is_hidden(PARAMS).tolist() == [True]

    def test_a_coverage_of_exactly_the_limit_is_visible(self) -> None:
        indicators = {name: known(1.0, 0.4) for name in PARAMS.weights["ai"]}

        found = strength(indicators, PARAMS.weights["ai"], tilt=NO_TILT, params=PARAMS)

        assert found.is_hidden(PARAMS).tolist() == [False]


class TestTilt:
    def test_follows_the_regime(self) -> None:
        codes = np.array([Regime.RISK_ON, Regime.CONSOLIDATION, Regime.RISK_OFF])

        assert tilts(codes, PARAMS.tilts["ai"]).tolist() == [3.0, 0.0, -3.0]
        assert tilts(codes, PARAMS.tilts["defi"]).tolist() == [0.0, 3.0, 1.0]


class TestComposite:
    def test_weighs_parts_by_share_and_freshness(self) -> None:
        found = composite([(0.7, known(2.0, 1.0)), (0.3, known(-1.0, 0.5))])

        assert found.freshness[0] == pytest.approx(0.85)
        assert found.z[0] == pytest.approx((0.7 * 2.0 - 0.15) / 0.85)

    def test_a_missing_part_lowers_coverage_not_the_score_of_the_rest(self) -> None:
        found = composite([(0.5, known(1.5)), (0.5, known(None))])

        assert (found.z[0], found.freshness[0]) == (1.5, 0.5)
        assert Reason(int(found.reason[0])).label == "missing"

    def test_nothing_known_is_neutral_and_says_so(self) -> None:
        found = composite([(0.7, known(None)), (0.3, known(None))])

        assert (found.z[0], found.freshness[0], found.reason[0]) == (0.0, 0.0, Reason.MISSING)


class TestStanding:
    def test_hidden_scores_are_not_compared(self) -> None:
        names = PARAMS.weights["ai"]
        seen = strength({n: known(1.0) for n in names}, names, tilt=NO_TILT, params=PARAMS)
        unseen = strength({n: known(None) for n in names}, names, tilt=NO_TILT, params=PARAMS)

        found = standing([seen, unseen], params=PARAMS)

        assert np.isnan(found.scores[0, 1])
        assert np.isnan(found.q).all()

    def test_falls_back_to_points_while_history_is_short(self) -> None:
        gaps = np.array([10.0, 9.9, -10.0, np.nan])

        found = gap_fallback(gaps, params=PARAMS)

        assert found[:3].tolist() == [0.8, 0.5, 0.2]
        assert np.isnan(found[3])

    def test_says_how_much_of_the_gap_is_price(self) -> None:
        names = PARAMS.weights["ai"]
        priced = {n: known(1.0 if n in ("rs", "xs_mom") else 0.0) for n in names}
        flat = {n: known(0.0) for n in names}

        found = standing([strength(i, names, tilt=NO_TILT, params=PARAMS) for i in (priced, flat)], params=PARAMS)

        assert found.price_gap[0] == pytest.approx(found.gap[0])
