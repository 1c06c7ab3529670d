"""Hold the explanation to its contract: deterministic sentences that a tired trader understands (DOMAIN 3.9)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from signals.domain.batch import HedgeVerdict, Outcome, OverlayVerdict, SpotVerdict
from signals.domain.explain import Story, Why, explained, headline, market_reasons
from signals.domain.refusals import Case, missing_parts, money, need, refusal


def case(**values: Any) -> Case:
    """Build scenario A's answer."""
    base: dict[str, Any] = {
        "outcome": Outcome.TRADE,
        "spot": SpotVerdict.PAYS,
        "overlay": OverlayVerdict.PAYS,
        "hedge": HedgeVerdict.NONE,
        "stage": "NI",
        "is_owed": True,
        "leader": "AI",
        "base": "DeFi",
        "source": "DeFi",
        "destination": "AI",
        "moved": 2500.0,
        "opened": 3000.0,
        "closed": 0.0,
        "hedged": 0.0,
        "unhedged": 0.0,
        "wanted_spot": 2500.0,
        "wanted_overlay": 3000.0,
        "cost": 8.994375,
        "hurdle": 0.00556159,
        "alpha": 0.01468855,
        "needed": 0.0059955,
        "z_now": 2.5,
        "z_needed": 1.02,
        "confidence": 0.531,
        "coverage": 0.8,
        "resolved": 0,
        "risk": 452.775,
        "spot_risk": 379.06,
        "equity": 33_333.34,
        "margin": 1000.0,
        "leverage": 3.0,
        "stop": 0.15,
        "liquidation": 0.67340067,
        "unfunded": 0.0,
        "horizon_days": 14.0,
        "life_hours": 24.0,
        "is_funding_hot": False,
    }
    merged = {**base, **values}
    exact = ("moved", "opened", "closed", "hedged", "unhedged", "cost", "risk", "margin", "unfunded")
    return Case(**{**merged, **{name: Decimal(str(merged[name])) for name in exact}})


STORY = Story(
    regime="RISK_ON",
    contributions={
        "AI": [
            Why("AI", "Turnover", 6.67, "CoinGecko", 3.0),
            Why("AI", "Relative strength", 5.0, "", 1.0),
            Why("AI", "Partnerships", -2.5, "", 60.0),
            Why("AI", "Sentiment", 0.0, "", None, "nobody asked within a day"),
        ],
        "DeFi": [Why("DeFi", "TVL", -4.0, "DefiLlama"), Why("DeFi", "L2 share", 1.0)],
    },
    unknown={"AI": ("Open interest",)},
)


class TestHeadline:
    """What to do, first."""

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({}, "AI is igniting: move $2,500 from DeFi to AI and open a $3,000 long on AI."),
            (
                {"stage": "PR", "source": "AI", "destination": "DeFi", "opened": 0, "closed": 3000.0, "hedged": 2500.0},
                "AI has peaked: close $3,000 of longs, move $2,500 from AI to DeFi and short $2,500 against your core.",
            ),
            (
                {"stage": "RE", "is_owed": False, "moved": 300.0, "opened": 0, "destination": "DeFi", "source": "AI"},
                "Your pool has drifted: move $300.00 from AI to DeFi.",
            ),
            ({"source": "", "opened": 0}, "AI is igniting: move $2,500 from the reserve to AI."),
        ],
    )
    def test_stage_and_actions(self, change: dict[str, Any], words: str) -> None:
        assert headline(case(**change)) == words

    @pytest.mark.parametrize("outcome", [o for o in Outcome if o != Outcome.TRADE])
    def test_every_refusal_is_one_whole_calm_sentence_or_two(self, outcome: Outcome) -> None:
        words = headline(case(outcome=outcome, spot=SpotVerdict.BELOW_HURDLE))

        assert words[0].isupper()
        assert words.endswith(".")
        assert "!" not in words

    def test_a_trade_is_no_refusal(self) -> None:
        with pytest.raises(KeyError):
            refusal(case())


class TestFuturesThatCutRisk:
    """They are no bet on a narrative: their own numbers speak for and against them."""

    ALONE: ClassVar = {"moved": 0, "opened": 0, "source": "", "stage": "PR"}

    @pytest.mark.parametrize(
        ("change", "supports", "drawback"),
        [
            ({"hedged": 2500.0}, "The hedge covers $2,500 of", "A core that rises 10% gives you $250.00 less."),
            ({"unhedged": 2500.0}, "Nothing asks for $2,500 of the hedge", "Your core falls unprotected again."),
            ({"closed": 3000.0}, "Closing takes $3,000 of borrowed exposure off", "It costs $8.99 now."),
        ],
    )
    def test_both_sides_are_said(self, change: dict[str, Any], supports: str, drawback: str) -> None:
        found = explained(case(**{**self.ALONE, **change}), reasons=(), against=())
        assert found.reasons[0].startswith(supports)
        assert drawback in found.against

    def test_a_move_has_the_markets_reasons_only(self) -> None:
        found = explained(case(opened=0), reasons=["One."], against=["Two."])
        assert (found.reasons, found.against) == (["One."], ["Two."])


