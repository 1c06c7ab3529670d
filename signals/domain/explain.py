"""Explain an answer by a fixed template: what to do, why, what speaks against, what it costs (DOMAIN 3.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from signals.domain.batch import Outcome
from signals.domain.costs import confidence_label
from signals.domain.refusals import Case, listed, missing_parts, money, need, percent, refusal

TOP = 3
NOTICEABLE = 0.05
SHOCK = Decimal("0.1")
AGAIN = ", and about as much again to close it"
STAGE_WORDS = MappingProxyType(
    {
        "SC": "Nothing leads",
        "NI": "{leader} is igniting",
        "PR": "{leader} has peaked",
        "RE": "{base} is re-emerging",
    }
)
INDICATOR_WORDS = MappingProxyType(
    {
        "tvl": "TVL growth",
        "l2": "Layer-2 share",
        "regulatory": "Regulatory news",
        "partnership": "Partnership news",
        "events": "News",
        "turnover": "Turnover",
        "sentiment": "Sentiment",
        "rs": "Relative strength",
        "xs_mom": "28-day momentum",
        "dex_volume": "DEX volume",
        "breadth": "Breadth",
        "tilt": "The regime",
    }
)
CANCELS = (
    "It ends early if the stage or regime changes, the relative price moves by more than half the stop, "
    "funding becomes extreme, or your holdings change."
)


class Why(NamedTuple):
    """Hold one contribution to a sector's score: points above or below 50, and how old its reading is."""

    sector: str
    indicator: str
    points: float
    source: str = ""
    age_hours: float | None = None
    note: str = ""


class Story(NamedTuple):
    """Hold what is true for everybody now: contributions by sector, gates that cannot be read, and hints."""

    regime: str
    contributions: Mapping[str, Sequence[Why]]
    unknown: Mapping[str, Sequence[str]]
    hints: Sequence[str] = ()


class Explanation(NamedTuple):
    """Hold the sections in the order of the page."""

    headline: str
    reasons: list[str]
    against: list[str]
    need: str
    costs: str
    risk: str
    confidence: str
    life: str
    otherwise: str


def explained(case: Case, *, reasons: Sequence[str], against: Sequence[str]) -> Explanation:
    """Return the sections of one answer; `reasons` and `against` are the market's, from `market_reasons`.

    Futures that only protect or end are no bet on a narrative: the scores say nothing of them, their own numbers do.
    """
    is_trade = case.outcome == Outcome.TRADE
    cuts = is_trade and bool(case.hedged or case.unhedged or case.closed)
    supports, drawbacks = (_supports(case), _drawbacks(case)) if cuts else ([], [])
    return Explanation(
        headline=headline(case),
        reasons=[*supports, *reasons],
        against=[*(missing_parts(case) if is_trade else []), *_cautions(case), *drawbacks, *against],
        need=need(case),
        costs=_costs(case) if is_trade else "",
        risk=_risk(case) if is_trade else "",
        confidence=_confidence(case) if is_trade or case.needed > 0 else "",
        life=f"It stands for {case.life_hours:.0f} hours. {CANCELS}" if is_trade else "",
        otherwise="If you do nothing, this is followed on paper, and the journal shows what it would have brought."
        if is_trade
        else "",
    )


def headline(case: Case) -> str:
    """Return what changed and what to do about it, or the refusal's one sentence."""
    if case.outcome != Outcome.TRADE:
        return refusal(case)
    stage = STAGE_WORDS[case.stage].format(leader=case.leader, base=case.base)
    return f"{stage if case.is_owed else 'Your pool has drifted'}: {listed(_actions(case))}."


def _actions(case: Case) -> list[str]:
    """Return what there is to do, risk-reducing futures first."""
    aims = (
        (case.closed, "close {} of longs"),
        (case.unhedged, "close {} of the hedge"),
        (case.moved, f"move {{}} from {case.source or 'the reserve'} to {case.destination or 'the reserve'}"),
        (case.opened, f"open a {{}} long on {case.destination}"),
        (case.hedged, "short {} against your core"),
    )
    return [words.format(money(amount)) for amount, words in aims if amount > 0]


