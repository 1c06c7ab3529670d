"""Weights add up, stages are splits of the pool, and the 110% row is caught (DOMAIN 1.6)."""

import runpy
from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain import policy
from portfolio.domain.policy import (
    ANCHOR,
    PRESETS,
    TABLE,
    Preset,
    SplitError,
    StageCode,
    WeightGap,
    check_weights,
    normalised_row,
    pool_split,
    stage_targets,
)

ROWS = {"SC": (60, 20, 20), "NI": (60, 10, 30), "PR": (60, 40, 10), "RE": (60, 35, 5)}
SPLITS = {"SC": ("0.5", "0.5"), "NI": ("0.25", "0.75"), "PR": ("0.8", "0.2"), "RE": ("0.875", "0.125")}


def split(stage: str, **changes: object) -> dict[str, D]:
    terms: dict[str, object] = {
        "stage": StageCode(stage),
        "leader": "ai",
        "base": "defi",
        "policy_split": {"defi": D("0.5"), "ai": D("0.5")},
        "defensiveness": {"defi": D("0.8"), "ai": D("0.2")},
        "score_ok": {"defi": True, "ai": True},
    }
    return pool_split(**{**terms, **changes})  # type: ignore[arg-type]


class TestAnchor:
    """E01."""

    def test_splits_100_000(self) -> None:
        aims = stage_targets(
            preset=ANCHOR, stage=StageCode.SC, equity=D(100_000), split=split("SC"), leader="ai", base="defi"
        )

        assert (aims.core, aims.reserve, sum(aims.sectors.values())) == (50_000, 20_000, 30_000)

    def test_implies_the_portfolio_of_a_10_000_pool(self) -> None:
        total = D(10_000) / ANCHOR.pool_weight

        assert round(total, 2) == D("33333.33")
        assert round(total * ANCHOR.core_weight, 2) == D("16666.67")
        assert round(total * ANCHOR.reserve_weight, 2) == D("6666.67")

    @pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
    def test_presets_add_up(self, preset: object) -> None:
        check_weights(preset.weights)  # type: ignore[attr-defined]


class TestScenarios:
    """E02 and E05."""

    def test_scenario_a_moves_2_500(self) -> None:
        aims = split("NI")

        assert {k: v * 10_000 for k, v in aims.items()} == {"defi": 2_500, "ai": 7_500}

    def test_scenario_b_follows_the_rule_from_either_start(self) -> None:
        target = {k: v * 10_000 for k, v in split("PR").items()}

        assert target == {"defi": 8_000, "ai": 2_000}
        assert (target["defi"] - 3_000, target["ai"] + 3_000) == (5_000, 5_000)
        assert 7_500 - target["ai"] == 5_500
        assert (2_500 + 3_000, 7_500 - 3_000) == (5_500, 4_500)


class TestPresets:
    """DOMAIN 3.2, read anew from its source."""

    @pytest.fixture
    def presets(self) -> dict[str, Preset]:
        assert policy.__file__
        return dict(runpy.run_path(policy.__file__, run_name=policy.__name__)["PRESETS"])

    @pytest.mark.parametrize(("name", "overlay"), [("ANCHOR", "0.30"), ("TABLE", "0.375")])
    def test_only_the_overlay_of_an_ignition_differs(self, presets: dict[str, Preset], name: str, overlay: str) -> None:
        rules = {
            stage.value: (rule.leader_share, rule.futures_ratio, rule.leverage)
            for stage, rule in presets[name].stages.items()
        }

        assert rules == {
            "SC": (None, 0, 1),
            "NI": (D("0.75"), D(overlay), 3),
            "PR": (D("0.20"), D("-0.25"), 2),
            "RE": (D("0.125"), D("0.25"), 2),
        }

    def test_weights_are_named_by_their_sleeves(self) -> None:
        assert ANCHOR.weights == {"core": D("0.5"), "reserve": D("0.2"), "pool": D("0.3")}
        assert TABLE.weights == {"core": D("0.6"), "reserve": 0, "pool": D("0.4")}

    def test_a_small_equity_has_a_small_overlay_carved_out(self) -> None:
        even = {"ai": D("0.5"), "defi": D("0.5")}

        aims = stage_targets(preset=TABLE, stage=StageCode.NI, equity=D(1), split=even, leader="ai", base="defi")

        assert (aims.overlay, aims.margin, aims.core_hedge) == ({"ai": D("0.15")}, D("0.05"), 0)
        assert aims.sectors == {"ai": D("0.15"), "defi": D("0.2")}