class TestRefusal:
    """What a refusal says."""

    def test_below_the_hurdle(self) -> None:
        words = refusal(case(outcome=Outcome.BELOW_HURDLE, spot=SpotVerdict.BELOW_HURDLE, alpha=0.0029, needed=0.0060))

        assert words == (
            "Moving $2,500 from DeFi to AI has to earn 0.60% in 14 days, and the model expects 0.29%: it does not pay."
        )

    @pytest.mark.parametrize(
        ("now", "needed", "words"),
        [
            (0.5, 1.02, "The score gap stands at a z of 0.50; it needs 1.02."),
            (0.5, 3.5, "The score gap stands at a z of 0.50; it needs 3.50, not reachable at these costs."),
            (0.5, float("inf"), "The score gap stands at a z of 0.50; no gap would do, not reachable at these costs."),
            (float("nan"), 1.02, "The score gap is hidden; it needs 1.02."),
        ],
    )
    def test_z_needed_beside_z_now(self, now: float, needed: float, words: str) -> None:
        assert need(case(z_now=now, z_needed=needed)) == words

    def test_nothing_needed_says_nothing(self) -> None:
        assert need(case(needed=0.0)) == ""

    @pytest.mark.parametrize("overlay", [v for v in OverlayVerdict if v >= OverlayVerdict.BELOW_HURDLE])
    def test_every_missing_overlay_has_a_reason(self, overlay: OverlayVerdict) -> None:
        assert len(missing_parts(case(overlay=overlay))) == 1

    @pytest.mark.parametrize("hedge", [v for v in HedgeVerdict if v >= HedgeVerdict.UNKNOWN_GATE])
    def test_every_missing_hedge_has_a_reason(self, hedge: HedgeVerdict) -> None:
        assert len(missing_parts(case(hedge=hedge))) == 1


class TestMarketReasons:
    """What the scores say."""

    def test_for_is_ordered_by_points_the_sources_weakness_included(self) -> None:
        reasons, _ = market_reasons(STORY, source="DeFi", destination="AI")

        assert reasons == [
            "Turnover adds 6.7 points to AI (CoinGecko, 3 h old).",
            "Relative strength adds 5.0 points to AI (1 h old).",
            "TVL takes 4.0 points from DeFi (DefiLlama).",
        ]

    def test_unknown_gates_and_silence_stand_under_against(self) -> None:
        _, against = market_reasons(STORY, source="DeFi", destination="AI")

        assert against == [
            "Open interest of AI cannot be read.",
            "Partnerships takes 2.5 points from AI (2 days old).",
            "L2 share adds 1.0 points to DeFi.",
            "Sentiment says nothing about AI (nobody asked within a day).",
        ]


class TestSections:
    """The whole card."""

    def test_a_recommendation_has_every_section(self) -> None:
        found = explained(case(), reasons=["A."], against=["B."])

        assert all(found)
        assert found.costs == (
            "All legs cost $8.99 now. There and back, it has to earn 0.60% in 14 days; the model expects 1.47%."
        )
        assert found.risk == (
            "Down to the stop you lose $452.78, 1.36% of your equity. The stop is 15.00% away, liquidation 32.66%; "
            "at 3x the worst case is the margin of $1,000."
        )
        assert found.confidence == "53% (slight edge); no resolved recommendation stands behind it yet."
        assert found.life.startswith("It stands for 24 hours.")

    def test_a_refusal_shows_need_and_confidence_only(self) -> None:
        refused = case(outcome=Outcome.BELOW_HURDLE, spot=SpotVerdict.BELOW_HURDLE, confidence=0.49)

        found = explained(refused, reasons=[], against=[])

        assert found.need
        assert found.confidence
        assert not any((found.costs, found.risk, found.life, found.otherwise))
        assert found.against == ["The model's edge is no better than a coin flip."]

    def test_risk_reducing_legs_show_costs_and_need_nothing(self) -> None:
        found = explained(case(needed=0.0, opened=0.0), reasons=[], against=[])

        assert found.costs == "All legs cost $8.99 now. These legs reduce risk, so they need not earn it."
        assert found.risk == "No futures. Down to its stops, the spot bought would lose $379.06."

    def test_cautions(self) -> None:
        found = explained(case(is_funding_hot=True, unfunded=250.0), reasons=[], against=[])

        assert found.against == [
            "Funding is hot, so the overlay is half its size.",
            "Your reserve lacks $250.00 of the hedge's margin.",
        ]

    def test_the_same_case_gives_the_same_words(self) -> None:
        assert explained(case(), reasons=["A."], against=[]) == explained(case(), reasons=["A."], against=[])

    @pytest.mark.parametrize(("amount", "words"), [(999.994, "$999.99"), (1000.0, "$1,000"), (8.994375, "$8.99")])
    def test_money(self, amount: float, words: str) -> None:
        assert money(amount) == words
