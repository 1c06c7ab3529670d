"""Ask how much of the usual move has already happened (DOMAIN 2.9, E29; DECISIONS 27)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signals.domain.arrays import Floats
from signals.domain.panel import EventTable, MarketPanel, SectorProfile
from signals.domain.params import Params
from signals.domain.priced_in import (
    abnormal_returns,
    event_days,
    is_blocking,
    market_model,
    matching_events,
    priced_in,
    priced_in_share,
)
from tests.signals.domain.test_indices import panel_of

PARAMS = Params()
NEVER = np.array(["NaT"], "datetime64[s]")
DAYS, NEWS = 200, 180


def with_events(days: list[int], *, magnitude: float = 3.0, polarity: float = 1.0, seed: int = 9) -> MarketPanel:
    """Return a market whose BTC walks at random, with news on some days about the one sector."""
    closes = np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, (DAYS, 4)), axis=0))
    panel = panel_of(closes, first="2023-01-01")
    noon = panel.dates[days].astype("datetime64[s]") + np.timedelta64(12 * 3600, "s")
    size = np.ones(len(days))
    never = np.repeat(NEVER, len(days))
    events = EventTable(
        ids=tuple(f"e{i}" for i in range(len(days))),
        types=("PARTNERSHIP",) * len(days),
        polarity=polarity * size,
        magnitude=magnitude * size,
        confidence=size,
        published_at=noon,
        first_seen_at=noon,
        verified_at=noon,
        refuted_at=never,
        sectors=np.ones((len(days), 1), np.bool_),
    )
    return replace(panel, assets=("BTC", "A1", "A2", "A3"), events=events)


def market_return(panel: MarketPanel) -> Floats:
    """Return BTC's daily return."""
    return np.concatenate([[np.nan], panel.closes[1:, 0] / panel.closes[:-1, 0] - 1.0])


def sector_return(panel: MarketPanel, *, jump: float = 0.0, on: int = NEWS) -> Floats:
    """Return a sector that follows BTC 1.4 times with a little noise, and jumps once."""
    noise = np.random.default_rng(1).normal(0, 0.002, DAYS)
    returns = 1.4 * market_return(panel) + noise
    returns[on] += jump
    return returns[:, None]


class TestExampleE29:
    def test_abnormal_returns_and_share(self) -> None:
        sector = np.array([0.02, 0.03, 0.01, 0.04, 0.02])
        market = np.array([0.01, 0.01, 0.0, 0.01, 0.005])

        abnormal = abnormal_returns(sector, market, a=0.0, b=1.4)
        share = priced_in_share(abnormal.sum(), np.array(0.12), sign=np.array(1.0), params=PARAMS)

        assert abnormal.tolist() == pytest.approx([0.006, 0.016, 0.01, 0.026, 0.013])
        assert abnormal.sum() == pytest.approx(0.071)
        assert float(share) == pytest.approx(0.591667, abs=1e-6)
        assert not is_blocking(share, np.array(5.0), params=PARAMS)


class TestMarketModel:
    def test_is_the_least_squares_line_of_the_estimation_window(self) -> None:
        panel = with_events([NEWS])
        returns, market = sector_return(panel)[:, 0], market_return(panel)

        found = market_model(returns, market, params=PARAMS)

        window = slice(NEWS - 120, NEWS - 10)
        b, a = np.polyfit(market[window], returns[window], 1)
        left = returns[window] - a - b * market[window]
        assert (found.a[NEWS], found.b[NEWS]) == pytest.approx((a, b))
        assert found.sigma[NEWS] == pytest.approx(np.sqrt(np.sum(left**2) / 108))

    def test_needs_sixty_days(self) -> None:
        panel = with_events([NEWS])

        found = market_model(sector_return(panel)[:, 0], market_return(panel), params=PARAMS)

        assert np.isnan(found.b[70])
        assert not np.isnan(found.b[71])


class TestPricedIn:
    def test_a_jump_beyond_noise_blocks(self) -> None:
        panel = with_events([NEWS])

        found = priced_in(panel, sector_return(panel, jump=0.05), params=PARAMS)

        assert found.event[NEWS, 0] == 0
        assert found.expected[NEWS, 0] == pytest.approx(0.06)
        assert found.share[NEWS, 0] == pytest.approx(0.05 / 0.06, abs=0.15)
        assert found.blocks[NEWS, 0]
        assert not found.blocks[NEWS - 1, 0]

    def test_noise_alone_never_blocks(self) -> None:
        share, t = np.array([0.9, 0.6, 0.9]), np.array([1.9, 3.0, 2.0])

        assert is_blocking(share, t, params=PARAMS).tolist() == [False, False, True]

    def test_without_news_a_move_only_warns(self) -> None:
        panel = with_events([0])

        found = priced_in(panel, sector_return(panel, jump=0.05), params=PARAMS)

        assert np.isnan(found.share[NEWS, 0])
        assert found.warns[NEWS : NEWS + 6, 0].all()
        assert not found.warns[NEWS + 6, 0]
        assert not found.blocks.any()

    def test_the_window_ends_after_thirty_days(self) -> None:
        panel = with_events([100])

        found = priced_in(panel, sector_return(panel), params=PARAMS)

        assert found.event[99:132, 0].tolist() == [-1, *[0] * 31, -1]

    def test_learns_from_past_events_of_the_same_kind(self) -> None:
        panel = with_events([100, NEWS])
        returns = sector_return(panel, jump=0.20, on=101)

        found = priced_in(panel, returns, params=PARAMS)

        past = found.car[130, 0]
        assert found.expected[NEWS, 0] == pytest.approx((past + 10 * 0.06) / 11)

    def test_says_when_the_news_had_leaked(self) -> None:
        panel = with_events([NEWS])

        early = priced_in(panel, sector_return(panel, jump=0.05, on=NEWS - 2), params=PARAMS)
        late = priced_in(panel, sector_return(panel, jump=0.05), params=PARAMS)

        assert early.is_leaked[NEWS, 0]
        assert not late.is_leaked[NEWS, 0]

    def test_bad_news_is_no_reason_to_have_risen(self) -> None:
        panel = with_events([NEWS], polarity=-1.0)

        found = matching_events(panel, event_days(panel), sector=0, params=PARAMS)

        assert (found == -1).all()


class TestManySectors:
    def test_each_sector_has_its_own_events(self) -> None:
        panel = with_events([NEWS])
        two = replace(
            panel,
            sectors=(SectorProfile("a", "ai", 0.2), SectorProfile("b", "defi", 0.8)),
            memberships=np.ones((DAYS, 4, 2)),
            events=replace(panel.events, sectors=np.array([[True, False]])),
        )

        found = priced_in(two, np.hstack([sector_return(panel)] * 2), params=PARAMS)

        assert found.event[NEWS].tolist() == [0, -1]
