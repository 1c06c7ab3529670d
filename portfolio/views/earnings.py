"""Put performance into words and rows: every figure with its days, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest

from portfolio.domain.display import day, number, pct
from portfolio.domain.figures import Figure, Lack
from portfolio.domain.performance import Track, ahead
from portfolio.domain.returns import LEAST_DAYS_TO_ANNUALISE
from portfolio.models import Sector
from portfolio.queries.attribution import Attribution, SectorEffect
from portfolio.queries.performance import ANCHOR, Performance

REASONS = {
    Lack.TOO_SHORT: "There are fewer than two days to measure.",
    Lack.UNPRICED: "Something you held had no price.",
    Lack.NO_EQUITY: "Nothing was there to earn on, or more was owed than owned.",
    Lack.NO_ROOT: "No yearly rate explains these flows.",
    Lack.NO_VARIATION: "Nothing moved, so there is no risk to divide by.",
    Lack.NO_LOSS: "Nothing fell, so there is no loss to divide by.",
    Lack.NOT_ANNUALISED: "Less than 30 days say nothing about a year.",
    Lack.NO_BENCHMARK: "What to compare with had no price on some day, or you have no policy.",
    Lack.NO_MARKS: "A position had no mark.",
}
LABELS = {"you": "You", "hold": "Held", "anchor": "Anchor", "core": "Core only"}
SHOWN_PLACES = 4
"""A line that would show as 0.00% is left out."""

SLEEVES = {"core": "Core", "reserve": "Reserve", "other": "Outside the playbook"}
LINES = {
    "overlay": ("Futures, long", "overlay"),
    "hedge": ("Futures, short", "overlay"),
    "funding": ("Funding", "overlay"),
    "fees": ("Fees", "reserve"),
    "yield": ("Income", "reserve"),
    "timing": ("Timing within days", "other"),
}


def reason_of(figure: Figure) -> str:
    """Say why a figure cannot be had; enough days may still carry to no number that a year could have."""
    if figure.lack == Lack.NOT_ANNUALISED and figure.days >= LEAST_DAYS_TO_ANNUALISE:
        return "Carried to a year, this is beyond any number worth naming."
    return REASONS[figure.lack] if figure.lack else ""


@dataclass(frozen=True, kw_only=True)
class SpanChoice:
    """Name a span of days that can be asked for; no days means all."""

    slug: str
    label: str
    days: int | None


SPANS = (
    SpanChoice(slug="30", label="30 days", days=30),
    SpanChoice(slug="90", label="90 days", days=90),
    SpanChoice(slug="365", label="1 year", days=365),
    SpanChoice(slug="all", label="Since the start", days=None),
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Show a figure as text, its days, and why there is none; the amount gives the colour of an outcome."""

    text: str
    days: int
    reason: str = ""
    amount: Decimal | None = None
    is_flagged: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """Show one figure of every track, by the tracks' labels."""

    label: str
    cells: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, kw_only=True)
class EffectRow:
    """Show what a sector did to the difference; weights and effects are fractions."""

    label: str
    hue: str
    weight: Decimal
    benchmark_weight: Decimal
    allocation: Decimal
    choice: Decimal
    total: Decimal


def span_of(request: HttpRequest) -> SpanChoice:
    """Return the span that `?span=` asks for, else all days; one that does not exist is a 404."""
    asked = request.GET.get("span", SPANS[-1].slug)
    for choice in SPANS:
        if choice.slug == asked:
            return choice
    raise Http404


def labels() -> dict[str, str]:
    """Return what each track is called."""
    return LABELS


def exactly(value: float) -> Decimal:
    """Return a statistic as the exact number that is shown."""
    return Decimal(str(round(value, 10)))


def as_pct(figure: Figure, places: int = 1) -> Cell:
    """Show a figure as a signed percentage whose colour is its outcome."""
    return _cell(figure, lambda value: pct(value, places, is_signed=True), is_outcome=True)


def as_size(figure: Figure) -> Cell:
    """Show a figure as a plain percentage."""
    return _cell(figure, pct)


def as_ratio(figure: Figure) -> Cell:
    """Show a figure as a plain number."""
    return _cell(figure, lambda value: number(value, 2))


