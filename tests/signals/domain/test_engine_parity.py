"""Hold the engine's float64 split to the policy's exact one, and the caps to their table (DOMAIN 3.3, F05)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio.domain import policy
from portfolio.domain.money import shares
from signals.domain.batch import StageCode
from signals.domain.engine import decide
from signals.domain.limits import limits_of
from tests.signals.domain.books import STAGES, book, market

NAMES = "abcdef"


@settings(max_examples=200, deadline=None)
@given(data=st.data(), sectors=st.integers(2, 6), stage=st.sampled_from(list(policy.StageCode)))
def test_both_splits_agree(data: Any, sectors: int, stage: policy.StageCode) -> None:
    """One rule, two number types: the arrays decide, the decimals explain."""
    names = NAMES[:sectors]
    leader = data.draw(st.integers(0, sectors - 1))
    base = data.draw(st.integers(0, sectors - 1).filter(lambda k: k != leader))
    weights = data.draw(st.lists(st.integers(0, 100), min_size=sectors, max_size=sectors).filter(any))
    split = shares(total=Decimal(1), weights=map(Decimal, weights))
    defensiveness = data.draw(st.lists(st.integers(0, 10), min_size=sectors, max_size=sectors))
    scores = data.draw(st.lists(st.floats(0, 100), min_size=sectors, max_size=sectors))
    spot = data.draw(st.lists(st.integers(0, 10_000), min_size=sectors, max_size=sectors).filter(any))
    exact = policy.pool_split(
        stage=stage,
        leader=names[leader],
        base=names[base],
        policy_split=dict(zip(names, split, strict=True)),
        defensiveness={k: Decimal(d) / 10 for k, d in zip(names, defensiveness, strict=True)},
        score_ok={k: s >= 40 for k, s in zip(names, scores, strict=True)},
        held_share=Decimal(spot[leader]) / sum(spot),
    )
    rows = book(
        spot=[float(value) for value in spot],
        stage=stage.value,
        leader=leader,
        base=base,
        policy_split=[float(part) for part in split],
    )

    fast = decide(rows, market(sectors=sectors, defensiveness=np.array(defensiveness) / 10, score=scores)).weights[0]

    assert fast == pytest.approx([float(exact[name]) for name in names], abs=1e-12)


def test_stage_codes_are_the_same_four() -> None:
    assert [code.name for code in StageCode] == [code.value for code in policy.StageCode]


@pytest.mark.parametrize("preset", [policy.ANCHOR, policy.TABLE])
def test_the_presets_of_these_tests_are_the_products(preset: policy.Preset) -> None:
    for stage, (share, ratio, leverage) in STAGES[preset.name.lower()].items():
        rule = preset.stages[policy.StageCode(stage)]
        assert (float(rule.futures_ratio), float(rule.leverage)) == (ratio, leverage)
        assert rule.leader_share is None or float(rule.leader_share) == share


@pytest.mark.parametrize(
    ("experience", "caps"),
    [("beginner", (3, 0.10, 0.010)), ("intermediate", (3, 0.25, 0.015)), ("advanced", (5, 0.40, 0.025))],
)
def test_caps_follow_experience(experience: str, caps: tuple[float, ...]) -> None:
    assert limits_of(experience, has_overlay=True) == caps
    assert limits_of(experience, has_overlay=False).max_leverage == 0
