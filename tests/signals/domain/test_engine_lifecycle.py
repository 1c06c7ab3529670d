"""Hold the life of an answer to DOMAIN 3.8 and DECISIONS 30: one card an episode, not one a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from signals.domain.batch import Outcome
from signals.domain.lifecycle import (
    Answer,
    Fate,
    expires_at,
    fate_of_closed,
    fate_of_open,
    fate_of_refusal,
)

NOW = datetime(2026, 3, 1, 0, 5, tzinfo=UTC)
NAN = float("nan")


def answer(**values: Any) -> Answer:
    """Build an answer of an AI ignition."""
    base: dict[str, Any] = {
        "stage": "NI",
        "leader_id": 2,
        "regime": "RISK_ON",
        "outcome": Outcome.TRADE,
        "alpha": 0.010,
        "hurdle": 0.006,
        "moved": 2500.0,
        "futures": 3000.0,
    }
    return Answer(**{**base, **values})


def stands(old: Answer, new: Answer, **values: Any) -> Fate:
    """Return the fate of an open answer."""
    ground: dict[str, Any] = {
        "is_expired": False,
        "pool": 10_000.0,
        "ratio_move": 0.0,
        "stop": 0.15,
        "is_extreme": False,
    }
    return fate_of_open(old, new, **{**ground, **values}).fate


class TestExpiry:
    """How long an answer stands."""

    @pytest.mark.parametrize(("regime", "hours"), [("RISK_ON", 24), ("CONSOLIDATION", 72), ("RISK_OFF", 12)])
    def test_by_regime(self, regime: str, hours: int) -> None:
        assert expires_at(issued_at=NOW, regime=regime) == NOW + timedelta(hours=hours)

    def test_funding_shortens_it_to_the_next_payment(self) -> None:
        soon, late = NOW + timedelta(hours=3), NOW + timedelta(hours=30)

        assert expires_at(issued_at=NOW, regime="CONSOLIDATION", is_funding=True, next_funding=soon) == soon
        assert expires_at(issued_at=NOW, regime="RISK_ON", is_funding=True, next_funding=late).hour == 12
        assert expires_at(issued_at=NOW, regime="RISK_ON", is_funding=True) == NOW + timedelta(hours=12)
        assert expires_at(issued_at=NOW, regime="RISK_ON", next_funding=soon) == NOW + timedelta(hours=24)


class TestOpen:
    """What ends an open recommendation."""

    def test_the_same_again_stands(self) -> None:
        assert stands(answer(), answer(alpha=0.02, moved=2600.0)) is Fate.KEEP

    @pytest.mark.parametrize(
        ("change", "ground", "fate"),
        [
            ({}, {"is_expired": True}, Fate.EXPIRED),
            ({"stage": "PR"}, {}, Fate.INVALIDATED),
            ({"leader_id": 3}, {}, Fate.INVALIDATED),
            ({"regime": "RISK_OFF"}, {}, Fate.INVALIDATED),
            ({}, {"ratio_move": 0.0751}, Fate.INVALIDATED),
            ({}, {"ratio_move": 0.0749}, Fate.KEEP),
            ({}, {"ratio_move": NAN}, Fate.KEEP),
            ({}, {"is_extreme": True}, Fate.INVALIDATED),
            ({"outcome": Outcome.STALE_INPUT}, {}, Fate.INVALIDATED),
            ({"outcome": Outcome.BELOW_HURDLE}, {}, Fate.SUPERSEDED),
            ({"moved": 2701.0}, {}, Fate.SUPERSEDED),
            ({"futures": 2799.0}, {}, Fate.SUPERSEDED),
        ],
    )
    def test_what_ends_it(self, change: dict[str, Any], ground: dict[str, Any], fate: Fate) -> None:
        assert stands(answer(), answer(**change), **ground) is fate


class TestRefusal:
    """When a refusal is worth a second card."""

    REFUSED = answer(outcome=Outcome.BELOW_HURDLE, alpha=0.003, hurdle=0.006)

    @pytest.mark.parametrize(
        ("change", "fate"),
        [
            ({}, Fate.KEEP),
            ({"alpha": 0.0035}, Fate.KEEP),
            ({"alpha": 0.0036}, Fate.NEW),
            ({"alpha": 0.0024}, Fate.NEW),
            ({"hurdle": 0.009}, Fate.NEW),
            ({"stage": "RE"}, Fate.NEW),
            ({"leader_id": None}, Fate.NEW),
            ({"regime": "CONSOLIDATION"}, Fate.NEW),
            ({"outcome": Outcome.TRADE}, Fate.NEW),
            ({"outcome": Outcome.BLOCKED_GATE}, Fate.NEW),
        ],
    )
    def test_repeats_only_when_something_changed(self, change: dict[str, Any], fate: Fate) -> None:
        assert fate_of_refusal(self.REFUSED, self.REFUSED._replace(**change)).fate is fate

    def test_nothing_to_do_is_said_once_an_episode(self) -> None:
        quiet = answer(outcome=Outcome.NOTHING_TO_DO, hurdle=0.0)

        assert fate_of_refusal(quiet, quiet._replace(alpha=-0.5)).fate is Fate.KEEP


class TestClosed:
    """What comes after a close."""

    def test_an_ignored_change_stays_owed(self) -> None:
        assert fate_of_closed(answer(), answer(), was_passed=False).fate is Fate.NEW

    def test_a_pass_holds_for_the_episode_unless_it_gets_a_fifth_better_or_worse(self) -> None:
        assert fate_of_closed(answer(), answer(alpha=0.011), was_passed=True).fate is Fate.KEEP
        assert fate_of_closed(answer(), answer(alpha=0.013), was_passed=True).fate is Fate.NEW
        assert fate_of_closed(answer(), answer(stage="PR"), was_passed=True).fate is Fate.NEW