def _cell(figure: Figure, write: Callable[[Decimal], str], *, is_outcome: bool = False) -> Cell:
    if figure.value is None:
        return Cell(text="—", days=figure.days, reason=reason_of(figure))
    amount = exactly(figure.value)
    return Cell(
        text=write(amount), days=figure.days, amount=amount if is_outcome else None, is_flagged=figure.is_flagged
    )


FIGURES: tuple[tuple[str, Callable[[Track], Cell]], ...] = (
    ("Return", lambda track: as_pct(track.total)),
    ("Return a year", lambda track: as_pct(track.annual)),
    ("Volatility a year", lambda track: as_size(track.volatility)),
    ("Sharpe", lambda track: as_ratio(track.sharpe)),
    ("Sortino", lambda track: as_ratio(track.sortino)),
    ("Deepest fall", lambda track: as_pct(track.drawdown)),
    ("Calmar", lambda track: as_ratio(track.calmar)),
)


def heading(found: Performance) -> str:
    """Say in a sentence what was earned, and whether the policy alone had done better."""
    total = found.you.total
    if total.value is None:
        return "Your return cannot be measured yet"
    earned = pct(abs(exactly(total.value)), 1)
    way = "earned" if total.value >= 0 else "lost"
    since = day(found.span.dates[0])
    return f"You {way} {earned} since {since}{_against_anchor(found)}"


def _against_anchor(found: Performance) -> str:
    anchor = next(track for track in found.beside if track.name == ANCHOR)
    gap = ahead(track=found.you, benchmark=anchor)
    if gap.value is None:
        return ""
    points = number(abs(exactly(gap.value)) * 100, 1)
    return f", {points} points {'ahead of' if gap.value >= 0 else 'behind'} your anchor"


def figures_context(found: Performance) -> dict[str, Any]:
    """Return the rows of figures, and what concerns your own money."""
    names = [LABELS[track.name] for track in found.tracks]
    rows = [Row(label=label, cells=tuple(zip(names, map(show, found.tracks), strict=True))) for label, show in FIGURES]
    return {
        "names": names,
        "rows": rows,
        "ahead": [(LABELS[track.name], as_pct(ahead(track=found.you, benchmark=track))) for track in found.beside],
        "reasons": sorted({cell.reason for row in rows for _, cell in row.cells if cell.reason}),
        "fall": found.you.fall if found.you.total.value is not None else None,
        "fall_depth": as_pct(found.you.drawdown),
        "money_weighted": as_pct(found.money_weighted),
        "dietz": as_pct(found.dietz),
        "fee_drag": _cell(found.fee_drag, lambda value: pct(value, 2)),
        "before_costs": as_pct(found.before_costs, 2),
        "after_costs": as_pct(found.you.annual, 2),
        "costs_usd": found.costs_usd,
        "unpriced_days": found.unpriced_days,
    }


def attribution_context(found: Attribution | Lack) -> dict[str, Any]:
    """Return the rows that add up to the difference, or why there are none."""
    if isinstance(found, Lack):
        return {"attribution": None, "attribution_reason": REASONS[found]}
    sectors = {sector.slug: sector for sector in Sector.objects.all()}
    return {
        "attribution": found,
        "active": as_pct(found.active, 2),
        "effects": [_effect(effect, sectors) for effect in found.sectors],
        "lines": [
            (label, hue, exactly(found.lines[name]))
            for name, (label, hue) in LINES.items()
            if round(found.lines[name], SHOWN_PLACES)
        ],
        "skills": [
            ("Rotation: how you weighed the narratives", exactly(found.rotation_skill)),
            ("Tokens: what you held within each sector", exactly(found.token_skill)),
            ("Structure: futures", exactly(found.structure_skill)),
        ],
    }


def _effect(effect: SectorEffect, sectors: dict[str, Sector]) -> EffectRow:
    sector = sectors.get(effect.sector)
    label = SLEEVES.get(effect.sector) or (sector.name if sector else effect.sector)
    return EffectRow(
        label=label,
        hue=(sector.hue if sector and sector.hue else effect.sector),
        weight=exactly(effect.weight),
        benchmark_weight=exactly(effect.benchmark_weight),
        allocation=exactly(effect.allocation),
        choice=exactly(effect.choice),
        total=exactly(effect.total),
    )
