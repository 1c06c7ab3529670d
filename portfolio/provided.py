"""Hold what higher apps tell the portfolio's pages: where a market's stage stands, and which rotations were made.

A lower app imports no higher one. Signals and journal name their query here when the project starts, as a dotted path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from portfolio.domain.figures import Floats

if TYPE_CHECKING:
    from portfolio.charts import RotationMark, StageBand
    from portfolio.models import Market, Portfolio, Sector

_paths: dict[str, str] = {}

WAITING = {"recommendations": "open_recommendations", "reviews": "new_results"}
"""What waits for a person, by entry of the navigation: the count that `waiting_counts` gives a portfolio."""


@dataclass(frozen=True, kw_only=True)
class StageNow:
    """Tell where a market's stage stands: `day` counts from 1; leader and base are sector slugs."""

    stage: str
    name: str
    since: date
    day: int
    leader: str | None
    base: str
    names: Mapping[str, str] = field(default_factory=dict)
    score_ok: Mapping[str, bool] = field(default_factory=dict)
    defensiveness: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def leader_name(self) -> str:
        """Return the leader's name, empty for none."""
        return self.names.get(self.leader, self.leader) if self.leader else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class SectorMoves:
    """Tell each narrative's return day by day from the first on, by sector slug; NaN before its index begins."""

    first: date
    moves: Mapping[str, Floats]


@dataclass(frozen=True, kw_only=True)
class StandingNow:
    """Tell where a market's stage stands, None while nothing was computed, and what a banner says of stale signals."""

    stage: StageNow | None = None
    stale: dict[str, Any] | None = None


def provide(**paths: str) -> None:
    """Name, as dotted paths, what answers `columns`, `standing`, `bands`, `rotations`, `waiting` and `moves`."""
    _paths.update(paths)


def standing_columns(*, market: Market, now: datetime) -> dict[str, Any]:
    """Return where a market's stage stands and how fresh that is, as annotations of sectors."""
    found: dict[str, Any] = _answer("columns", {}, market=market, now=now)
    return found


def standing_in(sectors: Sequence[Sector], *, market: Market, now: datetime) -> StandingNow:
    """Return what sectors that came with `standing_columns` say."""
    found: StandingNow = _answer("standing", StandingNow(), sectors, market=market, now=now)
    return found


def stage_bands(*, market: Market, since: date) -> list[StageBand]:
    """Return the stages a market went through since a day, oldest first."""
    return list(_answer("bands", [], market=market, since=since))


def waiting_counts(*, now: datetime) -> dict[str, Any]:
    """Return the counts beside the navigation's entries, as annotations of portfolios."""
    found: dict[str, Any] = _answer("waiting", {}, now=now)
    return found


def rotation_marks(*, portfolio: Portfolio) -> list[RotationMark]:
    """Return the rotations of a portfolio as marks on a time axis, oldest first."""
    return list(_answer("rotations", [], portfolio=portfolio))


def sector_moves(*, market: Market, now: datetime) -> SectorMoves | None:
    """Return how each narrative of a market moved, None where nobody knows."""
    found: SectorMoves | None = _answer("moves", None, market=market, now=now)
    return found


def _answer(key: str, otherwise: Any, *subject: Any, **arguments: Any) -> Any:
    path = _paths.get(key)
    return import_string(path)(*subject, **arguments) if path else otherwise
