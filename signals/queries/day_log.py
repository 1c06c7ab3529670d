"""Write down, day by day, what was computed: scores, coverage, regime, stage; a table that a person can read."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple, TextIO

from portfolio.models import Market, Sector
from signals.models import RegimeDay, Score, StageDay

HEAD = (
    "date", "regime", "regime_score", "regime_coverage", "frozen_since", "stage", "leader", "since", "params_version"
)  # fmt: skip


def write_day_log(*, market: Market, into: TextIO, first: date = date.min, last: date = date.max) -> int:
    """Write the log of a market's computed days as CSV, oldest first, and return how many days it has (four queries).

    Each narrative has its score, its coverage, and the points of each indicator, which add up to score - 50.
    """
    days = _scores(market, first, last)
    columns = sorted({(row.place, *key) for scores in days.values() for row in scores for key in row.columns()})
    table = csv.writer(into, lineterminator="\n")
    table.writerow([*HEAD, *(name for *_, name in columns)])
    count = 0
    for day, *standing in _standing(market, first, last):
        scores = days.get(day, [])
        figures = {name: figure for row in scores for name, figure in row.figures.items()}
        version = scores[0].version if scores else ""
        table.writerow([day, *standing, version, *(figures.get(name, "") for *_, name in columns)])
        count += 1
    return count


class ScoreRow(NamedTuple):
    """One narrative's figures of a day, by the name of their column; `place` sorts narratives."""

    place: int
    version: str
    figures: dict[str, str]

    def columns(self) -> list[tuple[bool, str]]:
        """Return the names of the columns, score and coverage before the indicators."""
        return [(place > 1, name) for place, name in enumerate(self.figures)]


def _scores(market: Market, first: date, last: date) -> dict[date, list[ScoreRow]]:
    """Return the scores by day."""
    sectors = Sector.objects.filter(kind=Sector.Kind.NARRATIVE).order_by("position", "slug")
    places = {pk: (place, slug) for place, (pk, slug) in enumerate(sectors.values_list("pk", "slug"))}
    found: dict[date, list[ScoreRow]] = defaultdict(list)
    for score in Score.objects.filter(market=market, date__range=(first, last)).iterator():
        place, slug = places[score.sector_id]
        figures = {f"{slug} score": f"{score.value:.6f}", f"{slug} coverage": f"{score.coverage:.4f}"}
        figures |= {f"{slug} {each['indicator']}": f"{each['points']:.6f}" for each in score.contributions}
        found[score.date].append(ScoreRow(place, score.params_version, figures))
    return found


def _standing(market: Market, first: date, last: date) -> Iterator[tuple[date, *tuple[str, ...]]]:
    """Return how the market stood on each day: regime and stage."""
    stages = StageDay.objects.filter(market=market, date__range=(first, last)).select_related("leader")
    regimes = {day.date: day for day in RegimeDay.objects.filter(market=market, date__range=(first, last))}
    for day in stages.order_by("date"):
        regime = regimes[day.date]
        leader = "" if day.leader is None else day.leader.slug
        mood = (regime.regime, f"{regime.value:.6f}", f"{regime.coverage:.4f}", str(regime.frozen_since or ""))
        yield day.date, *mood, day.stage, leader, str(day.since)