class TestStageTable:
    """E07, E08 and E10."""

    @pytest.mark.parametrize(
        ("stage", "dollars"),
        [
            ("SC", (60_000, 20_000, 20_000)),
            ("NI", (60_000, 10_000, 30_000)),
            ("PR", (60_000, 32_000, 8_000)),
            ("RE", (60_000, 35_000, 5_000)),
        ],
    )
    def test_rows_are_splits_of_the_pool(self, stage: str, dollars: tuple[int, int, int]) -> None:
        core, defi, ai = (D(part) / 100 for part in ROWS[stage])

        row = normalised_row(core=core, sectors={"defi": defi, "ai": ai})

        assert tuple(row[name] * 100_000 for name in ("core", "defi", "ai")) == dollars
        assert tuple(row[name] / D("0.4") for name in ("defi", "ai")) == tuple(map(D, SPLITS[stage]))

    @pytest.mark.parametrize("stage", SPLITS)
    def test_the_engine_gives_the_same_splits(self, stage: str) -> None:
        assert tuple(split(stage)[k] for k in ("defi", "ai")) == tuple(map(D, SPLITS[stage]))

    @pytest.mark.parametrize(
        ("before", "after", "moved", "turnover", "fees"),
        [
            ("SC", "NI", -10_000, "0.25", 20),
            ("NI", "PR", 22_000, "0.55", 44),
            ("PR", "RE", 3_000, "0.075", 6),
            ("RE", "SC", -15_000, "0.375", 30),
        ],
    )
    def test_moves_between_stages(self, before: str, after: str, moved: int, turnover: str, fees: int) -> None:
        change = (split(after)["defi"] - split(before)["defi"]) * 40_000

        assert change == moved
        assert abs(change) / 40_000 == D(turnover)
        assert abs(change) * 2 * D("0.001") == fees

    def test_the_peak_row_is_ten_points_over(self) -> None:
        core, defi, ai = (D(part) / 100 for part in ROWS["PR"])

        with pytest.raises(WeightGap, match=r"^These weights add up to 110%: 10 points over\.$") as caught:
            check_weights({"core": core, "defi": defi, "ai": ai})

        assert caught.value.gap == D("0.10")

    def test_too_little_is_said_too(self) -> None:
        with pytest.raises(WeightGap, match=r"^These weights add up to 99%: 1 point short\.$"):
            check_weights({"core": D("0.49"), "pool": D("0.5")})

    def test_a_negative_weight_is_refused(self) -> None:
        with pytest.raises(SplitError, match=r"^A weight must not be negative\.$"):
            check_weights({"core": D("1.1"), "pool": D("-0.1")})

    @pytest.mark.parametrize(
        ("stage", "spot", "futures", "margin"),
        [
            ("SC", (15_000, 15_000), ({}, 0), 0),
            ("NI", (7_500, 22_500), ({"ai": 9_000}, 0), 3_000),
            ("PR", (24_000, 6_000), ({}, -7_500), 3_750),
            ("RE", (26_250, 3_750), ({"defi": 7_500}, 0), 3_750),
        ],
    )
    def test_stages_on_the_anchor(
        self, stage: str, spot: tuple[int, int], futures: tuple[object, int], margin: int
    ) -> None:
        aims = stage_targets(
            preset=ANCHOR, stage=StageCode(stage), equity=D(100_000), split=split(stage), leader="ai", base="defi"
        )

        assert (aims.core, aims.reserve) == (50_000, 20_000)
        assert (aims.sectors["defi"], aims.sectors["ai"]) == spot
        assert (aims.overlay, aims.core_hedge) == futures
        assert aims.margin == margin

    def test_the_table_carves_margin_out_of_the_sleeve(self) -> None:
        aims = stage_targets(
            preset=TABLE, stage=StageCode.NI, equity=D(100_000), split=split("NI"), leader="ai", base="defi"
        )

        assert (aims.sectors["ai"], aims.margin, aims.overlay["ai"]) == (25_000, 5_000, 15_000)

    def test_a_hedge_never_exceeds_the_core(self) -> None:
        thin = type(ANCHOR)(
            **{
                **{n: getattr(ANCHOR, n) for n in ANCHOR.__slots__},
                "core_weight": D("0.01"),
                "reserve_weight": D("0.69"),
            }
        )

        aims = stage_targets(
            preset=thin, stage=StageCode.PR, equity=D(100), split=split("PR"), leader="ai", base="defi"
        )

        assert aims.core_hedge == -aims.core == -1


