"""Say how far the regime's score is from each regime it could turn to (DOMAIN 2.5; DECISIONS 25)."""

from __future__ import annotations

from dataclasses import dataclass

from signals.domain.params import Params
from signals.domain.regime import Regime, RegimeInputs, RegimeState, wanted_regime


@dataclass(frozen=True, slots=True)
class Switch:
    """Hold one regime that another score would ask for, from `bound` up or down.

    `distance` is the points still missing, 0 where this close asks for it; then `count` of `needed` closes have.
    `is_within` tells whether the bound itself is enough.
    """

    regime: Regime
    bound: float
    is_upward: bool
    is_within: bool
    distance: float
    count: int
    needed: int

    @property
    def is_wanted(self) -> bool:
        """Return whether the newest close asked for it."""
        return self.count > 0


def switches(state: RegimeState, inputs: RegimeInputs, *, params: Params) -> tuple[Switch, ...]:
    """Return every regime but the one that stands, with the score that asks for it and how far that is (DOMAIN 2.5)."""
    wanted = wanted_regime(state.regime, inputs, params=params)
    others = [regime for regime in (Regime.RISK_ON, Regime.CONSOLIDATION, Regime.RISK_OFF) if regime != state.regime]
    return tuple(_switch(regime, wanted, state, inputs, params) for regime in others)


def _switch(regime: Regime, wanted: Regime, state: RegimeState, inputs: RegimeInputs, params: Params) -> Switch:
    bound, is_upward, is_within = _bound(regime, state.regime, inputs, params)
    missing = bound - inputs.score if is_upward else inputs.score - bound
    return Switch(
        regime=regime,
        bound=bound,
        is_upward=is_upward,
        is_within=is_within,
        distance=0.0 if regime == wanted else max(missing, 0.0),
        count=max(state.count, 1) if regime == wanted and state.wanted == regime else 0,
        needed=params.regime_confirm,
    )


def _bound(regime: Regime, current: Regime, inputs: RegimeInputs, params: Params) -> tuple[float, bool, bool]:
    """Return the score from which a regime is asked for, whether upward, and whether the score itself is enough."""
    is_range = inputs.is_range
    if regime == Regime.RISK_ON:
        return (params.range_risk_on if is_range else params.enter_risk_on), True, True
    if regime == Regime.RISK_OFF:
        return (params.range_risk_off if is_range else params.enter_risk_off), False, True
    if current == Regime.RISK_ON:
        return (params.range_risk_on if is_range else params.leave_risk_on), False, False
    return (params.range_risk_off if is_range else params.leave_risk_off), True, False
