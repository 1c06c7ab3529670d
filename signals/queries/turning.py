"""Read off a stored regime what would turn it."""

from __future__ import annotations

from signals.domain.params import DEFAULTS
from signals.domain.records import regime_state
from signals.domain.regime import RegimeInputs
from signals.domain.switches import Switch, switches
from signals.models import RegimeDay

ABSENT = {"since": None, "wanted": None, "count": 0}
"""What the state of an early row may lack."""


def regime_switches(day: RegimeDay) -> tuple[Switch, ...]:
    """Return what would turn the regime, as the rule itself sees it (DOMAIN 2.5)."""
    state = regime_state(day.regime, {**ABSENT, **day.state}, frozen_since=day.frozen_since)
    inputs = RegimeInputs(
        day=day.date, score=day.value, coverage=day.coverage, is_range=bool(day.state.get("is_range"))
    )
    return switches(state, inputs, params=DEFAULTS)
