"""Hold where a ticket is written, and what was typed on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.http import QueryDict

from journal.queries.shelf import Shelf, shelf_of
from portfolio.models import Portfolio
from portfolio.provided import StageNow
from portfolio.queries.holdings import Snapshot, snapshot
from portfolio.views.access import Desk

UNTYPED = {"csrfmiddlewaretoken", "plan", "again", "add", "remove", "pictures"}


@dataclass(frozen=True, kw_only=True)
class Counter:
    """Hold where a ticket is written: the person's desk, the portfolio it is for, and what its venue offers."""

    desk: Desk
    portfolio: Portfolio
    shelf: Shelf

    @property
    def now(self) -> datetime:
        """Return the moment of the request."""
        return self.desk.now

    @property
    def clock(self) -> datetime:
        """Return the portfolio's present."""
        return self.portfolio.clock(self.now)

    @cached_property
    def found(self) -> Snapshot:
        """Return what the portfolio holds, with prices of everything that is offered; read once a request."""
        return snapshot(portfolio=self.portfolio, now=self.now, also=self.shelf.assets.values())

    @property
    def stage(self) -> StageNow | None:
        """Return where the market's stage stands."""
        return self.found.standing.stage


def counter_of(desk: Desk, portfolio: Portfolio) -> Counter:
    """Return the counter at which a portfolio's tickets are written. Two queries."""
    shelf = shelf_of(portfolio=portfolio, moment=portfolio.clock(desk.now))
    return Counter(desk=desk, portfolio=portfolio, shelf=shelf)


def typed(data: QueryDict) -> dict[str, str]:
    """Return what was typed, by field; several choices of one field stand on a line each."""
    return {name: "\n".join(map(str, data.getlist(name))) for name in data if name not in UNTYPED}
