"""Say in a sentence why there is no recommendation, or why a part of one is missing (DECISIONS 20, 28-29)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from signals.domain.batch import HedgeVerdict, Outcome, OverlayVerdict, SpotVerdict
from signals.domain.costs import NOT_REACHABLE, REACHABLE_Z

NAMED = 3


class Case(NamedTuple):
    """Hold one portfolio's answer for the words about it. Amounts in USD, rates are fractions, times are hours.

    `liquidation` is a ratio to entry; `unfunded` is hedge margin that the reserve does not cover; `unpriced` are
    symbols without a price, `stale` those whose price is too old.
    """

    outcome: Outcome
    spot: SpotVerdict
    overlay: OverlayVerdict
    hedge: HedgeVerdict
    stage: str
    leader: str
    base: str
    is_owed: bool
    source: str
    destination: str
    moved: Decimal
    opened: Decimal
    closed: Decimal
    hedged: Decimal
    unhedged: Decimal
    cost: Decimal
    risk: Decimal
    margin: Decimal
    wanted_spot: float
    wanted_overlay: float
    hurdle: float
    alpha: float
    needed: float
    z_now: float
    z_needed: float
    confidence: float
    spot_risk: float
    equity: float
    leverage: float
    stop: float
    liquidation: float
    coverage: float
    horizon_days: float
    unfunded: Decimal
    resolved: int
    life_hours: float
    is_funding_hot: bool
    unpriced: Sequence[str] = ()
    stale: Sequence[str] = ()


_Sentence = str | Callable[[Case], str]


def money(amount: Decimal | float) -> str:
    """Write an amount: whole dollars from a thousand on, cents below; exact amounts round half to even."""
    return f"${amount:,.2f}" if -1000 < amount < 1000 else f"${amount:,.0f}"


def listed(parts: Sequence[str], *, most: int = 0) -> str:
    """Join parts as a sentence does; beyond `most` of them the rest is counted."""
    shown = [*parts[:most], f"{len(parts) - most} more"] if most and len(parts) > most else list(parts)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def percent(rate: float) -> str:
    """Write a rate with two decimals."""
    return f"{rate * 100:.2f}%"


def refusal(case: Case) -> str:
    """Return the one sentence of a refusal; raise KeyError for an accepted answer."""
    return _said(_REFUSALS[case.outcome], case)


def need(case: Case) -> str:
    """Return how far off the hurdle is: the z needed beside the z now (DECISIONS 29)."""
    if case.needed <= 0:
        return ""
    reach = f", {NOT_REACHABLE}" if case.z_needed > REACHABLE_Z else ""
    now = "is hidden" if math.isnan(case.z_now) else f"stands at a z of {case.z_now:.2f}"
    wanted = f"it needs {case.z_needed:.2f}" if math.isfinite(case.z_needed) else "no gap would do"
    return f"The score gap {now}; {wanted}{reach}."


def missing_parts(case: Case) -> list[str]:
    """Return what is missing from an accepted answer, and why; unknown gates stand here, under what speaks against."""
    found = [_SPOT.get(case.spot), _OVERLAY.get(case.overlay), _HEDGE.get(case.hedge)]
    return [_said(sentence, case) for sentence in found if sentence is not None]


def _said(sentence: _Sentence, case: Case) -> str:
    """Return a sentence, filled in where it speaks of the case."""
    return sentence if isinstance(sentence, str) else sentence(case)


def _below(case: Case) -> str:
    expected = "expects nothing it could name" if math.isnan(case.alpha) else f"expects {percent(case.alpha)}"
    what = (
        f"Moving {money(case.wanted_spot)} from {case.source or 'the reserve'} to {case.destination}"
        if case.spot == SpotVerdict.BELOW_HURDLE
        else f"A {money(case.wanted_overlay)} long on {case.destination}"
    )
    return (
        f"{what} has to earn {percent(case.needed)} in {case.horizon_days:.0f} days, "
        f"and the model {expected}: it does not pay."
    )


def _hidden(case: Case) -> str:
    return f"Too little fresh data stands behind {case.destination}: {case.coverage * 100:.0f}% of its weights."


def _blocked(case: Case) -> str:
    if case.overlay == OverlayVerdict.EXTREME_FUNDING:
        return f"Funding of {case.destination} is extreme, so you open no long there now."
    subject = case.destination if case.overlay == OverlayVerdict.UNKNOWN_GATE else case.leader
    return f"Funding, open interest or priced-in of {subject} cannot be read, so you open no futures now."


def _no_margin(case: Case) -> str:
    return f"A long on {case.destination} needs margin, and your reserve has nothing above its floor."


def _stale(case: Case) -> str:
    price = f"The price of {listed(case.stale, most=NAMED)}" if case.stale else "A price that this needs"
    return f"{price} is older than a day, so it recommends nothing."


def _unpriced(case: Case) -> str:
    names = case.unpriced or case.stale
    who = listed(names, most=NAMED) or "Something you hold"
    has, one = ("have", "one for each") if len(names) > 1 else ("has", "one")
    price = "price" if case.unpriced or not names else "fresh price"
    return f"{who} {has} no {price}. Enter {one}, and the next look counts it."


_REFUSALS: Mapping[Outcome, _Sentence] = MappingProxyType(
    {
        Outcome.NOTHING_TO_DO: "Nothing to decide: your pool is where this stage wants it.",
        Outcome.BELOW_HURDLE: _below,
        Outcome.LOW_COVERAGE: _hidden,
        Outcome.BLOCKED_GATE: _blocked,
        Outcome.NO_MARGIN: _no_margin,
        Outcome.STALE_INPUT: _stale,
        Outcome.UNPRICED_HOLDING: _unpriced,
        Outcome.EMPTY_POOL: "Your rotation pool is empty, so there is nothing to rotate.",
    }
)

_SPOT: Mapping[SpotVerdict, _Sentence] = MappingProxyType(
    {SpotVerdict.BELOW_HURDLE: _below, SpotVerdict.LOW_COVERAGE: _hidden}
)

_OVERLAY: Mapping[OverlayVerdict, _Sentence] = MappingProxyType(
    {
        OverlayVerdict.BELOW_HURDLE: lambda case: (
            f"A {money(case.wanted_overlay)} long on {case.destination} would not earn its fees and funding, "
            "so it is left out."
        ),
        OverlayVerdict.LOW_COVERAGE: _hidden,
        OverlayVerdict.WAITS_FOR_SPOT: "The futures overlay waits until the spot move pays.",
        OverlayVerdict.UNKNOWN_GATE: _blocked,
        OverlayVerdict.EXTREME_FUNDING: _blocked,
        OverlayVerdict.NOT_OPTED_IN: "Futures are off in your settings, so the overlay is left out.",
        OverlayVerdict.NO_PERP: lambda case: f"Nothing in {case.destination} has a perp on your venue: spot only.",
        OverlayVerdict.NO_MARGIN: _no_margin,
        OverlayVerdict.STOPPED_OUT: lambda case: (
            f"Your last long on {case.leader} was closed at a loss: no new one before the stage changes."
        ),
        OverlayVerdict.UNPRICED: "Part of your core or reserve has no price, so no futures are opened.",
    }
)

_HEDGE: Mapping[HedgeVerdict, _Sentence] = MappingProxyType(
    {
        HedgeVerdict.UNKNOWN_GATE: lambda case: (
            f"Funding, open interest or priced-in of {case.leader} or the core cannot be read, so no hedge is opened."
        ),
        HedgeVerdict.NOT_OPTED_IN: "Futures are off in your settings, so the core stays unhedged.",
        HedgeVerdict.UNPRICED: "Part of your core or reserve has no price, so no hedge is opened.",
    }
)