class TestPoolSplit:
    """DOMAIN 3.3, last paragraph, for any number of sectors."""

    POLICY = {"defi": D("0.4"), "ai": D("0.3"), "rwa": D("0.3")}
    DEFENSIVE = {"defi": D("0.8"), "ai": D("0.2"), "rwa": D("0.5")}

    def three(self, stage: str, **changes: object) -> dict[str, D]:
        ok = dict.fromkeys(self.POLICY, True)
        terms = {"policy_split": self.POLICY, "defensiveness": self.DEFENSIVE, "score_ok": ok, **changes}
        return split(stage, **terms)

    def test_ignition_shares_the_rest_by_policy(self) -> None:
        aims = self.three("NI")

        assert aims["ai"] == D("0.75")
        assert aims["defi"] == D("0.142857142857142857")
        assert sum(aims.values()) == 1

    def test_peak_shares_the_rest_by_defence(self) -> None:
        aims = self.three("PR")

        assert aims["ai"] == D("0.2")
        assert Fraction(aims["defi"]) / Fraction(aims["rwa"]) == pytest.approx(32 / 15)
        assert sum(aims.values()) == 1

    def test_peak_leaves_out_the_weak(self) -> None:
        aims = self.three("PR", score_ok={"defi": False, "ai": True, "rwa": True})

        assert aims == {"defi": 0, "ai": D("0.2"), "rwa": D("0.8")}

    def test_who_has_no_defence_or_no_score_gets_nothing(self) -> None:
        bare = self.three("PR", leader="ai", base="defi", defensiveness={"defi": D("0.8")})
        unscored = self.three("PR", leader="ai", base="defi", score_ok={"defi": True})

        assert [part for sector, part in bare.items() if sector not in ("ai", "defi")] == [0]
        assert bare == unscored
        assert sum(bare.values()) == 1

    def test_nobody_eligible_means_all_to_the_base(self) -> None:
        aims = self.three("RE", score_ok={})

        assert aims == {"defi": D("0.875"), "ai": D("0.125"), "rwa": 0}

    def test_ignition_does_not_cut_a_leader_that_holds_more(self) -> None:
        assert self.three("NI", held_share=D("0.8"))["ai"] == D("0.8")
        assert self.three("NI", held_share=D("0.95"))["ai"] == D("0.875")

    def test_a_policy_may_set_its_own_leader_share(self) -> None:
        assert self.three("NI", leader_share=D("0.6"))["ai"] == D("0.6")

    @pytest.mark.parametrize(("leader", "base"), [(None, "defi"), ("gold", "defi"), ("ai", "gold")])
    def test_strangers_are_refused(self, leader: str | None, base: str) -> None:
        with pytest.raises(SplitError, match=r"^The leader and the base must be sectors of the pool\.$"):
            self.three("PR", leader=leader, base=base)

    def test_a_lone_leader_is_refused(self) -> None:
        with pytest.raises(SplitError, match=r"^Nobody but the leader is left to take the rest of the pool\.$"):
            split("PR", leader="defi", base="defi", score_ok={})

    @given(
        st.sampled_from(StageCode),
        st.lists(st.integers(0, 1000), min_size=2, max_size=9).filter(any),
        st.lists(st.booleans(), min_size=9, max_size=9),
        st.integers(1, 8),
    )
    def test_shares_add_up_to_one(self, stage: StageCode, parts: list[int], ok: list[bool], leader: int) -> None:
        names = [f"s{n}" for n in range(len(parts))]
        policy = normalised_row(core=D(0), sectors={n: D(p) for n, p in zip(names, parts, strict=True)})
        del policy["core"]

        aims = pool_split(
            stage=stage,
            leader=names[1 + leader % (len(names) - 1)],
            base=names[0],
            policy_split=policy,
            defensiveness={n: D(k) / 10 for k, n in enumerate(names)},
            score_ok=dict(zip(names, ok, strict=False)),
        )

        assert sum(map(Fraction, aims.values())) == 1
        assert min(aims.values()) >= 0
