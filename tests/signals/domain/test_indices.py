"""Build indices that neither see the future nor depend on units or order (DOMAIN F01; DECISIONS 23-24)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.domain.arrays import Floats
from signals.domain.indices import Weighting, capped, index_weights, level, sector_indices
from signals.domain.panel import MarketPanel, SectorProfile, no_events
from signals.domain.params import Params

PARAMS = Params()


def panel_of(closes: Floats, *, caps: Floats | None = None, first: str = "2023-01-30") -> MarketPanel:
    """Return a panel in which every asset is a member of the one sector."""
    days, assets = closes.shape
    return MarketPanel(
        dates=np.datetime64(first) + np.arange(days),
        assets=tuple(f"A{i}" for i in range(assets)),
        sectors=(SectorProfile("one", "other", 0.5),),
        closes=closes,
        market_caps=np.full(closes.shape, np.nan) if caps is None else caps,
        volumes=np.ones(closes.shape),
        volume_scopes=np.ones(closes.shape, np.int8),
        memberships=np.ones((days, assets, 1)),
        is_stable=np.zeros(assets, np.bool_),
        events=no_events(1),
    )


def oracle_levels(closes: Floats, caps: Floats, dates: list[str]) -> list[float]:
    """Compute an index of always-priced members day by day, in plain Python."""
    levels, weights = [1.0], [0.0]
    for day in range(1, len(closes)):
        if day == 1 or dates[day][:7] != dates[day - 1][:7]:
            weights = capped(caps[day - 1], cap=0.25).tolist()
        change = sum(w * (p / q - 1) for w, p, q in zip(weights, closes[day], closes[day - 1], strict=True))
        levels.append(levels[-1] * (1 + change))
    return levels


class TestCappedWeights:
    def test_cuts_the_largest_and_shares_out_the_rest(self) -> None:
        found = capped(np.array([600.0, 300, 50, 30, 20]), cap=0.25)

        assert found.tolist() == pytest.approx([0.25, 0.25, 0.25, 0.15, 0.10])

    def test_allows_one_over_n_where_the_cap_is_lower(self) -> None:
        assert capped(np.array([9.0, 1, 1]), cap=0.25).tolist() == pytest.approx([1 / 3] * 3)

    @given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=30))
    def test_adds_up_to_one_below_the_cap_and_keeps_the_order(self, sizes: list[float]) -> None:
        found = capped(np.array(sizes), cap=0.25)

        assert found.sum() == pytest.approx(1.0)
        assert found.max() <= max(0.25, 1 / len(sizes)) + 1e-9
        assert all(np.diff(found[np.argsort(sizes)]) >= -1e-12)

    def test_turns_to_equal_weights_when_too_few_caps_are_known(self) -> None:
        caps = np.array([900.0, 50, 50, np.nan, np.nan])

        weights, kind = index_weights(np.ones(5), caps, np.ones(5, np.bool_), params=PARAMS)

        assert kind == Weighting.EQUAL
        assert weights.tolist() == pytest.approx([0.2] * 5)

    def test_excludes_the_one_member_without_a_cap(self) -> None:
        caps = np.array([1.0, 1, 1, 1, np.nan])

        weights, kind = index_weights(np.ones(5), caps, np.ones(5, np.bool_), params=PARAMS)

        assert kind == Weighting.CAPPED
        assert weights.tolist() == pytest.approx([0.25] * 4 + [0.0])


class TestIndex:
    def test_agrees_with_an_oracle_across_a_rebalance(self) -> None:
        draw = np.random.default_rng(5)
        closes = np.exp(np.cumsum(draw.normal(0, 0.05, (40, 6)), axis=0))
        caps = closes * draw.uniform(1, 20, 6)
        panel = panel_of(closes, caps=caps)

        found = sector_indices(panel, params=PARAMS).levels[:, 0]

        assert found.tolist() == pytest.approx(oracle_levels(closes, caps, panel.dates.astype(str).tolist()))

    def test_freezes_below_three_members(self) -> None:
        closes = np.cumprod(np.full((8, 4), 1.1), axis=0)
        closes[4:6, :2] = np.nan

        found = sector_indices(panel_of(closes), params=PARAMS)

        assert found.is_frozen[:, 0].tolist() == [True, False, False, False, True, True, False, False]
        assert found.returns[4:6, 0].tolist() == [0.0, 0.0]
        assert found.levels[5, 0] == found.levels[3, 0]

    def test_books_a_gap_on_the_day_it_ends(self) -> None:
        closes = np.ones((6, 4))
        closes[2, 0] = np.nan
        closes[3:, 0] = 2.0

        found = sector_indices(panel_of(closes), params=PARAMS).returns[:, 0]

        assert found[2:4].tolist() == pytest.approx([0.0, 0.25])

    def test_drops_a_delisted_member_and_keeps_its_loss(self) -> None:
        closes = np.ones((6, 4))
        closes[2, 0] = 0.2
        closes[3:, 0] = np.nan

        found = sector_indices(panel_of(closes), params=PARAMS).levels[:, 0]

        assert found.tolist() == pytest.approx([1, 1, 0.8, 0.8, 0.8, 0.8])

    def test_does_not_depend_on_units_of_price(self) -> None:
        closes = np.exp(np.cumsum(np.random.default_rng(6).normal(0, 0.05, (40, 5)), axis=0))
        units = np.array([1.0, 1000, 0.001, 7, 3])

        plain, scaled = (sector_indices(panel_of(c), params=PARAMS).levels for c in (closes, closes * units))

        np.testing.assert_allclose(scaled, plain)

    def test_measures_sectors_against_their_equal_mean(self) -> None:
        closes = np.ones((5, 6))
        closes[2:, :3] = 1.2
        panel = panel_of(closes)
        memberships = np.zeros((5, 6, 2))
        memberships[:, :3, 0] = memberships[:, 3:, 1] = 1.0
        both = replace(
            panel,
            sectors=(SectorProfile("a", "ai", 0.2), SectorProfile("b", "defi", 0.8)),
            memberships=memberships,
            events=no_events(2),
        )

        found = sector_indices(both, params=PARAMS)

        assert found.benchmark.tolist() == pytest.approx([1, 1, 1.1, 1.1, 1.1])
        assert found.against[-1].tolist() == pytest.approx([1.2, 1 / 1.2])
        assert found.relative[-1].tolist() == pytest.approx([1.2 / 1.1, 1 / 1.1])


class TestLevel:
    def test_is_one_on_the_day_before_the_first_return(self) -> None:
        found = level(np.array([np.nan, np.nan, 0.1, np.nan, 0.1]))

        assert np.isnan(found[0])
        assert found[1:].tolist() == pytest.approx([1, 1.1, 1.1, 1.21])


class TestShortest:
    def test_a_market_with_a_single_close_has_no_index_yet(self) -> None:
        found = sector_indices(panel_of(np.ones((1, 8))), params=PARAMS)

        assert np.isnan(found.returns).all()
