"""Say in sentences what a draft would do, what stands against it, and lay its figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from journal.domain.preview import Preview, Risk, Standing
from portfolio.domain.display import pct, price, qty, usd
from portfolio.domain.money import ZERO, in_context
from portfolio.models import Sector
from portfolio.views.standing import SLEEVE_HUES, SLEEVE_NAMES


@dataclass(frozen=True, kw_only=True)
class Check:
    """Hold one sentence and its tone: good, warn or bad."""

    tone: str
    sentence: str


@in_context
def preview_context(
    found: Preview,
    *,
    sectors: Sequence[Sector],
    no_stop_reason: str,
    core_reason: str,
    expected: float | None = None,
) -> dict[str, Any]:
    """Return what the preview panel shows; `expected` is what the recommendation says the move may earn."""
    hoped = None if expected is None else Decimal(str(round(expected, 6)))
    checks = [
        *checks_of(found, no_stop_reason=no_stop_reason, core_reason=core_reason),
        *_hurdle(found, hoped),
    ]
    checks.sort(key=lambda check: ("bad", "warn", "good").index(check.tone))
    needs = [name for name, is_needed in _needs(found).items() if is_needed]
    return {
        "shown": found,
        "bars": allocation(found, sectors=sectors),
        "ladder": _ladder(found, {sector.slug: sector for sector in sectors}),
        "risks": [{"risk": risk, "ladder": _rungs(risk)} for risk in found.risks],
        "checks": checks,
        "is_passing": all(check.tone == "good" for check in checks),
        "needs": " ".join(needs),
        "expected": hoped,
    }


def allocation(found: Preview, *, sectors: Sequence[Sector]) -> list[dict[str, Any]]:
    """Return core, reserve and every narrative as shares of all that is held, before and after, against the target."""
    after, before = found.after.sleeve_drifts, found.before.sleeve_drifts
    rows = [
        _bar(SLEEVE_NAMES[name], SLEEVE_HUES[name], before[name].actual if name in before else None, drift)
        for name, drift in after.items()
        if name in ("core", "reserve") or (name == "other" and drift.actual)
    ]
    known = [sector for sector in sectors if sector.slug in found.after.sector_drifts]
    return [*rows[:2], *(_sector_bar(found, sector) for sector in known), *rows[2:]]


def checks_of(found: Preview, *, no_stop_reason: str, core_reason: str) -> list[Check]:
    """Return what passes and what does not, the worst first."""
    checks = [
        *_shortfalls(found),
        *_core(found, core_reason),
        *(check for risk in found.risks for check in _stop(risk, no_stop_reason)),
        *_reserve(found),
    ]
    return sorted(checks, key=lambda check: ("bad", "warn", "good").index(check.tone))


def _needs(found: Preview) -> Mapping[str, bool]:
    return {"core": bool(found.core_sales), "stop": any(risk.stop is None for risk in found.risks)}


def _shortfalls(found: Preview) -> list[Check]:
    return [
        Check(tone="bad", sentence=f"{price(each.missing)} {each.asset} more is needed than you have free.")
        for each in found.shortfalls
    ]


def _core(found: Preview, reason: str) -> list[Check]:
    if not found.core_sales:
        return [Check(tone="good", sentence="Core stays untouched.")]
    tone = "warn" if reason.strip() else "bad"
    end = "It is recorded as a violation." if reason.strip() else "Selling core needs a written reason."
    return [
        Check(tone=tone, sentence=f"{qty(each.core)} {each.asset} is core, and this leaves {qty(each.left)}. {end}")
        for each in found.core_sales
    ]


def _stop(risk: Risk, reason: str) -> list[Check]:
    if risk.stop is None:
        words = "has no stop; that is counted as a breach." if reason.strip() else "has no stop: set one, or say why."
        return [Check(tone="warn" if reason.strip() else "bad", sentence=f"{risk.name} {words}")]
    if risk.liquidation is not None and not risk.is_stop_in_time:
        share = pct(risk.stop_on_the_way, 0)
        return [
            Check(
                tone="warn", sentence=f"The stop of {risk.name} is {share} of the way to liquidation; 66% is the most."
            )
        ]
    return [Check(tone="good", sentence=f"The stop of {risk.name} is hit well before liquidation.")]


def _hurdle(found: Preview, expected: Decimal | None) -> list[Check]:
    """Hold what has to be earned, there and back, against what is expected (DOMAIN 3.7)."""
    if expected is None or found.round_trip is None:
        return []
    if expected >= found.round_trip:
        words = f"The {pct(expected, 2)} expected outweighs the {pct(found.round_trip, 2)} it costs there and back."
        return [Check(tone="good", sentence=words)]
    words = f"It costs {pct(found.round_trip, 2)} there and back, more than the {pct(expected, 2)} expected."
    return [Check(tone="warn", sentence=words)]


def _reserve(found: Preview) -> list[Check]:
    if found.reserve_left >= found.reserve_floor:
        return []
    words = f"The reserve falls to {usd(found.reserve_left, 0)}, below your floor of {usd(found.reserve_floor, 0)}."
    return [Check(tone="warn", sentence=words)]


def _bar(label: str, hue: str, before: Decimal | None, drift: Any) -> dict[str, Any]:
    return {
        "label": label,
        "hue": hue,
        "actual": drift.actual,
        "target": drift.target,
        "note": _was(before, drift.actual),
    }


def _sector_bar(found: Preview, sector: Sector) -> dict[str, Any]:
    """Return a narrative's bar: its share of the pool times the pool's share of all."""
    after, before = _share(found.after, sector.slug), _share(found.before, sector.slug)
    drift, pool = found.after.sector_drifts[sector.slug], found.after.sleeve_drifts["pool"]
    target = drift.target * pool.target
    return {"label": sector.name, "hue": sector.hue, "actual": after, "target": target, "note": _was(before, after)}


def _share(standing: Standing, slug: str) -> Decimal:
    drift, pool = standing.sector_drifts.get(slug), standing.sleeve_drifts.get("pool")
    return ZERO if drift is None or pool is None else drift.actual * pool.actual


def _was(before: Decimal | None, after: Decimal) -> str:
    """Say what a share was where it visibly changes."""
    is_same = before is None or pct(before) == pct(after)
    return "" if is_same else f"was {pct(before)}"


def _ladder(found: Preview, sectors: Mapping[str, Sector]) -> list[dict[str, Any]]:
    if not any(rung.futures for rung in found.ladder):
        return []
    rungs = (rung for rung in found.ladder if rung.total or rung.futures)
    return [{"rung": rung, "sector": sectors.get(rung.sector)} for rung in rungs]


def _rungs(risk: Risk) -> list[dict[str, Any]]:
    rungs = (("liquidation", risk.liquidation, "loss"), ("stop", risk.stop, "warn"), ("entry", risk.entry, "ink"))
    return [{"label": label, "price": value, "tone": tone} for label, value, tone in rungs]
