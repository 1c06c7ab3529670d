"""Hold the engine to what must be true of any portfolio in any market (DOMAIN 3.5 invariants)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.domain.batch import Batch, Decision, MarketState, Outcome, StageCode
from signals.domain.engine import decide

CENT = 1e-6
bounded = settings(max_examples=100, deadline=None)


def random_batch(rng: np.random.Generator, count: int, sectors: int) -> Batch:
    """Draw portfolios, the odd one empty, stopped, unpriced, opted out or cost-aware."""
    stage = rng.integers(0, 4, count)
    leader = rng.integers(0, sectors, count)
    base = (leader + rng.integers(1, sectors, count)) % sectors
    spot = rng.gamma(1.0, 4_000.0, (count, sectors)) * (rng.random((count, sectors)) < 0.85)
    carves = rng.random(count) < 0.5
    overlay = rng.gamma(1.0, 2_000.0, (count, sectors)) * (rng.random((count, sectors)) < 0.3)
    ratio = np.select([stage == StageCode.SC, stage == StageCode.PR], [0.0, -0.25], rng.uniform(0, 0.5, count))
    policy = rng.random((count, sectors)) + 0.05
    core = rng.gamma(1.0, 15_000.0, count)
    return Batch(
        spot=spot,
        margin=np.where(carves[:, None], overlay / 3.0, 0.0),
        overlay=overlay,
        policy_split=policy / policy.sum(axis=1, keepdims=True),
        core_hedge=-rng.uniform(0, 0.5, count) * core * (rng.random(count) < 0.4),
        core=core,
        stable=(stable := rng.gamma(1.0, 5_000.0, count)),
        stable_risk=stable * 0.9975,
        stage=stage,
        leader=leader,
        base=base,
        leader_share=np.select([stage == StageCode.NI, stage == StageCode.PR], [0.75, 0.20], 0.125),
        futures_ratio=ratio,
        leverage=rng.uniform(1, 5, count),
        carves=carves,
        stable_floor=rng.uniform(0, 0.1, count),
        band=rng.uniform(0, 0.05, count),
        max_turnover=rng.uniform(0.1, 0.7, count),
        min_notional=rng.choice([0.0, 10.0, 250.0], count),
        safety=rng.choice([1.0, 1.5, 2.0], count),
        horizon_days=rng.choice([7.0, 14.0, 30.0], count),
        stop_rate=rng.uniform(0.05, 0.3, count),
        max_leverage=rng.choice([0.0, 3.0, 5.0], count),
        max_overlay=rng.uniform(0.05, 0.4, count),
        max_risk=rng.uniform(0.005, 0.03, count),
        spot_fee=rng.uniform(0, 0.002, count),
        futures_fee=rng.uniform(0, 0.001, count),
        is_changed=rng.random(count) < 0.6,
        turned_30d=rng.gamma(1.0, 2_000.0, count),
        is_stopped=rng.random(count) < 0.05,
        is_cost_aware=rng.random(count) < 0.2,
        is_stale=rng.random(count) < 0.05,
        has_unpriced_pool=rng.random(count) < 0.05,
        has_unpriced_rest=rng.random(count) < 0.05,
    )


def random_market(rng: np.random.Generator, sectors: int) -> MarketState:
    """Draw a market, the odd input unknown."""

    def sparse(values: Any, share: float) -> Any:
        return np.where(rng.random(sectors) < share, np.nan, values)

    return MarketState(
        defensiveness=rng.random(sectors),
        score=sparse(rng.uniform(0, 100, sectors), 0.1),
        coverage=rng.random(sectors),
        z_spread=sparse(rng.uniform(-3, 3, sectors), 0.1),
        sigma_relative=sparse(rng.uniform(0, 2, sectors), 0.05),
        funding_flag=rng.integers(-1, 5, sectors),
        has_known_gates=rng.random(sectors) < 0.8,
        has_perp=rng.random(sectors) < 0.9,
        funding_8h=rng.normal(0.0001, 0.0003, sectors),
        adv=sparse(rng.gamma(2.0, 2e6, sectors), 0.05),
        half_spread=rng.uniform(0.0002, 0.002, sectors),
        sigma_daily=sparse(rng.uniform(0.01, 0.1, sectors), 0.05),
        maintenance=rng.uniform(0.005, 0.03, sectors),
        atr_rate=sparse(rng.uniform(0.01, 0.1, sectors), 0.3),
        is_risk_off=bool(rng.random() < 0.3),
        has_known_core_gates=bool(rng.random() < 0.8),
    )


class World:
    """Hold a batch of 1-40 portfolios over 2-9 sectors and its market, all drawn from one printed seed."""

    def __init__(self, seed: int, count: int, sectors: int) -> None:
        self.name = f"World({seed}, {count}, {sectors})"
        rng = np.random.default_rng(seed)
        self.pair = random_batch(rng, count, sectors), random_market(rng, sectors)

    def __repr__(self) -> str:
        return self.name

    def __iter__(self) -> Iterator[Any]:
        return iter(self.pair)


def worlds() -> st.SearchStrategy[World]:
    """Draw worlds."""
    return st.builds(World, st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 9))


def same(left: Decision, right: Decision) -> None:
    """Assert bit-for-bit equality of two decisions."""
    for f in fields(Decision):
        np.testing.assert_array_equal(getattr(left, f.name), getattr(right, f.name), err_msg=f.name)


def rows(decision: Decision, index: Any) -> Decision:
    """Return the selected rows of a decision."""
    return Decision(**{f.name: getattr(decision, f.name)[index] for f in fields(Decision) if f.init})


class TestInvariants:
    """Each property over random worlds."""

    @bounded
    @given(worlds())
    def test_weights_add_to_one_and_are_shares(self, world: World) -> None:
        decision = decide(*world)

        assert decision.weights.sum(axis=1) == pytest.approx(np.ones(len(decision)))
        assert (decision.weights >= 0).all()

    @bounded
    @given(worlds())
    def test_every_number_that_is_stored_is_finite(self, world: World) -> None:
        decision = decide(*world)

        for f in fields(Decision):
            if f.name not in ("alpha", "z_now", "needed_z"):
                assert np.isfinite(getattr(decision, f.name)).all(), f.name

    @bounded
    @given(worlds())
    def test_sells_stay_within_holdings_and_legs_above_the_minimum(self, world: World) -> None:
        batch, market = world

        decision = decide(batch, market)

        assert (decision.sell >= 0).all()
        assert (decision.buy >= 0).all()
        assert (decision.sell <= batch.spot * (1 + 1e-12) + CENT).all()
        for legs in (decision.sell, decision.buy):
            assert ((legs == 0) | (legs >= batch.min_notional[:, None] - CENT)).all()
        assert ((decision.sell == 0) | (decision.buy == 0)).all()

    @bounded
    @given(worlds())
    def test_money_is_conserved(self, world: World) -> None:
        """Sales less costs pay for buys and carved margin; only a row without buys takes its cost from stables."""
        batch, market = world

        decision = decide(batch, market)
        sale_cost = (decision.sell * _sell_rates(batch, market, decision)).sum(axis=1)
        cash = decision.sell.sum(axis=1) - sale_cost - decision.spend.sum(axis=1) - decision.margin_change.sum(axis=1)

        assert (cash >= -sale_cost - CENT).all()
        has_buys = decision.spend.sum(axis=1) > 0
        assert (cash[has_buys] >= -CENT).all()

    @bounded
    @given(worlds())
    def test_hedge_never_exceeds_core(self, world: World) -> None:
        batch, market = world

        decision = decide(batch, market)
        opened = decision.hedge_change < 0

        assert (-(batch.core_hedge + decision.hedge_change)[opened] <= batch.core[opened] + CENT).all()

    @bounded
    @given(worlds())
    def test_turnover_stays_under_the_cap(self, world: World) -> None:
        batch, market = world

        decision = decide(batch, market)
        sold = decision.sell.sum(axis=1)
        is_bound = ~((batch.stage == StageCode.PR) | market.is_risk_off) & (sold > 0)

        assert (sold <= batch.max_turnover * decision.pool + CENT).all()
        assert ((sold + batch.turned_30d)[is_bound] <= 1.2 * decision.pool[is_bound] + CENT).all()

    @bounded
    @given(worlds())
    def test_core_is_never_sold_and_the_equity_does_not_depend_on_the_decision(self, world: World) -> None:
        """No leg of a decision names core: every spot leg is a sector's, and core enters only as a hedge's ceiling."""
        batch, market = world

        decision = decide(batch, market)

        assert decision.sell.shape == decision.buy.shape == batch.spot.shape
        assert decision.equity == pytest.approx(
            batch.core + batch.stable + batch.spot.sum(axis=1) + batch.margin.sum(axis=1)
        )

    @bounded
    @given(worlds())
    def test_nothing_opens_at_an_unknown_gate_or_without_consent(self, world: World) -> None:
        batch, market = world

        decision = decide(batch, market)
        known = market.has_known_gates & ~np.isin(market.funding_flag, (-1, 4))
        opens = decision.overlay_change > 0
        hedges = decision.hedge_change < 0

        assert not (opens & ~known).any()
        assert not (opens.any(axis=1) & ((batch.max_leverage < 1) | batch.is_stopped)).any()
        assert not (hedges & ~(market.has_known_gates[batch.leader] & market.has_known_core_gates)).any()
        assert not (hedges & (batch.max_leverage < 1)).any()

    @bounded
    @given(worlds())
    def test_overlay_stays_within_the_persons_limits(self, world: World) -> None:
        batch, market = world

        decision = decide(batch, market)
        opens = (decision.overlay_change > 0).any(axis=1)
        notional = decision.overlay.sum(axis=1)
        rate = decision.stop + batch.futures_fee * (2 - decision.stop)

        assert (notional[opens] <= (batch.max_overlay * decision.equity)[opens] + CENT).all()
        assert ((notional * rate)[opens] <= (batch.max_risk * decision.equity)[opens] + CENT).all()
        assert (decision.leverage[opens] <= batch.max_leverage[opens]).all()

    @bounded
    @given(worlds())
    def test_what_adds_risk_pays_and_a_refusal_says_how_far_off_it_is(self, world: World) -> None:
        batch, market = world

        decision = decide(batch, market)
        opens = (decision.overlay_change > 0).any(axis=1)
        refused = decision.outcome == Outcome.BELOW_HURDLE

        assert (decision.alpha[opens] >= decision.needed_alpha[opens] - 1e-15).all()
        assert (decision.needed_z[refused] > decision.z_now[refused]).all()

    @bounded
    @given(worlds())
    def test_a_hard_refusal_has_no_legs(self, world: World) -> None:
        decision = decide(*world)
        still = ~decision.is_trade

        assert not decision.sell[still].any()
        assert not decision.buy[still].any()
        assert not decision.overlay_change[still].any()
        assert not decision.hedge_change[still].any()

    @bounded
    @given(worlds())
    def test_company_does_not_matter(self, world: World) -> None:
        """One code path: a portfolio alone gets bit for bit what it gets in a crowd."""
        batch, market = world

        crowd = decide(batch, market)

        for row in range(min(len(batch), 5)):
            same(decide(batch.take([row]), market), rows(crowd, [row]))

    @bounded
    @given(worlds(), st.randoms(use_true_random=False))
    def test_order_does_not_matter(self, world: World, shuffler: Any) -> None:
        batch, market = world
        order = list(range(len(batch)))
        shuffler.shuffle(order)

        same(decide(batch.take(order), market), rows(decide(batch, market), order))


def _sell_rates(batch: Batch, market: MarketState, decision: Decision) -> Any:
    """Return what each sale cost, as the engine prices it."""
    known = (market.adv > 0) & (market.sigma_daily >= 0)
    impact = market.half_spread + 2 / 3 * market.sigma_daily * np.sqrt(decision.sell / np.where(known, market.adv, 1))
    return batch.spot_fee[:, None] + np.where(known, impact, 2 * market.half_spread)
