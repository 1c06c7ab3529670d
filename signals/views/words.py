"""Put the signals' codes into words a tired trader understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType

from portfolio.domain.display import number, pct
from signals.domain.explain import INDICATOR_WORDS

Wording = Mapping[str, str]

INDICATORS: Wording = MappingProxyType(
    {
        **INDICATOR_WORDS,
        "trend": "BTC trend",
        "derivatives": "Futures positioning",
        "stablecoins": "Stablecoin supply",
        "fear_greed": "Fear and greed",
        "funding": "Funding",
        "limit": "Kept between 0 and 100",
    }
)
STAGES: Wording = MappingProxyType(
    {
        "SC": "Nothing leads",
        "NI": "{leader} is igniting",
        "PR": "{leader} has peaked",
        "RE": "{base} comes forward again",
    }
)
EVIDENCES: Wording = MappingProxyType(
    {
        "FUNDING_EXTREME": "Funding of {leader} is extreme",
        "WEAKENING": "{leader} is ahead, but loses momentum",
        "DRAWDOWN": "{leader} fell 10% or more against the others since the stage began",
        "OPEN_INTEREST": "Open interest in {leader} unwinds",
        "SCORE_FALL": "{leader} scores 10 points or more below its high of this stage",
    }
)
GATES: Wording = MappingProxyType(
    {
        "LEAD": "Its lead is among the largest fifth of a year",
        "SCORE": "It scores 55 or more",
        "MOMENTUM": "It gains on the others",
        "COVERAGE": "Fresh data carries 60% of its score",
        "REGIME": "The regime allows it",
        "FUNDING": "Funding is not extreme",
        "PRICED_IN": "The news is not priced in",
    }
)
QUADRANTS: Wording = MappingProxyType(
    {
        "LEADING": "leading and gaining",
        "WEAKENING": "leading, but losing momentum",
        "LAGGING": "lagging and losing",
        "IMPROVING": "lagging, but gaining",
    }
)
INTERESTS: Wording = MappingProxyType(
    {
        "UNKNOWN": "not known",
        "STABLE": "stable",
        "LONG_BUILDUP": "longs build up",
        "SHORT_COVERING": "shorts cover",
        "SHORT_BUILDUP": "shorts build up",
        "LONG_LIQUIDATION": "longs are closed",
        "COMPRESSION": "builds up without direction",
        "DELEVERAGING": "falls without direction",
    }
)
FUNDING_FLAGS: Wording = MappingProxyType(
    {
        "UNKNOWN": "not known",
        "NORMAL": "normal",
        "COLD": "cold",
        "EXTREME_LOW": "extremely low",
        "HOT": "hot",
        "EXTREME_HIGH": "extremely high",
    }
)
REGIMES: Wording = MappingProxyType({"RISK_ON": "Risk-on", "CONSOLIDATION": "Consolidation", "RISK_OFF": "Risk-off"})
PRICED_IN_FLAGS: Wording = MappingProxyType(
    {
        "blocks": "blocks an ignition",
        "is_leaked": "more than half of it came before the news",
        "warns": "the market moved without news",
    }
)
EVENT_TYPES: Wording = MappingProxyType(
    {
        "REGULATORY": "Regulation",
        "PARTNERSHIP": "Partnership",
        "TECH_MILESTONE": "Technical milestone",
        "L2_MILESTONE": "Layer-2 milestone",
        "EXPLOIT": "Exploit",
        "LISTING": "Listing",
        "UNLOCK": "Unlock",
    }
)
EVENT_STATES: Wording = MappingProxyType({"UNVERIFIED": "unverified", "VERIFIED": "confirmed", "REFUTED": "refuted"})
REASONS: Wording = MappingProxyType(
    {
        "missing": "no reading",
        "stale": "the reading is too old",
        "too short": "too little history",
        "too few members": "too few members",
        "index frozen": "the index is frozen",
        "no source asked": "nobody looked within a day",
        "constant": "it did not move",
    }
)

STATES: Wording = MappingProxyType(
    {
        "issued": "to decide",
        "acknowledged": "to decide",
        "refused": "no recommendation",
        "followed": "followed",
        "deviated": "followed in part",
        "contradicted": "traded against",
        "passed": "passed",
        "ignored": "ignored",
        "expired": "expired",
        "superseded": "replaced by a newer one",
        "invalidated": "ended early",
    }
)

ADVICE: Wording = MappingProxyType(
    {
        "NOTHING_TO_DO": "You need to do nothing.",
        "BELOW_HURDLE": "You need to do nothing: staying is the cheaper answer.",
        "LOW_COVERAGE": "You need to do nothing. Once more of the data is fresh, the next look decides.",
        "BLOCKED_GATE": "You need to do nothing. Once the gate can be read again, the next look decides.",
        "NO_MARGIN": "Keep more in the reserve if you want the futures leg; without it, nothing changes.",
        "STALE_INPUT": "You need to do nothing. Once the price is fresh, the next look decides.",
        "UNPRICED_HOLDING": "Enter a price of your own for it on the portfolio page.",
        "EMPTY_POOL": "Hold something of a narrative first, or aim for an empty pool in your policy.",
    }
)


def _percent(value: Decimal) -> str:
    return pct(value, is_signed=True)


def _share(value: Decimal) -> str:
    return pct(value)


def _points(value: Decimal) -> str:
    """Write what is in percentage points already."""
    return f"{number(value, 1, is_signed=True)} points"


def _plain(value: Decimal) -> str:
    return number(value, 1)


def _fine(value: Decimal) -> str:
    return number(value, 2, is_signed=True)


FORMATS: Mapping[str, Callable[[Decimal], str]] = MappingProxyType(
    {
        "tvl": _percent,
        "l2": _points,
        "xs_mom": _percent,
        "stablecoins": _percent,
        "funding": _percent,
        "derivatives": _percent,
        "breadth": _share,
        "sentiment": _plain,
        "fear_greed": _plain,
        "rs": _plain,
    }
)


PERCENTAGES = frozenset({_percent, _share})
"""Formats of fractions that are written as percentages."""


def indicator_name(code: str) -> str:
    """Return an indicator's name."""
    return INDICATORS.get(code, code)


READINGS: Wording = MappingProxyType(
    {
        "tvl": "Total value locked",
        "dex_volume": "DEX volume",
        "l2_share": "Layer-2 share",
        "open_interest": "Open interest",
        "interest_venue": "Open interest by venue",
        "funding_8h": "Funding each 8 hours",
        "funding_venue": "Funding by venue",
        "volume_venue": "Volume by venue",
        "event_coverage": "Looked for news",
    }
)


def reading_name(code: str) -> str:
    """Return what a reading is called; one without a name keeps its code, in words."""
    return READINGS.get(code) or INDICATORS.get(code) or code.replace("_", " ").capitalize()


def raw_text(code: str, raw: float | None) -> str:
    """Write a raw value in its unit; an unknown one is empty."""
    return "" if raw is None else FORMATS.get(code, _fine)(exact(raw))


def reading_text(value: float) -> str:
    """Write a reading: a large number in whole units, a small one with six figures that count."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.6g}"


def with_rate(wording: Wording, code: str | None, rate: float | None, unit: str = "") -> str:
    """Put a label into words, with the rate behind it where that is known."""
    text = wording.get(code or "UNKNOWN", "not known")
    return text if rate is None else f"{text}, {pct(exact(rate), is_signed=True)}{unit}"


def exact(value: float) -> Decimal:
    """Return an analytic number as a decimal to show: six places are more than anyone reads."""
    return Decimal(str(round(value, 6)))