def market_reasons(story: Story, *, source: str, destination: str) -> tuple[list[str], list[str]]:
    """Return what the scores say for a move and what against, three of each, then gates nobody can read."""
    own = [(why.points, why) for why in story.contributions.get(destination, ())]
    other = [(-why.points, why) for why in story.contributions.get(source, ())]
    ordered = sorted(own + other, key=lambda pair: -pair[0])
    speaks_for = [contribution_words(why) for points, why in ordered if points >= NOTICEABLE][:TOP]
    speaks_against = [contribution_words(why) for points, why in reversed(ordered) if points <= -NOTICEABLE][:TOP]
    unread = [f"{what} of {destination} cannot be read." for what in story.unknown.get(destination, ())]
    silent = [_missing(why) for _, why in own if why.note and abs(why.points) < NOTICEABLE]
    return [*speaks_for, *story.hints], [*unread, *speaks_against, *silent]


def contribution_words(why: Why) -> str:
    """Return a contribution as a sentence: how many points, from which source, and how old the reading is."""
    verb, way = ("adds", "to") if why.points > 0 else ("takes", "from")
    age = "" if why.age_hours is None else f"{_age(why.age_hours)} old"
    proof = ", ".join(part for part in (why.source, age) if part)
    return f"{why.indicator} {verb} {abs(why.points):.1f} points {way} {why.sector}{f' ({proof})' if proof else ''}."


def _missing(why: Why) -> str:
    """Return that an indicator is silent, and why."""
    return f"{why.indicator} says nothing about {why.sector} ({why.note})."


def _age(hours: float) -> str:
    """Write an age in hours, days from two days on."""
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def _cautions(case: Case) -> list[str]:
    """Return what the numbers themselves warn of."""
    cautions = (
        (case.is_funding_hot and case.opened > 0, "Funding is hot, so the overlay is half its size."),
        (case.unfunded > 0, f"Your reserve lacks {money(case.unfunded)} of the hedge's margin."),
        (case.confidence < 0.52 and case.needed > 0, "The model's edge is no better than a coin flip."),
    )
    return [words for applies, words in cautions if applies]


def _supports(case: Case) -> list[str]:
    """Return what speaks for the futures legs that cut risk, in their own numbers (DOMAIN 1.6 I-18, 3.7)."""
    covered = f"The hedge covers {money(case.hedged)} of your core, which stays as it is"
    supports = (
        (case.hedged, f"{covered}: a core that falls 10% takes {money(case.hedged * SHOCK)} less from you."),
        (case.unhedged, f"Nothing asks for {money(case.unhedged)} of the hedge any more: your core moves freely."),
        (case.closed, f"Closing takes {money(case.closed)} of borrowed exposure off, and its liquidation with it."),
    )
    return [words for amount, words in supports if amount > 0]


def _drawbacks(case: Case) -> list[str]:
    """Return what speaks against the futures legs that cut risk: what they cost, pay, and forgo."""
    drawbacks = (
        (case.hedged > 0, f"A core that rises 10% gives you {money(case.hedged * SHOCK)} less."),
        (case.hedged > 0, "A short pays funding whenever it is below zero, every few hours for as long as it stands."),
        (case.unhedged > 0, "Your core falls unprotected again."),
        (case.closed > 0, "What is closed gains nothing more if the narrative goes on."),
        (not (case.moved or case.opened), f"It costs {money(case.cost)} now{AGAIN if case.hedged > 0 else ''}."),
    )
    return [words for applies, words in drawbacks if applies]


def _costs(case: Case) -> str:
    """Return the costs beside what they must earn and what is expected."""
    now = f"All legs cost {money(case.cost)} now."
    if case.needed <= 0:
        return f"{now} These legs reduce risk, so they need not earn it."
    return (
        f"{now} There and back, it has to earn {percent(case.needed)} in {case.horizon_days:.0f} days; "
        f"the model expects {percent(case.alpha)}."
    )


def _risk(case: Case) -> str:
    """Return 1R, where liquidation lies, and the worst case of an isolated margin."""
    if case.opened <= 0 and case.hedged <= 0:
        return (
            f"No futures. Down to its stops, the spot bought would lose {money(case.spot_risk)}." if case.moved else ""
        )
    distance = abs(1.0 - case.liquidation)
    share = float(case.risk) / case.equity if case.equity > 0 else 0.0
    return (
        f"Down to the stop you lose {money(case.risk)}, {percent(share)} of your equity. The stop is "
        f"{percent(case.stop)} away, liquidation {percent(distance)}; at {case.leverage:g}x the worst case is the "
        f"margin of {money(case.margin)}."
    )


def _confidence(case: Case) -> str:
    """Return the chance of beating the costs, with the size of the sample behind it."""
    sample = (
        f"{case.resolved} resolved recommendations stand behind it"
        if case.resolved
        else "no resolved recommendation stands behind it yet"
    )
    return f"{case.confidence * 100:.0f}% ({confidence_label(case.confidence)}); {sample}."
