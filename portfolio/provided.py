"""Hold what higher apps tell the portfolio's pages: where a market's stage stands, and which rotations were made.

A lower app imports no higher one. Signals and journal name their query here when the project starts, as a dotted path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from portfolio.domain.figures import Floats

if TYPE_CHECKING:
    from portfolio.charts import RotationMark, StageBand
    from portfolio.models import Market, Portfolio

_paths: dict[str, str] = {}


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


def provide(*, stage: str = "", bands: str = "", stale: str = "", rotations: str = "", moves: str = "") -> None:
    """Name the functions that answer `stage_now`, `stage_bands`, `stale_notice`, `rotation_marks`, `sector_moves`."""
    named = {"stage": stage, "bands": bands, "stale": stale, "rotations": rotations, "moves": moves}
    _paths.update({key: path for key, path in named.items() if path})


def stage_now(*, market: Market, now: datetime) -> StageNow | None:
    """Return where a market's stage stands, None while nothing was computed."""
    found: StageNow | None = _answer("stage", None, market=market, now=now)
    return found


def stage_bands(*, market: Market, since: date) -> list[StageBand]:
    """Return the stages a market went through since a day, oldest first."""
    return list(_answer("bands", [], market=market, since=since))


def stale_notice(*, market: Market, now: datetime) -> dict[str, Any] | None:
    """Return what the banner says when a market was not read as it should have been, None while all is fresh."""
    found: dict[str, Any] | None = _answer("stale", None, market=market, now=now)
    return found


def rotation_marks(*, portfolio: Portfolio) -> list[RotationMark]:
    """Return the rotations of a portfolio as marks on a time axis, oldest first."""
    return list(_answer("rotations", [], portfolio=portfolio))


def sector_moves(*, market: Market, now: datetime) -> SectorMoves | None:
    """Return how each narrative of a market moved, None where nobody knows."""
    found: SectorMoves | None = _answer("moves", None, market=market, now=now)
    return found


def _answer(key: str, otherwise: Any, **arguments: Any) -> Any:
    path = _paths.get(key)
    return import_string(path)(**arguments) if path else otherwise
