"""Show what a portfolio's decisions taught: each figure with its n, and a link to the rotations behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from journal.charts import multiples_chart, reliability_chart, step_name
from journal.domain.habits import OWN_HORIZON, Row, Summary
from journal.domain.learning import LEAST, Mean, Share, Verdict, bin_of
from journal.models import Lesson
from journal.queries.learning import HORIZONS, Learned, learned
from portfolio.domain.display import pct
from portfolio.models import Sector, Stage
from portfolio.views.access import desk_of
from signals.models import RecommendationLeg, Regime

MOST_ROWS = 12
COIN = Decimal("0.25")
"""The Brier score of who always says 50%."""

EVEN = 0.5
GROUPS = {
    "followed": "Followed",
    "deviated": "Deviated, or went against it",
    "ignored": "Did something else",
    "spontaneous": "No recommendation stood",
    "passed": "Passed on, on paper",
    "lapsed": "Let lapse, on paper",
}
PAPER = {"group:passed": "passed", "group:lapsed": "over"}
"""What was not done has no rotations: it opens the recommendations of that state."""

FACETS = {
    "tag": ("By tag", "Tag"),
    "narrative": ("By narrative you moved into", "Narrative"),
    "stage": ("By stage then", "Stage"),
    "regime": ("By regime then", "Regime"),
    "policy": ("By version of your policy", "Policy"),
    "waited": ("By how long you waited after the recommendation", "Waited"),
}
WAITS = {"1": "Less than an hour", "6": "1 to 6 hours", "24": "6 to 24 hours", "longer": "Longer"}
VERDICTS = {
    Verdict.TOO_FEW: "too few to say",
    Verdict.OPEN: "no difference to tell",
    Verdict.BETTER: "better than following",
    Verdict.WORSE: "worse than following",
}
PAID = {
    "venue": "fees were paid at",
    "leg": "fees were paid to",
    "asset": "fees were paid on trades of",
    "paid_in": "fees were paid in",
    "month": "fees were paid in",
}
FIXED = {
    "paid:yes": "fees were paid",
    "known:yes": "your days are over",
    "every:yes": "all standing",
    "outcome:ahead": "ahead of having held",
    "outcome:behind": "not ahead of having held",
    "stop:missing": "futures opened without a stop",
    "stop:kept": "futures opened, each with a stop",
    "core:sold": "core was sold",
    "core:kept": "core was left alone",
    "rule:broken": "a stop missing or core sold",
    "rule:kept": "every stop set and core left alone",
    "answered:yes": "you answered a recommendation",
    "answer:followed": "you followed the recommendation",
    "trip:yes": "there and back within 30 days",
    "chance:none": "no chance was stated",
}


SAID: Mapping[str, Callable[[str], str]] = {
    "group": lambda value: GROUPS.get(value, value).lower(),
    "mistake": lambda value: f"you named a mistake: {_mistake(value).lower()}",
    "chance": lambda value: f"you gave about {value}0%",
    "r": lambda value: f"{step_name(int(value))} R" if value.lstrip("-").isdecimal() else "",
}


@login_required
@require_safe
def learning(request: HttpRequest) -> HttpResponse:
    """Show what the decisions of the portfolio in view taught."""
    desk = desk_of(request)
    if desk.portfolio is None:
        return render(request, "journal/learning.html", desk.context)
    days = horizon_asked(request.GET.get("days", ""))
    found = learned(portfolio=desk.portfolio, moment=desk.portfolio.clock(desk.now), days=days)
    return render(request, "journal/learning.html", {**desk.context, **_context(found), **switch(days)})


def horizon_asked(text: str) -> int:
    """Return the horizon asked for in days; what is none is the one that chances are about."""
    return next((days for days in HORIZONS if str(days) == text), OWN_HORIZON)


def heading(summary: Summary) -> str:
    """Answer what the page is about, as far as it can be answered."""
    hits = summary.hits
    if not hits.n:
        return "Nothing to learn from yet"
    of = f"{hits.count} of {hits.n}"
    if hits.n < LEAST or hits.low is None or hits.high is None:
        return f"You were ahead of holding in {of}; {LEAST} are the least for a verdict"
    if hits.low > EVEN:
        return f"You beat holding more often than not: {of}"
    if hits.high < EVEN:
        return f"Holding would have beaten you more often than not: you were ahead in {of}"
    return f"You were ahead of holding in {of}, which may still be chance"


def key_name(key: str, sectors: Mapping[str, Sector]) -> str:
    """Say which rotations stand behind a figure."""
    name, _, value = key.partition(":")
    if key in FIXED:
        return FIXED[key]
    said = SAID.get(name)
    if said is not None:
        return said(value)
    return f"{PAID[name]} {_paid(name, value)}" if name in PAID else f"{name} {_value(name, value, sectors)}"


def _context(found: Learned) -> dict[str, Any]:
    summary = found.summary
    return {
        "heading": heading(summary),
        "summary": summary,
        "hits": _share("outcome:ahead", summary.hits),
        "groups": [_row(row, found) | {"verdict": _verdict(row)} for row in summary.groups],
        **_chances(summary),
        "multiples": multiples_chart(summary.multiples),
        "expected": _floats(summary.expectancy, ("mean", "average_win", "average_loss", "payoff", "profit_factor")),
        "steps": [(step_name(step), count, f"r:{step}") for step, count in summary.multiples],
        "quality": _exact(summary.expectancy.quality if summary.expectancy else None),
        "drag": _exact(found.drag.value),
        "drag_days": found.drag.days,
        "discipline": _discipline(summary),
        "facets": [_facet(name, found) for name in FACETS if summary.facets[name]],
        "mistakes": [(_mistake(code), count, f"mistake:{code}") for code, count in summary.mistakes],
        "waited": _exact(summary.waited.median_hours),
        "guesses": _share("", summary.guesses),
        "is_cut": found.is_cut,
        "least": LEAST,
    }


def switch(days: int) -> dict[str, Any]:
    """Return the switch, and what links to the rotations behind a figure carry with them."""
    return {
        "days": days,
        "own_days": OWN_HORIZON,
        "apart": max(days, OWN_HORIZON),
        "horizons": HORIZONS,
        "at": "" if days == OWN_HORIZON else f"&days={days}",
    }


def _chances(summary: Summary) -> dict[str, Any]:
    """Return the calibration, its chart, and a link for each bin."""
    found = summary.calibration
    names = ("brier", "reliability", "resolution", "uncertainty", "within", "skill")
    bins = [] if found is None else [(_exact(each.said), each.came.n, bin_of(each.said)) for each in found.bins]
    return {
        "calibration": _floats(found, names),
        "calibrated": 0 if found is None else found.n,
        "is_skilled": found is not None and found.n >= LEAST and Decimal(str(found.brier)) < COIN,
        "reliability": reliability_chart(found),
        "bins": [(said, n, f"chance:{tenth}") for said, n, tenth in bins],
    }


def _discipline(summary: Summary) -> list[tuple[str, dict[str, Any]]]:
    kept = summary.discipline
    return [
        ("Futures opened, each with a stop", _share("stop:kept", kept.stops, misses="stop:missing")),
        ("Rotations that left core alone", _share("core:kept", kept.core_kept, misses="core:sold")),
        ("Rotations that kept both rules", _share("rule:kept", kept.rules_kept, misses="rule:broken")),
        ("Recommendations you followed", _share("answer:followed", kept.follows)),
    ]


def _facet(name: str, found: Learned) -> dict[str, Any]:
    rows, (title, column) = found.summary.facets[name], FACETS[name]
    shown = [_row(row, found) for row in rows[:MOST_ROWS]]
    return {"title": title, "column": column, "rows": shown, "more": len(rows) - len(shown)}


def _row(row: Row, found: Learned) -> dict[str, Any]:
    name, _, value = row.key.partition(":")
    sector = found.sectors.get(value) if name == "narrative" else None
    return {
        "key": row.key,
        "paper": PAPER.get(row.key, ""),
        "name": GROUPS[value] if name == "group" else _value(name, value, found.sectors),
        "hue": sector.hue if sector else "",
        "mean": _mean(row.mean),
        "hits": _share(row.key, row.hits),
    }


def _value(name: str, value: str, sectors: Mapping[str, Sector]) -> str:
    """Say a value of a facet in words."""
    if name == "narrative":
        fixed = {"reserve": "Back to the reserve", "futures": "Futures only"}
        return fixed.get(value) or (sectors[value].name if value in sectors else value)
    if name == "stage":
        return str(Stage(value).label) if value in Stage.values else "Not known then"
    if name == "regime":
        return str(Regime(value).label) if value in Regime.values else "Not known then"
    if name == "waited":
        return WAITS.get(value, value)
    return f"Version {value}" if name == "policy" else value


def _paid(name: str, value: str) -> str:
    is_leg = name == "leg" and value in RecommendationLeg.Action.values
    return str(RecommendationLeg.Action(value).label).lower() if is_leg else value


def _mistake(code: str) -> str:
    return str(Lesson.Mistake(code).label) if code in Lesson.Mistake.values else code


def _verdict(row: Row) -> str:
    return "" if row.key == "group:followed" else VERDICTS[row.verdict]


def _mean(found: Mean) -> dict[str, Any]:
    return {"n": found.n, "blocks": found.blocks, **_floats(found, ("value", "low", "high"))}


def _share(key: str, found: Share, *, misses: str = "") -> dict[str, Any]:
    ends = [pct(_exact(end), 0) for end in (found.low, found.high) if end is not None]
    return {
        "key": key,
        "misses": misses,
        "missed": found.n - found.count,
        "count": found.count,
        "n": found.n,
        "value": _exact(found.value),
        "interval": " to ".join(ends),
    }


def _floats(found: object, names: tuple[str, ...]) -> dict[str, Decimal | None]:
    return {} if found is None else {name: _exact(getattr(found, name)) for name in names}


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(round(value, 8)))
