"""Lay out where a portfolio stands: rows of shares against targets, and the two charts over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from portfolio.charts import Chart, EquityPoint, RotationMark, Share, SleeveDay, StageBand, equity_chart, sleeve_chart
from portfolio.charts.axes import month_ends, thin
from portfolio.domain.display import points
from portfolio.domain.money import ZERO, in_context
from portfolio.domain.valuation import Drift
from portfolio.models import Portfolio, Sector, ValuationDay
from portfolio.provided import StageNow
from portfolio.queries.aims import stage_drifts
from portfolio.queries.holdings import Snapshot

SLEEVE_NAMES = {"core": "Core", "reserve": "Reserve", "pool": "Rotation pool", "other": "Outside the playbook"}
SLEEVE_HUES = {"core": "core", "reserve": "reserve", "pool": "other", "other": "other"}


class DayRow(NamedTuple):
    """Hold what the charts draw of a valued day, in USD; narratives as stored, read only where they are drawn."""

    date: date
    equity_usd: Decimal
    held_usd: Decimal
    core_usd: Decimal
    reserve_usd: Decimal
    futures_usd: Decimal
    sectors_text: str


@dataclass(frozen=True, kw_only=True)
class StandingRow:
    """Show one sleeve or sector: its value in USD, its share, and how far that is from the target."""

    label: str
    hue: str
    value: Decimal
    actual: Decimal
    target: Decimal
    drift: Decimal
    is_outside: bool
    verdict: str


def sleeve_rows(snapshot: Snapshot) -> list[StandingRow]:
    """Return core, reserve and pool against the policy, as shares of what they add up to."""
    return [
        _row(SLEEVE_NAMES[name], SLEEVE_HUES[name], drift)
        for name, drift in snapshot.sleeve_drifts.items()
        if name != "other" or drift.actual
    ]


def sector_rows(snapshot: Snapshot, *, sectors: Sequence[Sector], stage: StageNow | None) -> list[StandingRow]:
    """Return the narratives against what the stage asks for, as shares of the pool."""
    if snapshot.policy is None:
        return []
    drifts = stage_drifts(policy=snapshot.policy, drifts=snapshot.sector_drifts, stage=stage)
    return [_row(sector.name, sector.hue, drifts[sector.slug]) for sector in sectors if sector.slug in drifts]


def _row(label: str, hue: str, drift: Drift) -> StandingRow:
    return StandingRow(
        label=label,
        hue=hue,
        value=drift.value,
        actual=drift.actual,
        target=drift.target,
        drift=drift.drift,
        is_outside=drift.is_outside,
        verdict=verdict(drift),
    )


def verdict(drift: Drift) -> str:
    """Say in words how a share stands to its target and the band."""
    if not drift.drift:
        return "on target"
    way = "over" if drift.drift > 0 else "under"
    place = "outside" if drift.is_outside else "inside"
    return f"{points(abs(drift.drift))} {way}, {place} the band of {points(drift.band)}"


def valued_days(portfolio: Portfolio) -> list[DayRow]:
    """Return the valued days of a portfolio that its charts and their tables show, oldest first. One query."""
    rows = ValuationDay.objects.filter(portfolio=portfolio).order_by("date")
    texts: QuerySet[Any] = rows.annotate(sectors_text=Cast("sectors", TextField()))
    return drawn([DayRow(*row) for row in texts.values_list(*DayRow._fields)])


def drawn(days: Sequence[DayRow]) -> list[DayRow]:
    """Keep about as many days as a chart has points, and the last of each month for the table behind it."""
    shown = {day.date: day for day in (*thin(days), *month_ends(days, [day.date for day in days]))}
    return [shown[at] for at in sorted(shown)]


def equity_picture(
    days: Sequence[DayRow | ValuationDay], *, rotations: Sequence[RotationMark] = (), spec_url: str = ""
) -> Chart:
    """Chart equity beside having held, with the rotations given."""
    points = [EquityPoint(date=day.date, equity=day.equity_usd, held=day.held_usd) for day in days]
    return equity_chart(points=points, rotations=rotations, spec_url=spec_url)


def sleeve_picture(
    days: Sequence[DayRow], *, sectors: Sequence[Sector], bands: Sequence[StageBand] = (), spec_url: str = ""
) -> Chart:
    """Chart how a portfolio was divided over time, under the stages given."""
    shown = [_sleeve_day(day, sectors) for day in days if day.equity_usd > 0]
    return sleeve_chart(days=shown, bands=bands, spec_url=spec_url)


@in_context
def _sleeve_day(day: DayRow, sectors: Sequence[Sector]) -> SleeveDay:
    kept = json.loads(day.sectors_text)
    narratives = [(s.name, s.hue, Decimal(kept[s.slug])) for s in sectors if s.slug in kept]
    parts = [
        ("Core", "core", day.core_usd),
        ("Reserve", "reserve", day.reserve_usd),
        *narratives,
        ("Other", "other", Decimal(kept.get("other", ZERO))),
        ("Futures", "overlay", day.futures_usd),
    ]
    shares = (Share(name=name, hue=hue, weight=value / day.equity_usd) for name, hue, value in parts if value > 0)
    return SleeveDay(date=day.date, shares=tuple(shares))
