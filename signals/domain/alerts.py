"""Say what there is to tell, and to whom it matters: a person's portfolios and narratives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DISCLAIMER = "Evidence and arithmetic. Nothing here executes a trade; you decide."


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Hold one thing to tell. The same `key` is told once; `portfolio` and `owner` are None for a whole market."""

    topic: str
    key: str
    title: str
    body: str
    path: str
    market: int
    owner: int | None = None
    portfolio: int | None = None
    recommendation: int = 0
    sectors: frozenset[int] = frozenset()
    data: dict[str, Any] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        """Give what a program reads of it."""
        return {**self.data, "title": self.title, "path": self.path, "disclaimer": DISCLAIMER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Hold what one subscription asks for; no portfolio or no sector means any. `market` is the portfolio's."""

    owner: int
    topics: frozenset[str]
    portfolio: int | None = None
    market: int | None = None
    sector: int | None = None
    after_recommendation: int = 0

    def covers(self, alert: Alert) -> bool:
        """Tell whether an alert is one of those asked for."""
        if alert.topic not in self.topics or alert.owner not in (None, self.owner):
            return False
        if alert.recommendation and alert.recommendation <= self.after_recommendation:
            return False
        if self.sector is not None and self.sector not in alert.sectors:
            return False
        if self.portfolio is None:
            return True
        return alert.portfolio == self.portfolio if alert.portfolio else alert.market == self.market
